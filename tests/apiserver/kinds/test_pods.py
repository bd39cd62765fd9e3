"""Pods: what they start as, what may change afterwards, in place, and through subresources."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.kinds.pod import qos_class
from tests.apiserver.kinds.manifests import change_complaint, complaint, manifest, warnings
from tests.apiserver.rig import Rig

STRATEGIC = "application/strategic-merge-patch+json"
APPARMOR = "container.apparmor.security.beta.kubernetes.io/c"


def container(name: str = "c", **resources: Any) -> core.Container:
    """A container that asks for these resources."""
    return core.Container(name=name, image="x", resources=core.ResourceRequirements(**resources))


QOS: dict[str, tuple[core.PodSpec, str]] = {
    "nothing asked": (core.PodSpec(containers=(container(),)), "BestEffort"),
    "only storage": (core.PodSpec(containers=(container(limits={"ephemeral-storage": "1Gi"}),)), "BestEffort"),
    "zero is nothing": (core.PodSpec(containers=(container(requests={"cpu": "0"}),)), "BestEffort"),
    "some": (core.PodSpec(containers=(container(requests={"cpu": "1"}),)), "Burstable"),
    "limits that are requests": (
        core.PodSpec(
            containers=(container(requests={"cpu": "1", "memory": "1Gi"}, limits={"cpu": "1000m", "memory": "1Gi"}),)
        ),
        "Guaranteed",
    ),
    "one container without": (
        core.PodSpec(
            containers=(
                container(requests={"cpu": "1", "memory": "1Gi"}, limits={"cpu": "1", "memory": "1Gi"}),
                container("d"),
            )
        ),
        "Burstable",
    ),
    "an init container without": (
        core.PodSpec(
            containers=(container(requests={"cpu": "1", "memory": "1Gi"}, limits={"cpu": "1", "memory": "1Gi"}),),
            initContainers=(container("i"),),
        ),
        "Burstable",
    ),
    "the pod as a whole": (
        core.PodSpec(
            containers=(container(),),
            resources=core.ResourceRequirements(
                requests={"cpu": "1", "memory": "1Gi"}, limits={"cpu": "1", "memory": "1Gi"}
            ),
        ),
        "Guaranteed",
    ),
}


@pytest.mark.parametrize("name", QOS)
def test_quality_of_service(name: str) -> None:
    spec, expected = QOS[name]

    assert qos_class(spec) == expected


def test_a_new_pod() -> None:
    pod = Rig().create("pods", manifest("pods", {"status": {"phase": "Running"}}))

    assert (pod.status.phase, pod.status.qosClass, pod.metadata.generation) == ("Pending", "BestEffort", 1)
    assert pod.status.conditions == ()


def test_a_gated_pod() -> None:
    pod = Rig().create("pods", manifest("pods", {"spec.schedulingGates": [{"name": "example.com/wait"}]}))

    assert [(one.type, one.status, one.reason) for one in pod.status.conditions] == [
        ("PodScheduled", "False", "SchedulingGated")
    ]


def test_label_keys_become_expressions() -> None:
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"app": "a"}},
        "matchLabelKeys": ["version", "absent"],
        "mismatchLabelKeys": ["tenant"],
    }
    changes = {
        "metadata.labels": {"version": "v1", "tenant": "t"},
        "spec.affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
    }

    pod = Rig().create("pods", manifest("pods", changes))
    (made,) = pod.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution

    assert [(one.key, one.operator, one.values) for one in made.labelSelector.matchExpressions] == [
        ("version", "In", ("v1",)),
        ("tenant", "NotIn", ("t",)),
    ]


def test_apparmor_annotations_become_fields() -> None:
    answer = Rig().send("create", "pods", body=manifest("pods", {"metadata.annotations": {APPARMOR: "localhost/mine"}}))

    profile = answer.object.spec.containers[0].securityContext.appArmorProfile
    assert (profile.type, profile.localhostProfile) == ("Localhost", "mine")
    assert answer.warnings == (
        f'metadata.annotations[{APPARMOR}]: deprecated since v1.30; use the "appArmorProfile" field instead',
    )


SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "an ephemeral container from the start": (
        {"spec.ephemeralContainers": [{"name": "e", "image": "x"}]},
        "spec.ephemeralContainers: Forbidden: cannot be set on create",
    ),
    "a node before the gates open": (
        {"spec.schedulingGates": [{"name": "example.com/wait"}], "spec.nodeName": "n"},
        "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
    ),
    "the same gate twice": (
        {"spec.schedulingGates": [{"name": "a"}, {"name": "a"}]},
        'spec.schedulingGates[1]: Duplicate value: "a"',
    ),
    "too much time to stop": (
        {"spec.activeDeadlineSeconds": 0},
        "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
    ),
    "DNS of its own": (
        {"spec.dnsPolicy": "None"},
        "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
    ),
    "an alias of no address": (
        {"spec.hostAliases": [{"ip": "x", "hostnames": ["a"]}]},
        'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ),
    "a probe with two handlers": (
        {
            "spec.containers.0.livenessProbe": {
                "exec": {"command": ["x"]},
                "tcpSocket": {"port": 80},
            }
        },
        "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
    ),
    "two volumes of one name": (
        {"spec.volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]},
        'spec.volumes[1].name: Duplicate value: "v"',
    ),
    "a mount over another": (
        {
            "spec.volumes": [{"name": "v", "emptyDir": {}}],
            "spec.containers.0.volumeMounts": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}],
        },
        'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
    ),
    "more requested than allowed": (
        {"spec.containers.0.resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}},
        'spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
    ),
    "a host port that is another port": (
        {"spec.hostNetwork": True, "spec.containers.0.ports": [{"containerPort": 80, "hostPort": 81}]},
        "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_new_pods(name: str) -> None:
    changes, expected = SPOILED[name]

    assert complaint("pods", changes) == expected


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "another image": ({}, {"spec": {"containers": [{"name": "c", "image": "nginx:1.28"}]}}, "", "spec"),
    "a deadline": ({}, {"spec": {"activeDeadlineSeconds": 5}}, "", ""),
    "a later deadline": (
        {"spec.activeDeadlineSeconds": 5},
        {"spec": {"activeDeadlineSeconds": 6}},
        "",
        "spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value",
    ),
    "no deadline any more": (
        {"spec.activeDeadlineSeconds": 5},
        {"spec": {"activeDeadlineSeconds": None}},
        "",
        "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value",
    ),
    "another gate": (
        {"spec.schedulingGates": [{"name": "a"}]},
        {"spec": {"schedulingGates": [{"name": "b"}]}},
        "",
        "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'",
    ),
    "an open gate": ({"spec.schedulingGates": [{"name": "a"}]}, {"spec": {"schedulingGates": []}}, "", ""),
    "narrower while gated": (
        {"spec.schedulingGates": [{"name": "a"}], "spec.nodeSelector": {"a": "b"}},
        {"spec": {"nodeSelector": {"c": "d"}}},
        "",
        "",
    ),
    "wider while gated": (
        {"spec.schedulingGates": [{"name": "a"}], "spec.nodeSelector": {"a": "b"}},
        {"spec": {"nodeSelector": {"a": None}}},
        "",
        "spec.nodeSelector: Invalid value: null: only additions to spec.nodeSelector are allowed (no mutations or deletions)",
    ),
    "another quality of service": (
        {},
        {"status": {"qosClass": "Guaranteed"}},
        "status",
        'status.qosClass: Invalid value: "Guaranteed": field is immutable',
    ),
    "two addresses of one family": (
        {},
        {"status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]}},
        "status",
        (
            'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.2"}]: may specify no more than one IP for each IP'
            " family"
        ),
    ),
    "a condition of no name": (
        {},
        {"status": {"conditions": [{"type": "a b", "status": "True"}]}},
        "status",
        "status.conditions[0].Type",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_pods(name: str) -> None:
    made, patch, subresource, expected = CHANGES[name]
    text = change_complaint("pods", patch, made, subresource)

    if expected in ("spec", "status.conditions[0].Type"):
        assert text.startswith(f"{expected}: ")
    else:
        assert text == expected


def test_the_image_may_change() -> None:
    rig = Rig()
    rig.create("pods", manifest("pods"))
    body = {"spec": {"containers": [{"name": "c", "image": "nginx:1.28"}]}}

    pod = rig.send("patch", "pods", name="x", body=body, content_type=STRATEGIC).object

    assert (pod.spec.containers[0].image, pod.metadata.generation) == ("nginx:1.28", 2)


def test_status_keeps_the_spec_and_the_owners() -> None:
    rig = Rig()
    before = rig.create("pods", manifest("pods"))
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u"}

    after = rig.patch(
        "pods",
        "x",
        {
            "metadata": {"ownerReferences": [owner]},
            "spec": {"nodeName": "n"},
            "status": {"podIPs": [{"ip": "10.0.0.1"}]},
        },
        subresource="status",
    )

    assert (after.spec, after.metadata.ownerReferences) == (before.spec, ())
    assert (after.status.podIP, after.status.qosClass) == ("10.0.0.1", "BestEffort")


REQUESTS = {"cpu": "1", "memory": "1Gi"}
RESIZES: dict[str, tuple[dict[str, Any], str]] = {
    "more": ({"containers": [{"name": "c", "resources": {"requests": {"cpu": "2"}}}]}, ""),
    "another image is left alone": ({"containers": [{"name": "c", "image": "other"}]}, ""),
    "removed": (
        {"containers": [{"name": "c", "resources": {"requests": {"cpu": None}}}]},
        "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
    ),
    "another resource": (
        {"containers": [{"name": "c", "resources": {"requests": {"ephemeral-storage": "1Gi"}}}]},
        "spec: Forbidden: only cpu and memory resources are mutable",
    ),
    "another container": (
        {"containers": [{"name": "d", "image": "x"}]},
        "spec.containers: Forbidden: containers may not be added or removed on resize",
    ),
    "guaranteed from now on": (
        {"containers": [{"name": "c", "resources": {"limits": REQUESTS}}]},
        'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
    ),
}


@pytest.mark.parametrize("name", RESIZES)
def test_resize(name: str) -> None:
    spec, expected = RESIZES[name]
    rig = Rig()
    rig.create("pods", manifest("pods", {"spec.containers.0.resources": {"requests": REQUESTS}}))

    def send() -> Any:
        return rig.send(
            "patch", "pods", name="x", subresource="resize", body={"spec": spec}, content_type=STRATEGIC
        ).object

    if expected:
        error = rig.refusal(
            "patch", "pods", name="x", subresource="resize", body={"spec": spec}, content_type=STRATEGIC
        )
        assert error.message.partition("is invalid: ")[2] == expected
    else:
        assert send().spec.containers[0].image == "nginx:1.27"


def test_ephemeral_containers_stay() -> None:
    rig = Rig()
    rig.create("pods", manifest("pods"))
    first = {"spec": {"ephemeralContainers": [{"name": "e", "image": "x"}], "hostNetwork": True}}
    options: dict[str, Any] = {"name": "x", "subresource": "ephemeralcontainers", "content_type": STRATEGIC}

    pod = rig.send("patch", "pods", body=first, **options).object
    other = {"spec": {"ephemeralContainers": [{"name": "e", "image": "y"}]}}
    error = rig.refusal("patch", "pods", body=other, **options)

    assert [one.name for one in pod.spec.ephemeralContainers] == ["e"]
    assert (pod.spec.hostNetwork, pod.metadata.generation) == (None, 2)
    assert 'existing ephemeral containers "e" may not be changed\n@@ ' in error.message
    assert '- "Image": "x",\n+ "Image": "y",\n' in error.message


GRACE: dict[str, tuple[str, dict[str, Any], int | None, int | None]] = {
    "not on a node": ("", {}, None, None),
    "on a node": ("n", {}, None, 30),
    "its own": ("n", {"spec.terminationGracePeriodSeconds": 7}, None, 7),
    "as asked": ("n", {}, 3, 3),
    "at once": ("n", {}, 0, None),
}


@pytest.mark.parametrize("name", GRACE)
def test_grace(name: str) -> None:
    node, changes, asked, expected = GRACE[name]
    rig = Rig()
    rig.create("pods", manifest("pods", {**changes, "spec.nodeName": node or None}))
    rig.delete("pods", "x", grace_period_seconds=asked)
    left = rig.send("list", "pods").items

    assert [pod.metadata.deletionGracePeriodSeconds for pod in left] == ([] if expected is None else [expected])


def test_warnings() -> None:
    changes = {
        "spec.containers.0.env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
        "spec.nodeSelector": {"beta.kubernetes.io/os": "linux"},
    }

    assert warnings("pods", changes, "a.b") == (
        (
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is"
            " recommended: [must not contain dots]"
        ),
        'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
        'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    )
