"""The audit log: one compact record per request."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from k8snb.api.request import Request


class AuditRecord(msgspec.Struct, frozen=True, gc=False):
    """One served request: when (seconds), who, what, and with which outcome.

    `revision` is the store's revision after the request; `before` the one before it, so a request wrote something when
    they differ. `reason` is the error's reason, "" for success.
    """

    time: float
    actor: str
    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    subresource: str
    code: int
    reason: str
    before: int
    revision: int


class AuditLog:
    """All requests in order. `limit` keeps only the newest so many records (None: all of them, about 150 bytes each)."""

    def __init__(self, limit: int | None = None) -> None:
        self._records: deque[AuditRecord] = deque(maxlen=limit)
        self.count = 0
        """How many requests have been served, kept or not."""

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[AuditRecord]:
        return iter(self._records)

    def __getitem__(self, index: int) -> AuditRecord:
        return self._records[index]

    def keep(self, limit: int) -> None:
        """Keep only the newest ``limit`` records from now on."""
        self._records = deque(self._records, maxlen=limit)

    def __deepcopy__(self, memo: object) -> AuditLog:
        other = AuditLog(self._records.maxlen)
        other._records.extend(self._records)
        other.count = self.count
        return other

    def record(self, request: Request, time: float, code: int, reason: str, before: int, revision: int) -> None:
        """Note a served request."""
        self.count += 1
        self._records.append(
            AuditRecord(
                time,
                request.actor or request.who,
                request.user.name,
                request.verb,
                request.resource.plural,
                request.namespace,
                request.name,
                request.subresource,
                code,
                reason,
                before,
                revision,
            )
        )
