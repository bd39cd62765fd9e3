"""Objects that the real server stored are complete and valid: defaults add nothing, checks find nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from k8snb.api.codec import from_dict
from k8snb.api.scheme import SCHEME
from k8snb.apiserver.kinds import strategy_for
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation.metadata import Errors

TABLES = Path(__file__).parents[2] / "golden" / "api" / "tables"
GROUPS = (
    "admissionregistration.k8s.io_v1",
    "apiextensions.k8s.io_v1",
    "autoscaling_v2",
    "certificates.k8s.io_v1",
    "discovery.k8s.io_v1",
    "networking.k8s.io_v1",
    "storage.k8s.io_v1",
)


def recorded() -> Iterator[Any]:
    for path in sorted(TABLES.glob("*.json")):
        if path.name.startswith(GROUPS):
            for tree in json.loads(path.read_text(encoding="utf-8"))["objects"]:
                yield pytest.param(tree, id=f"{tree['kind']}-{tree['metadata']['name']}")


@pytest.mark.parametrize("tree", list(recorded()))
def test_a_recorded_object_is_complete_and_valid(tree: dict[str, Any]) -> None:
    resource = SCHEME.for_manifest(tree)
    strategy = strategy_for(resource)
    assert isinstance(strategy, Kind)
    obj = from_dict(resource.type, tree)
    errors: Errors = []

    strategy.check(obj, errors)

    assert strategy.default(obj) == obj
    # The model asks for the outer form of a request only, but the recordings carry none at all.
    assert [str(error) for error in errors if error.field != "spec.request"] == []
