"""What one party says to another over the modelled network.

``k8snb.node`` (whose containers listen and call) and ``k8snb.network`` (which carries the call) meet in these two values
and do not import one another.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from k8snb.api.frozen import EMPTY


class Request(msgspec.Struct, frozen=True, gc=False):
    """A call: ``protocol`` is http, tcp, udp or grpc; ``host`` a name or an address, as the caller wrote it.

    For http ``method``, ``path`` (with the query), ``headers`` and ``body`` are what is sent; for tcp and udp only
    ``body``; for grpc ``path`` is the service asked for by a health check. ``timeout`` is in seconds, None for the
    caller's own default. ``tls`` tells that http is spoken inside TLS.
    """

    host: str
    port: int
    protocol: str = "http"
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = EMPTY
    body: str = ""
    source: str = ""
    timeout: float | None = None
    tls: bool = False


class Reply(msgspec.Struct, frozen=True, gc=False):
    """An answer, or why there is none.

    ``error`` is empty or one of: refused (nothing listens, or a service has no endpoints), timeout (nobody is there),
    reset, nxdomain, unreachable. ``seconds`` is how long the caller waited, ``address`` the ip:port that answered or
    failed to. ``issuer`` is who signed the certificate that was shown, where that matters (``kubernetes``: the cluster's CA).
    """

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = EMPTY
    seconds: float = 0.0
    error: str = ""
    address: str = ""
    issuer: str = ""
