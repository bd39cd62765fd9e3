"""Random and mutated manifests: never an uncaught exception, never half an object.

Manifests of every kind (those of the recordings) are mutated and posted, put or patched. `K8SNB_FUZZ=200000` makes a
longer run; the seed of a failure is in its message.
"""

from __future__ import annotations

import copy
import json
import os
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from k8snb.api.request import ADMIN
from k8snb.apiserver.http.message import HTTPRequest
from k8snb.apiserver.routes import serve
from tests.apiserver.rig import Rig

GOLDEN = Path(__file__).parent.parent / "golden" / "api" / "open"
COUNT = int(os.environ.get("K8SNB_FUZZ", "10000"))
CHUNK = 200
SCRAPS: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    80,
    65536,
    2**31,
    2**63,
    -(2**63) - 1,
    1.5,
    1e300,
    "",
    "a",
    "A_b",
    "-",
    "a.b/c",
    "100m",
    "1Gi",
    "25%",
    "\x00",
    "é\u200b",
    "2026-01-01T00:00:00Z",
    "10.96.0.1",
    "x" * 300,
    [],
    {},
    [None],
    [{}],
    [[]],
    {"": ""},
    {"a": None},
    ["a", "a"],
    {"name": "a"},
)


@cache
def corpus() -> tuple[tuple[str, Any], ...]:
    """(path, body) of recorded requests that create something."""
    found = []
    for name in ("defaults", "errors"):
        for line in (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            request = json.loads(line)["request"]
            body = request.get("body")
            if request["method"] == "POST" and isinstance(body, dict) and "$repeat" not in line:
                path = request["path"].partition("?")[0]
                parts = path.split("/namespaces/")
                if len(parts) == 2 and "/" in parts[1]:
                    path = f"{parts[0]}/namespaces/default/{parts[1].partition('/')[2]}"
                found.append((path, body))
    return tuple(found)


def mutate(value: Any, chance: random.Random, depth: int = 0) -> Any:
    """A tree with a few places changed: a scrap instead, something twice, gone, or under another name."""
    if isinstance(value, dict) and value:
        out = dict(value)
        key = chance.choice(list(out))
        act = chance.random()
        if act < 0.6 and depth < 12:
            out[key] = mutate(out[key], chance, depth + 1)
        elif act < 0.7:
            del out[key]
        elif act < 0.8:
            out[key + chance.choice(["x", "s", ""])] = copy.deepcopy(out[key])
        else:
            out[key] = chance.choice(SCRAPS)
        return out
    if isinstance(value, list) and value:
        items = list(value)
        index = chance.randrange(len(items))
        act = chance.random()
        if act < 0.6 and depth < 12:
            items[index] = mutate(items[index], chance, depth + 1)
        elif act < 0.75:
            items.append(copy.deepcopy(items[index]))
        elif act < 0.85:
            del items[index]
        else:
            items[index] = chance.choice(SCRAPS)
        return items
    return chance.choice(SCRAPS)


@pytest.mark.parametrize("chunk", range(max(1, COUNT // CHUNK)))
def test_mutated_manifests(chunk: int) -> None:
    template = Rig("default", "kube-system")
    for index in range(min(CHUNK, COUNT)):
        seed = chunk * CHUNK + index
        chance = random.Random(seed)
        if index % 50 == 0:
            rig = copy.deepcopy(template)
        path, body = chance.choice(corpus())
        for _ in range(chance.randint(0, 4)):
            body = mutate(body, chance)
        _try(rig, "POST", path, body, "application/json", seed)
        name = _name(body)
        if name and "/" not in name and chance.random() < 0.7:
            method, content_type = chance.choice(
                [
                    ("PUT", "application/json"),
                    ("PATCH", "application/merge-patch+json"),
                    ("PATCH", "application/strategic-merge-patch+json"),
                    ("PATCH", "application/apply-patch+yaml"),
                    ("DELETE", "application/json"),
                ]
            )
            change = None if method == "DELETE" else mutate(body, chance)
            suffix = chance.choice(["", "", "/status", "/scale"])
            query = "?fieldManager=fuzz&force=true" if "apply" in content_type else ""
            _try(rig, method, f"{path}/{name}{suffix}{query}", change, content_type, seed)


def _name(body: Any) -> str:
    meta = body.get("metadata") if isinstance(body, dict) else None
    name = meta.get("name") if isinstance(meta, dict) else None
    return name if isinstance(name, str) and name.isascii() and name.isprintable() and "?" not in name else ""


def _try(rig: Rig, method: str, path: str, body: Any, content_type: str, seed: int) -> None:
    """Send a request; a refusal must leave the store as it was, and what is stored must be readable."""
    data = b"" if body is None else json.dumps(body).encode()
    before = rig.store.revision
    headers = {"content-type": content_type, "user-agent": "fuzz/1"}
    try:
        answer = serve(rig.server, HTTPRequest(method, path, headers, data, ADMIN))
    except Exception as error:
        raise AssertionError(f"seed {seed}: {method} {path} {data.decode()[:3000]}") from error

    assert 200 <= answer.code < 600, seed
    if answer.code >= 300:
        assert rig.store.revision == before, f"seed {seed}: refused with {answer.code}, but something was stored"
    if answer.content_type.startswith("application/json"):
        json.loads(answer.body)
