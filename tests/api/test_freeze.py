"""Freezing: what callers build by hand becomes what the API server would have decoded."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api import EMPTY, Deployment, FrozenDict, Pod, ReplicaSet, Service, to_dict
from k8snb.api.freeze import freeze
from k8snb.api.types import apps_v1, core_v1, meta_v1
from k8snb.api.unstructured import Unstructured


def pod(**spec: Any) -> Pod:
    container = core_v1.Container(name="c", image="nginx", env=[core_v1.EnvVar(name="A")])  # type: ignore[arg-type]
    labels: dict[str, str] = {"app": "web"}
    return Pod(
        metadata=meta_v1.ObjectMeta(name="web", labels=labels),
        spec=core_v1.PodSpec(containers=[container], **spec),  # type: ignore[arg-type]
    )


def test_lists_and_dicts_become_values() -> None:
    frozen = freeze(pod(nodeSelector={}))

    assert (tuple, tuple, FrozenDict) == (
        type(frozen.spec.containers),
        type(frozen.spec.containers[0].env),
        type(frozen.metadata.labels),
    )
    assert frozen.spec.nodeSelector is EMPTY


def test_zeros_that_go_cannot_tell_from_absence_vanish_and_pointers_stay() -> None:
    status = apps_v1.DeploymentStatus(replicas=0, readyReplicas=0, collisionCount=0, observedGeneration=1)
    spec = apps_v1.DeploymentSpec(replicas=0, paused=False, minReadySeconds=0)

    frozen = to_dict(freeze(Deployment(spec=spec, status=status)))

    assert frozen["status"] == {"collisionCount": 0, "observedGeneration": 1}
    assert list(frozen["spec"]) == ["replicas", "selector", "template", "strategy"]


def test_required_fields_left_none_get_their_zero() -> None:
    status = apps_v1.ReplicaSetStatus(replicas=None)  # type: ignore[arg-type]

    assert to_dict(freeze(ReplicaSet(status=status)))["status"] == {"replicas": 0}


def test_what_is_frozen_is_kept() -> None:
    once = freeze(pod(nodeName="n1", tolerations=[]))

    assert once is freeze(once)
    assert once is freeze(once, once)


def test_only_what_differs_from_the_stored_version_is_looked_at() -> None:
    stored = freeze(pod(nodeName="n1"))
    new = replace(stored, status=core_v1.PodStatus(phase="Running", podIP="", podIPs=[]))  # type: ignore[arg-type]

    frozen = freeze(new, stored)

    assert (stored.spec, {"phase": "Running"}) == (frozen.spec, to_dict(frozen)["status"])
    assert stored.spec is frozen.spec


def test_maps_of_structs_and_free_json_freeze_too() -> None:
    revision = apps_v1.ControllerRevision(data={"spec": {"a": [1, {"b": 2}]}}, revision=1)

    frozen: Any = freeze(revision)

    assert (FrozenDict, tuple) == (type(frozen.data), type(frozen.data["spec"]["a"]))


def test_custom_resources_freeze() -> None:
    thing = Unstructured(apiVersion="example.com/v1", kind="Thing", content={"spec": {"n": [1]}})

    frozen = freeze(thing)

    assert frozen.content["spec"]["n"] == (1,)
    assert frozen is freeze(frozen)


@pytest.mark.parametrize(
    "change",
    [
        lambda labels: labels.update(a="b"),
        lambda labels: labels.pop("app"),
        lambda labels: labels.__setitem__("a", "b"),
        lambda labels: labels.__delitem__("app"),
        lambda labels: labels.clear(),
        lambda labels: labels.setdefault("a", "b"),
        lambda labels: labels.popitem(),
        lambda labels: labels.__ior__({"a": "b"}),
    ],
)
def test_a_map_of_an_object_says_what_to_do_instead_of_changing_it(change: Any) -> None:
    labels = freeze(pod()).metadata.labels

    with pytest.raises(TypeError, match="make the change through the API"):
        change(labels)


def test_fields_of_an_object_cannot_be_set() -> None:
    service: Any = freeze(Service())

    with pytest.raises(AttributeError):
        service.spec = None
