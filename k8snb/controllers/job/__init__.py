"""Jobs: pods that run to their end."""

from k8snb.controllers.job.controller import JobController

__all__ = ["JobController"]
