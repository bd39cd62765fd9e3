"""Custom resources: serving what definitions say, schemas, rules, subresources, and what is left when they go."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from k8snb.api.errors import APIError
from k8snb.api.request import Request
from tests.apiserver.rig import Rig

Tree = dict[str, Any]
SCHEMA: Tree = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 10},
                "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
                "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
                        "required": ["name"],
                    },
                },
                "fixed": {
                    "type": "string",
                    "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "stay"}],
                },
            },
            "x-kubernetes-validations": [
                {"rule": "self.size < 9 || self.color == 'blue'", "message": "big ones are blue"}
            ],
        },
        "status": {"type": "object", "properties": {"phase": {"type": "string"}, "replicas": {"type": "integer"}}},
    },
}


def definition(plural: str = "widgets", kind: str = "Widget", **names: Any) -> Tree:
    """A definition with status and scale."""
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": SCHEMA},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.replicas"},
        },
        "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
        "selectableFields": [{"jsonPath": ".spec.color"}],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "shortNames": ["wd"], **names},
            "versions": [version],
        },
    }


@pytest.fixture
def rig() -> Rig:
    """A server that serves widgets."""
    rig = Rig()
    rig.create("customresourcedefinitions", definition(), "")
    return rig


def widget(name: str = "w", **spec: Any) -> Tree:
    """A widget."""
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"size": 3, **spec}}


def test_a_definition_is_established_and_served(rig: Rig) -> None:
    found = rig.get("customresourcedefinitions", "widgets.example.com")

    made = rig.create("wd", widget())

    assert [(c.type, c.status) for c in found.status.conditions] == [("NamesAccepted", "True"), ("Established", "True")]
    assert made.metadata.generation == 1
    assert made.spec == {"size": 3, "color": "red"}
    assert rig.store.get("/registry/example.com/widgets/default/w") is not None


def test_unknown_fields_are_dropped(rig: Rig) -> None:
    answer = rig.send("create", "widgets", body=widget(extra=1))
    error = rig.refusal("create", "widgets", body=widget("b", extra=1), field_validation="Strict")

    assert "extra" not in answer.object.spec
    assert answer.warnings == ('unknown field "spec.extra"',)
    assert error.message == (
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.extra"'
    )


INVALID: dict[str, tuple[Tree, str]] = {
    "missing": ({"size": None}, "spec.size: Required value"),
    "too small": ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
    "not listed": ({"color": "green"}, 'spec.color: Unsupported value: "green": supported values: "red", "blue"'),
    "twice": ({"tags": ["a", "a"]}, 'spec.tags[1]: Duplicate value: "a"'),
    "same key": (
        {"ports": [{"name": "a"}, {"name": "a"}]},
        'spec.ports[1]: Duplicate value: {"name":"a"}',
    ),
    "type": (
        {"tags": "a"},
        'spec.tags: Invalid value: "string": spec.tags in body must be of type array: "string"',
    ),
    "rule": ({"size": 9}, "spec: Invalid value: big ones are blue"),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_objects(rig: Rig, case: str) -> None:
    spec, message = INVALID[case]

    error = rig.refusal("create", "widgets", body=widget(**spec))

    assert error.code == 422
    assert message in error.message


def test_rules_about_changes_see_the_old_object(rig: Rig) -> None:
    rig.create("widgets", widget(fixed="a"))

    with pytest.raises(APIError, match=r'spec.fixed: Invalid value: "b": stay'):
        rig.patch("widgets", "w", {"spec": {"fixed": "b"}})


def test_status_is_apart_and_generation_follows_the_spec(rig: Rig) -> None:
    rig.create("widgets", widget() | {"status": {"phase": "Lies"}})

    reported = rig.patch("widgets", "w", {"spec": {"size": 8}, "status": {"phase": "Ready"}}, subresource="status")
    changed = rig.patch("widgets", "w", {"spec": {"size": 5}, "status": {"phase": "Gone"}})

    assert (reported.spec["size"], reported.status) == (3, {"phase": "Ready"})
    assert (changed.spec["size"], changed.status) == (5, {"phase": "Ready"})
    assert (reported.metadata.generation, changed.metadata.generation) == (1, 2)


def test_the_scale_is_where_the_definition_says(rig: Rig) -> None:
    rig.create("widgets", widget())

    read = rig.send("get", "widgets", name="w", subresource="scale").object
    rig.patch("widgets", "w", {"spec": {"replicas": 6}}, subresource="scale")

    assert (read.spec.replicas, read.status.replicas) == (3, 0)
    assert rig.get("widgets", "w").spec["size"] == 6


def test_updates_need_a_version(rig: Rig) -> None:
    rig.create("widgets", widget())

    error = rig.refusal("update", "widgets", name="w", body=widget(size=4))

    assert "metadata.resourceVersion: Invalid value: 0: must be specified for an update" in error.message


def test_declared_fields_can_be_selected(rig: Rig) -> None:
    rig.create("widgets", widget("a"))
    rig.create("widgets", widget("b", color="blue"))

    answer = rig.send("list", "widgets", field_selector="spec.color=blue")

    assert [item.metadata.name for item in answer.items or ()] == ["b"]


def test_a_name_in_use_is_not_accepted(rig: Rig) -> None:
    rig.create("customresourcedefinitions", definition("gadgets", "Gadget", shortNames=["widgets"]), "")

    found = rig.get("customresourcedefinitions", "gadgets.example.com")

    assert [(c.type, c.status, c.reason) for c in found.status.conditions] == [
        ("NamesAccepted", "False", "ShortNamesConflict"),
        ("Established", "False", "NotAccepted"),
    ]


def test_deleting_a_definition_takes_its_objects_along(rig: Rig) -> None:
    rig.create("widgets", widget())
    resource = rig.server.scheme.resolve("widgets")

    rig.delete("customresourcedefinitions", "widgets.example.com")

    assert rig.store.get("/registry/example.com/widgets/default/w") is None
    assert rig.store.get("/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com") is None
    with pytest.raises(APIError, match="could not find the requested resource"):
        rig.server.handle(Request("list", resource, "default"))


def terminating(rig: Rig) -> tuple[str, str, str]:
    """Status, reason and message of the definition's condition."""
    found = rig.send("get", "customresourcedefinitions", name="widgets.example.com").object
    assert found is not None
    return next((c.status, c.reason, c.message) for c in found.status.conditions if c.type == "Terminating")


