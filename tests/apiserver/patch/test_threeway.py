"""The patch of `kubectl apply`: what the real client sent in the recordings, and its laws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given

from k8snb.api.scheme import SCHEME
from k8snb.api.types.apps_v1 import Deployment
from k8snb.apiserver.patch import strategic, threeway
from k8snb.apiserver.patch.clientside import LAST_APPLIED, last_applied, threeway_patch
from k8snb.apiserver.patch.metadata import map_type
from tests.apiserver.patch.trees import DEPLOYMENTS

GOLDEN = Path(__file__).parents[2] / "golden" / "api" / "open" / "patches.jsonl"
TYPES = map_type(Deployment)
# What others changed on the live object between the two applies, by recording.
DRIFT: dict[str, dict[str, Any]] = {
    "K0008": {"spec": {"replicas": 5}},
    "K0009": {"spec": {"replicas": 5}},
    "K0012": {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "hacked"}]}}}},
}


def _patches() -> list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """(id, created object, manifest applied then, patch that was sent)."""
    found = []
    for line in GOLDEN.read_text().splitlines():
        record = json.loads(line)
        created: dict[str, Any] = {}
        for step in record["steps"] if record["cat"] == "kubectl-apply" else ():
            for request in step.get("requests", ()):
                if request["method"] == "POST":
                    created = request["body"]
                if request["method"] == "PATCH" and "strategic" in request["contentType"]:
                    name = request["path"].rpartition("/")[2]
                    documents = yaml.safe_load_all(step["stdin"])
                    manifest = next(item for item in documents if item["metadata"]["name"] == name)
                    found.append((record["id"], created, manifest, request["body"]))
    return found


PATCHES = _patches()


def test_recordings_are_there() -> None:
    assert len(PATCHES) == 19


@pytest.mark.parametrize("record", PATCHES, ids=[f"{p[0]}-{i}" for i, p in enumerate(PATCHES)])
def test_same_patch_as_kubectl(record: tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]) -> None:
    name, created, manifest, expected = record
    resource = SCHEME.for_manifest(manifest)
    manifest = {**manifest, "metadata": {**manifest["metadata"], "namespace": "api-kap"}}
    live = strategic.apply(created, DRIFT.get(name, {}), map_type(resource.type))
    applied = created["metadata"]["annotations"][LAST_APPLIED]

    patch, media_type = threeway_patch(resource, applied, last_applied(manifest), live)

    assert expected == patch
    assert media_type == "application/strategic-merge-patch+json"


def test_custom_resources_use_a_merge_patch() -> None:
    original = {"spec": {"gone": 1, "kept": 1, "list": [1]}}
    modified = {"spec": {"kept": 1, "list": [2], "new": {"a": 1}}}
    live = {"spec": {"gone": 1, "kept": 5, "list": [1], "theirs": 1}}

    assert threeway.three_way_merge(original, modified, live) == {
        "spec": {"gone": None, "kept": 1, "list": [2], "new": {"a": 1}}
    }


@given(DEPLOYMENTS, DEPLOYMENTS, DEPLOYMENTS)
def test_a_second_apply_changes_nothing(
    original: dict[str, Any], modified: dict[str, Any], current: dict[str, Any]
) -> None:
    live = strategic.apply(current, threeway.three_way(original, modified, current, TYPES), TYPES)
    again = threeway.three_way(modified, modified, live, TYPES)

    assert live == strategic.apply(live, again, TYPES)
