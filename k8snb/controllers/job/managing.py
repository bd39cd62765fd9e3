"""As many active pods as the Job still needs: none while suspended, never more than its parallelism.

While the back-off delays replacements, v1.36.2 reports no active pods at all, even when some run; the API server then
refuses a status with more ready than active pods, and the Job's status stands still until the delay is over. Later patch
releases report the true number.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import Pod
from k8snb.client.calls import Call, Outcome
from k8snb.controllers.job.backoff import index_wait
from k8snb.controllers.job.calls import create_pods, delete_pods
from k8snb.controllers.job.indexes import Indexes
from k8snb.controllers.job.making import new_indexed_pod, new_pod
from k8snb.controllers.job.names import BATCH_PERIOD, MAX_PODS_PER_SYNC
from k8snb.controllers.job.pods import (
    UNKNOWN,
    index_of,
    indexes_of,
    is_indexed,
    is_suspended,
    only_replaces_failed,
)
from k8snb.controllers.job.state import State
from k8snb.controllers.pods import is_terminating
from k8snb.controllers.ranking import ranked_plainly


def manage(
    state: State, order: Callable[[list[Pod]], list[Pod]] = list
) -> Generator[Call, Outcome, tuple[int, APIError | None]]:
    """Create missing pods or delete surplus ones; how many active ones to report, and the first refusal."""
    active = len(state.active)
    wanted = 0 if is_suspended(state.job) else wanted_active(state)
    doomed = surplus(state, max(0, active - wanted))
    if not is_suspended(state.job):
        doomed = doomed[:MAX_PODS_PER_SYNC]
    if doomed or is_suspended(state.job):
        why = "suspended" if is_suspended(state.job) else "scale-down"
        gone = yield from delete_pods(state.job, doomed, why, uncounted=True)
        state.terminating += gone.pods
        state.ready -= gone.ready
        return active - gone.pods, gone.error
    held = state.terminating if only_replaces_failed(state.job) else 0
    missing = wanted - held - active
    if missing <= 0:
        return active, None
    pods, wait = _next_pods(state, min(missing, MAX_PODS_PER_SYNC))
    if wait > 0:
        state.look_again(max(wait, BATCH_PERIOD))
        return 0, None
    made, error = yield from create_pods(state.job, pods, order)
    return active + made, error


def wanted_active(state: State) -> int:
    """How many pods should be active: a work queue starts no new ones after its first success."""
    spec = state.job.spec
    parallelism = spec.parallelism or 0
    if spec.completions is None:
        return len(state.active) if state.succeeded else parallelism
    return max(0, min(spec.completions - state.succeeded, parallelism))


def surplus(state: State, at_least: int) -> list[Pod]:
    """The active pods to delete: those with a wrong or a repeated index, then those that have come least far."""
    doomed: list[Pod] = []
    left = state.active
    if is_indexed(state.job):
        doomed, left = _by_index(state)
    more = at_least - len(doomed)
    return doomed + ranked_plainly(left)[:more] if more > 0 else doomed


def _by_index(state: State) -> tuple[list[Pod], list[Pod]]:
    """Active pods of an Indexed Job: those that have no place in it, and the best one of each index."""
    groups: dict[int, list[Pod]] = {}
    for pod in state.active:
        groups.setdefault(index_of(pod), []).append(pod)
    wrong: list[Pod] = []
    left: list[Pod] = []
    for index in sorted(groups):
        pods = groups[index]
        if index == UNKNOWN or index >= state.completions:
            wrong += pods
            continue
        *repeated, best = ranked_plainly(pods) if len(pods) > 1 else pods
        wrong += repeated
        left.append(best)
    return wrong, left


def _next_pods(state: State, count: int) -> tuple[list[Pod], float]:
    """The next pods to create, at most ``count``, or how many seconds to wait before there may be any."""
    job, now = state.job, state.now
    per_index = job.spec.backoffLimitPerIndex is not None
    if not per_index:
        wait = state.record.wait(now)
        if wait > 0:
            return [], wait
    if not is_indexed(job):
        return [new_pod(job)] * count, 0.0
    pending = _pending(state, count)
    if per_index:
        waits = {index: index_wait(state.delayed.get(index), now) for index in pending}
        pending = [index for index in pending if not waits[index]]
        if waits and not pending:
            return [], min(waits.values())
    return [new_indexed_pod(job, index, state.delayed.get(index)) for index in pending], 0.0


def _pending(state: State, count: int) -> list[int]:
    """The first indexes that neither succeeded nor failed nor have a pod."""
    taken = state.succeeded_indexes.union(Indexes.of(indexes_of(state.active)))
    if only_replaces_failed(state.job):
        taken = taken.union(Indexes.of(indexes_of(filter(is_terminating, state.pods))))
    if state.failed_indexes is not None:
        taken = taken.union(state.failed_indexes)
    return taken.missing(count, state.completions)
