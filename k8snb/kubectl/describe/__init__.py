"""`kubectl describe`: what there is to know about one object, as kubectl lays it out; a new kind is one line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k8snb.api.scheme import Resource
from k8snb.kubectl.client import Client
from k8snb.kubectl.describe import (
    access,
    autoscalers,
    config,
    limits,
    network,
    nodes,
    pods,
    services,
    storage,
    workloads,
)
from k8snb.kubectl.describe.generic import generic
from k8snb.kubectl.describe.page import Page

PAGES: dict[tuple[str, str], Callable[[Page, Any], None]] = {
    ("", "Pod"): pods.pod,
    ("", "Node"): nodes.node,
    ("", "Namespace"): nodes.namespace,
    ("", "Service"): services.service,
    ("", "Endpoints"): services.endpoints,
    ("", "ReplicationController"): workloads.replica_set,
    ("", "ConfigMap"): config.config_map,
    ("", "Secret"): config.secret,
    ("", "ServiceAccount"): config.service_account,
    ("", "ResourceQuota"): limits.resource_quota,
    ("", "LimitRange"): limits.limit_range,
    ("", "PersistentVolume"): storage.volume,
    ("", "PersistentVolumeClaim"): storage.claim,
    ("storage.k8s.io", "StorageClass"): storage.klass,
    ("networking.k8s.io", "Ingress"): network.ingress,
    ("networking.k8s.io", "NetworkPolicy"): network.network_policy,
    ("autoscaling", "HorizontalPodAutoscaler"): autoscalers.autoscaler,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("batch", "Job"): workloads.job,
    ("batch", "CronJob"): workloads.cron_job,
    ("discovery.k8s.io", "EndpointSlice"): services.endpoint_slice,
    ("policy", "PodDisruptionBudget"): limits.disruption_budget,
    ("rbac.authorization.k8s.io", "Role"): access.role,
    ("rbac.authorization.k8s.io", "ClusterRole"): access.role,
    ("rbac.authorization.k8s.io", "RoleBinding"): access.role_binding,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): access.role_binding,
}


def describe(client: Client, resource: Resource, obj: Any, *, events: bool = True) -> str:
    """The page about an object, ended by a line end; raises `APIError` when something it needs cannot be read."""
    page = Page(client, events=events)
    PAGES.get((resource.group, resource.kind), generic)(page, obj)
    return page.text()
