"""Replays recorded answers about quantities, selectors and hashes from any folder in the format of ``tests/golden``.

Each function takes a file and returns (how many were checked, the differences as (id, expected, found)).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from k8snb.api import fields, from_dict, hashing, quantity, selectors
from k8snb.api.scheme import SCHEME
from k8snb.api.types.core_v1 import PodTemplateSpec
from k8snb.api.types.meta_v1 import LabelSelector

Difference = tuple[str, Any, Any]
Result = tuple[int, list[Difference]]


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a file."""
    yield from map(json.loads, path.read_text().splitlines())


def quantities(path: Path) -> Result:
    """Check canonical forms, parse errors and sums (``quantities.jsonl``)."""
    checked, wrong = 0, []
    for record in records(path):
        for where, expected, found in _amounts(record):
            checked += 1
            if expected != found:
                wrong.append((f"{record['id']}/{where}", expected, found))
    return checked, wrong


def _amounts(record: dict[str, Any]) -> Iterator[Difference]:
    if record["cat"] == "sum":
        used, seen = record["start"], []
        for text in record["adds"]:
            used = quantity.add(used, quantity.canonical(text))
            seen.append(used)
        yield "sum", record["used_after_each"], seen
        return
    text = record["q"].strip() if "q" in record else record["raw"]
    try:
        json.loads(record.get("raw", "0"))
    except ValueError:
        return  # not a number at all: the JSON decoder refused it
    for where, exponent in (("capacity", -9), ("quota", -3), ("cpu", -3), ("memory", -3), ("pvc", -3)):
        answer = record.get(where)
        expected = None if answer is None else _amount(answer)
        if expected is not None:
            yield where, expected, amount(text, exponent)


def amount(text: str, exponent: int) -> str:
    """Return the canonical form of ``text``, rounded up to 10^exponent, or what is wrong with it."""
    try:
        return str(quantity.parse(text).round_up(exponent))
    except quantity.QuantityError as error:
        return str(error)


def _amount(answer: dict[str, Any]) -> str | None:
    if "value" in answer:
        return str(answer["value"])
    message: str = answer["error"]["message"]
    if answer["error"]["code"] == 400:
        return message.partition(": ")[2]
    value = message.partition('Invalid value: "')[2].partition('"')[0]
    return value or None


def selections(path: Path, fixtures: Path) -> Result:
    """Check label selectors, selector objects and field selectors (``selectors.jsonl``)."""
    maps = json.loads(fixtures.read_text())["configmaps"]
    checked, wrong = 0, []
    for record in records(path):
        if record["kind"] == "labelSelectorObject" and record["code"] != 201:
            continue  # validation's answer
        expected, found = _selection(record, maps)
        checked += 1
        if expected != found:
            wrong.append((record["id"], expected, found))
    return checked, wrong


def _selection(record: dict[str, Any], maps: dict[str, dict[str, str]]) -> tuple[Any, Any]:
    if record["kind"] == "labelSelectorObject":
        spec = from_dict(LabelSelector, record["request"]["body"]["spec"]["selector"])
        return record["scale_status_selector"], str(selectors.from_label_selector(spec))
    try:
        if record["kind"] == "label":
            selector = selectors.parse(record["selector"])
            found = (str(selector), [name for name, labels in maps.items() if selector.matches(labels)])
            return (record.get("canonical"), record.get("match")), found
        return record.get("canonical"), str(fields.parse(record["selector"], SCHEME.resolve(_resource(record["path"]))))
    except (selectors.SelectorError, fields.FieldSelectorError) as error:
        return record.get("status", {}).get("message"), str(error)


def _resource(path: str) -> str:
    parts = path.strip("/").split("/")
    return f"{parts[1] if parts[0] == 'api' else '/'.join(parts[1:3])}/{parts[-1]}"


def hashes(path: Path) -> Result:
    """Check pod-template and revision hashes (``hashes.jsonl``)."""
    checked, wrong = 0, []
    for record in records(path):
        template, count = from_dict(PodTemplateSpec, record["template"]), record["collisionCount"]
        if record["controller"] == "StatefulSet":
            data = record.get("data") or hashing.statefulset_revision_data(template)
            found = hashing.controller_revision_hash_statefulset(data, count)
        else:
            found = hashing.pod_template_hash(template, count)
        checked += 1
        if record["hash"] != found:
            wrong.append((record["id"], record["hash"], found))
    return checked, wrong
