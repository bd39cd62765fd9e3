"""Every recorded Table: columns, cells and conditions of the objects behind it, at the recorded time."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from k8snb.api.codec import from_dict
from k8snb.apiserver.tables import Table, table
from k8snb.sim.clock import seconds

GOLDEN = Path(__file__).parents[2] / "golden" / "api" / "tables"
FILES = sorted(path.name for path in GOLDEN.glob("*.json"))


def _read(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text())


def _declared(group: str, version: str, plural: str) -> list[dict[str, Any]] | None:
    """The printer columns of a custom resource, None for a built-in one."""
    for definition in _read("apiextensions.k8s.io_v1.customresourcedefinitions.json")["objects"]:
        spec = definition["spec"]
        if (spec["group"], spec["names"]["plural"]) == (group, plural):
            served = next(item for item in spec["versions"] if item["name"] == version)
            return served.get("additionalPrinterColumns") or []
    return None


def printed(recorded: dict[str, Any]) -> Table:
    """Our table of the recorded objects."""
    *group, version, plural = recorded["gvr"].split("/")
    plural = plural.partition(".")[0]
    name = group[0] if group else ""
    kind = {"kind": recorded["kind"], "apiVersion": f"{name}/{version}" if name else version}
    objects: list[Any] = [from_dict(None, {**item, **kind}) for item in recorded["objects"]]
    resource = SimpleNamespace(group=name, plural=plural)
    return table(resource, objects, seconds(recorded["now"]), _declared(name, version, plural))


def test_files_are_there() -> None:
    assert len(FILES) == 64


@pytest.mark.parametrize("name", FILES)
def test_columns(name: str) -> None:
    recorded = _read(name)
    expected = [(c["name"], c["type"], c["format"], c["priority"]) for c in recorded["columnDefinitions"]]

    assert expected == [tuple(column) for column in printed(recorded).columns]


@pytest.mark.parametrize("name", FILES)
def test_rows(name: str) -> None:
    recorded = _read(name)
    expected = {row["cells"][0] if name != "v1.events.json" else i: row for i, row in enumerate(recorded["rows"])}
    # The component statuses were probed at the same time; their order is chance.
    in_order = name != "v1.componentstatuses.json"
    rows = [(list(row.cells), list(row.conditions)) for row in printed(recorded).rows]
    wanted = [(row["cells"], row.get("conditions") or []) for row in recorded["rows"]]

    assert expected
    assert wanted == rows if in_order else sorted(wanted) == sorted(rows)


def test_as_json() -> None:
    variants = [json.loads(line) for line in (GOLDEN / "_variants.jsonl").read_text().splitlines()]
    recorded = next(v["response"]["body"] for v in variants if v["request"]["path"].endswith("includeObject=None"))
    objects = _read("v1.configmaps.json")
    found = printed(objects).to_dict("None", {"resourceVersion": "<rv>"})
    for column in recorded["columnDefinitions"]:
        column["description"] = ""
    ages = [row["cells"].pop() for row in (*recorded["rows"], *found["rows"])]

    assert recorded == found
    assert ages
