"""Replay of recorded API requests: errors, patches and defaults, through the HTTP surface of the model's server.

`run(directory)` looks for `errors.jsonl`, `patches.jsonl`, `defaults.jsonl` (and what `FILES` lists besides) in the
folder, or in its `open/` and `held/`.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import json
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from k8snb.api.request import ANONYMOUS, UserInfo
from k8snb.apiserver import APIServer
from k8snb.apiserver.authentication import BearerTokens
from k8snb.apiserver.authz import bootstrap_policy
from k8snb.apiserver.authz.rbac import RBAC
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.apiserver.routes import serve
from k8snb.bootstrap import bootstrap
from k8snb.sim.clock import Clock
from k8snb.sim.ids import Ids
from k8snb.store import Store
from tests.parity.report import Report

Record = dict[str, Any]
AGENT = "python-httpx/0.28.1"
ADMIN = UserInfo("admin", groups=("system:masters",))
KEPT_HEADERS = ("Content-Type", "Warning", "Retry-After", "Allow", "Location", "WWW-Authenticate")
GOLDEN = Path(__file__).parent.parent / "golden" / "api"

ANSWER: Callable[[APIServer, HTTPRequest], HTTPResponse] = serve
"""How a request is answered: directly, or (``--http``) by way of a connection."""


@cache
def normalise() -> ModuleType:
    """The normalisation with which the recordings were made."""
    spec = importlib.util.spec_from_file_location("golden_normalise", GOLDEN / "normalise.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Bench:
    """An API server with the namespaces that a recording was made in, and what a real server makes by itself."""

    def __init__(self, *namespaces: str, accounts: tuple[str, ...] | None = None) -> None:
        accounts = namespaces if accounts is None else accounts
        self.clock, self.server = copy.deepcopy(_prepared(namespaces, accounts))

    def create(self, path: str, body: Mapping[str, Any]) -> None:
        """Create an object that need not be new."""
        self.send({"method": "POST", "path": path, "body": dict(body)})

    def send(self, request: Record) -> Record:
        """The answer to a recorded request, in the form of the recordings."""
        expand = normalise().expand
        headers = {"user-agent": AGENT, "accept": "application/json"}
        body = b""
        if "body" in request:
            headers["content-type"] = "application/json"
            whole = expand(request["body"])
            body = whole.encode() if isinstance(whole, str) else json.dumps(whole).encode()
        elif "raw" in request:
            body = expand(request["raw"]).encode("utf-8", "surrogateescape")
        for name, value in request.get("headers", {}).items():
            headers[name.lower()] = ",".join(value) if isinstance(value, list) else value
        user: UserInfo | None = ADMIN
        who = request.get("as")
        if who is not None and "token" in who:
            user = ANONYMOUS if who["token"] == "anonymous" else None
            headers["authorization"] = f"Bearer {who['token']}"
        elif who is not None:
            user = UserInfo(who["user"], groups=tuple(who.get("groups", ())))
        try:
            answer = ANSWER(self.server, HTTPRequest(request["method"], request["path"], headers, body, user))
        except Exception as error:  # a crash is a difference like any other, and the replay goes on
            return {"code": 0, "text": "".join(traceback.format_exception(error)[-2:])}
        out: Record = {"code": answer.code}
        content = answer.body if answer.stream is None else answer.stream.poll()
        text = content.decode()
        if answer.content_type.startswith("application/json") and answer.stream is None and text:
            out["body"] = json.loads(text)
        else:
            out["text"] = text
        kept: dict[str, Any] = {}
        for name, value in answer.headers:
            if name in KEPT_HEADERS and not (name == "Content-Type" and value == "application/json"):
                kept.setdefault(name, []).append(value)
        if kept:
            out["headers"] = {name: values[0] if name != "Warning" else values for name, values in kept.items()}
        return out


@cache
def _prepared(namespaces: tuple[str, ...], accounts: tuple[str, ...]) -> tuple[Clock, APIServer]:
    """The clock and the server that all benches of one sort are copies of."""
    clock = Clock()
    tokens = BearerTokens({"alicetoken": UserInfo("alice", "u-alice", ("dev", "qa"))})
    server = APIServer(Store(clock=clock), clock, Ids(0), authorizer=RBAC(), authenticators=(tokens,))
    bootstrap(server)
    bootstrap_policy.install(server)
    bench = Bench.__new__(Bench)
    bench.clock, bench.server = clock, server
    for name in namespaces:
        bench.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for name in accounts:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        bench.create(f"/api/v1/namespaces/{name}/serviceaccounts", account)
    return clock, server


def given(record: Record) -> str:
    """All that the client sent, as text: values found in it are not volatile."""
    parts = [*record.get("setup", ()), *(step.get("request", step) for step in record.get("steps", ()))]
    if "request" in record:
        parts.append(record["request"])
    return json.dumps([{k: v for k, v in part.items() if k != "response"} for part in parts])


def normal(answer: Record, sent: str, *, managed: bool, unordered: bool = False) -> Record:
    """An answer without what varies from run to run."""
    rules = normalise()
    out: Record = rules.norm(answer, sent, keep_managed=managed)
    return rules.unordered(out) if unordered else out


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Where two trees differ, one line each; an expected text may end in `<diff>`, which stands for anything."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in dict.fromkeys((*expected, *actual)):
            where = f"{path}.{key}" if path else str(key)
            if key not in actual:
                yield f"{where}: missing, expected {_short(expected[key])}"
            elif key not in expected:
                yield f"{where}: unexpected {_short(actual[key])}"
            else:
                yield from differences(expected[key], actual[key], where)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif isinstance(expected, str) and isinstance(actual, str) and "<rand>" in expected and _fits(expected, actual):
        return
    elif isinstance(expected, str) and isinstance(actual, str) and "<diff>" in expected:
        head = expected.partition("<diff>")[0]
        if not actual.startswith(head.rstrip("\n")):
            yield f"{path}: expected {_short(expected)}, got {_short(actual)}"
    elif expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        yield f"{path}: expected {_short(expected)}"
        yield f"{' ' * len(path)}       got {_short(actual)}"


def _fits(expected: str, actual: str) -> bool:
    """Whether a text is the expected one with five random characters for each `<rand>`."""
    pattern = re.escape(expected).replace(re.escape("<rand>"), "[a-z0-9]{5}")
    return re.fullmatch(pattern, actual) is not None


def _short(value: Any, limit: int = 900) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def level(expected: Record, actual: Record) -> int:
    """How far an answer agrees: 1 code, 2 and reason, 3 and the causes' fields and reasons, 4 and the message."""
    if expected["code"] != actual["code"]:
        return 0
    one, other = expected.get("body"), actual.get("body")
    if not isinstance(one, dict) or not isinstance(other, dict):
        return 4 if expected.get("text") == actual.get("text") else 1
    if one.get("reason") != other.get("reason"):
        return 1
    if _causes(one) != _causes(other):
        return 2
    return 4 if not list(differences(one.get("message"), other.get("message"))) else 3


