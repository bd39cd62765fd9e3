"""kube-scheduler v1.36: queue, framework, plugins, and the component that binds pods to nodes.

Where to look: ``controller`` is the component, ``informers`` what it does about changes, ``attempting`` one attempt from the
queue to the API calls; ``queue`` who is next; ``schedule_one`` filter, score, pick; ``classes`` how ten thousand equal pods
are decided quickly; ``plugins`` and ``registry`` the plugins, ``own`` those of a class; ``config``
KubeSchedulerConfiguration; ``decision`` what is kept for explanations, ``whatif`` copies to try things on, ``remedies`` what
would make a pod fit.

A plugin of one's own inherits from the extension points exported here and is given to the cluster:

    class NotOnMondays(FilterPlugin):
        def filter(self, state, pod, node):
            return unschedulable("it is Monday") if node.labels().get("day") == "monday" else None

    cluster = Cluster(scheduler_plugins=[NotOnMondays])

Left out: allocation of devices to ResourceClaims (``plugins.dynamic_resources`` says what is there instead), extenders,
pod groups, and features that are off by default in v1.36 (scoring by storage capacity). Searches are sequential, where
kube-scheduler's are parallel; ties between equally good nodes are broken by the cluster's seed.
"""

from k8snb.scheduler.config import ConfigurationError
from k8snb.scheduler.controller import Scheduler
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.events import Action, Event, Hint
from k8snb.scheduler.framework import (
    SKIP,
    BindPlugin,
    Code,
    CycleState,
    Diagnosis,
    FilterPlugin,
    Handle,
    PermitPlugin,
    Plugin,
    PostBindPlugin,
    PostFilterPlugin,
    PostFilterResult,
    PreBindPlugin,
    PreEnqueuePlugin,
    PreFilterPlugin,
    PreFilterResult,
    PreScorePlugin,
    QueueSortPlugin,
    ReservePlugin,
    ScorePlugin,
    Status,
    default_normalise,
    error,
    unresolvable,
    unschedulable,
)
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.registry import IN_TREE

__all__ = [
    "IN_TREE",
    "SKIP",
    "Action",
    "BindPlugin",
    "Code",
    "ConfigurationError",
    "CycleState",
    "Decision",
    "Diagnosis",
    "Event",
    "FilterPlugin",
    "Handle",
    "Hint",
    "NodeInfo",
    "PermitPlugin",
    "Plugin",
    "PostBindPlugin",
    "PostFilterPlugin",
    "PostFilterResult",
    "PreBindPlugin",
    "PreEnqueuePlugin",
    "PreFilterPlugin",
    "PreFilterResult",
    "PreScorePlugin",
    "QueueSortPlugin",
    "ReservePlugin",
    "Scheduler",
    "ScorePlugin",
    "Status",
    "default_normalise",
    "error",
    "unresolvable",
    "unschedulable",
]
