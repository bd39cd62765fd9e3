"""Objects inside custom resources; the messages are those of upstream's check of embedded resources."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.apiserver.custom.embedded import embedded_errors

WHOLE: dict[str, Any] = {
    "type": "object",
    "x-kubernetes-embedded-resource": True,
    "x-kubernetes-preserve-unknown-fields": True,
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "one": WHOLE,
        "many": {"type": "array", "items": WHOLE},
        "named": {"type": "object", "additionalProperties": WHOLE},
    },
}
POD: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod"}
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "good": ({"one": POD, "many": [POD | {"metadata": {"name": "a", "namespace": "b"}}], "named": {"x": POD}}, []),
    "empty": ({"one": {}}, ["one.apiVersion: Required value", "one.kind: Required value"]),
    "no texts": (
        {"many": [POD, {"apiVersion": 1, "kind": True}]},
        [
            "many[1].apiVersion: Invalid value: 1: must be a string",
            "many[1].kind: Invalid value: true: must be a string",
        ],
    ),
    "empty texts": (
        {"named": {"x": {"apiVersion": "", "kind": ""}}},
        [
            'named[x].apiVersion: Invalid value: "": must not be empty',
            'named[x].kind: Invalid value: "": must not be empty',
        ],
    ),
    "two slashes": (
        {"one": {"apiVersion": "a/b/c", "kind": "Pod"}},
        ['one.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
    ),
    "name": (
        {"one": POD | {"metadata": {"name": "a/b"}}},
        ["one.metadata.name: Invalid value: \"a/b\": may not contain '/'"],
    ),
    "label": (
        {"one": POD | {"metadata": {"labels": {"a": "-"}}}},
        [
            (
                'one.metadata.labels: Invalid value: "-": a valid label must be an empty string or consist of alphanumeric'
                " characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or"
                " 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            )
        ],
    ),
    "metadata of wrong types": ({"one": POD | {"metadata": {"labels": {"a": 1}}}}, []),
}


@pytest.mark.parametrize("name", CASES)
def test_embedded_objects(name: str) -> None:
    tree, expected = CASES[name]
    assert [str(error) for error in embedded_errors(tree, SCHEMA)] == expected