def _causes(status: Record) -> set[tuple[str, str]]:
    causes = (status.get("details") or {}).get("causes") or () if status.get("kind") == "Status" else ()
    return {(cause.get("field", ""), cause.get("reason", "")) for cause in causes}


def errors(records: list[Record], report: Report, name: str, folder: Path) -> None:
    """`errors.jsonl`: each record on a fresh server."""
    for record in records:
        bench = Bench("api-err", "other", accounts=("api-err",))
        for step in record.get("setup", ()):
            bench.send(step)
        sent = given(record)
        loose = "varies" in record.get("note", "")
        expected = normal(record["response"], sent, managed=False, unordered=loose)
        actual = normal(bench.send(record["request"]), sent, managed=False, unordered=loose)
        lines = list(differences(expected, actual))
        report.record(name, record["cat"], record["id"], lines, level(expected, actual))


def patches(records: list[Record], report: Report, name: str, folder: Path) -> None:
    """`patches.jsonl`: the steps of each record on a fresh server; of kubectl the requests it sent are repeated."""
    for record in records:
        bench = Bench("api-pat", "api-kap")
        managed = record["cat"] in ("apply", "kubectl-apply")
        sent = given(record)
        loose = "varies" in record.get("note", "")
        lines: list[str] = []
        last = ""
        for number, step in enumerate(record["steps"]):
            if "kubectl" in step:
                last = _repeat(bench, step, lines, number) or last
                continue
            expected = normal(step["response"], sent, managed=managed, unordered=loose)
            actual = normal(bench.send(step["request"]), sent, managed=managed, unordered=loose)
            if set(expected) == {"code"} or expected.get("body") == "<the definition>":
                expected, actual = {"code": expected["code"]}, {"code": actual["code"]}
            lines += [f"step {number} {line}" for line in differences(expected, actual)]
        if "final" in record and last:
            expected = normal(record["final"], sent, managed=True)
            actual = normal(bench.send({"method": "GET", "path": last}), sent, managed=True)
            lines += [f"final {line}" for line in differences(expected, actual)]
        report.record(name, record["cat"], record["id"], lines)


