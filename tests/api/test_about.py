"""The descriptions of kinds and fields: of things that exist, in both languages, and whole where a course needs them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest

from k8snb.api import about
from k8snb.api.schema import plan, type_named

SHARED = {"*", "*Condition", "Quantity", "IntOrString", "Time", "MicroTime"}
COURSE = {
    "v1": "Pod Service ConfigMap Secret Namespace Node PersistentVolume PersistentVolumeClaim ServiceAccount Event LimitRange "
    "ResourceQuota Endpoints ReplicationController",
    "apps/v1": "Deployment ReplicaSet StatefulSet DaemonSet",
    "batch/v1": "Job CronJob",
    "networking.k8s.io/v1": "Ingress NetworkPolicy IngressClass",
    "storage.k8s.io/v1": "StorageClass",
    "rbac.authorization.k8s.io/v1": "Role ClusterRole RoleBinding ClusterRoleBinding",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "policy/v1": "PodDisruptionBudget",
    "scheduling.k8s.io/v1": "PriorityClass",
    "discovery.k8s.io/v1": "EndpointSlice",
    "coordination.k8s.io/v1": "Lease",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
}
WHOLE = {
    "core_v1": "Container ContainerPort EnvVar EnvVarSource ResourceRequirements VolumeMount Probe HTTPGetAction Lifecycle "
    "SecurityContext PodSecurityContext Affinity NodeAffinity PodAffinityTerm Toleration TopologySpreadConstraint Taint "
    "ServiceSpec ServicePort PersistentVolumeClaimSpec PodTemplateSpec NodeSelectorRequirement ContainerState",
    "apps_v1": "DeploymentSpec DeploymentStatus RollingUpdateDeployment ReplicaSetSpec StatefulSetSpec DaemonSetSpec",
    "batch_v1": "JobSpec CronJobSpec",
    "networking_v1": "IngressSpec IngressRule HTTPIngressPath NetworkPolicySpec NetworkPolicyPeer NetworkPolicyPort IPBlock",
    "storage_v1": "StorageClass",
    "rbac_v1": "PolicyRule Subject RoleRef",
    "autoscaling_v2": "HorizontalPodAutoscalerSpec MetricSpec MetricTarget HPAScalingRules",
    "policy_v1": "PodDisruptionBudgetSpec PodDisruptionBudgetStatus",
    "meta_v1": "ObjectMeta OwnerReference LabelSelector LabelSelectorRequirement",
}
"""Types all of whose fields are described."""


def entries() -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Module, type, field and texts."""
    for module in about.modules():
        for name, fields in about.texts(module).items():
            for field, told in fields.items():
                yield module, name, field, told


def test_everything_that_is_described_exists() -> None:
    unknown = []
    for module, name, field, _ in entries():
        if name in SHARED:
            continue
        type_ = getattr(import_module(f"k8snb.api.types.{module}"), name, None)
        if type_ is None or (field and field not in plan(type_).fields):
            unknown.append((module, name, field))

    assert unknown == []


def test_both_languages_say_something_of_their_own() -> None:
    wrong = []
    for module, name, field, told in entries():
        chinese = any("\u4e00" <= char <= "\u9fff" for char in told.get("zh", ""))
        ends = told.get("en", "")[-1:] == "." and told.get("zh", "")[-1:] == "。"
        names = told.get("zh", "").replace("、", "").removesuffix("。").isascii()  # nothing but names in Latin letters
        if set(told) != set(about.LANGUAGES) or not ends or not (chinese or names):
            wrong.append((module, name, field))

    assert wrong == []
    assert len(list(entries())) > 1600


@pytest.mark.parametrize("version", COURSE)
def test_every_kind_of_the_course_is_described(version: str) -> None:
    missing = []
    for kind in COURSE[version].split():
        type_ = type_named(version, kind)
        assert type_ is not None
        missing += [(kind, field) for field in ("", *plan(type_).fields) if not about.described(type_, field, "zh")]

    assert missing == []


@pytest.mark.parametrize("module", WHOLE)
def test_types_that_are_described_whole(module: str) -> None:
    missing = []
    for name in WHOLE[module].split():
        type_ = getattr(import_module(f"k8snb.api.types.{module}"), name)
        missing += [(name, field) for field in ("", *plan(type_).fields) if not about.described(type_, field)]

    assert missing == []


def test_what_is_shared_is_found() -> None:
    from k8snb.api.types import core_v1

    assert about.described(core_v1.EphemeralContainer, "image") == about.described(core_v1.Container, "image")
    assert about.described(core_v1.NodeCondition, "lastHeartbeatTime").startswith("When the kubelet")
    assert about.described(core_v1.Pod, "status") == about.texts("meta_v1")["*"]["status"]["en"]
    assert about.described(core_v1.PodCondition, "").startswith("One thing that")
    assert about.described(core_v1.NamespaceCondition, "type") == about.texts("meta_v1")["*Condition"]["type"]["en"]
    assert about.described(core_v1.RBDVolumeSource) == ""
    assert about.described(core_v1.RBDVolumeSource, "image") == ""
    assert about.leaf("Quantity", "zh").startswith("带后缀的数量")
