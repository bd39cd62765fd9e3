"""The cluster's network: addresses and wiring, cluster DNS, kube-proxy's rules, policies, and requests packet by packet.

A request goes from its source (a pod, a node, or outside) through name resolution and service rules to whatever listens at
the end, and fails where and how it really would. ``cni`` tells how pods are wired, ``proxy`` what kube-proxy writes, ``policy``
who may talk to whom, ``journey`` how one request travels; ``network`` is the door.
"""

from k8snb.network.cni import Cni, Interface, Route
from k8snb.network.network import Network
from k8snb.network.reach import Reachability
from k8snb.network.trace import Answer, Hop, Step, Trace

__all__ = ["Answer", "Cni", "Hop", "Interface", "Network", "Reachability", "Route", "Step", "Trace"]
