"""Built-in kinds without generated types: their defaults, and values of wrong types."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.kinds.judge import problems, stored
from tests.apiserver.rig import Rig

Tree = dict[str, Any]


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        pytest.param(
            "flowschemas",
            {"priorityLevelConfiguration": {"name": "x"}},
            {"priorityLevelConfiguration": {"name": "x"}, "matchingPrecedence": 1000},
            id="flow schema",
        ),
        pytest.param(
            "prioritylevelconfigurations",
            {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {"queues": 8}}}},
            {
                "type": "Limited",
                "limited": {
                    "nominalConcurrencyShares": 30,
                    "lendablePercent": 0,
                    "limitResponse": {
                        "type": "Queue",
                        "queuing": {"queues": 8, "handSize": 8, "queueLengthLimit": 50},
                    },
                },
            },
            id="priority level",
        ),
        pytest.param(
            "resourceclaims",
            {"devices": {"requests": [{"name": "r", "firstAvailable": [{"name": "s", "deviceClassName": "c"}]}]}},
            {
                "devices": {
                    "requests": [
                        {
                            "name": "r",
                            "firstAvailable": [
                                {"name": "s", "deviceClassName": "c", "allocationMode": "ExactCount", "count": 1}
                            ],
                        }
                    ]
                }
            },
            id="claim",
        ),
    ],
)
def test_defaults(kind: str, spec: Tree, expected: Tree) -> None:
    assert expected == stored(kind, {"spec": spec})["spec"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            {"matchingPrecedence": 10001},
            [
                "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000",
                "spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
            ],
            id="precedence and level",
        ),
        pytest.param(
            {"matchingPrecedence": 1, "priorityLevelConfiguration": {"name": "a"}},
            [
                (
                    "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have"
                    " matchingPrecedence 1"
                )
            ],
            id="the highest one",
        ),
    ],
)
def test_flow_schema(spec: Tree, expected: list[str]) -> None:
    assert expected == problems("flowschemas", {"spec": spec})


def test_a_value_of_a_wrong_type_is_refused_as_by_the_decoder() -> None:
    body = {"metadata": {"name": "x"}, "spec": {"matchingPrecedence": "high"}}

    refused = Rig().refusal("create", "flowschemas", body=body)

    assert (refused.code, refused.message) == (
        400,
        (
            'FlowSchema in version "v1" cannot be handled as a FlowSchema: json: cannot unmarshal string into Go struct'
            " field FlowSchemaSpec.spec.matchingPrecedence of type int32"
        ),
    )
