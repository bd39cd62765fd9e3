"""What the garbage collector does with one object, for what it sees."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import ConfigMap
from k8snb.api.types.meta_v1 import ObjectMeta, OwnerReference
from k8snb.api.unstructured import Unstructured
from k8snb.client.calls import Call, CustomKind, Delete, Emit, Patch, kind_of
from k8snb.client.protocol import After
from k8snb.client.testing import drive, static_view
from k8snb.client.view import View
from k8snb.controllers.garbagecollector import GarbageCollector
from tests.controllers.customs import GROUP, custom, definition

NOW = "2026-01-01T00:00:00Z"


def owner(name: str, uid: str | None = None, *, block: bool = False, kind: str = "ConfigMap") -> OwnerReference:
    api_version = "v1" if kind in ("ConfigMap", "Unheard") else f"{GROUP}/v1"
    return OwnerReference(
        apiVersion=api_version, kind=kind, name=name, uid=uid or f"uid-{name}", blockOwnerDeletion=block or None
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


def widget(name: str, *owners: OwnerReference, kind: str = "Widget", **fields: Any) -> Unstructured:
    """A custom object with the metadata of a ``thing``."""
    return custom(thing(name, *owners, **fields).metadata, kind)


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


# -- custom resources

WIDGETS, CELLS = definition(), definition("Cell", namespaced=False)
WIDGET = CustomKind(api_version=f"{GROUP}/v1", kind="Widget")
CELL = CustomKind(api_version=f"{GROUP}/v1", kind="Cell")
GOING: dict[str, Any] = {"deleting": True, "finalizers": ("foregroundDeletion",)}


def custom_run(target: str, *objects: Object) -> list[Call]:
    """What is done with ``plural/namespace/name`` (of the group of widgets unless it is a ConfigMap)."""
    qualified, namespace, name = target.split("/")
    full = qualified if qualified == "configmaps" else f"{qualified}.{GROUP}"
    view = static_view(objects, 0.0)
    return drive(GarbageCollector(), f"{full}/{namespace}/{name}/uid-{name}", view, lambda call: None)[0]


@pytest.mark.parametrize(
    ("target", "objects", "expected"),
    [
        pytest.param(
            "configmaps/default/x", (WIDGETS, thing("x", owner("w", kind="Widget"))), ("ConfigMap", "Background"),
            id="a built-in dependent of a custom owner",
        ),
        pytest.param(
            "widgets/default/w", (WIDGETS, widget("w", owner("gone"))), ("Widget", "Background"),
            id="a custom dependent of a built-in owner",
        ),
        pytest.param(
            "widgets/default/w", (WIDGETS, CELLS, widget("w", owner("c", kind="Cell"))), ("Widget", "Background"),
            id="an owner of the cluster",
        ),
        pytest.param(
            "cells//c", (CELLS, widget("c", owner("b", kind="Cell"), kind="Cell", namespace="")), ("Cell", "Background"),
            id="a dependent of the cluster",
        ),
        pytest.param(
            "widgets/default/w",
            (WIDGETS, widget("w", owner("o", block=True, kind="Widget")), widget("o", **GOING), thing("x", owner("w", kind="Widget"))),
            ("Widget", "Foreground"),
            id="foreground goes down a tree of both",
        ),
        pytest.param(
            "widgets/default/w", (WIDGETS, widget("w", owner("gone"), finalizers=("orphan",))), ("Widget", "Orphan"),
            id="orphaning",
        ),
    ],
)  # fmt: skip
def test_custom_resources_are_collected(target: str, objects: tuple[Object, ...], expected: tuple[str, str]) -> None:
    calls = custom_run(target, *objects)

    assert [(c.kind.__name__, c.propagation) for c in calls if isinstance(c, Delete)] == [expected]
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("target", "objects"),
    [
        pytest.param(
            "configmaps/default/x", (WIDGETS, thing("x", owner("w", kind="Widget")), widget("w")), id="owner is there"
        ),
        pytest.param("configmaps/default/x", (thing("x", owner("w", kind="Widget")),), id="nobody defines the kind"),
        pytest.param(
            "configmaps/default/x",
            (definition(established=False), thing("x", owner("w", kind="Widget"))),
            id="the kind is not established",
        ),
        pytest.param("widgets/default/w", (widget("w", owner("gone")),), id="the dependent's kind is gone"),
        pytest.param(
            "cells//c",
            (WIDGETS, CELLS, widget("c", owner("w", kind="Widget"), kind="Cell", namespace="")),
            id="an owner in a namespace cannot own a cluster's",
        ),
        pytest.param(
            "widgets/default/w",
            (WIDGETS, widget("w", **GOING), thing("x", owner("w", block=True, kind="Widget"))),
            id="waits for a blocking dependent",
        ),
    ],
)
def test_custom_resources_that_stay(target: str, objects: tuple[Object, ...]) -> None:
    assert custom_run(target, *objects) == []


def test_an_owner_that_went_with_its_definition_is_gone() -> None:
    view = static_view([thing("x", owner("w", kind="Widget"))], 0.0)

    calls, _ = drive(GarbageCollector(), f"{key('x')}/uid-w", view)

    assert [type(call) for call in calls] == [Delete]


def test_references_of_custom_resources_change_by_merge_patches() -> None:
    kept, lost = owner("a"), owner("gone")
    letting = custom_run("widgets/default/w", WIDGETS, widget("w", kept, lost), thing("a"))
    orphaning = custom_run(
        "widgets/default/o", WIDGETS, widget("o", deleting=True, finalizers=("orphan",)), widget("w", owner("o", kind="Widget"))
    )  # fmt: skip
    circle = custom_run(
        "widgets/default/v", WIDGETS,
        widget("w", owner("v", block=True, kind="Widget"), **GOING),
        widget("v", owner("w", block=True, kind="Widget")),
    )  # fmt: skip

    bodies = [(c.kind, c.patch_type, c.body) for c in (*letting, *orphaning, *circle) if isinstance(c, Patch)]
    reference = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Widget",
        "name": "w",
        "uid": "uid-w",
        "blockOwnerDeletion": False,
    }
    expected: list[list[dict[str, Any]]] = [
        [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "uid-a"}], [], [reference],
    ]  # fmt: skip
    assert bodies == [
        (WIDGET, "application/merge-patch+json", {"metadata": {"resourceVersion": "7", "ownerReferences": owners}})
        for owners in expected
    ]


def test_kinds_of_calls() -> None:
    assert [kind_of(thing("x")), kind_of(widget("w")), kind_of(widget("c", kind="Cell"))] == [ConfigMap, WIDGET, CELL]


def test_keys_of_custom_resources() -> None:
    collector = GarbageCollector()
    child = thing("x", owner("w", block=True, kind="Widget"))
    grandchild = widget("v", owner("w", kind="Widget"))
    watches = [w for w in collector.watches if w.kind is Unstructured]
    defined = [w for w in collector.watches if w.kind.__name__ == "CustomResourceDefinition"]

    def changed(old: Object | None, new: Object | None, *objects: Object) -> list[str]:
        return [k for w in watches for k in w.keys(old, new, static_view(objects, 0.0))]

    def establish(*objects: Object) -> list[str]:
        old = definition(established=False)
        return [k for w in defined for k in w.keys(old, WIDGETS, static_view([WIDGETS, *objects], 0.0))]

    of_v, of_w = (f"widgets.{GROUP}/default/{name}/uid-{name}" for name in "vw")
    assert changed(widget("w"), None, WIDGETS, child, grandchild) == [f"{key('x')}/uid-w", f"{of_v}/uid-w"]
    assert changed(widget("w"), None, child, grandchild) == [f"{key('x')}/uid-w"]
    assert changed(widget("w"), widget("w", **GOING), WIDGETS, child) == [key("x"), of_w]
    assert changed(None, grandchild, WIDGETS) == [of_v]
    assert changed(None, grandchild, WIDGETS, widget("w")) == []
    assert changed(None, grandchild) == []
    assert establish(child, thing("y", owner("a"))) == [key("x")]
    assert establish(child, widget("w")) == []
