"""The API over HTTPS, for real kubectl and real client libraries: ``serve(cluster)`` and ``k8snb serve``.

Starlette on uvicorn, in a thread of its own; ``guard`` says how it shares the cluster with the notebook. Simulated time
follows the wall clock while a cluster is served. ``remote`` is the way round: another cluster as a world of this package.

Exec, attach and port-forward travel over WebSocket only: ASGI has no way to hand on a connection that a client upgrades to
SPDY, as kubectl before 1.30 does. A client certificate of another authority ends the TLS handshake with the alert "unknown
CA": a real API server takes any certificate (RequestClientCert), verifies it after the handshake and answers 401, but
Python's ``ssl`` has OpenSSL verify what a client shows, with no way to let it pass, and a server that did not ask for
certificates at all could know nobody by one. Ages that clients work out by their own clock are right only when the
cluster's time began with the wall clock's (``Cluster(start=…)``, as ``k8snb serve`` does) and runs at speed 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k8snb.rest.serving import Serving, serve

__all__ = ["Serving", "serve"]


def __getattr__(name: str) -> Any:
    """The server's libraries are imported when a cluster is served, not before."""
    if name in ("Serving", "serve"):
        from k8snb.rest import serving

        return getattr(serving, name)
    raise AttributeError(f"module 'k8snb.rest' has no attribute {name!r}")
