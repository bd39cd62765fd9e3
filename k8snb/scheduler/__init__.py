"""kube-scheduler v1.36: queue, framework, plugins, and the component that binds pods to nodes.

Where to look: ``controller`` is the component, ``informers`` what it does about changes, ``attempting`` one attempt from the
queue to the API calls; ``queue`` who is next; ``schedule_one`` filter, score, pick; ``classes`` how ten thousand equal pods
are decided quickly; ``plugins`` and ``registry`` the plugins; ``config`` KubeSchedulerConfiguration; ``decision`` what is
kept for explanations.

Left out: allocation of devices to ResourceClaims (``plugins.dynamic_resources`` says what is there instead), extenders,
pod groups, and features that are off by default in v1.36 (scoring by storage capacity). Searches are sequential, where
kube-scheduler's are parallel; ties between equally good nodes are broken by the cluster's seed.
"""

from k8snb.scheduler.controller import Scheduler
from k8snb.scheduler.decision import Decision

__all__ = ["Decision", "Scheduler"]
