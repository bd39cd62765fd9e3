"""Replay of recorded access reviews."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.parity.api import Bench, differences
from tests.parity.report import Report

GROUP = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1"
PLURALS = {
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
}


def rbac(records: list[dict[str, Any]], report: Report, name: str, folder: Path) -> None:
    """`rbac.jsonl`: every review by admin (or as somebody) over the roles of `rbac.fixtures.jsonl`."""
    fixtures = next(path for path in (folder, folder.parent) if (path / "rbac.fixtures.jsonl").is_file())
    objects = [json.loads(line) for line in (fixtures / "rbac.fixtures.jsonl").read_text().splitlines() if line]
    spaces = dict.fromkeys(obj["metadata"]["namespace"] for obj in objects if "namespace" in obj["metadata"])
    bench = Bench(*spaces, "default")
    for obj in objects:
        _aggregate(obj, objects)
        space = obj["metadata"].get("namespace")
        path = f"{GROUP}/namespaces/{space}" if space else GROUP
        bench.create(f"{path}/{PLURALS[obj['kind']]}", obj)
    for record in records:
        report.record(name, record["cat"], record["id"], _review(bench, record))


def _aggregate(role: dict[str, Any], objects: list[dict[str, Any]]) -> None:
    """Fill an aggregated role, as the controller did before the recording."""
    rule = role.get("aggregationRule")
    if rule is None:
        return
    role["rules"] = [
        item
        for other in sorted(objects, key=lambda item: str(item["metadata"]["name"]))
        if other["kind"] == "ClusterRole" and other is not role
        for selector in rule["clusterRoleSelectors"]
        if selector.get("matchLabels", {}).items() <= other["metadata"].get("labels", {}).items()
        for item in other.get("rules", ())
    ]


def _review(bench: Bench, record: dict[str, Any]) -> list[str]:
    kind = record["review"]
    space = record.get("namespace")
    path = f"{REVIEWS}/namespaces/{space}" if space else REVIEWS
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": record["spec"]}
    request = {"method": "POST", "path": f"{path}/{kind.lower()}s", "body": body}
    if "as" in record:
        request["as"] = record["as"]
    answer = bench.send(request)
    if "error" in record:
        return list(differences([record["code"], record["error"]], [answer["code"], answer["body"].get("message")]))
    status = answer.get("body", {}).get("status", answer)
    if "reason_one_of" in record and status.get("reason") in record["reason_one_of"]:
        status = {**status, "reason": record["status"].get("reason")}
        status = {key: value for key, value in status.items() if value is not None}
    return list(differences(_sorted(record["status"]), _sorted(status)))


def _sorted(status: dict[str, Any]) -> dict[str, Any]:
    """A status with its rules in a fixed order, as recorded."""
    out = dict(status)
    for key in ("resourceRules", "nonResourceRules"):
        if key in out:
            out[key] = sorted(out[key], key=lambda item: json.dumps(item, sort_keys=True))
    return out
