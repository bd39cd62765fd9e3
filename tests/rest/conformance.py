"""Our own OpenAPI documents put to the test by schemathesis: `python -m tests.rest.conformance [NAME…]`.

For each operation of a document (NAME is that of a group version, as in `api/v1` or `apis/apps/v1`; default: all) requests
are generated that its schema allows, and others that it does not. They are answered by the ASGI application of a fresh fork
of one cluster, so that neither order nor time matters: the same seed, the same requests, the same answers. What counts as a
failure: a code of 500 and more that is no Status of Kubernetes' own, a code or a content type that the document does not
know, and a body that is not as its schema says; but nulls are let through, because Kubernetes writes them for empty times and
lists (``lastProbeTime``, ``firstTimestamp``, a LimitRange's ``limits``) though no document says so. Half of the requests name objects that exist. `watch` and `follow` are left
out of the requests: their answers never end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from k8snb.cluster import Cluster
from k8snb.rest.app import Application
from k8snb.rest.openapi import Documents
from k8snb.rest.users import Users
from tests.rest.test_operations import cluster

TOKEN = "conformance"
ENDLESS = ("watch", "follow")
KNOWN = {
    "namespace": ("default", "kube-system"),
    "name": ("web", "worker-1", "default", "kube-root-ca.crt", "kubernetes", "worker-1:10250", "web:80"),
    "path": ("index.html", "a/b"),
}
"""What there is in the cluster, by the name of a path's parameter."""


class Inline:
    """In the place of the worker: what is to run on the cluster's thread runs at once."""

    async def run(self, function: Any, *args: Any) -> Any:
        """What the function returns."""
        return function(*args)


class Failure(msgspec.Struct, frozen=True):
    """One answer that is not as the document says."""

    operation: str
    request: str
    code: int
    why: str


def documents() -> dict[str, dict[str, Any]]:
    """The documents by group version."""
    made = Documents(cluster().server)
    found = {}
    for name in json.loads(made.index())["paths"]:
        document = made.document(name)
        assert document is not None
        found[name] = json.loads(document.body)
    return found


def application(served: Cluster) -> Application:
    """The ASGI application of a cluster, whose administrator shows a token."""
    from k8snb.api.request import ADMIN

    users = Users(served.server)
    users.know(TOKEN, ADMIN)
    inline: Any = Inline()
    hub: Any = None
    return Application(served, inline, hub, users)


def answer(app: Application, prepared: Any) -> tuple[int, dict[str, list[str]], bytes]:
    """Code, headers and body of the answer to a prepared request; of one that goes on, its head."""
    path, _, query = prepared.path_url.partition("?")
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
    headers = {name.lower(): value for name, value in prepared.headers.items()}
    headers["authorization"] = f"Bearer {TOKEN}"
    scope = {
        "type": "http",
        "method": prepared.method,
        "path": path,
        "raw_path": path.encode("latin-1", "replace"),
        "query_string": query.encode("latin-1", "replace"),
        "headers": [(name.encode("latin-1", "replace"), _bytes(value)) for name, value in headers.items()],
        "state": {},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    response = asyncio.run(app.answer(scope, receive))
    found: dict[str, list[str]] = {}
    for name, value in response.raw_headers:
        found.setdefault(name.decode(), []).append(value.decode("utf-8", "replace"))
    content = response.body if hasattr(response, "body") else b""
    return response.status_code, found, bytes(content)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")


class Trial:
    """One operation under test."""

    def __init__(self, operation: Any, chance: random.Random) -> None:
        self.operation = operation
        self.asked = 0
        self.found: dict[str, Failure] = {}
        self._chance = chance
        self._app = application(cluster().fork())

    def run(self, examples: int, seed: int) -> None:
        """Ask so many requests that the schema allows, and as many that it does not."""
        from hypothesis import HealthCheck, Phase, given, settings
        from hypothesis import seed as seeded
        from hypothesis.errors import Unsatisfiable
        from schemathesis import GenerationMode

        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            bounds = settings(
                max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip

            def one(case: Any) -> None:
                self._ask(case)

            try:
                bounds(seeded(seed)(given(case=self.operation.as_strategy(generation_mode=mode))(one)))()
            except Unsatisfiable:  # nothing about the operation can be wrong
                continue

    def _ask(self, case: Any) -> None:
        from requests import Request
        from schemathesis.core.failures import FailureGroup
        from schemathesis.core.transport import Response
        from schemathesis.specs.openapi.checks import (
            content_type_conformance,
            response_schema_conformance,
            status_code_conformance,
        )

        self.asked += 1
        for name in ENDLESS:
            (case.query or {}).pop(name, None)
        if self._chance.random() < 0.5:
            for name in case.path_parameters or {}:
                case.path_parameters[name] = self._chance.choice(KNOWN.get(name, ("web",)))
        prepared = Request(**case.as_transport_kwargs(base_url="http://127.0.0.1")).prepare()
        code, headers, body = answer(self._app, prepared)
        shown = f"{prepared.method} {prepared.path_url} {prepared.body!r}"[:600]
        if code >= 500 and (b'"kind":"Status"' not in body or b"Internal error occurred" in body):
            self._note("crash", shown, code, body.decode("utf-8", "replace")[:500])
            return
        checks = [status_code_conformance, content_type_conformance]
        if not self.operation.path.endswith("/proxy"):  # whose answers are anything, "string" to the document
            checks.append(response_schema_conformance)
        try:
            case.validate_response(Response(code, headers, body, prepared, 0.0, False), checks=checks)
        except FailureGroup as group:
            for error in group.exceptions:
                if str(error).partition("\n\n")[2].startswith("null is not of type"):
                    continue
                self._note(f"{type(error).__name__} {code}", shown, code, str(error)[:700])

    def _note(self, kind: str, shown: str, code: int, why: str) -> None:
        self.found.setdefault(kind, Failure(self.operation.label, shown, code, f"{kind}: {why}"))


def trials(document: dict[str, Any], examples: int, seed: int, every: int = 1) -> Iterator[Trial]:
    """The operations of a document (of all its paths, or one of ``every`` so many), after they were tried."""
    import schemathesis

    chance = random.Random(seed)
    paths = dict(list(document["paths"].items())[::every])
    for result in schemathesis.openapi.from_dict({**document, "paths": paths}).get_all_operations():
        operation: Any = result
        trial = Trial(operation.ok(), chance)
        trial.run(examples, seed)
        yield trial


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask everything; the exit code is 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.rest.conformance", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--examples", type=int, default=10, help="requests of either kind for each operation (10)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    known = documents()
    wrong = [name for name in options.names if name not in known]
    if wrong:
        parser.error(f"{', '.join(wrong)}: choose of {', '.join(known)}")
    warnings.simplefilter("ignore")
    bad = 0
    for name in options.names or known:
        begin, asked, operations = time.monotonic(), 0, 0
        for trial in trials(known[name], options.examples, options.seed):
            asked, operations = asked + trial.asked, operations + 1
            bad += len(trial.found)
            for item in trial.found.values():
                print(f"{item.operation}: {item.code}\n  {item.request}\n  {item.why}\n", flush=True)
        seconds = time.monotonic() - begin
        print(f"{name}: {operations} operations, {asked} requests, {seconds:.0f} s", flush=True)
    print(f"{bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
