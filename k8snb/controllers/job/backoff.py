"""How long a Job waits before it replaces failed pods: 10 s, doubled with every failure since the last success.

The record lives in the controller's process only, as upstream's does: after a restart a Job starts from what it sees.
"""

from __future__ import annotations

from typing import NamedTuple

from k8snb.api.types.core_v1 import Pod
from k8snb.controllers.job.names import POD_BACKOFF
from k8snb.controllers.job.pods import finished_at, ignored_index_failures, index_failures


class Record(NamedTuple):
    """Failures since the last success, and the second of the last one."""

    failures: int = 0
    last: float | None = None

    def after(self, succeeded: list[Pod], failed: list[Pod]) -> Record:
        """The record with pods that have finished since."""
        ends = sorted(map(finished_at, failed))
        if not succeeded:
            return Record(self.failures + len(ends), ends[-1]) if ends else self
        success = max(map(finished_at, succeeded))
        later = [end for end in ends if end > success]
        return Record(len(later), later[-1]) if later else Record()

    def wait(self, now: float) -> float:
        """Seconds until the next pod may be created."""
        return remaining(self.failures, self.last, now)


def remaining(failures: int, last: float | None, now: float) -> float:
    """Seconds that are left of the wait after so many failures, the last of them at a second."""
    if not failures or last is None:
        return 0.0
    first, longest = POD_BACKOFF
    delay = min(first * 2.0 ** min(failures - 1, 40), longest)
    return max(0.0, last + delay - now)


def index_wait(last_failed: Pod | None, now: float) -> float:
    """Seconds until an index may have its next pod, given the pod of it that failed last."""
    if last_failed is None:
        return 0.0
    failures = index_failures(last_failed) + ignored_index_failures(last_failed) + 1
    return remaining(failures, finished_at(last_failed), now)
