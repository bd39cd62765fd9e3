"""One file per kind: its defaults, what it keeps and drops, what is wrong with it.

A new kind is one file and one line in :data:`STRATEGIES`.
"""

from __future__ import annotations

from typing import Final

from k8snb.api.scheme import Resource
from k8snb.apiserver.kinds.admissionpolicy import (
    MutatingAdmissionPolicyBindingStrategy,
    MutatingAdmissionPolicyStrategy,
    ValidatingAdmissionPolicyBindingStrategy,
    ValidatingAdmissionPolicyStrategy,
)
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.kinds.certificatesigningrequest import CertificateSigningRequestStrategy
from k8snb.apiserver.kinds.configmap import ConfigMapStrategy
from k8snb.apiserver.kinds.controllerrevision import ControllerRevisionStrategy
from k8snb.apiserver.kinds.cronjob import CronJobStrategy
from k8snb.apiserver.kinds.csidriver import CSIDriverStrategy
from k8snb.apiserver.kinds.csinode import CSINodeStrategy
from k8snb.apiserver.kinds.csistoragecapacity import CSIStorageCapacityStrategy
from k8snb.apiserver.kinds.customresourcedefinition import CustomResourceDefinitionStrategy
from k8snb.apiserver.kinds.daemonset import DaemonSetStrategy
from k8snb.apiserver.kinds.deployment import DeploymentStrategy
from k8snb.apiserver.kinds.endpoints import EndpointsStrategy
from k8snb.apiserver.kinds.endpointslice import EndpointSliceStrategy
from k8snb.apiserver.kinds.event import EventStrategy
from k8snb.apiserver.kinds.horizontalpodautoscaler import (
    HorizontalPodAutoscalerStrategy,
    HorizontalPodAutoscalerV1Strategy,
)
from k8snb.apiserver.kinds.ingress import IngressStrategy
from k8snb.apiserver.kinds.ingressclass import IngressClassStrategy
from k8snb.apiserver.kinds.ipaddress import IPAddressStrategy
from k8snb.apiserver.kinds.job import JobStrategy
from k8snb.apiserver.kinds.lease import LeaseStrategy
from k8snb.apiserver.kinds.limitrange import LimitRangeStrategy
from k8snb.apiserver.kinds.namespace import NamespaceStrategy
from k8snb.apiserver.kinds.networkpolicy import NetworkPolicyStrategy
from k8snb.apiserver.kinds.node import NodeStrategy
from k8snb.apiserver.kinds.persistentvolume import PersistentVolumeStrategy
from k8snb.apiserver.kinds.persistentvolumeclaim import PersistentVolumeClaimStrategy
from k8snb.apiserver.kinds.pod import PodStrategy
from k8snb.apiserver.kinds.poddisruptionbudget import PodDisruptionBudgetStrategy
from k8snb.apiserver.kinds.podtemplate import PodTemplateStrategy
from k8snb.apiserver.kinds.priorityclass import PriorityClassStrategy
from k8snb.apiserver.kinds.rbac import (
    ClusterRoleBindingStrategy,
    ClusterRoleStrategy,
    RoleBindingStrategy,
    RoleStrategy,
)
from k8snb.apiserver.kinds.replicaset import ReplicaSetStrategy
from k8snb.apiserver.kinds.replicationcontroller import ReplicationControllerStrategy
from k8snb.apiserver.kinds.resourcequota import ResourceQuotaStrategy
from k8snb.apiserver.kinds.runtimeclass import RuntimeClassStrategy
from k8snb.apiserver.kinds.secret import SecretStrategy
from k8snb.apiserver.kinds.service import ServiceStrategy
from k8snb.apiserver.kinds.serviceaccount import ServiceAccountStrategy
from k8snb.apiserver.kinds.servicecidr import ServiceCIDRStrategy
from k8snb.apiserver.kinds.statefulset import StatefulSetStrategy
from k8snb.apiserver.kinds.storageclass import StorageClassStrategy
from k8snb.apiserver.kinds.untyped import (
    APIServiceStrategy,
    DeviceStrategy,
    FlowSchemaStrategy,
    PriorityLevelConfigurationStrategy,
    ResourceClaimStrategy,
    ResourceClaimTemplateStrategy,
)
from k8snb.apiserver.kinds.volumeattachment import VolumeAttachmentStrategy
from k8snb.apiserver.kinds.volumeattributesclass import VolumeAttributesClassStrategy
from k8snb.apiserver.kinds.webhookconfiguration import (
    MutatingWebhookConfigurationStrategy,
    ValidatingWebhookConfigurationStrategy,
)
from k8snb.apiserver.strategy import Strategy

STRATEGIES: Final[tuple[type[Kind], ...]] = (
    ValidatingAdmissionPolicyStrategy,
    MutatingAdmissionPolicyStrategy,
    ValidatingAdmissionPolicyBindingStrategy,
    MutatingAdmissionPolicyBindingStrategy,
    CertificateSigningRequestStrategy,
    ConfigMapStrategy,
    ControllerRevisionStrategy,
    CronJobStrategy,
    CSIDriverStrategy,
    CSINodeStrategy,
    CSIStorageCapacityStrategy,
    CustomResourceDefinitionStrategy,
    DaemonSetStrategy,
    DeploymentStrategy,
    EndpointsStrategy,
    EndpointSliceStrategy,
    EventStrategy,
    HorizontalPodAutoscalerStrategy,
    HorizontalPodAutoscalerV1Strategy,
    IngressStrategy,
    IngressClassStrategy,
    IPAddressStrategy,
    JobStrategy,
    LeaseStrategy,
    LimitRangeStrategy,
    NamespaceStrategy,
    NetworkPolicyStrategy,
    NodeStrategy,
    PersistentVolumeStrategy,
    PersistentVolumeClaimStrategy,
    PodStrategy,
    PodDisruptionBudgetStrategy,
    PodTemplateStrategy,
    PriorityClassStrategy,
    RoleStrategy,
    ClusterRoleStrategy,
    RoleBindingStrategy,
    ClusterRoleBindingStrategy,
    ReplicaSetStrategy,
    ReplicationControllerStrategy,
    ResourceQuotaStrategy,
    RuntimeClassStrategy,
    SecretStrategy,
    ServiceStrategy,
    ServiceAccountStrategy,
    ServiceCIDRStrategy,
    StatefulSetStrategy,
    StorageClassStrategy,
    VolumeAttachmentStrategy,
    VolumeAttributesClassStrategy,
    ValidatingWebhookConfigurationStrategy,
    MutatingWebhookConfigurationStrategy,
    APIServiceStrategy,
    DeviceStrategy,
    FlowSchemaStrategy,
    PriorityLevelConfigurationStrategy,
    ResourceClaimStrategy,
    ResourceClaimTemplateStrategy,
)

_BY_KIND: Final[dict[tuple[str, str], type[Kind]]] = {served: kind for kind in STRATEGIES for served in kind.serves}


def strategy_for(resource: Resource) -> Strategy:
    """Return the strategy of a resource: its kind's own, else a neutral one that knows whether there is a status."""
    own = _BY_KIND.get((resource.api_version, resource.kind))
    if own is not None:
        return own(resource)
    neutral = Kind(resource)
    neutral.has_status = "status" in resource.subresources
    return neutral
