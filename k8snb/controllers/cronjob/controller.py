"""The CronJob controller: starts a Job at each scheduled time, as far as the CronJob's policy lets it.

It never starts more than the latest start that is due: those that were missed before are passed over.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from msgspec.structs import replace

from k8snb.api.cron import CronError, zone_complaint
from k8snb.api.errors import APIError
from k8snb.api.frozen import FrozenDict
from k8snb.api.gotext import quote
from k8snb.api.types.batch_v1 import CronJob, CronJobStatus, Job
from k8snb.api.types.core_v1 import ObjectReference
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Call, Create, Delete, Emit, Get, Outcome, UpdateStatus
from k8snb.client.events import reference
from k8snb.client.protocol import After, Controller, Later, Reconcile, Watch
from k8snb.client.view import View, cache_key
from k8snb.controllers.cronjob.schedule import MANY_MISSED, Timetable, date, job_name
from k8snb.controllers.failures import failed
from k8snb.controllers.job.pods import finished
from k8snb.controllers.owned import owner_keys
from k8snb.controllers.owners import controlled_by, reference_to
from k8snb.sim.clock import rfc3339, seconds

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
"""Annotation of a Job: the time for which it was scheduled, in the CronJob's time zone."""
TOO_MANY_MISSED = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
ZONE_IN_SCHEDULE = (
    "CRON_TZ or TZ used in schedule {} is not officially supported,"
    " see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
)