def _repeat(bench: Bench, step: Record, lines: list[str], number: int) -> str:
    """Send the writes that kubectl sent; return the address of the object."""
    last = ""
    for request in step["requests"]:
        path = request["path"]
        if path.startswith("/openapi"):
            continue
        query = f"?{request['query']}" if request.get("query") else ""
        wanted: Record = {"method": request["method"], "path": path + query}
        headers = {"User-Agent": "kubectl/v1.36.2 (linux/amd64) kubernetes/98b3519"}
        if "contentType" in request:
            headers["Content-Type"] = request["contentType"]
        if "body" in request:
            body = request["body"]
            wanted["raw"] = body if isinstance(body, str) else json.dumps(body)
        wanted["headers"] = headers
        answer = bench.send(wanted)
        if answer["code"] != request["code"]:
            lines.append(f"step {number} {request['method']} {path}: expected {request['code']}, got {_short(answer)}")
        if request["method"] in ("POST", "PATCH", "PUT"):
            name = request.get("body", {}).get("metadata", {}).get("name", "") if request["method"] == "POST" else ""
            last = f"{path}/{name}" if name else path
    return last


def defaults(records: list[Record], report: Report, name: str, folder: Path) -> None:
    """`defaults.jsonl`: one server for each manifest file, one for all single manifests."""
    files: dict[str, list[Record]] = {}
    for record in records:
        files.setdefault(record.get("file", ""), []).append(record)
    for items in files.values():
        namespaces = ["api-def", "api-def-limits", "kube-system"]
        for record in items:
            _, found, rest = record["request"]["path"].partition("/namespaces/")
            if found:
                namespaces.append(rest.partition("/")[0])
        bench = Bench(*dict.fromkeys(namespaces))
        for record in items:
            sent = given(record)
            expected = normal(record["response"], sent, managed=False)
            actual = normal(bench.send(record["request"]), sent, managed=False)
            lines = list(differences(expected.get("body"), actual.get("body")))
            report.record(name, record["cat"], record["id"], lines)


Runner = Callable[[list[Record], Report, str, Path], None]


def _later(module: str, name: str) -> Runner:
    """A runner that lives in a module of its own."""

    def run_it(records: list[Record], report: Report, label: str, folder: Path) -> None:
        runner: Runner = getattr(importlib.import_module(module), name)
        runner(records, report, label, folder)

    return run_it


FILES: dict[str, Runner] = {
    "errors": errors,
    "patches": patches,
    "defaults": defaults,
    "quantities": _later("tests.parity.api_values", "quantities"),
    "selectors": _later("tests.parity.api_values", "selectors"),
    "rbac": _later("tests.parity.api_rbac", "rbac"),
    "watch": _later("tests.parity.api_watch", "watch"),
    "discovery": _later("tests.parity.api_discovery", "discovery"),
}
"""What can be replayed: the stem of a file (or the name of a folder), and how."""


def run(directory: Path, names: list[str], verbose: bool = True) -> Report:
    """Replay the folder; `names` choose files (stems), categories or ids."""
    report = Report()
    files = [stem for stem in FILES if not names or stem in names]
    others = {name for name in names if name not in FILES}
    for stem in files or FILES:
        for folder in (directory, directory / "open", directory / "held"):
            for path in (folder / f"{stem}.jsonl", folder / stem / "index.jsonl"):
                if not path.is_file():
                    continue
                records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
                if others:
                    records = [record for record in records if {record.get("id"), record.get("cat")} & others]
                label = stem if folder == directory else f"{folder.name}/{stem}"
                FILES[stem](records, report, label, path.parent)
    return report
