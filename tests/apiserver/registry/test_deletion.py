"""Deleting: grace periods, finalizers, propagation, preconditions, collections and namespaces."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.request import RequestOptions
from k8snb.apiserver.registry.delete import with_propagation
from tests.apiserver.rig import Rig, config_map, deployment, pod


def held(name: str = "a", *finalizers: str) -> dict[str, Any]:
    """A ConfigMap with finalizers."""
    body = config_map(name)
    body["metadata"]["finalizers"] = list(finalizers or ("example.com/f",))
    return body


def test_an_object_without_finalizers_is_gone_at_once() -> None:
    rig = Rig()
    made = rig.create("configmaps", config_map("a"))

    answer = rig.delete("configmaps", "a")

    assert answer.deleted
    assert answer.object.metadata.uid == made.metadata.uid
    assert answer.object.metadata.resourceVersion == str(rig.store.revision)
    assert rig.names("configmaps") == []


def test_finalizers_hold_an_object_until_the_last_one_goes() -> None:
    rig = Rig()
    rig.create("configmaps", held())
    rig.clock.advance(5)

    answer = rig.delete("configmaps", "a")
    marked = rig.get("configmaps", "a").metadata
    rig.patch("configmaps", "a", {"metadata": {"finalizers": None}})

    assert not answer.deleted
    assert (marked.deletionTimestamp, marked.deletionGracePeriodSeconds) == ("2026-01-01T00:00:05Z", 0)
    assert rig.names("configmaps") == []


def test_no_finalizer_may_be_added_while_deleting() -> None:
    rig = Rig()
    rig.create("configmaps", held())
    rig.delete("configmaps", "a")

    error = rig.refusal(
        "patch",
        "configmaps",
        name="a",
        body={"metadata": {"finalizers": ["example.com/f", "example.com/g"]}},
        content_type="application/merge-patch+json",
    )

    assert error.code == 422
    assert 'found new finalizers []string{"example.com/g"}' in error.message


PODS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[bool, int | None]]] = {
    # spec, options -> (gone at once, grace period left)
    "not scheduled": ({}, {}, (True, None)),
    "scheduled": ({"node": "n1"}, {}, (False, 30)),
    "own period": ({"node": "n1", "terminationGracePeriodSeconds": 7}, {}, (False, 7)),
    "asked for": ({"node": "n1"}, {"grace_period_seconds": 5}, (False, 5)),
    "at once": ({"node": "n1"}, {"grace_period_seconds": 0}, (True, None)),
    "negative": ({"node": "n1"}, {"grace_period_seconds": -3}, (False, 1)),
}


@pytest.mark.parametrize("case", PODS)
def test_grace_periods_of_pods(case: str) -> None:
    spec, options, (gone, left) = PODS[case]
    rig = Rig()
    rig.create("pods", pod(**spec))

    answer = rig.delete("pods", "web", **options)

    assert answer.deleted is gone
    if not gone:
        assert rig.get("pods", "web").metadata.deletionGracePeriodSeconds == left


def test_a_grace_period_can_only_be_shortened() -> None:
    rig = Rig()
    rig.create("pods", pod(node="n1"))
    rig.delete("pods", "web")
    before = rig.store.revision

    rig.delete("pods", "web", grace_period_seconds=60)
    longer = rig.store.revision
    rig.delete("pods", "web", grace_period_seconds=10)
    meta = rig.get("pods", "web").metadata

    assert longer == before
    assert (meta.deletionTimestamp, meta.deletionGracePeriodSeconds) == ("2026-01-01T00:00:10Z", 10)
    assert meta.generation == 2


def test_the_end_of_a_pod_is_two_revisions() -> None:
    rig = Rig()
    rig.create("pods", pod(node="n1"))
    before = rig.store.revision

    rig.delete("pods", "web", grace_period_seconds=0)

    assert [change.value is None for change in rig.store.changes(before + 1)] == [False, True]


PROPAGATION: dict[str, tuple[tuple[str, ...], dict[str, Any], tuple[str, ...]]] = {
    "nothing said": ((), {}, ()),
    "background": ((), {"propagation_policy": "Background"}, ()),
    "foreground": ((), {"propagation_policy": "Foreground"}, ("foregroundDeletion",)),
    "orphan": ((), {"propagation_policy": "Orphan"}, ("orphan",)),
    "old way to orphan": ((), {"orphan_dependents": True}, ("orphan",)),
    "other finalizers stay": (("a.b/c",), {"propagation_policy": "Orphan"}, ("a.b/c", "orphan")),
    "the policy replaces": (("orphan",), {"propagation_policy": "Foreground"}, ("foregroundDeletion",)),
    "background takes both away": (("foregroundDeletion", "a.b/c"), {"propagation_policy": "Background"}, ("a.b/c",)),
    "a finalizer that is there counts": (("orphan",), {}, ("orphan",)),
}


@pytest.mark.parametrize("case", PROPAGATION)
def test_propagation_policies(case: str) -> None:
    before, options, expected = PROPAGATION[case]

    assert expected == with_propagation(before, RequestOptions(**options))


def test_a_foreground_deletion_waits() -> None:
    rig = Rig()
    rig.create("deployments", deployment())

    answer = rig.delete("deployments", "web", propagation_policy="Foreground")
    meta = rig.get("deployments", "web").metadata

    assert (answer.code, meta.finalizers, meta.generation) == (200, ("foregroundDeletion",), 2)


PRECONDITIONS: dict[str, tuple[dict[str, Any], str]] = {
    "uid": (
        {"uid": "1111"},
        (
            'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (1111) does not match the UID in '
            "record (<uid>). The object might have been deleted and then recreated"
        ),
    ),
    "version": (
        {"resource_version_precondition": "1"},
        (
            'Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does not match the '
            "ResourceVersion in record (<rv>). The object might have been modified"
        ),
    ),
}


@pytest.mark.parametrize("case", PRECONDITIONS)
def test_preconditions(case: str) -> None:
    options, message = PRECONDITIONS[case]
    rig = Rig()
    meta = rig.create("configmaps", config_map("a")).metadata

    error = rig.refusal("delete", "configmaps", name="a", **options)

    assert error.message == message.replace("<uid>", meta.uid).replace("<rv>", meta.resourceVersion)


def test_a_collection_is_deleted_by_selector_and_listed() -> None:
    rig = Rig()
    for name, label in (("a", "x"), ("b", "y"), ("c", "x")):
        body = config_map(name)
        body["metadata"]["labels"] = {"l": label}
        rig.create("configmaps", body)

    answer = rig.send("deletecollection", "configmaps", label_selector="l=x")

    assert [item.metadata.name for item in answer.items or ()] == ["a", "c"]
    assert rig.names("configmaps") == ["b"]


def test_a_namespace_ends_in_steps() -> None:
    rig = Rig("old")
    made = rig.delete("namespaces", "old")
    again = rig.delete("namespaces", "old")
    error = rig.refusal("create", "configmaps", "old", body=config_map("a"))

    namespace = rig.get("namespaces", "old")
    from msgspec.structs import replace

    emptied = replace(namespace, spec=replace(namespace.spec, finalizers=()))
    rig.send("update", "namespaces", name="old", subresource="finalize", body=emptied)

    assert made.object.status.phase == "Terminating"
    assert again.object.metadata.deletionTimestamp == made.object.metadata.deletionTimestamp
    assert error.causes[0].reason == "NamespaceTerminating"
    assert rig.store.get("/registry/namespaces/old") is None


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_some_namespaces_may_not_be_deleted(name: str) -> None:
    error = Rig(name).refusal("delete", "namespaces", name=name)

    assert error.message == f'namespaces "{name}" is forbidden: this namespace may not be deleted'


BAD_OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown policy": (
        {"propagation_policy": "Nope"},
        'propagationPolicy: Unsupported value: "Nope": supported values: "Foreground", "Background", "Orphan", "nil"',
    ),
    "both ways": (
        {"propagation_policy": "Orphan", "orphan_dependents": True},
        'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
    ),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options(case: str) -> None:
    options, message = BAD_OPTIONS[case]
    rig = Rig()
    rig.create("configmaps", config_map("a"))

    error = rig.refusal("delete", "configmaps", name="a", **options)

    assert error.message == f'DeleteOptions.meta.k8s.io "" is invalid: {message}'
