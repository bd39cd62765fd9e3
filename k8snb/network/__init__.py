"""The cluster's network: addresses, cluster DNS, kube-proxy's rules, and requests that travel them hop by hop.

A request goes from its source (a pod, a node, or outside) through name resolution and service rules to whatever listens at
the end, and fails where and how it really would. Here are the basics that every cluster has; network policies, ingress and
the other kube-proxy modes are not in this package yet, so every pod may talk to every pod.
"""

from k8snb.network.network import Network
from k8snb.network.trace import Answer, Hop

__all__ = ["Answer", "Hop", "Network"]