def test_objects_with_finalizers_hold_their_definition(rig: Rig) -> None:
    body = widget()
    body["metadata"]["finalizers"] = ["example.com/f"]
    rig.create("widgets", body)
    rig.delete("customresourcedefinitions", "widgets.example.com")
    held = rig.names("customresourcedefinitions", "")
    told = terminating(rig)
    with pytest.raises(APIError, match="create not allowed while custom resource definition is terminating") as refused:
        rig.create("widgets", widget("late"))

    rig.patch("widgets", "w", {"metadata": {"finalizers": None}})

    assert told == ("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
    assert (refused.value.code, refused.value.reason) == (405, "MethodNotAllowed")
    assert held == ["widgets.example.com"]
    assert rig.names("customresourcedefinitions", "") == []


def test_other_finalizers_hold_a_definition_without_objects() -> None:
    rig = Rig()
    held = definition()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    rig.create("customresourcedefinitions", held)
    rig.create("widgets", widget("a"))

    rig.delete("customresourcedefinitions", "widgets.example.com")
    left = rig.send("get", "customresourcedefinitions", name="widgets.example.com").object

    assert left is not None
    assert left.metadata.finalizers == ("example.com/hold",)
    assert terminating(rig) == ("False", "InstanceDeletionCompleted", "removed all instances")
    assert rig.server.store.list("/registry/example.com/widgets/").items == ()


def test_a_copied_server_has_definitions_of_its_own(rig: Rig) -> None:
    other = copy.deepcopy(rig)

    other.delete("customresourcedefinitions", "widgets.example.com")

    assert rig.create("widgets", widget()).kind == "Widget"
    assert other.server.scheme.find("example.com/v1", "Widget") is None
    assert rig.server.scheme.find("example.com/v1", "Widget") is not None
