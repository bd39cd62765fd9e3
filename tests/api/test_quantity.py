"""Quantities: every recorded spelling, sum and error of the API server, and the laws of exact arithmetic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.api import quantity

GOLDEN = Path(__file__).parent.parent / "golden" / "api" / "open" / "quantities.jsonl"
RECORDS = [json.loads(line) for line in GOLDEN.read_text().splitlines()]


def spelled(record: dict[str, Any]) -> str | None:
    """The text of a record as the decoder sees it, or None where the body was not JSON at all."""
    if "q" in record:
        return str(record["q"]).strip()
    try:
        json.loads(record["raw"])
    except ValueError:
        return None
    return str(record["raw"])


def outcome(text: str, exponent: int) -> str:
    """What the server would say of ``text``: its canonical form rounded up to 10^exponent, or the end of its
    complaint.
    """
    try:
        return str(quantity.parse(text).round_up(exponent))
    except quantity.QuantityError as error:
        return str(error)


def recorded(answer: dict[str, Any]) -> str | None:
    """The amount or the parse error in an answer; None when the amount was refused for another reason (negative …)."""
    if "value" in answer:
        return str(answer["value"])
    message: str = answer["error"]["message"]
    if answer["error"]["code"] == 400:
        return message.partition(": ")[2]
    if "Invalid value: " in message:
        return message.partition('Invalid value: "')[2].partition('"')[0]
    return None


CASES = [
    pytest.param(text, exponent, expected, id=f"{record['id']}-{where}")
    for record in RECORDS
    if record["cat"] != "sum" and (text := spelled(record)) is not None
    for where, exponent in (("capacity", -9), ("quota", -3), ("cpu", -3), ("memory", -3), ("pvc", -3))
    if where in record and (expected := recorded(record[where])) is not None
]


@pytest.mark.parametrize(("text", "exponent", "expected"), CASES)
def test_canonical_form_is_the_servers(text: str, exponent: int, expected: str) -> None:
    assert expected == outcome(text, exponent)


@pytest.mark.parametrize("record", [pytest.param(r, id=r["id"]) for r in RECORDS if r["cat"] == "sum"])
def test_sums_are_the_servers(record: dict[str, Any]) -> None:
    used, seen = record["start"], []
    for text in record["adds"]:
        used = quantity.add(used, quantity.canonical(text))
        seen.append(used)

    assert record["used_after_each"] == seen


@pytest.mark.parametrize(
    ("text", "whole", "thousandths"),
    [
        ("100m", 1, 100),
        ("1500m", 2, 1500),
        ("-1500m", -2, -1500),
        ("1n", 1, 1),
        ("1Ki", 1024, 1024000),
        ("0", 0, 0),
        ("2e3", 2000, 2000000),
    ],
)
def test_values_round_away_from_zero(text: str, whole: int, thousandths: int) -> None:
    parsed = quantity.parse(text)

    assert (whole, thousandths) == (parsed.value(), parsed.milli_value())


@pytest.mark.parametrize("text", ["", "e", "1e", "1 Gi", "1e99999999999999999999", "1e5000", "9" * 5000, "1.2.3", "１"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(quantity.QuantityError):
        quantity.parse(text)


SPELLINGS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-", "+"]),
    st.integers(0, 10**20),
    st.sampled_from(["", ".5", ".001", ".123456789123"]),
    st.sampled_from(["", "n", "u", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "e3", "E-2", "e0"]),
)


@given(SPELLINGS)
def test_the_canonical_form_says_the_same_amount_and_is_final(text: str) -> None:
    parsed = quantity.parse(text)

    assert abs(parsed.nanos) > 10**30 or parsed == quantity.parse(str(parsed))
    # 1312.5Ki is written 1344000, in binary notation without a suffix, and read again as decimal: 1344k, as in Go
    bare = parsed.format == "BinarySI" and str(parsed)[-1:].isdigit()
    assert abs(parsed.nanos) > 10**30 or bare or str(parsed) == quantity.canonical(str(parsed))


@given(SPELLINGS, SPELLINGS)
def test_subtraction_undoes_addition(left: str, right: str) -> None:
    assert quantity.parse(left) == quantity.parse(left) + quantity.parse(right) - quantity.parse(right)


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_a_quantity_error(text: str) -> None:
    assert outcome(text, -9)


def test_resource_lists_add_up_in_order() -> None:
    lists = [{"cpu": "100m", "memory": "1Gi"}, {"memory": "1Gi", "pods": "1"}]

    assert quantity.total(lists) == {"cpu": "100m", "memory": "2Gi", "pods": "1"}
