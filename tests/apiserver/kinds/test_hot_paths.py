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


def test_a_good_spec_is_judged_once(replicaset: apps.ReplicaSet, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Any] = []

    def counting(spec: core.PodSpec, *others: Any) -> None:
        judged.append(spec)
        pod_spec(spec, *others)

    monkeypatch.setattr("k8snb.apiserver.validation.pods.pod_spec", counting)
    rig = Rig()
    for number in range(3):
        rig.create("pods", stamped(replicaset, f"p{number}"))  # type: ignore[arg-type]
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
