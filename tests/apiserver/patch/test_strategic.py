"""Strategic merge patch: directives, orders, errors, and its laws on Deployments."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

from k8snb.api.types.apps_v1 import Deployment
from k8snb.apiserver.patch import strategic, threeway
from k8snb.apiserver.patch.metadata import map_type
from k8snb.apiserver.patch.strategic import StrategicError
from tests.apiserver.patch.trees import DEPLOYMENTS

TYPES = map_type(Deployment)


def pod(**fields: Any) -> dict[str, Any]:
    """A Deployment (or a patch of one) with these fields in its pod spec."""
    return {"spec": {"template": {"spec": fields}}}


A, B, C = {"name": "a", "image": "1"}, {"name": "b", "image": "2"}, {"name": "c", "image": "3"}

CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("merge by key", pod(containers=[A, B]), pod(containers=[{"name": "b", "image": "9"}]),
     pod(containers=[A, {"name": "b", "image": "9"}])),
    ("new elements come before later ones", pod(containers=[A, B]), pod(containers=[C, A]), pod(containers=[C, A, B])),
    ("delete", pod(containers=[A, B]), pod(containers=[{"name": "a", "$patch": "delete"}]), pod(containers=[B])),
    ("replace a list", pod(containers=[A, B]), pod(containers=[{"$patch": "replace"}, C]), pod(containers=[C])),
    ("null removes", pod(containers=[A], hostNetwork=True), pod(hostNetwork=None), pod(containers=[A])),
    ("empty list changes nothing", pod(containers=[A]), pod(containers=[]), pod(containers=[A])),
    ("order", pod(containers=[A, B, C]), pod(**{"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}),
     pod(containers=[B, C, A])),
    ("atomic list", pod(tolerations=[{"key": "x"}]), pod(tolerations=[{"key": "y"}]), pod(tolerations=[{"key": "y"}])),
    ("map merges", pod(nodeSelector={"a": "1", "b": "2"}), pod(nodeSelector={"a": None, "c": "3"}),
     pod(nodeSelector={"b": "2", "c": "3"})),
    ("map replaced", pod(nodeSelector={"a": "1"}), pod(nodeSelector={"$patch": "replace", "c": "3"}),
     pod(nodeSelector={"c": "3"})),
    ("map emptied", pod(nodeSelector={"a": "1"}), pod(nodeSelector={"$patch": "delete"}), pod(nodeSelector={})),
    ("retain keys", {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}},
     {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}, {"spec": {"strategy": {"type": "Recreate"}}}),
    ("set of scalars", {"metadata": {"finalizers": ["x", "y"]}}, {"metadata": {"finalizers": ["z", "x"]}},
     {"metadata": {"finalizers": ["z", "x", "y"]}}),
    ("delete from a set", {"metadata": {"finalizers": ["x", "y"]}},
     {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"]}}, {"metadata": {"finalizers": ["y"]}}),
    ("delete from nothing", {"metadata": {}}, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"]}},
     {"metadata": {}}),
    ("nulls in new parts vanish", pod(), pod(securityContext={"runAsUser": None, "fsGroup": 1}),
     pod(securityContext={"fsGroup": 1})),
    ("directives in new parts vanish", pod(), pod(containers=[A, {"name": "x", "$patch": "delete"}]),
     pod(containers=[A])),
]  # fmt: skip


@pytest.mark.parametrize(("document", "patch", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_apply(document: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]) -> None:
    before = copy.deepcopy((document, patch))

    assert expected == strategic.apply(document, patch, TYPES)
    assert before == (document, patch)


ERRORS: list[tuple[str, dict[str, Any], str, int]] = [
    ("no merge key", pod(containers=[{"image": "x"}]), "map: map[image:x] does not contain declared merge key: name", 500),
    ("unknown directive", pod(containers=[{"name": "a", "$patch": "nope"}]),
     "unknown patch type: nope in map: map[$patch:nope name:a]", 500),
    ("merge directive", pod(containers=[{"name": "a", "$patch": "merge"}]),
     "merging lists cannot yet be specified in the patch", 500),
    ("element types", pod(containers=["a"]), "list element types are not identical: [[map[image:1 name:a]] [a]]", 500),
    ("list of lists", pod(containers=[["a"]]), "lists of lists are not supported", 422),
    ("retain keys format", {"spec": {"$retainKeys": "x"}}, "invalid patch format of retainKeys", 400),
    ("retain keys incomplete", {"spec": {"$retainKeys": ["x"], "paused": True}}, "invalid patch format of retainKeys", 400),
    ("order format", {"spec": {"template": {"spec": {"$setElementOrder": []}}}},
     "invalid patch format of setElementOrder list", 400),
    ("order of an unknown field", {"spec": {"$setElementOrder/nope": []}},
     'unable to find api field in struct DeploymentSpec for the json field "nope"', 500),
    ("order contradicts", pod(**{"$setElementOrder/containers": [{"name": "a"}], "containers": [{"name": "d"}]}),
     "The order in patch list:\n[map[name:d]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n", 500),
]  # fmt: skip


@pytest.mark.parametrize(("patch", "message", "code"), [c[1:] for c in ERRORS], ids=[c[0] for c in ERRORS])
def test_errors(patch: dict[str, Any], message: str, code: int) -> None:
    with pytest.raises(StrategicError) as caught:
        strategic.apply(pod(containers=[A]), patch, TYPES)

    assert (message, code) == (str(caught.value), caught.value.code)


def _lean(value: Any) -> Any:
    """A tree without empty parts: a patch cannot tell an absent list or map from an empty one."""
    if isinstance(value, dict):
        kept = {key: _lean(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ({}, [])}
    return [_lean(item) for item in value] if isinstance(value, list) else value


@given(DEPLOYMENTS, DEPLOYMENTS)
def test_difference_and_apply_are_inverse(old: dict[str, Any], new: dict[str, Any]) -> None:
    patch = threeway.two_way(old, new, TYPES)

    assert _lean(new) == _lean(strategic.apply(old, patch, TYPES))


@given(DEPLOYMENTS, DEPLOYMENTS)
def test_twice_is_once(document: dict[str, Any], patch: dict[str, Any]) -> None:
    once = strategic.apply(document, patch, TYPES)

    assert once == strategic.apply(once, patch, TYPES)
