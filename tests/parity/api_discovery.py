"""Replay of recorded discovery documents; what only the recorded server had is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.parity.api import Bench, differences
from tests.parity.report import Report

LEFT_OUT = frozenset({"/openapi/v3", "/", "/readyz?verbose", "/.well-known/openid-configuration"})
"""OpenAPI is not served; the root, the verbose health report and the token issuer list parts of the real server."""


def discovery(records: list[dict[str, Any]], report: Report, name: str, folder: Path) -> None:
    """`discovery/`: the status, content type and document of each path."""
    bench = Bench()
    for record in records:
        if record["path"] in LEFT_OUT:
            continue
        request = {"method": record["method"], "path": record["path"], "headers": {"Accept": record["accept"]}}
        answer = bench.send(request)
        lines = list(differences(record["code"], answer["code"], "code"))
        content_type = answer.get("headers", {}).get("Content-Type", "application/json")
        lines += differences(record["headers"]["content-type"].lower(), content_type.lower(), "content-type")
        path = folder / record["file"]
        if path.is_file() and "headers-only" not in record["file"]:
            text = path.read_text(encoding="utf-8")
            wanted: Any = json.loads(text) if content_type.startswith("application/json") else text.rstrip("\n")
            found = answer.get("body") if "body" in answer else answer["text"].rstrip("\n")
            lines += differences(_plain(wanted), _plain(found))
        report.record(name, "discovery", record["path"], lines)


def _plain(value: Any) -> Any:
    """A document without the server's address."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key != "serverAddress"}
    return [_plain(item) for item in value] if isinstance(value, list) else value