class CronJobController(Controller):
    """Creates the Jobs of CronJobs and removes old ones."""

    name = "cronjob-controller"

    def __init__(self) -> None:
        self.watches = (Watch(CronJob, _cronjob_keys), Watch(Job, _job_keys))

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Tidy up, follow the Jobs, start the one that is due."""
        cronjob = view.lookup(CronJob, key)
        if cronjob is None:
            return None
        jobs = view.by(Job, "controller", cronjob.metadata.uid or "")
        sync = _Sync(cronjob, jobs, view.now)
        yield from sync.clean_up()
        error: APIError | None = None
        wait: float | None = None
        try:
            wait = yield from sync.run()
        except APIError as raised:
            error = raised
        if sync.changed:
            out = yield UpdateStatus(obj=replace(sync.cronjob, status=sync.status), why="status")
            if isinstance(out, APIError):
                raise out
        if wait is not None:
            return After(wait, background=True)
        if error is not None:
            raise error
        return None


class _Sync:
    """One reconcile of one CronJob; ``status`` is what is written at its end if anything has ``changed``."""

    def __init__(self, cronjob: CronJob, jobs: list[Job], now: float) -> None:
        self.cronjob = cronjob
        self.jobs = jobs
        self.now = now
        self.status: CronJobStatus = cronjob.status
        self.changed = False

    def _event(self, reason: str, message: str, kind: str = "Normal") -> Emit:
        return Emit(regarding=self.cronjob, type=kind, reason=reason, message=message)

    def _is_active(self, uid: str | None) -> bool:
        return any(ref.uid == uid for ref in self.status.active)

    def _strike(self, uid: str | None) -> None:
        self.status = replace(self.status, active=tuple(ref for ref in self.status.active if ref.uid != uid))

    # -- history

    def clean_up(self) -> Generator[Call, Outcome, None]:
        """Delete the oldest finished Jobs beyond the history limits."""
        spec = self.cronjob.spec
        for end, limit in (("Complete", spec.successfulJobsHistoryLimit), ("Failed", spec.failedJobsHistoryLimit)):
            if limit is None:
                continue
            jobs = sorted((job for job in self.jobs if finished(job) == end), key=_age)
            for job in jobs[: max(0, len(jobs) - limit)]:
                if (yield from self._delete(job)) is None:
                    self.changed = True

    def _delete(self, job: Job) -> Generator[Call, Outcome, APIError | None]:
        meta = job.metadata
        out = yield Delete(
            kind=Job, namespace=meta.namespace or "", name=meta.name or "", propagation="Background", why="history"
        )
        if isinstance(out, APIError):
            yield self._event("FailedDelete", f"Deleted job: {out.message}", "Warning")
            return out
        self._strike(meta.uid)
        yield self._event("SuccessfulDelete", f"Deleted job {meta.name}")
        return None

    # -- Jobs that are there

    def run(self) -> Generator[Call, Outcome, float | None]:
        """Follow the Jobs and start one if it is time; returns in how many seconds to look again."""
        for job in self.jobs:
            yield from self._follow(job)
        known = {job.metadata.uid for job in self.jobs}
        for ref in self.status.active:
            if ref.uid not in known:
                yield from self._missing(ref)
        if self.cronjob.metadata.deletionTimestamp is not None:
            return None
        return (yield from self._start())

    def _follow(self, job: Job) -> Generator[Call, Outcome, None]:
        """Strike a finished Job from the active ones; take note of one that should be among them."""
        uid, end = job.metadata.uid, finished(job)
        active = self._is_active(uid)
        if end is None:
            if not active:
                yield from self._forgotten(job)
            return
        if active:
            self._strike(uid)
            self.changed = True
            text = f"Saw completed job: {job.metadata.name}, condition: {end}"
            yield self._event("SawCompletedJob", text)
        ended = job.status.completionTime
        last = self.status.lastSuccessfulTime
        if end == "Complete" and ended is not None and (last is None or seconds(ended) > seconds(last)):
            self.status = replace(self.status, lastSuccessfulTime=ended)
            self.changed = True

    def _forgotten(self, job: Job) -> Generator[Call, Outcome, None]:
        """An unfinished Job of ours that is not among the active ones: perhaps only our own copy is old."""
        meta = self.cronjob.metadata
        fresh = yield Get(kind=CronJob, namespace=meta.namespace or "", name=meta.name or "")
        if isinstance(fresh, APIError):
            raise fresh
        if isinstance(fresh, CronJob) and any(ref.uid == job.metadata.uid for ref in fresh.status.active):
            self.cronjob, self.status = fresh, fresh.status
            return
        text = f"Saw a job that the controller did not create or forgot: {job.metadata.name}"
        yield self._event("UnexpectedJob", text, "Warning")

    def _missing(self, ref: ObjectReference) -> Generator[Call, Outcome, None]:
        found = yield Get(kind=Job, namespace=ref.namespace or "", name=ref.name or "")
        if failed(found, "NotFound"):
            yield self._event("MissingJob", f"Active job went missing: {ref.name}")
            self._strike(ref.uid)
            self.changed = True
        elif isinstance(found, APIError):
            raise found

    # -- the Job that is due

    def _start(self) -> Generator[Call, Outcome, float | None]:
        spec, now = self.cronjob.spec, self.now
        complaint = zone_complaint(spec.timeZone) if spec.timeZone is not None else None
        if complaint is not None:
            text = f"invalid timeZone: {quote(spec.timeZone or '')}: {complaint}"
            yield self._event("UnknownTimeZone", text, "Warning")
            return None
        if spec.suspend:
            return None
        if "TZ" in spec.schedule:
            yield self._event("UnsupportedSchedule", ZONE_IN_SCHEDULE.format(quote(spec.schedule)), "Warning")
        try:
            table = Timetable(replace(self.cronjob, status=self.status))
        except CronError as error:
            text = f"unparseable schedule: {quote(spec.schedule)} : {error}"
            yield self._event("UnparseableSchedule", text, "Warning")
            return None
        due = table.due(now)
        if due.complaint is not None:
            yield self._event("InvalidSchedule", f"invalid schedule: {spec.schedule} : {due.complaint}", "Warning")
            return None
        scheduled = due.latest
        if scheduled is None:
            return table.wait(now)
        if due.missed > MANY_MISSED:
            yield self._event("TooManyMissedTimes", TOO_MANY_MISSED, "Warning")
        if spec.startingDeadlineSeconds is not None and scheduled + spec.startingDeadlineSeconds < now:
            when = date(scheduled).strftime("%a, %d %b %Y %H:%M:%S +0000")
            yield self._event("MissSchedule", f"Missed scheduled time to start a job: {when}", "Warning")
            return table.wait(now)
        if self._is_started(scheduled):
            return table.wait(now)
        if spec.concurrencyPolicy == "Forbid" and self.status.active:
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            yield self._event("JobAlreadyActive", text)
            return table.wait(now)
        if spec.concurrencyPolicy == "Replace":
            yield from self._replace()
        if not (yield from self._create(table, scheduled)):
            return None
        return Timetable(replace(self.cronjob, status=self.status)).wait(now)

    def _is_started(self, scheduled: float) -> bool:
        name, namespace = job_name(self.cronjob, scheduled), self.cronjob.metadata.namespace
        last = self.status.lastScheduleTime
        listed = any((ref.name, ref.namespace) == (name, namespace) for ref in self.status.active)
        return listed or (last is not None and seconds(last) == scheduled)

    def _replace(self) -> Generator[Call, Outcome, None]:
        """Delete the Jobs that still run."""
        for ref in self.status.active:
            job = yield Get(kind=Job, namespace=ref.namespace or "", name=ref.name or "")
            if isinstance(job, APIError):
                yield self._event("FailedGet", f"Get job: {job.message}", "Warning")
                raise job
            if isinstance(job, Job):
                refusal = yield from self._delete(job)
                if refusal is not None:
                    raise refusal
            self.changed = True

    def _create(self, table: Timetable, scheduled: float) -> Generator[Call, Outcome, bool]:
        """Create the Job of a scheduled time and list it as active; whether that is done."""
        meta = self.cronjob.metadata
        out = yield Create(obj=self._job(table, scheduled), why="schedule")
        if failed(out, "AlreadyExists"):
            name = job_name(self.cronjob, scheduled)
            out = yield Get(kind=Job, namespace=meta.namespace or "", name=name)
            if isinstance(out, Job) and (not controlled_by(out, self.cronjob) or self._is_active(out.metadata.uid)):
                return False
            if isinstance(out, APIError):
                raise out
        elif isinstance(out, APIError):
            if not any(cause.reason == "NamespaceTerminating" for cause in out.causes):
                yield self._event("FailedCreate", f"Error creating job: {out.message}", "Warning")
            raise out
        else:
            yield self._event("SuccessfulCreate", f"Created job {job_name(self.cronjob, scheduled)}")
        if isinstance(out, Job):
            active = (*self.status.active, reference(out))
            self.status = replace(self.status, active=active, lastScheduleTime=rfc3339(scheduled))
            self.changed = True
        return True

    def _job(self, table: Timetable, scheduled: float) -> Job:
        template, meta = self.cronjob.spec.jobTemplate, self.cronjob.metadata
        local = date(scheduled).astimezone(table.zone).isoformat()
        stamp = local.removesuffix("+00:00") + "Z" if local.endswith("+00:00") else local
        return Job(
            metadata=ObjectMeta(
                name=job_name(self.cronjob, scheduled),
                namespace=meta.namespace,
                labels=template.metadata.labels,
                annotations=FrozenDict({**template.metadata.annotations, SCHEDULED: stamp}),
                ownerReferences=(reference_to(self.cronjob),),
            ),
            spec=template.spec,
        )


def _age(job: Job) -> tuple[bool, float, str]:
    """Started first comes first; those that never started last."""
    start = job.status.startTime
    return start is None, seconds(start) if start else 0.0, job.metadata.name or ""


def _cronjob_keys(old: CronJob | None, new: CronJob | None, view: View) -> Iterable[str]:
    """The CronJob at once; after a change of the schedule only at the next scheduled time."""
    cronjob = new if new is not None else old
    if cronjob is None:
        return ()
    key = cache_key(cronjob)
    if old is not None and new is not None and _timing(old) != _timing(new):
        try:
            return (Later(key, Timetable(new).wait(view.now), background=True),)
        except CronError:
            return ()
    return (key,)


def _timing(cronjob: CronJob) -> tuple[str, str | None]:
    return cronjob.spec.schedule, cronjob.spec.timeZone


def _job_keys(old: Job | None, new: Job | None, view: View) -> Iterable[str]:
    return owner_keys(CronJob, lambda _cronjob: lambda _labels: False, old, new, view)
