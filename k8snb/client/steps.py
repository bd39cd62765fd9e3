"""What a step of the runtime is and what it is caused by, and what the runtime asks of its surroundings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.client.calls import Call, Outcome
from k8snb.client.view import Source


class Cause(msgspec.Struct, frozen=True, gc=False):
    """Why a call is made: who, for which key, because of which revisions, on a timer or not, in which step."""

    actor: str
    key: str
    triggers: tuple[int, ...]
    step: int
    why: str = ""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One API call of a component, as ``cluster.step()`` returns it."""

    number: int
    time: float
    cause: Cause
    call: Call
    outcome: Outcome
    revision: int

    @property
    def error(self) -> APIError | None:
        """The API server's refusal, if it refused."""
        return self.outcome if isinstance(self.outcome, APIError) else None


class Pending(msgspec.Struct, frozen=True, gc=False):
    """A key that waits for its controller.

    ``state`` is running (between two of its calls), ready (in the queue), held (the cache has not caught up with the
    key's own last write) or timer; ``due`` is when, in seconds; ``triggers`` are the revisions that made it ready.
    """

    worker: str
    key: str
    state: str
    due: float
    triggers: tuple[int, ...] = ()


class Performer(Protocol):
    """Performs calls: the API server seen from a component."""

    def perform(self, call: Call, cause: Cause) -> Outcome:
        """Do the call; API errors are returned, not raised."""

    def revision(self) -> int:
        """The store's revision."""


class Past(Protocol):
    """How the runtime reads the past, to repeat a reconcile in a fork."""

    def source_at(self, revision: int) -> Source:
        """The lists as of a revision."""

    def changes(self, after: int, until: int) -> Iterable[tuple[int, type[Object], str, Object | None]]:
        """(revision, kind, cache key, value or None when deleted), oldest first."""
