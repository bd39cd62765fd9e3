"""CronJobs: a schedule and the template of a Job."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from k8snb.api.types import batch_v1 as batch
from k8snb.apiserver.defaults.pods import changed, template
from k8snb.apiserver.defaults.workloads import or_default
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.kinds.deployment import NAMES
from k8snb.apiserver.kinds.job import job_warnings
from k8snb.apiserver.validation import cron, names
from k8snb.apiserver.validation.field import METADATA, SPEC, invalid, not_supported, required
from k8snb.apiserver.validation.jobs import job_spec
from k8snb.apiserver.validation.metadata import Errors, nonnegative
from k8snb.apiserver.validation.pod_warnings import name_is_hostname

_SUCCESSFUL_KEPT = 3
_FAILED_KEPT = 1
# The controller appends "-" and ten digits to make the name of a Job, which becomes a label value.
_LONGEST_NAME = 63 - 11
_ZONE_IN_SCHEDULE = (
    "CRON_TZ or TZ used in spec.schedule is not officially supported, see"
    " https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
)
_POLICIES = ("Allow", "Forbid", "Replace")
_JOB = SPEC / "jobTemplate" / "spec"


class CronJobStrategy(Kind):
    """Decisions about cron jobs."""

    serves = (("batch/v1", "CronJob"),)
    has_status = True
    tracks_generation = True

    def default(self, obj: batch.CronJob) -> batch.CronJob:
        """Running, jobs may overlap, three successes and one failure are kept."""
        spec = obj.spec
        job = spec.jobTemplate
        new = changed(
            spec,
            concurrencyPolicy=spec.concurrencyPolicy or "Allow",
            suspend=or_default(spec.suspend, False),
            successfulJobsHistoryLimit=or_default(spec.successfulJobsHistoryLimit, _SUCCESSFUL_KEPT),
            failedJobsHistoryLimit=or_default(spec.failedJobsHistoryLimit, _FAILED_KEPT),
            jobTemplate=changed(job, spec=changed(job.spec, template=template(job.spec.template))),
        )
        return obj if new is spec else replace(obj, spec=new)

    def check(self, obj: batch.CronJob, errors: Errors) -> None:
        """A new cron job: also its name has a limit."""
        _check_spec(obj.spec, None, errors)
        if len(obj.metadata.name or "") > _LONGEST_NAME:
            errors.append(invalid(METADATA / "name", obj.metadata.name, names.at_most(_LONGEST_NAME)))

    def check_update(self, new: batch.CronJob, old: batch.CronJob, errors: Errors) -> None:
        """A changed cron job."""
        if new.spec is not old.spec:
            _check_spec(new.spec, old.spec, errors)

    def warnings(self, obj: Any, old: Any = None) -> tuple[str, ...]:
        """Those of the template; about the name; about a time zone in the schedule."""
        texts: tuple[str, ...] = ()
        if old is None or obj.metadata.generation != old.metadata.generation:
            texts = job_warnings(obj.spec.jobTemplate.spec, _JOB)
        if "TZ" in obj.spec.schedule:
            texts += (_ZONE_IN_SCHEDULE,)
        return texts if old is not None else name_is_hostname(obj.metadata.name or "", NAMES) + texts


def _check_spec(spec: batch.CronJobSpec, old: batch.CronJobSpec | None, errors: Errors) -> None:
    if not spec.schedule:
        errors.append(required(SPEC / "schedule"))
    else:
        allow = old is not None and "TZ" in old.schedule
        cron.schedule(spec.schedule, spec.timeZone, allow, SPEC / "schedule", errors)
    nonnegative(spec.startingDeadlineSeconds, SPEC / "startingDeadlineSeconds", errors)
    if old is None or old.timeZone != spec.timeZone:
        cron.time_zone(spec.timeZone, SPEC / "timeZone", errors)
    if not spec.concurrencyPolicy:
        errors.append(required(SPEC / "concurrencyPolicy"))
    elif spec.concurrencyPolicy not in _POLICIES:
        errors.append(not_supported(SPEC / "concurrencyPolicy", spec.concurrencyPolicy, _POLICIES))
    job = spec.jobTemplate.spec
    job_spec(job, _JOB, errors)
    if job.selector is not None:
        errors.append(invalid(_JOB / "selector", job.selector, "`selector` will be auto-generated"))
    if job.manualSelector:
        errors.append(not_supported(_JOB / "manualSelector", True, ("nil", "false")))
    nonnegative(spec.successfulJobsHistoryLimit, SPEC / "successfulJobsHistoryLimit", errors)
    nonnegative(spec.failedJobsHistoryLimit, SPEC / "failedJobsHistoryLimit", errors)
