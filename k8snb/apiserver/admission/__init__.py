"""Admission: the ordered plugins that may change or refuse a write, after authorisation and before storage.

The order is kube-apiserver's own (`AllOrderedPlugins`); those listed are its defaults of v1.36 plus NodeRestriction,
OwnerReferencesPermissionEnforcement (silent unless there is an authorizer) and RoleEscalation.
Left out: MutatingAdmissionPolicy and ValidatingAdmissionPolicy (they need a full CEL), both admission webhooks (there
is no network to call), and the certificate plugins CertificateApproval, CertificateSigning and ClusterTrustBundleAttest
(they only ask the authorizer whether a signer may be used; everybody here may).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.apiserver.admission.default_ingress_class import DefaultIngressClass
from k8snb.apiserver.admission.default_storage_class import DefaultStorageClass
from k8snb.apiserver.admission.default_toleration_seconds import DefaultTolerationSeconds
from k8snb.apiserver.admission.limit_ranger import LimitRanger
from k8snb.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from k8snb.apiserver.admission.node_restriction import NodeRestriction
from k8snb.apiserver.admission.owner_references import OwnerReferencesPermissionEnforcement
from k8snb.apiserver.admission.pod_security import PodSecurity
from k8snb.apiserver.admission.pod_topology_labels import PodTopologyLabels
from k8snb.apiserver.admission.priority import Priority
from k8snb.apiserver.admission.pvc_resize import PersistentVolumeClaimResize
from k8snb.apiserver.admission.resource_quota import ResourceQuota
from k8snb.apiserver.admission.role_escalation import RoleEscalation
from k8snb.apiserver.admission.runtime_class import RuntimeClass
from k8snb.apiserver.admission.service_account import ServiceAccount
from k8snb.apiserver.admission.storage_protection import StorageObjectInUseProtection
from k8snb.apiserver.admission.taint_nodes import TaintNodesByCondition

if TYPE_CHECKING:
    from k8snb.apiserver.admission.plugin import Plugin

PLUGINS: tuple[Plugin, ...] = (
    NamespaceLifecycle(),
    LimitRanger(),
    ServiceAccount(),
    NodeRestriction(),
    TaintNodesByCondition(),
    PodSecurity(),
    Priority(),
    DefaultTolerationSeconds(),
    DefaultStorageClass(),
    StorageObjectInUseProtection(),
    OwnerReferencesPermissionEnforcement(),
    PersistentVolumeClaimResize(),
    RuntimeClass(),
    DefaultIngressClass(),
    PodTopologyLabels(),
    ResourceQuota(),
    RoleEscalation(),
)
"""The plugins of a cluster, in the order in which they are asked."""
