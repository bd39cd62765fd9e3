"""Definitions of custom resources: names, versions, structural schemas, defaults, rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.kinds.judge import causes, problems
from tests.apiserver.rig import Rig

Tree = dict[str, Any]
SCHEMA = "spec.validation.openAPIV3Schema"


def definition(
    spec: Tree | None = None, *, group: str = "example.com", annotations: Tree | None = None, **more: Any
) -> Tree:
    schema = {"type": "object", "properties": {"spec": spec or {"type": "object"}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "metadata": {"name": f"foos.{group}", "annotations": annotations or {}},
        "spec": {
            "group": group,
            "names": {"plural": "foos", "kind": "Foo"},
            "scope": "Namespaced",
            "versions": [{**version, **more}],
        },
    }


def of_spec(**fields: Any) -> Tree:
    return definition({"type": "object", **fields})


SPEC = f"{SCHEMA}.properties[spec]"
ITEM: Tree = {"type": "object", "properties": {"k": {"type": "string"}}, "required": ["k"]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(definition(), [], id="good"),
        pytest.param(
            definition(group="local"),
            ['spec.group: Invalid value: "local": should be a domain with at least one dot'],
            id="group without a dot",
        ),
        pytest.param(
            of_spec(properties={"a": {}}),
            [f"{SPEC}.properties[a].type: Required value: must not be empty for specified object fields"],
            id="no type",
        ),
        pytest.param(
            of_spec(properties={"a": {"type": "string"}}, additionalProperties={"type": "string"}),
            [f"{SPEC}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"],
            id="both sorts of properties",
        ),
        pytest.param(
            of_spec(anyOf=[{"type": "object"}, {"properties": {"b": {}}}]),
            [
                f"{SPEC}.anyOf[0].type: Forbidden: must be empty to be structural",
            ],
            id="types under anyOf",
        ),
        pytest.param(
            {
                **definition(),
                "spec": {
                    **definition()["spec"],
                    "versions": [
                        {
                            "name": "v1",
                            "served": True,
                            "storage": True,
                            "schema": {
                                "openAPIV3Schema": {"type": "object", "anyOf": [{"properties": {"b": {"minimum": 1}}}]}
                            },
                        }
                    ],
                },
            },
            [f"{SCHEMA}.properties[b]: Required value: because it is defined in {SCHEMA}.anyOf[0].properties[b]"],
            id="mentioned under anyOf only",
        ),
        pytest.param(
            of_spec(
                properties={
                    "a": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}
                }
            ),
            [],
            id="integer or string",
        ),
        pytest.param(
            of_spec(properties={"a": {"type": "string", "patternProperties": {"x": {"type": "string"}}}}),
            [f"{SPEC}.properties[a].patternProperties: Forbidden: patternProperties is not supported"],
            id="not supported",
        ),
        pytest.param(
            of_spec(properties={"a": {"type": "array", "items": ITEM, "x-kubernetes-list-type": "map"}}),
            [
                (
                    f"{SPEC}.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if"
                    " x-kubernetes-list-type is map"
                )
            ],
            id="map list without keys",
        ),
        pytest.param(
            of_spec(
                properties={
                    "a": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"k": {"type": "string"}}},
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["k"],
                    }
                }
            ),
            [
                (
                    f"{SPEC}.properties[a].items.properties[k].default: Required value: this property is in"
                    " x-kubernetes-list-map-keys, so it must have a default or be a required property"
                )
            ],
            id="key that may be absent",
        ),
        pytest.param(
            of_spec(
                properties={"a": {"type": "object", "properties": {"n": {"type": "integer"}}, "default": {"m": 1}}}
            ),
            [f'{SPEC}.properties[a].default: Invalid value: {{"m":1}}: must not have unknown fields'],
            id="default with unknown fields",
        ),
        pytest.param(
            of_spec(properties={"n": {"type": "integer"}}, **{"x-kubernetes-validations": [{"rule": "self.m > 0"}]}),
            [
                (
                    f'{SPEC}.x-kubernetes-validations[0].rule: Invalid value: {{"Rule":"self.m \\u003e 0","Message":"",'
                    '"MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: compilation failed: ERROR:'
                    " <input>:1:5: undefined field 'm'\n | self.m > 0\n | ....^"
                )
            ],
            id="rule about a field that is not there",
        ),
        pytest.param(
            of_spec(
                properties={"n": {"type": "integer"}},
                **{"x-kubernetes-validations": [{"rule": "self.n > 0", "reason": "Because"}]},
            ),
            [
                (
                    f'{SPEC}.x-kubernetes-validations[0].reason: Unsupported value: "Because": supported values:'
                    ' "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"'
                )
            ],
            id="reason of a rule",
        ),
        pytest.param(
            definition(additionalPrinterColumns=[{"name": "A", "type": "text", "jsonPath": "spec.a"}]),
            [
                (
                    'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of'
                    " boolean,date,integer,number,string"
                ),
                (
                    'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "spec.a": must be a simple json path starting'
                    " with ."
                ),
            ],
            id="column",
        ),
        pytest.param(
            definition(subresources={"scale": {"specReplicasPath": ".status.n", "statusReplicasPath": ""}}),
            [
                'spec.subresources.scale.specReplicasPath: Invalid value: ".status.n": should be a json path under .spec',
                "spec.subresources.scale.statusReplicasPath: Required value",
            ],
            id="scale",
        ),
        pytest.param(
            definition(deprecationWarning="old"),
            ['spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions'],
            id="warning of a version that is not deprecated",
        ),
        pytest.param(
            definition(group="x.k8s.io", annotations={"api-approved.kubernetes.io": "yes"}),
            [
                (
                    'metadata.annotations[api-approved.kubernetes.io]: Invalid value: "yes": protected groups must have approval'
                    ' annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see'
                    " https://github.com/kubernetes/enhancements/pull/1111"
                )
            ],
            id="approval that is no URL",
        ),
        pytest.param(
            definition(group="x.k8s.io", annotations={"api-approved.kubernetes.io": "unapproved, testing"}),
            [],
            id="known to be unapproved",
        ),
    ],
)
def test_definition(body: Tree, expected: list[str]) -> None:
    assert expected == problems("customresourcedefinitions", body)


def test_schemas_that_differ_are_reported_by_version() -> None:
    body = definition()
    second = {**body["spec"]["versions"][0], "name": "v2", "storage": False}
    second["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "text"}}}}
    body["spec"]["versions"].append(second)

    assert problems("customresourcedefinitions", body) == [
        (
            'spec.versions[1].schema.openAPIV3Schema.properties[spec].type: Unsupported value: "text": supported values:'
            ' "array", "boolean", "integer", "number", "object", "string"'
        )
    ]


def test_a_version_in_use_must_stay() -> None:
    rig = Rig()
    rig.create("customresourcedefinitions", definition())
    versions = [{**definition()["spec"]["versions"][0], "name": "v2"}]

    refused = rig.refusal(
        "patch",
        "customresourcedefinitions",
        name="foos.example.com",
        body={"spec": {"versions": versions}},
        content_type="application/merge-patch+json",
    )

    assert causes(refused) == [
        (
            'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version,'
            " and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes"
            " v1 from status.storedVersions"
        )
    ]


def test_a_new_storage_version_joins_the_stored_ones() -> None:
    rig = Rig()
    body = definition()
    first = body["spec"]["versions"][0]
    rig.create("customresourcedefinitions", body)

    versions = [{**first, "storage": False}, {**first, "name": "v2"}]
    made = rig.patch("customresourcedefinitions", "foos.example.com", {"spec": {"versions": versions}})

    assert made.status.storedVersions == ("v1", "v2")


def test_a_schema_inside_a_schema_is_read_by_the_decoder() -> None:
    body = of_spec(properties={"a": {"type": "array", "items": {"type": "object", "properties": [1]}}})

    refused = Rig().refusal("create", "customresourcedefinitions", body=body)

    assert refused.code == 400
    assert "json: cannot unmarshal array into Go struct field JSONSchemaProps.properties" in refused.message


def test_unknown_words_in_a_schema_of_items_are_dropped() -> None:
    body = of_spec(properties={"a": {"type": "array", "items": {"type": "string", "colour": "red"}}})

    made = Rig().create("customresourcedefinitions", body)

    schema = made.spec.versions[0].schema.openAPIV3Schema
    assert schema.properties["spec"].properties["a"].items == {"type": "string"}
