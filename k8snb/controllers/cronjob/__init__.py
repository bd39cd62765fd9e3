"""CronJobs: Jobs that are started on a schedule."""

from k8snb.controllers.cronjob.controller import CronJobController

__all__ = ["CronJobController"]
