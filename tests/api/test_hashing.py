"""The recorded pod-template-hash and controller-revision-hash values of a real control plane."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from k8snb.api import from_dict, hashing, quantity
from k8snb.api.types.core_v1 import PodTemplateSpec

GOLDEN = Path(__file__).parent.parent / "golden" / "workloads" / "open" / "hashes.jsonl"
RECORDS = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
LINES = [pytest.param(record, id=f"{record['controller']}-{record['name']}-{i}") for i, record in enumerate(RECORDS)]


@pytest.mark.parametrize("record", LINES)
def test_hashes_are_those_of_kubernetes(record: dict[str, Any]) -> None:
    template, count = from_dict(PodTemplateSpec, record["template"]), record["collisionCount"]
    if record["controller"] == "StatefulSet":
        data = record.get("data") or hashing.statefulset_revision_data(template)
        assert record["hash"] == hashing.controller_revision_hash_statefulset(data, count)
    else:
        assert record["hash"] == hashing.pod_template_hash(template, count)


@pytest.mark.parametrize("record", [p for p in LINES if "dump" in p.values[0]])  # type: ignore[operator]
def test_the_dump_is_the_text_that_was_hashed(record: dict[str, Any]) -> None:
    assert record["dump"] == hashing.dump_template(from_dict(PodTemplateSpec, record["template"]))


@pytest.mark.parametrize(
    ("data", "expected"), [(b"", 2166136261), (b"a", 0xE40C292C), (b"foobar", 0xBF9CF968)]
)  # fmt: skip
def test_fnv1a_is_the_published_function(data: bytes, expected: int) -> None:
    assert expected == hashing.fnv1a(data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("64Mi", (67108864, 0, None, "", "BinarySI")),
        ("4Mi", (4194304, 0, None, "4Mi", "BinarySI")),
        ("1500m", (1500, -3, None, "1500m", "DecimalSI")),
        ("1Pi", (0, 0, (1125899906842624 * 10**9, 9), "", "BinarySI")),
        ("16Ei", (0, 0, ((1 << 63) - 1, 0), "", "BinarySI")),
    ],
)
def test_go_holds_small_amounts_as_integers_and_others_as_big_decimals(text: str, expected: Any) -> None:
    assert expected == quantity.layout(text)


def test_a_template_is_hashed_once() -> None:
    template = from_dict(PodTemplateSpec, RECORDS[0]["template"])
    first = hashing.pod_template_hash(template)

    assert hashing._SUMS[id(template)][0] is template
    assert first == hashing.pod_template_hash(template)
