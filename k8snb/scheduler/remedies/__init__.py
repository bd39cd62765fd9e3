"""What would make a pod fit: the smallest changes, each tried by running the filters on a copy of the cluster.

``change`` says what a change is and how large, ``pod_changes`` and ``node_changes`` which ones the reasons suggest,
``evictions`` which pods would have to go, ``search`` tries them and combines two or three where one is not enough.
"""

from k8snb.scheduler.remedies.change import Change, Remedy
from k8snb.scheduler.remedies.search import remedies

__all__ = ["Change", "Remedy", "remedies"]
