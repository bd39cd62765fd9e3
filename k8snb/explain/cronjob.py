"""Why did a CronJob start no Job? Suspended, held back by its policy, too late, never due, or nobody there to start it."""

from __future__ import annotations

from collections.abc import Iterator

from k8snb.api.types.batch_v1 import CronJob, Job
from k8snb.controllers.cronjob.schedule import MANY_MISSED, Timetable
from k8snb.controllers.job.pods import finished
from k8snb.explain.fact import Fact
from k8snb.explain.workload import controlled
from k8snb.sim.clock import rfc3339, seconds
from k8snb.world import World

MANAGER = "kube-controller-manager"


def explain_cronjob(world: World, cronjob: CronJob) -> list[Fact]:
    """Its schedule and next start, its Jobs, and why the latest start did not happen."""
    spec, status = cronjob.spec, cronjob.status
    table = Timetable(cronjob)
    zone = spec.timeZone or "UTC"
    coming = table.after(world.now)
    if coming is None:
        return [Fact("cron.never", {"schedule": spec.schedule}, "problem")]
    facts = [Fact("cron.schedule", {"schedule": spec.schedule, "zone": zone, "next": rfc3339(coming)})]
    if status.lastScheduleTime:
        facts.append(Fact("cron.last", {"time": status.lastScheduleTime}))
    facts.extend(_jobs(world, cronjob))
    facts.extend(_not_started(world, cronjob, table))
    return facts


def _jobs(world: World, cronjob: CronJob) -> Iterator[Fact]:
    """Those that run and how the last one that failed came to it."""
    if cronjob.status.active:
        yield Fact("cron.active", {"jobs": ", ".join(ref.name or "" for ref in cronjob.status.active)})
    own = [job for job in world.of(Job, cronjob.metadata.namespace) if controlled(job, cronjob.metadata.uid)]
    failed = [job for job in own if finished(job) == "Failed"]
    if failed:
        last = max(failed, key=lambda job: job.status.startTime or "")
        reason = next((c.reason for c in last.status.conditions if c.type == "Failed"), "")
        yield Fact("cron.failed", {"job": last.metadata.name, "reason": reason}, "problem")


def _not_started(world: World, cronjob: CronJob, table: Timetable) -> Iterator[Fact]:
    """What stood in the way of the latest start that was due, and how many starts were missed before it."""
    spec, status = cronjob.spec, cronjob.status
    if spec.suspend:
        yield Fact("cron.suspended", {}, "problem")
        yield Fact("hint.cron-resume", {"cronjob": cronjob.metadata.name}, "hint")
        return
    due = table.due(world.now, with_deadline=False)
    if due.latest is None:
        return
    last = status.lastScheduleTime
    if last is not None and seconds(last) >= due.latest:
        return
    time = rfc3339(due.latest)
    if MANAGER in world.stopped():
        yield Fact("cron.no-manager", {"time": time}, "problem")
    elif spec.startingDeadlineSeconds is not None and due.latest + spec.startingDeadlineSeconds < world.now:
        yield Fact("cron.too-late", {"time": time, "seconds": spec.startingDeadlineSeconds}, "problem")
    elif spec.concurrencyPolicy == "Forbid" and status.active:
        yield Fact("cron.forbidden", {"time": time, "job": status.active[0].name}, "problem")
    else:
        yield Fact("cron.due", {"time": time})
    if due.missed > 1:
        yield Fact("cron.missed", {"count": due.missed - 1}, "problem" if due.missed > MANY_MISSED else "state")
