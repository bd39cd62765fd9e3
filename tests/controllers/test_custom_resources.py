"""Custom resources as owners, as dependents and as content of namespaces, in a whole cluster, with and without RBAC."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.cluster import Cluster
from tests.controllers.customs import GROUP, manifest

Tree = dict[str, Any]


def widget(name: str, namespace: str = "default", kind: str = "Widget", **metadata: Any) -> Tree:
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": name, **where, **metadata}}


def config(name: str, **metadata: Any) -> Tree:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default", **metadata}}


def owned_by(owner: Any) -> list[Tree]:
    """The owner reference that operators set."""
    meta = owner.metadata
    names = {"apiVersion": owner.apiVersion, "kind": owner.kind, "name": meta.name, "uid": meta.uid}
    return [{**names, "controller": True, "blockOwnerDeletion": True}]


def names(cluster: Cluster) -> list[str]:
    """Which of the test's objects there are."""
    kinds = {"configmaps", f"widgets.{GROUP}", f"cells.{GROUP}"}
    resources = [resource for resource in cluster.scheme if resource.qualified in kinds]
    found = [obj.metadata.name or "" for resource in resources for obj in cluster.objects(resource)]
    return sorted(name for name in found if name != "kube-root-ca.crt" and name in "abcdef")


@pytest.fixture(params=["AlwaysAllow", "RBAC"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """A cluster with cells of the cluster and widgets of namespaces: cell a owns widget b, which owns c and widget d."""
    cluster = Cluster(nodes=1, authorization=request.param)
    cluster.create(manifest())
    cluster.create(manifest("Cell", namespaced=False))
    a = cluster.create(widget("a", "", "Cell"))
    b = cluster.create(widget("b", ownerReferences=owned_by(a)))
    cluster.create(config("c", ownerReferences=owned_by(b)))
    cluster.create(widget("d", ownerReferences=owned_by(b)))
    cluster.create(widget("e"))
    cluster.settle()
    return cluster


@pytest.mark.parametrize(
    ("kind", "name", "propagation", "left"),
    [
        ("cells", "a", "Background", ["e"]),
        ("cells", "a", "Foreground", ["e"]),
        ("cells", "a", "Orphan", ["b", "c", "d", "e"]),
        ("widgets", "b", "Background", ["a", "e"]),
        ("widgets", "b", "Foreground", ["a", "e"]),
        ("widgets", "b", "Orphan", ["a", "c", "d", "e"]),
        ("crd", f"cells.{GROUP}", "Background", ["e"]),
        ("crd", f"widgets.{GROUP}", "Background", ["a"]),
    ],
)
def test_what_is_left_after_a_deletion(
    cluster: Cluster, kind: str, name: str, propagation: str, left: list[str]
) -> None:
    before = names(cluster)

    cluster.delete(kind, name, propagation=propagation)
    cluster.settle()

    assert before == ["a", "b", "c", "d", "e"]
    assert names(cluster) == left


def test_a_deleted_namespace_takes_its_custom_resources_along(cluster: Cluster) -> None:
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    cluster.create(widget("f", "shop", finalizers=["example.com/hold"]))
    cluster.settle()

    cluster.delete("namespace", "shop")
    cluster.run(30)
    conditions = {c.type: c.message for c in cluster.get("namespace", "shop").status.conditions if c.status == "True"}
    cluster.patch("widgets", "f", {"metadata": {"finalizers": None}}, namespace="shop")
    cluster.settle()

    assert conditions == {
        "NamespaceContentRemaining": f"Some resources are remaining: widgets.{GROUP} has 1 resource instances",
        "NamespaceFinalizersRemaining": "Some content in the namespace has finalizers remaining: "
        "example.com/hold in 1 resource instances",
    }
    assert [obj.metadata.name for obj in cluster.objects(cluster.scheme.resolve("namespaces"))].count("shop") == 0
    assert names(cluster) == ["a", "b", "c", "d", "e"]
