"""The controllers of kube-controller-manager, one file each; ``IN_TREE`` lists them."""

from __future__ import annotations

from k8snb.client.protocol import Controller
from k8snb.controllers.clusterroleaggregation import ClusterRoleAggregationController
from k8snb.controllers.cronjob import CronJobController
from k8snb.controllers.daemonset import DaemonSetController
from k8snb.controllers.deployment import DeploymentController
from k8snb.controllers.disruption import DisruptionController
from k8snb.controllers.endpoints import EndpointsController
from k8snb.controllers.endpointslice import EndpointSliceController
from k8snb.controllers.endpointslicemirroring import EndpointSliceMirroringController
from k8snb.controllers.garbagecollector import GarbageCollector
from k8snb.controllers.job import JobController
from k8snb.controllers.namespace import NamespaceController
from k8snb.controllers.nodelifecycle import NodeLifecycleController
from k8snb.controllers.podautoscaler import HorizontalPodAutoscalerController
from k8snb.controllers.podgc import PodGarbageCollector
from k8snb.controllers.replicaset import ReplicaSetController
from k8snb.controllers.replicationcontroller import ReplicationControllerController
from k8snb.controllers.resourcequota import ResourceQuotaController
from k8snb.controllers.rootca import RootCACertPublisher
from k8snb.controllers.serviceaccount import ServiceAccountController
from k8snb.controllers.statefulset import StatefulSetController
from k8snb.controllers.tainteviction import TaintEvictionController
from k8snb.controllers.ttlafterfinished import TTLAfterFinishedController
from k8snb.controllers.volume import (
    EphemeralVolumeController,
    PersistentVolumeBinder,
    PersistentVolumeClaimProtection,
    PersistentVolumeProtection,
    VolumeExpander,
)

IN_TREE: tuple[type[Controller], ...] = (
    NamespaceController,
    ServiceAccountController,
    RootCACertPublisher,
    ReplicaSetController,
    DeploymentController,
    ReplicationControllerController,
    StatefulSetController,
    DaemonSetController,
    DisruptionController,
    HorizontalPodAutoscalerController,
    JobController,
    CronJobController,
    TTLAfterFinishedController,
    EndpointsController,
    EndpointSliceController,
    EndpointSliceMirroringController,
    ResourceQuotaController,
    PersistentVolumeBinder,
    PersistentVolumeClaimProtection,
    PersistentVolumeProtection,
    VolumeExpander,
    EphemeralVolumeController,
    NodeLifecycleController,
    TaintEvictionController,
    PodGarbageCollector,
    ClusterRoleAggregationController,
    GarbageCollector,
)
"""The controllers that a cluster runs unless it is told otherwise; each cluster makes its own instances."""

__all__ = ["IN_TREE"]
