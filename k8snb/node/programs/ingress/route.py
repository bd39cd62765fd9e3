"""One route of an ingress controller, wherever it comes from."""

from __future__ import annotations

import msgspec


class Route(msgspec.Struct, frozen=True):
    """Requests for a host (empty: any) and a path go to a port of a Service; ``regex`` paths are regular expressions.

    ``rewrite`` is what the path is replaced by on the way on (empty: it stays); ``default`` routes take what nothing else does.
    ``backends`` are those of an HTTPRoute: Services with ports and weights (none: the one Service is all).
    """

    ingress: str
    host: str
    path: str
    sort: str
    service: str
    port: int | str
    regex: bool = False
    rewrite: str = ""
    default: bool = False
    backends: tuple[tuple[str, int, int], ...] = ()
