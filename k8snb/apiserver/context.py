"""What the pipeline and its hooks know of the request being served; made and dropped per request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8snb.sim.clock import rfc3339
from k8snb.store import Cause

if TYPE_CHECKING:
    from collections.abc import Callable

    from k8snb.api.request import Request
    from k8snb.apiserver.reader import StoreReader
    from k8snb.apiserver.server import APIServer
    from k8snb.sim.ids import Ids


class ServerContext:
    """The implementation of `k8snb.apiserver.strategy.Context`, with the server's own parts beside it.

    `pending` are writes that belong to this request but are revisions of their own (a quota's usage, an address
    claimed for a Service); they are done just before the object is stored, when nothing can fail any more.
    """

    __slots__ = ("_cause", "pending", "request", "server", "time", "warnings")

    def __init__(self, server: APIServer, request: Request) -> None:
        self.server = server
        self.request = request
        self.time: float = server.clock.now
        self.warnings: list[str] | None = None
        self.pending: list[Callable[[], Any]] | None = None
        self._cause: Cause | None = None

    @property
    def now(self) -> str:
        """The server's time, RFC 3339, whole seconds."""
        return rfc3339(self.time)

    @property
    def ids(self) -> Ids:
        """The server's seeded source of names and numbers."""
        return self.server.ids

    @property
    def reader(self) -> StoreReader:
        """Live reads of stored objects."""
        return self.server.reader

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored."""
        return bool(self.request.options.dry_run)

    @property
    def cause(self) -> Cause:
        """Why the store changes: the actor, what it did, and the revisions that made it act."""
        cause = self._cause
        if cause is None:
            request = self.request
            why = request.cause
            self._cause = cause = Cause(
                request.actor or request.who, self.server.verb(request), why.revisions, why.key, why.note, why.step
            )
        return cause

    def warn(self, text: str) -> None:
        """Add a Warning header; the same text is said once."""
        if self.warnings is None:
            self.warnings = [text]
        elif text not in self.warnings:
            self.warnings.append(text)

    def before_commit(self, write: Callable[[], Any]) -> None:
        """Have `write` done just before the object itself is stored (never for a dry run)."""
        if self.pending is None:
            self.pending = []
        self.pending.append(write)

    def commit(self) -> None:
        """Do the pending writes, in order."""
        pending, self.pending = self.pending, None
        if pending is not None and not self.dry_run:
            for write in pending:
                write()
