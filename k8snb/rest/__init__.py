"""The API over HTTPS, for real kubectl and real client libraries: ``serve(cluster)`` and ``k8snb serve``.

Starlette on uvicorn, in a thread of its own; ``guard`` says how it shares the cluster with the notebook. Simulated time
follows the wall clock while a cluster is served.
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
