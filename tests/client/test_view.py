"""The informer cache: what it finds, by which index, and how it follows changes."""

import pytest
from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Node, Pod, PodSpec
from k8snb.api.types.meta_v1 import ObjectMeta, OwnerReference
from k8snb.api.unstructured import Unstructured
from k8snb.client.protocol import Index
from k8snb.client.testing import static_view
from k8snb.client.view import view_key


def pod(name: str, *, namespace: str = "default", node: str | None = None, owner: str = "", app: str = "") -> Pod:
    refs = (
        (OwnerReference(apiVersion="apps/v1", kind="ReplicaSet", name="rs", uid=owner, controller=True),)
        if owner
        else ()
    )
    labels = FrozenDict({"app": app}) if app else FrozenDict()
    return Pod(
        metadata=ObjectMeta(name=name, namespace=namespace, ownerReferences=refs, labels=labels),
        spec=PodSpec(nodeName=node),
    )


def names(objects: list[Pod]) -> list[str]:
    return [o.metadata.name or "" for o in objects]


def test_get_list_and_built_in_indexes() -> None:
    view = static_view(
        [pod("b", owner="u1"), pod("a", node="n1"), pod("c", namespace="other"), Node(metadata=ObjectMeta(name="n1"))]
    )

    assert names(view.list(Pod)) == ["b", "a", "c"]
    assert names(view.list(Pod, "default")) == ["b", "a"]
    assert names(view.by(Pod, "controller", "u1")) == ["b"]
    assert names(view.by(Pod, "controller", "orphan/default")) == ["a"]
    assert names(view.by(Pod, "node", "n1")) == ["a"]
    assert names(view.by(Pod, "node", "")) == ["b", "c"]
    assert view.get(Pod, "other", "c") is not None
    assert view.get(Pod, "default", "c") is None
    assert view.get(Node, "", "n1") is view.lookup(Node, "n1")


def test_changes_move_objects_between_index_values() -> None:
    view = static_view([pod("a")])
    assert names(view.by(Pod, "node", "")) == ["a"]
    view.apply(Pod, "default/a", pod("a", node="n1"), 2)

    assert view.by(Pod, "node", "") == []
    assert names(view.by(Pod, "node", "n1")) == ["a"]
    view.apply(Pod, "default/a", None, 3)
    assert view.by(Pod, "node", "n1") == []
    assert view.list(Pod) == []
    assert view.revision == 3


def test_an_own_index() -> None:
    index = Index(Pod, "app", lambda p: (p.metadata.labels.get("app", ""),))
    view = static_view([pod("a", app="web"), pod("b", app="db")], indexes=[index])

    assert names(view.by(Pod, "app", "web")) == ["a"]


def test_an_unknown_index_says_which_there_are() -> None:
    view = static_view([pod("a")])

    with pytest.raises(KeyError, match="controller, namespace, node, owner"):
        view.by(Pod, "colour", "red")


def test_an_update_that_keeps_the_index_value_shows_the_new_object() -> None:
    view = static_view([pod("a", node="n1")])
    view.by(Pod, "node", "n1")
    newer: Object = replace(
        pod("a", node="n1"), metadata=ObjectMeta(name="a", namespace="default", resourceVersion="7")
    )
    view.apply(Pod, "default/a", newer, 7)

    assert view.by(Pod, "node", "n1") == [newer]


def test_an_update_may_change_the_version_of_a_custom_resource() -> None:
    old = Unstructured(apiVersion="example.com/v1", kind="Widget", metadata=ObjectMeta(name="w", namespace="default"))
    new = replace(old, apiVersion="example.com/v2")
    other = replace(old, apiVersion="example.org/v1")
    view = static_view([old, other])
    view.list(Unstructured)

    assert view.apply(Unstructured, view_key(new), new, 2) == old
    assert view.list(Unstructured) == [new, other]
