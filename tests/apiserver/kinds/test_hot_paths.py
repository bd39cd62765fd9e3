"""What many equal objects share is looked at once: the pods of a template, a status that did not change."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.scheme import SCHEME
from k8snb.api.types import apps_v1 as apps
from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.apiserver.kinds import strategy_for
from k8snb.apiserver.validation.pod_spec import pod_spec
from tests.apiserver.kinds.manifests import manifest
from tests.apiserver.rig import Rig


@pytest.fixture
def replicaset() -> apps.ReplicaSet:
    made: apps.ReplicaSet = Rig().create("replicasets", manifest("replicasets"))
    return made


def stamped(replicaset: apps.ReplicaSet, name: str) -> core.Pod:
    """A pod as a controller makes it: the very spec of the template."""
    template = replicaset.spec.template
    return core.Pod(metadata=ObjectMeta(name=name, labels=template.metadata.labels), spec=template.spec)


def test_pods_of_a_template_share_their_spec(replicaset: apps.ReplicaSet) -> None:
    rig = Rig()

    made = [rig.create("pods", stamped(replicaset, f"p{number}")) for number in range(3)]  # type: ignore[arg-type]

    assert len({id(pod.spec) for pod in made}) == 1


def test_pods_that_are_written_alike_share_their_spec_and_labels() -> None:
    rig = Rig()
    labels = {"app": "alike", "tier": "web"}
    spec = {"containers": [{"name": "c", "image": "alike", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}

    made = [rig.create("pods", {"metadata": {"name": f"p{n}", "labels": labels}, "spec": spec}) for n in range(3)]

    assert len({(id(pod.spec), id(pod.metadata.labels)) for pod in made}) == 1


def test_pods_that_differ_in_the_order_of_their_labels_keep_it() -> None:
    rig = Rig()
    orders = [("app", "tier"), ("tier", "app")]

    made = [
        rig.create("pods", stamped_with(name, dict.fromkeys(order, "x")))  # type: ignore[arg-type]
        for name, order in zip("ab", orders, strict=True)
    ]

    assert [tuple(pod.metadata.labels) for pod in made] == orders


def stamped_with(name: str, labels: dict[str, str]) -> core.Pod:
    """A pod with these labels, in their order."""
    container = core.Container(name="c", image="nginx")
    return core.Pod(metadata=ObjectMeta(name=name, labels=labels), spec=core.PodSpec(containers=(container,)))


def test_a_good_spec_is_judged_once(replicaset: apps.ReplicaSet, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Any] = []

    def counting(spec: core.PodSpec, *others: Any) -> None:
        judged.append(spec)
        pod_spec(spec, *others)

    monkeypatch.setattr("k8snb.apiserver.validation.pods.pod_spec", counting)
    rig = Rig()
    for number in range(3):
        pod = stamped(replicaset, f"p{number}")
        rig.create("pods", replace(pod, spec=replace(pod.spec, hostname="judged-once")))  # type: ignore[arg-type]
    rig.patch("pods", "p1", {"metadata": {"labels": {"a": "b"}}})

    assert len(judged) == 1


def test_a_bad_spec_is_judged_again() -> None:
    spec = core.PodSpec(containers=(core.Container(name="C", image="x"),))
    rig = Rig()
    messages = [
        rig.refusal("create", "pods", body=core.Pod(metadata=ObjectMeta(name=name), spec=spec)).message
        for name in ("a", "b")
    ]

    assert [message.count("spec.containers[0].name") for message in messages] == [1, 1]


def test_a_template_is_judged_once(replicaset: apps.ReplicaSet, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Any] = []
    monkeypatch.setattr("k8snb.apiserver.validation.workloads.pod_template", lambda *given: judged.append(given))
    strategy = strategy_for(SCHEME.resolve("replicasets"))

    for replicas in range(3):
        changed = replace(replicaset, spec=replace(replicaset.spec, replicas=replicas))
        changed = strategy.default(changed)
        assert strategy.validate_update(changed, replicaset, None) == []  # type: ignore[arg-type]

    assert judged == []


@pytest.mark.parametrize("kind", ["replicasets", "deployments", "statefulsets", "daemonsets", "jobs", "nodes", "pods"])
def test_a_status_update_keeps_the_spec_itself(kind: str) -> None:
    rig = Rig()
    before = rig.create(kind, manifest(kind))
    strategy = strategy_for(SCHEME.resolve(kind))

    after = strategy.prepare_for_status_update(strategy.default(replace(before)), before, None)  # type: ignore[arg-type]

    assert after.spec is before.spec
