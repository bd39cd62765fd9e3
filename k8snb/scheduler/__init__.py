"""kube-scheduler: queue, framework, plugins, and the component that binds pods to nodes."""

from k8snb.scheduler.controller import Scheduler
from k8snb.scheduler.decision import Decision

__all__ = ["Decision", "Scheduler"]
