"""What clusters that people use have beside Kubernetes itself; ``ADDONS`` lists what a ``Cluster`` comes with.

CoreDNS as Pods (``Cluster(addons=[*ADDONS, CoreDNS])``) is for those who want to see DNS fail: it takes Pods, time and room on
the nodes from every cluster. ``Cluster(addons=())`` is a bare control plane;
``Cluster(addons=[*ADDONS, CSIDriver("csi.example.com")])`` has a storage driver more.
"""

from __future__ import annotations

from k8snb.addons.addon import Addon
from k8snb.addons.coredns import CoreDNS
from k8snb.addons.csi import CSIDriver
from k8snb.addons.localpath import LocalPathStorage
from k8snb.addons.metrics import MetricsServer

ADDONS: tuple[type[Addon], ...] = (LocalPathStorage, MetricsServer)
"""The addons of a cluster unless it is told otherwise, the storage of kind (Kubernetes in Docker) and
metrics-server; each cluster makes its own."""

__all__ = ["ADDONS", "Addon", "CSIDriver", "CoreDNS", "LocalPathStorage", "MetricsServer"]
