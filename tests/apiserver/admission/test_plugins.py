"""Admission plugins: what each adds to an object, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.codec import to_dict
from k8snb.api.request import UserInfo
from tests.apiserver.rig import Rig, config_map, pod

Tree = dict[str, Any]


def in_containers(**fields: Any) -> Tree:
    """A pod whose container has more fields."""
    return pod(containers=[{"name": "c", "image": "nginx:1.27", **fields}])


def test_new_pods_get_account_token_tolerations_and_priority() -> None:
    spec = Rig().create("pods", pod()).spec

    assert spec.serviceAccountName == "default"
    assert [m.mountPath for m in spec.containers[0].volumeMounts] == ["/var/run/secrets/kubernetes.io/serviceaccount"]
    assert [(t.key, t.tolerationSeconds) for t in spec.tolerations] == [
        ("node.kubernetes.io/not-ready", 300),
        ("node.kubernetes.io/unreachable", 300),
    ]
    assert (spec.priority, spec.preemptionPolicy) == (0, "PreemptLowerPriority")


NO_TOKEN: dict[str, tuple[Tree, Tree]] = {
    "the pod says no": ({}, {"automountServiceAccountToken": False}),
    "the account says no": ({"automountServiceAccountToken": False}, {}),
}


@pytest.mark.parametrize("case", NO_TOKEN)
def test_tokens_that_are_not_wanted(case: str) -> None:
    account, spec = NO_TOKEN[case]
    rig = Rig()
    rig.create("serviceaccounts", {"metadata": {"name": "quiet"}, **account})

    made = rig.create("pods", pod(serviceAccountName="quiet", **spec))

    assert made.spec.volumes == ()


def test_pull_secrets_come_from_the_account() -> None:
    rig = Rig()
    rig.create("serviceaccounts", {"metadata": {"name": "puller"}, "imagePullSecrets": [{"name": "registry"}]})

    made = rig.create("pods", pod(serviceAccountName="puller"))

    assert [item.name for item in made.spec.imagePullSecrets] == ["registry"]


def test_own_tolerations_count() -> None:
    tolerations = [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}]

    spec = Rig().create("pods", pod(tolerations=tolerations)).spec

    assert [t.tolerationSeconds for t in spec.tolerations] == [None, 300]


def test_priority_classes() -> None:
    rig = Rig()
    rig.create("priorityclasses", {"metadata": {"name": "high"}, "value": 100, "preemptionPolicy": "Never"}, "")
    rig.create("priorityclasses", {"metadata": {"name": "usual"}, "value": 7, "globalDefault": True}, "")

    named = rig.create("pods", pod("a", priorityClassName="high")).spec
    unnamed = rig.create("pods", pod("b")).spec

    assert (named.priority, named.preemptionPolicy) == (100, "Never")
    assert (unnamed.priority, unnamed.priorityClassName) == (7, "usual")


PRIORITY_REFUSED: dict[str, tuple[Tree, str]] = {
    "unknown class": ({"priorityClassName": "x"}, "no PriorityClass with name x was found"),
    "number given": (
        {"priority": 5},
        (
            "the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 "
            "from the given PriorityClass name"
        ),
    ),
}


@pytest.mark.parametrize("case", PRIORITY_REFUSED)
def test_priorities_that_are_refused(case: str) -> None:
    spec, why = PRIORITY_REFUSED[case]

    error = Rig().refusal("create", "pods", body=pod(**spec))

    assert error.message == f'pods "web" is forbidden: {why}'


def test_only_one_class_can_be_the_default() -> None:
    rig = Rig()
    rig.create("priorityclasses", {"metadata": {"name": "a"}, "value": 1, "globalDefault": True}, "")

    error = rig.refusal(
        "create", "priorityclasses", body={"metadata": {"name": "b"}, "value": 2, "globalDefault": True}
    )

    assert error.message == (
        'priorityclasses.scheduling.k8s.io "b" is forbidden: PriorityClass a is already marked as default. '
        "Only one default can exist"
    )


def test_new_nodes_are_tainted_until_they_are_ready() -> None:
    node = Rig().create("nodes", {"metadata": {"name": "n"}}, "")

    assert [(t.key, t.effect) for t in node.spec.taints] == [("node.kubernetes.io/not-ready", "NoSchedule")]


def limits(rig: Rig, **item: Any) -> None:
    """A LimitRange for containers (or another `type`)."""
    body = {"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container", **item}]}}
    rig.create("limitranges", body)


def test_limit_ranges_fill_in_what_is_missing() -> None:
    rig = Rig()
    limits(rig, default={"cpu": "500m"}, defaultRequest={"cpu": "100m", "memory": "1Gi"})

    made = rig.create("pods", in_containers(resources={"requests": {"memory": "2Gi"}}))

    resources = made.spec.containers[0].resources
    assert (dict(resources.requests), dict(resources.limits)) == ({"memory": "2Gi", "cpu": "100m"}, {"cpu": "500m"})
    assert made.metadata.annotations["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    )


LIMITS: dict[str, tuple[Tree, Tree, str]] = {
    "over the maximum": (
        {"max": {"cpu": "1"}},
        {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}},
        "maximum cpu usage per Container is 1, but limit is 2",
    ),
    "under the minimum": (
        {"min": {"memory": "100Mi"}},
        {"requests": {"memory": "10Mi"}},
        "minimum memory usage per Container is 100Mi, but request is 10Mi",
    ),
    "ratio": (
        {"maxLimitRequestRatio": {"cpu": "2"}},
        {"requests": {"cpu": "100m"}, "limits": {"cpu": "500m"}},
        "cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000",
    ),
    "no limit": (
        {"type": "Pod", "max": {"cpu": "1"}},
        {},
        "maximum cpu usage per Pod is 1.  No limit is specified",
    ),
}


@pytest.mark.parametrize("case", LIMITS)
def test_limit_ranges_refuse(case: str) -> None:
    item, resources, why = LIMITS[case]
    rig = Rig()
    limits(rig, **item)

    error = rig.refusal("create", "pods", body=in_containers(resources=resources))

    assert error.message == f'pods "web" is forbidden: {why}'


def quota(rig: Rig, hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> None:
    """A ResourceQuota that its controller has counted."""
    rig.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}})
    status = {"hard": hard, "used": used if used is not None else dict.fromkeys(hard, "0")}
    rig.patch("resourcequotas", "q", {"status": status}, subresource="status")


def test_quotas_are_charged_before_the_object_is_stored() -> None:
    rig = Rig()
    quota(rig, {"pods": "2", "requests.cpu": "1"})
    before = rig.store.revision

    rig.create("pods", in_containers(resources={"requests": {"cpu": "300m"}}))
    used = rig.get("resourcequotas", "q").status.used

    assert dict(used) == {"pods": "1", "requests.cpu": "300m"}
    assert [change.key for change in rig.store.changes(before + 1)] == [
        "/registry/resourcequotas/default/q",
        "/registry/pods/default/web",
    ]


QUOTAS: dict[str, tuple[dict[str, str], dict[str, str], Tree, str]] = {
    "too many": (
        {"pods": "1"},
        {"pods": "1"},
        pod(),
        "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
    ),
    "nothing said": (
        {"requests.memory": "1Gi"},
        {"requests.memory": "0"},
        pod(),
        "failed quota: q: must specify requests.memory for: c",
    ),
    "not counted yet": ({"pods": "5"}, {}, pod(), "status unknown for quota: q, resources: pods"),
    "another kind by count": (
        {"count/configmaps": "0"},
        {"count/configmaps": "0"},
        config_map("a"),
        "exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=0, limited: count/configmaps=0",
    ),
}


@pytest.mark.parametrize("case", QUOTAS)
def test_quotas_refuse(case: str) -> None:
    hard, used, body, why = QUOTAS[case]
    rig = Rig()
    quota(rig, hard, used)
    kind = "pods" if body["kind"] == "Pod" else "configmaps"

    error = rig.refusal("create", kind, body=body)

    assert error.message == f'{kind} "{body["metadata"]["name"]}" is forbidden: {why}'


SCOPES: dict[str, tuple[Tree, bool]] = {
    "best effort": ({"scopes": ["BestEffort"]}, True),
    "not best effort": ({"scopes": ["NotBestEffort"]}, False),
    "ends": ({"scopes": ["Terminating"]}, False),
    "other class": (
        {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["x"]}]}},
        False,
    ),
}


@pytest.mark.parametrize("case", SCOPES)
def test_quota_scopes(case: str) -> None:
    spec, counts = SCOPES[case]
    rig = Rig()
    quota(rig, {"pods": "9"}, **spec)

    rig.create("pods", pod())

    assert rig.get("resourcequotas", "q").status.used["pods"] == ("1" if counts else "0")


HARDENED = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
SECURITY: dict[str, tuple[str, Tree, str]] = {
    "privileged": (
        "baseline",
        in_containers(securityContext={"privileged": True}),
        'violates PodSecurity "baseline:latest": privileged (container "c" must not set securityContext.privileged=true)',
    ),
    "host path": (
        "baseline",
        pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
        'violates PodSecurity "baseline:latest": hostPath volumes (volume "v")',
    ),
    "host port": (
        "baseline",
        in_containers(ports=[{"containerPort": 80, "hostPort": 80}]),
        'violates PodSecurity "baseline:latest": hostPort (container "c" uses hostPort 80)',
    ),
    "capability": (
        "baseline",
        in_containers(securityContext={"capabilities": {"add": ["NET_ADMIN"]}}),
        (
            'violates PodSecurity "baseline:latest": non-default capabilities (container "c" must not include "NET_ADMIN" in '
            "securityContext.capabilities.add)"
        ),
    ),
    "root": (
        "restricted",
        in_containers(securityContext={**HARDENED, "runAsUser": 0}),
        'violates PodSecurity "restricted:latest": runAsUser=0 (container "c" must not set runAsUser=0)',
    ),
}


@pytest.mark.parametrize("case", SECURITY)
def test_pod_security(case: str) -> None:
    level, body, why = SECURITY[case]
    rig = Rig()
    rig.patch("namespaces", "default", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}})

    error = rig.refusal("create", "pods", body=body)

    assert error.message == f'pods "web" is forbidden: {why}'


def test_a_hardened_pod_passes_and_a_warning_is_only_a_warning() -> None:
    rig = Rig("strict", "soft")
    for name, mode in (("strict", "enforce"), ("soft", "warn")):
        rig.patch(
            "namespaces", name, {"metadata": {"labels": {f"pod-security.kubernetes.io/{mode}": "restricted"}}}, name
        )

    strict = rig.send("create", "pods", "strict", body=in_containers(securityContext=HARDENED))
    soft = rig.send("create", "pods", "soft", body=pod())

    assert strict.warnings == ()
    assert soft.warnings[0].startswith(
        'would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false'
    )


def test_claims_get_the_default_class_and_a_finalizer() -> None:
    rig = Rig()
    for name, is_default in (("slow", "false"), ("fast", "true")):
        annotations = {"storageclass.kubernetes.io/is-default-class": is_default}
        rig.create("storageclasses", {"metadata": {"name": name, "annotations": annotations}, "provisioner": "p"}, "")
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}

    claim = rig.create("persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": spec})

    assert claim.spec.storageClassName == "fast"
    assert claim.metadata.finalizers == ("kubernetes.io/pvc-protection",)


def test_runtime_classes_bring_overhead_and_placement() -> None:
    rig = Rig()
    body = {
        "metadata": {"name": "kata"},
        "handler": "kata",
        "overhead": {"podFixed": {"cpu": "250m"}},
        "scheduling": {"nodeSelector": {"kata": "yes"}},
    }
    rig.create("runtimeclasses", body, "")

    spec = rig.create("pods", pod(runtimeClassName="kata")).spec
    error = rig.refusal("create", "pods", body=pod("b", runtimeClassName="none"))

    assert (dict(spec.overhead), dict(spec.nodeSelector)) == ({"cpu": "250m"}, {"kata": "yes"})
    assert error.message == 'pods "b" is forbidden: pod rejected: RuntimeClass "none" not found'


KUBELET = UserInfo("system:node:n1", groups=("system:nodes", "system:authenticated"))
NODE_REFUSED: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "another node": (
        ("patch", "nodes", "", "n2"),
        {"body": {"metadata": {"labels": {"a": "b"}}}, "content_type": "application/merge-patch+json"},
        'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    ),
    "own taints": (
        ("patch", "nodes", "", "n1"),
        {"body": {"spec": {"taints": []}}, "content_type": "application/merge-patch+json"},
        'nodes "n1" is forbidden: node "n1" is not allowed to modify taints',
    ),
    "ordinary pod": (
        ("create", "pods"),
        {"body": pod("x", node="n1")},
        (
            'pods "x" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create '
            "mirror pods"
        ),
    ),
    "another node's pod": (
        ("delete", "pods", "default", "there"),
        {},
        'pods "there" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    ),
}


@pytest.mark.parametrize("case", NODE_REFUSED)
def test_kubelets_keep_to_themselves(case: str) -> None:
    arguments, options, message = NODE_REFUSED[case]
    rig = Rig()
    for name in ("n1", "n2"):
        rig.create("nodes", {"metadata": {"name": name}}, "")
    rig.create("pods", pod("there", node="n2"))

    error = rig.refusal(*arguments, user=KUBELET, **options)

    assert error.message == message


def test_a_kubelet_reports_its_own_pods() -> None:
    rig = Rig()
    made = rig.create("pods", pod(node="n1"))
    body = to_dict(made) | {"status": {"phase": "Running"}}

    answer = rig.send("update", "pods", name="web", subresource="status", body=body, user=KUBELET)

    assert answer.object.status.phase == "Running"
