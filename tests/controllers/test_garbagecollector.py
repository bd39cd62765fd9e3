"""What the garbage collector does with one object, for what it sees."""

from __future__ import annotations

import pytest

from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import ConfigMap
from k8snb.api.types.meta_v1 import ObjectMeta, OwnerReference
from k8snb.client.calls import Call, Delete, Emit, Patch
from k8snb.client.protocol import After
from k8snb.client.testing import drive, static_view
from k8snb.client.view import View
from k8snb.controllers.garbagecollector import GarbageCollector

NOW = "2026-01-01T00:00:00Z"


def owner(name: str, uid: str | None = None, *, block: bool = False, kind: str = "ConfigMap") -> OwnerReference:
    return OwnerReference(
        apiVersion="v1", kind=kind, name=name, uid=uid or f"uid-{name}", blockOwnerDeletion=block or None
    )


def thing(
    name: str,
    *owners: OwnerReference,
    namespace: str = "default",
    deleting: bool = False,
    finalizers: tuple[str, ...] = (),
) -> ConfigMap:
    meta = ObjectMeta(
        name=name, namespace=namespace, uid=f"uid-{name}", ownerReferences=owners, resourceVersion="7",
        deletionTimestamp=NOW if deleting else None, finalizers=finalizers, labels=FrozenDict(),
    )  # fmt: skip
    return ConfigMap(metadata=meta)


def key(name: str, namespace: str = "default") -> str:
    return f"configmaps/{namespace}/{name}/uid-{name}"


def run(name: str, *objects: Object, namespace: str = "default") -> tuple[list[Call], After | None]:
    return drive(GarbageCollector(), key(name, namespace), static_view(objects, 0.0), lambda call: None)


def removed(call: Call) -> list[str]:
    """The uids of the owners that a patch removes."""
    assert isinstance(call, Patch)
    return [entry["uid"] for entry in call.body["metadata"]["ownerReferences"]]


FOREGROUND = thing("a", deleting=True, finalizers=("foregroundDeletion",))


def test_an_object_without_owners_left_is_deleted_by_uid() -> None:
    calls, _ = run("x", thing("x", owner("gone")))

    assert [type(call) for call in calls] == [Delete]
    assert isinstance(calls[0], Delete)
    assert (calls[0].name, calls[0].uid, calls[0].propagation) == ("x", "uid-x", "Background")


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param((thing("x", owner("a")), thing("a")), id="owner is there"),
        pytest.param((thing("x", owner("a", kind="Unheard")),), id="owner of an unknown kind"),
        pytest.param((thing("x", owner("gone"), deleting=True),), id="is being deleted already"),
        pytest.param((thing("x"),), id="has no owners"),
    ],
)
def test_objects_that_stay(objects: tuple[Object, ...]) -> None:
    assert run("x", *objects) == ([], None)


def test_an_owner_of_the_same_name_is_another_one() -> None:
    calls, _ = run("x", thing("x", owner("a", "uid-of-the-first-a")), thing("a"))

    assert [type(call) for call in calls] == [Delete]


def test_only_dangling_references_go_when_an_owner_is_left() -> None:
    calls, _ = run("x", thing("x", owner("a"), owner("gone")), thing("a"))

    assert [removed(call) for call in calls] == [["uid-gone"]]


def test_an_owner_that_waits_is_let_go_when_another_one_stays() -> None:
    calls, _ = run("x", thing("x", owner("a", block=True), owner("b")), FOREGROUND, thing("b"))

    assert [removed(call) for call in calls] == [["uid-a"]]


@pytest.mark.parametrize(
    ("finalizers", "dependents", "expected"),
    [
        ((), (), "Background"),
        (("orphan",), (), "Orphan"),
        (("foregroundDeletion",), (), "Foreground"),
    ],
)
def test_propagation_follows_the_finalizers(
    finalizers: tuple[str, ...], dependents: tuple[Object, ...], expected: str
) -> None:
    calls, _ = run("x", thing("x", owner("gone"), finalizers=finalizers), *dependents)

    assert [call.propagation for call in calls if isinstance(call, Delete)] == [expected]


def test_foreground_goes_down_the_tree() -> None:
    calls, _ = run("x", thing("x", owner("a", block=True)), thing("y", owner("x", block=True)), FOREGROUND)

    assert [call.propagation for call in calls if isinstance(call, Delete)] == ["Foreground"]


def test_an_owner_waits_for_blocking_dependents_only() -> None:
    blocking, other = thing("x", owner("a", block=True)), thing("y", owner("a"))

    assert run("a", FOREGROUND, blocking, other) == ([], None)

    calls, _ = run("a", FOREGROUND, other)
    assert isinstance(calls[0], Patch)
    assert calls[0].body["metadata"] == {"resourceVersion": "7", "finalizers": []}


def test_orphaning_lets_the_dependents_go_and_then_the_owner() -> None:
    orphaning = thing("a", deleting=True, finalizers=("orphan",))

    calls, after = run("a", orphaning, thing("x", owner("a")), thing("y", owner("a")))
    assert [removed(call) for call in calls] == [["uid-a"], ["uid-a"]]
    assert after is not None

    calls, after = run("a", orphaning)
    assert [call.body["metadata"]["finalizers"] for call in calls if isinstance(call, Patch)] == [[]]
    assert after is None


def test_an_owner_in_another_namespace_is_none_and_it_is_said() -> None:
    calls, _ = run("x", thing("x", owner("a"), namespace="other"), thing("a"), namespace="other")

    assert [type(call) for call in calls] == [Emit, Delete]
    assert isinstance(calls[0], Emit)
    assert calls[0].message == (
        'ownerRef [v1/ConfigMap, namespace: other, name: a, uid: uid-a] does not exist in namespace "other"'
    )


def keys(collector: GarbageCollector, old: Object | None, new: Object | None, view: View) -> list[str]:
    watch = next(w for w in collector.watches if w.kind is ConfigMap)
    return list(watch.keys(old, new, view))


def test_keys() -> None:
    collector = GarbageCollector()
    child = thing("x", owner("a", block=True))
    calm = static_view([child, thing("a")], 0.0)

    assert keys(collector, None, child, calm) == []
    assert keys(collector, None, thing("x", owner("gone")), calm) == [key("x")]
    assert keys(collector, child, thing("x", owner("a"), deleting=True), calm) == []
    assert keys(collector, thing("a"), None, static_view([child], 0.0)) == [key("x")]

    waiting = static_view([child, FOREGROUND], 0.0)
    assert keys(collector, thing("a"), FOREGROUND, waiting) == [key("x"), key("a")]
    assert keys(collector, child, None, static_view([FOREGROUND], 0.0)) == [key("a")]
    assert keys(collector, child, thing("x"), waiting) == [key("a")]
    assert keys(collector, None, child, waiting) == [key("x")]
