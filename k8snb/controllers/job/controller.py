"""The Job controller: runs pods until enough of them have succeeded, or too many have failed.

Pod changes are gathered for a second before a Job is looked at; a change of its spec is looked at immediately. Pods whose
Job is gone, finished or has let go of them have keys of their own (``pod/NAMESPACE/NAME``): they lose their finalizer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.batch_v1 import Job, JobStatus
from k8snb.api.types.core_v1 import Pod
from k8snb.client.calls import Call, Outcome
from k8snb.client.protocol import After, Controller, Later, Reconcile, Watch
from k8snb.client.view import View, cache_key
from k8snb.controllers.claim import claim
from k8snb.controllers.job import conditions, names
from k8snb.controllers.job.backoff import Record
from k8snb.controllers.job.calls import delete_pods, untrack
from k8snb.controllers.job.managing import manage
from k8snb.controllers.job.pods import finished, is_suspended, is_tracked
from k8snb.controllers.job.state import State
from k8snb.controllers.job.tracking import track
from k8snb.controllers.owned import owner_keys
from k8snb.controllers.owners import controlled_by, controller_of
from k8snb.sim.clock import rfc3339

ORPHAN = "pod/"
"""How the key of a pod without a Job begins."""


class JobController(Controller):
    """Creates, counts and deletes the pods of Jobs."""

    name = "job-controller"
    retry = names.API_BACKOFF

    def __init__(self, batch_order: Callable[[list[Pod]], list[Pod]] | None = None) -> None:
        """``batch_order`` rearranges the pods of a batch of creations, which a real cluster makes side by side."""
        self._records: dict[str, Record] = {}
        self._order: Callable[[list[Pod]], list[Pod]] = batch_order or list
        self.watches = (Watch(Job, _job_keys), Watch(Pod, _pod_keys))

    def started(self, view: View) -> Iterable[str]:
        """A new process knows nothing of earlier back-offs."""
        self._records.clear()
        return ()

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Take one Job further, or free one pod from a Job that is no more."""
        if key.startswith(ORPHAN):
            yield from _free(key.removeprefix(ORPHAN), view)
            return None
        job = view.lookup(Job, key)
        if job is None or finished(job):
            self._records.pop(key, None)
            return None
        if not is_ours(job):
            return None
        pods = yield from _pods(job, view)
        state = State(job, pods, self._records.get(key, Record()), view.now)

        def remember() -> None:
            self._records[key] = state.record

        yield from _sync(state, self._order, remember)
        return After(state.wake) if state.wake is not None else None


def is_ours(job: Job) -> bool:
    """Whether no other controller is to manage the Job."""
    return job.spec.managedBy in (None, names.MANAGER)


def _pods(job: Job, view: View) -> Generator[Call, Outcome, list[Pod]]:
    """The pods of the Job, after adopting and releasing; an adopted one has the finalizer."""
    matches = from_label_selector(job.spec.selector).matches
    own = view.by(Pod, "controller", job.metadata.uid or "")
    loose = view.by(Pod, "controller", f"orphan/{job.metadata.namespace}")
    return (yield from claim(job, [*own, *loose], lambda pod: matches(pod.metadata.labels), (names.FINALIZER,)))


def _sync(
    state: State, order: Callable[[list[Pod]], list[Pod]], flushed: Callable[[], None]
) -> Generator[Call, Outcome, None]:
    """Delete the pods of a Job that is over, or bring their number right; then the bookkeeping."""
    job = state.job
    before = job.status
    active = len(state.active)
    error: APIError | None = None
    if state.finish is not None:
        gone = yield from delete_pods(job, state.active, "finished", uncounted=False)
        if gone.pods != active:
            state.finish = None
        active -= gone.pods
        state.terminating += gone.pods
        state.ready -= gone.ready
        error = gone.error
    else:
        alive = job.metadata.deletionTimestamp is None
        if alive:
            active, error = yield from manage(state, order)
        if _is_complete(state, active):
            state.finish = conditions.made(names.SUCCESS_CRITERIA_MET, *names.COMPLETIONS_REACHED, state.now)
        elif alive:
            yield from _suspension(state)
    status = replace(state.job.status, active=active or None, ready=state.ready, terminating=state.terminating)
    changed = _news(status) != _news(before)
    state.job = replace(state.job, status=status)
    yield from track(state, changed, flushed)
    if error is not None:
        raise error


def _news(status: JobStatus) -> tuple[object, ...]:
    """What of a status is written as soon as it changes."""
    return status.active, status.ready, status.terminating, status.conditions


def _is_complete(state: State, active: int) -> bool:
    """Whether enough pods have succeeded and none is left: for a work queue one success is enough."""
    completions = state.job.spec.completions
    return active == 0 and (state.succeeded > 0 if completions is None else state.succeeded >= completions)


def _suspension(state: State) -> Generator[Call, Outcome, None]:
    """The condition Suspended; a suspended Job has no start, a resumed one starts anew (its deadline, too)."""
    job, now = state.job, state.now
    suspended = is_suspended(job)
    if suspended:
        condition = conditions.made(names.SUSPENDED, "JobSuspended", "Job suspended", now)
    else:
        condition = conditions.made(names.SUSPENDED, "JobResumed", "Job resumed", now, "False")
    found = conditions.ensured(job.status.conditions, condition)
    if found is job.status.conditions:
        return
    start = None if suspended else rfc3339(now)
    state.job = replace(job, status=replace(job.status, conditions=found, startTime=start))
    yield conditions.event(job, "Suspended" if suspended else "Resumed", condition.message or "")


# -- which keys a change concerns


def _job_keys(old: Job | None, new: Job | None, view: View) -> Iterable[str]:
    """The Job, at once when it or its spec is new; the pods that nobody else frees when it is gone or finished."""
    job = new if new is not None else old
    if job is None:
        return ()
    key = cache_key(job)
    if old is not None and new is not None and old.metadata.generation == new.metadata.generation:
        key = Later(key, names.BATCH_PERIOD)
    if new is not None and (old is None or not finished(new)):
        return (key,)
    return (key, *(_orphan(pod) for pod in view.by(Pod, "controller", job.metadata.uid or "") if is_tracked(pod)))


def _pod_keys(old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
    """The Jobs that a pod's change concerns, a little later; the pod itself when no Job frees it any more."""
    keys: list[str] = [Later(key, names.BATCH_PERIOD) for key in owner_keys(Job, _test_of, old, new, view)]
    if new is not None and is_tracked(new):
        ref = controller_of(new.metadata)
        if ref is None:
            keys.append(_orphan(new))
        elif ref.kind == "Job" and new.metadata.deletionTimestamp is not None:
            job = view.get(Job, new.metadata.namespace, ref.name)
            if job is None or job.metadata.uid != ref.uid or finished(job):
                keys.append(_orphan(new))
    return keys


def _orphan(pod: Pod) -> str:
    return f"{ORPHAN}{cache_key(pod)}"


def _test_of(job: Job) -> Callable[[Mapping[str, str]], bool]:
    return from_label_selector(job.spec.selector).matches


def _free(key: str, view: View) -> Generator[Call, Outcome, None]:
    """Take the finalizer off a pod, unless a Job that still runs counts it."""
    pod = view.lookup(Pod, key)
    if pod is None:
        return
    ref = controller_of(pod.metadata)
    if ref is not None:
        if ref.kind != "Job":
            return
        job = view.get(Job, pod.metadata.namespace, ref.name)
        if job is not None and controlled_by(pod, job) and not (is_ours(job) and finished(job)):
            return
    error = yield from untrack(pod, "orphan")
    if error is not None:
        raise error
