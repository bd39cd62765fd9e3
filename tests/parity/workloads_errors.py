"""Replays the invalid requests of the workload recordings (``errors.jsonl``) and the recorded hashes (``hashes.jsonl``)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from k8snb.api.codec import from_dict
from k8snb.api.hashing import (
    controller_revision_hash_daemonset,
    controller_revision_hash_statefulset,
    pod_template_hash,
    statefulset_revision_data,
)
from k8snb.api.scheme import SCHEME
from k8snb.api.types.core_v1 import PodTemplateSpec
from tests.parity.api import Bench, differences
from tests.parity.report import Report
from tests.parity.workloads_form import normalise

NAMESPACE = "errors"
HUNK = re.compile(r"@@ -\d+,\d+ \+\d+,\d+ @@")
"""Line numbers of a diff in a message: the recording control plane's pods had one more volume source."""


def errors(path: Path, names: list[str], report: Report) -> None:
    """Each request on a fresh server; code, Status body and warnings are compared."""
    for record in _records(path):
        name = record["id"]
        if names and not any(name.startswith(n) or n == path.stem for n in names):
            continue
        bench = Bench(NAMESPACE)
        for body in record.get("setup", ()):
            bench.create(_collection(body), body)
        report.record(path.name, _category(name), name, list(_compare(record, _send(bench, record))))


def _records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _category(name: str) -> str:
    return name.partition("-")[0]


def _collection(body: Mapping[str, Any]) -> str:
    resource = SCHEME.for_manifest(body)
    prefix = f"/apis/{resource.group}" if resource.group else "/api"
    namespace = body["metadata"].get("namespace", NAMESPACE)
    where = f"/namespaces/{namespace}" if resource.namespaced else ""
    return f"{prefix}/{resource.version}{where}/{resource.plural}"


def _send(bench: Bench, record: Mapping[str, Any]) -> dict[str, Any]:
    request: dict[str, Any] = {"method": record["verb"], "path": record["path"]}
    body = record.get("body")
    if record.get("raw"):
        request["raw"] = body
    elif body is not None:
        request["body"] = body
    if record.get("contentType"):
        request["headers"] = {"content-type": record["contentType"]}
    return bench.send(request)


def _compare(record: Mapping[str, Any], answer: Mapping[str, Any]) -> list[str]:
    expected: dict[str, Any] = {"code": record["code"]}
    actual: dict[str, Any] = {"code": answer["code"]}
    if "status" in record:
        expected["status"] = _normal(record["status"])
        actual["status"] = _normal(answer["body"] if "body" in answer else {"text": answer.get("text")})
    if record.get("warnings"):
        expected["warnings"] = record["warnings"]
        actual["warnings"] = answer.get("headers", {}).get("Warning", [])
    return list(differences(expected, actual))


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return HUNK.sub("@@", normalise.UID.sub("<uid>", value)).replace("<sfx>", "<rand>")
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_normal(item) for item in value]
    return value


def hashes(path: Path, names: list[str], report: Report) -> None:
    """Each recorded template's hash."""
    if names and path.stem not in names:
        return
    for number, record in enumerate(_records(path), 1):
        template = from_dict(PodTemplateSpec, record["template"])
        count = record.get("collisionCount")
        if record["controller"] == "Deployment":
            found = pod_template_hash(template, count)
        elif record["controller"] == "DaemonSet":
            found = controller_revision_hash_daemonset(template, count)
        else:
            found = controller_revision_hash_statefulset(
                record.get("data") or statefulset_revision_data(template), count
            )
        lines = [] if found == record["hash"] else [f"{found}, expected {record['hash']}"]
        report.record(path.name, record["controller"], f"line {number}", lines)
