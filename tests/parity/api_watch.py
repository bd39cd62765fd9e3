"""Replay of recorded list and watch transcripts: the order and the equality of resource versions count, not their values."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from k8snb.apiserver.http.message import HTTPRequest
from k8snb.apiserver.routes import serve
from tests.parity.api import ADMIN, AGENT, Bench, differences, normalise
from tests.parity.report import Report

RANK = re.compile(r"\brv(\d+)\b")
AGE = re.compile(r"\d+[smhd]")
TOKEN = re.compile(r"<continue v=(\S+) rv=(\S+) start=([^>]*)>")
LEFT_OUT = {
    "W0029": "protobuf and CBOR streams are not spoken",
    "W0039": "there is no watch cache that would answer from behind a compaction",
    "W0041": "there is no watch cache that a restart could empty",
}
"""Transcripts that cannot agree, and why."""
TRIMMED = frozenset({"W0024"})
"""Transcripts whose objects were shortened when they were recorded."""


def watch(records: list[dict[str, Any]], report: Report, name: str, folder: Path) -> None:
    """`watch.jsonl`: each transcript on a fresh server."""
    for record in records:
        if record["id"] not in LEFT_OUT:
            transcript = Transcript(trimmed=record["id"] in TRIMMED)
            report.record(name, "watch", record["id"], transcript.replay(record["steps"]))


class Transcript:
    """One transcript: which resource version stands for which rank, and the tokens that were handed out."""

    def __init__(self, trimmed: bool = False) -> None:
        self.trimmed = trimmed
        self.bench = Bench("api-watch", accounts=("api-watch",))
        self.ranks: dict[int, int] = {}
        self.lines: list[str] = []

    def replay(self, steps: list[dict[str, Any]]) -> list[str]:
        """The differences of all steps."""
        for number, step in enumerate(steps):
            if "watch" in step:
                self._watch(step, f"step {number}")
            elif "request" in step:
                self._request(step, f"step {number}")
            elif step.get("note") == "etcd compacted here":
                store = self.bench.server.store
                store.compact(store.revision)
        return self.lines

    def _request(self, step: dict[str, Any], where: str) -> None:
        request = {**step["request"], "path": self._known(step["request"]["path"])}
        answer = self.bench.send(request)
        expected = step["response"]
        if "resourceVersion" in expected:
            body = answer.get("body") or {}
            found = (body.get("metadata") or {}).get("resourceVersion")
            if expected["resourceVersion"] is None:
                found = None
            answer = {"code": answer["code"], "resourceVersion": found}
        self._compare(expected, answer, where)

    def _watch(self, step: dict[str, Any], where: str) -> None:
        wanted = step["watch"]
        headers = {"user-agent": AGENT, "accept": wanted.get("accept", "application/json")}
        answer = serve(self.bench.server, HTTPRequest("GET", self._known(wanted["path"]), headers, b"", ADMIN))
        body = answer.body
        if answer.stream is not None:
            body += answer.stream.poll()
        for other in step.get("meanwhile", ()):
            if "request" in other:
                self._request(other, f"{where} meanwhile")
        if answer.stream is not None:
            body += answer.stream.poll()
        if answer.code != step["answer"]["code"]:
            self.lines.append(f"{where}: expected {step['answer']['code']}, got {answer.code} {body[:300]!r}")
            return
        if "events" not in step:
            if "body" in step["answer"]:
                self._compare(step["answer"]["body"], json.loads(body), where)
            return
        events = [json.loads(line) for line in body.splitlines() if line]
        self._compare(_without_bookmarks(step["events"]), _without_bookmarks(events), where)

    def _known(self, path: str) -> str:
        """A path with real resource versions and tokens."""

        def token(match: re.Match[str]) -> str:
            rank = RANK.fullmatch(match.group(2))
            revision = self.ranks[int(rank.group(1))] if rank else int(match.group(2))
            content = {"v": match.group(1), "rv": revision, "start": json.loads(f'"{match.group(3)}"')}
            data = json.dumps(content, separators=(",", ":")).encode()
            return base64.urlsafe_b64encode(data).decode().rstrip("=")

        path = TOKEN.sub(token, path)
        return RANK.sub(lambda match: str(self.ranks.get(int(match.group(1)), 0)), path)

    def _compare(self, expected: Any, actual: Any, where: str) -> None:
        shown = self._ranked(expected, actual, where)
        volatile = normalise().norm
        if self.trimmed:
            shown = _like(expected, shown)
        self.lines += [f"{where} {line}" for line in differences(_plain(volatile(expected)), _plain(volatile(shown)))]

    def _ranked(self, expected: Any, actual: Any, where: str) -> Any:
        """The actual tree with ranks for resource versions; a rank met for the first time must keep the order."""
        if isinstance(expected, dict) and isinstance(actual, dict):
            return {k: self._ranked(expected.get(k), v, where) for k, v in actual.items()}
        if isinstance(expected, list) and isinstance(actual, list):
            padded = [*expected, *[None] * len(actual)]
            return [self._ranked(one, other, where) for one, other in zip(padded, actual, strict=False)]
        if isinstance(expected, str) and isinstance(actual, str):
            if expected.startswith("<continue"):
                return self._token(actual)
            rank = RANK.fullmatch(expected)
            if rank and actual.isdigit():
                return expected if self._fits(int(rank.group(1)), int(actual)) else f"{actual} out of order"
            texts = RANK.findall(expected)
            for text in texts:
                if int(text) in self.ranks:
                    actual = re.sub(rf"\b{self.ranks[int(text)]}\b", f"rv{text}", actual)
            return actual
        return actual

    def _fits(self, rank: int, version: int) -> bool:
        known = self.ranks.get(rank)
        if known is not None:
            return known == version
        self.ranks[rank] = version
        below = [item for other, item in self.ranks.items() if other < rank]
        above = [item for other, item in self.ranks.items() if other > rank]
        return all(item < version for item in below) and all(item > version for item in above)

    def _token(self, text: str) -> str:
        """A continue token as the recording shows it."""
        content = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        names = {version: f"rv{rank}" for rank, version in self.ranks.items()}
        start = json.dumps(content["start"])[1:-1]
        return f"<continue v={content['v']} rv={names.get(content['rv'], content['rv'])} start={start}>"


def _like(expected: Any, actual: Any) -> Any:
    """The parts of a tree that the recording kept; what is absent is null there."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {key: _like(item, actual.get(key)) for key, item in expected.items()}
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [_like(one, other) for one, other in zip(expected, actual, strict=True)]
    return actual


def _plain(value: Any) -> Any:
    """A tree without managedFields, column descriptions and ages."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k not in ("managedFields", "description")}
    if isinstance(value, str) and AGE.fullmatch(value):
        return "<age>"
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _without_bookmarks(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events without bookmarks, whose number varies, except the one that ends the initial events."""
    return [
        event
        for event in events
        if event.get("type") != "BOOKMARK" or (event["object"].get("metadata") or {}).get("annotations")
    ]
