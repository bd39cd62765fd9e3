"""Metadata: names, owners, finalizers, and what stays."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.meta_v1 import ObjectMeta, OwnerReference
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.metadata import ANNOTATIONS_LIMIT, Errors, object_meta, object_meta_update

GOOD = ObjectMeta(name="a", namespace="n", uid="u", resourceVersion="1", creationTimestamp="2026-01-01T00:00:00Z")
OWNER = OwnerReference(apiVersion="v1", kind="ConfigMap", name="o", uid="u", controller=True)


def said(errors: Errors) -> list[str]:
    """The errors as text, without explanations in parentheses."""
    return [str(error).partition(" (e.g.")[0] for error in errors]


NEW: dict[str, tuple[dict[str, Any], list[str]]] = {
    "good": ({}, []),
    "no name": ({"name": None}, ["metadata.name: Required value: name or generateName is required"]),
    "no namespace": ({"namespace": None}, ["metadata.namespace: Required value"]),
    "a generation below zero": (
        {"generation": -1},
        ["metadata.generation: Invalid value: -1: must be greater than or equal to 0"],
    ),
    "upper case in the prefix of an annotation": ({"annotations": FrozenDict({"A.b/c": ""})}, []),
    "annotations that just fit": ({"annotations": FrozenDict({"a": "x" * (ANNOTATIONS_LIMIT - 1)})}, []),
    "too much annotated": (
        {"annotations": FrozenDict({"a": "ü" * (ANNOTATIONS_LIMIT // 2)})},
        [f"metadata.annotations: Too long: may not be more than {ANNOTATIONS_LIMIT} bytes"],
    ),
    "two controllers": (
        {"ownerReferences": (OWNER, replace(OWNER, name="p", uid="v"))},
        [
            (
                'metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"ConfigMap","name":"o","uid":"u",'
                '"controller":true},{"apiVersion":"v1","kind":"ConfigMap","name":"p","uid":"v","controller":true}]: Only one'
                ' reference can have Controller set to true. Found "true" in references for ConfigMap/o and ConfigMap/p'
            )
        ],
    ),
    "an owner of no version": (
        {"ownerReferences": (replace(OWNER, apiVersion="apps/"),)},
        ['metadata.ownerReferences.apiVersion: Invalid value: "apps/": version must not be empty'],
    ),
    "both ways to delete": (
        {"finalizers": ("orphan", "foregroundDeletion")},
        [
            (
                'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion'
                " cannot be both set"
            )
        ],
    ),
    "a finalizer of nobody": (
        {"finalizers": ("mine",)},
        [
            (
                'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully'
                " qualified"
            )
        ],
    ),
}


@pytest.mark.parametrize("name", NEW)
def test_new(name: str) -> None:
    changes, expected = NEW[name]
    errors: Errors = []
    object_meta(replace(GOOD, **changes), True, names.subdomain_name, errors)

    assert said(errors) == expected


def test_a_cluster_has_no_namespace() -> None:
    errors: Errors = []
    object_meta(GOOD, False, names.subdomain_name, errors)

    assert said(errors) == ["metadata.namespace: Forbidden: not allowed on this type"]


CHANGED: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "the same": ({}, {}, []),
    "another name": ({}, {"name": "b"}, ['metadata.name: Invalid value: "b": field is immutable']),
    "another uid": ({}, {"uid": "v"}, ['metadata.uid: Invalid value: "v": field is immutable']),
    "no version": (
        {},
        {"resourceVersion": None},
        ['metadata.resourceVersion: Invalid value: "": must be specified for an update'],
    ),
    "back in generations": (
        {"generation": 3},
        {"generation": 2},
        ["metadata.generation: Invalid value: 2: must not be decremented"],
    ),
    "a finalizer too late": (
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
        {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ("example.com/x",)},
        [
            (
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new"
                ' finalizers []string{"example.com/x"}'
            )
        ],
    ),
    "one finalizer less": (
        {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ("a.b/c", "a.b/d")},
        {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ("a.b/c",)},
        [],
    ),
    "deleted by hand": (
        {},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
        ['metadata.deletionTimestamp: Invalid value: "2026-01-01T00:00:00Z": field is immutable'],
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_changed(name: str) -> None:
    before, after, expected = CHANGED[name]
    errors: Errors = []
    object_meta_update(replace(GOOD, **after), replace(GOOD, **before), errors)

    assert said(errors) == expected
