"""Protobuf: recorded bodies, whole objects there and back, and answers over a connection."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from k8snb.rest import protobuf
from k8snb.rest.protobuf.messages import facts

GOLDEN = Path(__file__).parent.parent / "golden" / "api"
PROTOBUF = "application/vnd.kubernetes.protobuf"


def said(tree: Any) -> Any:
    """A tree without what says nothing: zeros and empty parts that protobuf does not tell from absent ones."""
    if isinstance(tree, dict):
        return {key: item for key, value in tree.items() if (item := said(value)) not in (None, "", {}, [], 0, False)}
    return [said(item) for item in tree] if isinstance(tree, list) else tree


def recorded_bodies() -> list[Any]:
    found: list[Any] = []
    for line in (GOLDEN / "kubectl" / "commands.jsonl").read_text().splitlines():
        for request in json.loads(line).get("requests", ()):
            if "bodyBase64" in request:
                found.append(pytest.param(request, id=f"{len(found)}-{request['bodyDecoded']['kind']}"))
    return found


@pytest.mark.parametrize("request_", recorded_bodies())
def test_what_kubectl_sends_is_understood(request_: dict[str, Any]) -> None:
    decoded = protobuf.decode(base64.b64decode(request_["bodyBase64"]))

    assert said(request_["bodyDecoded"]) == said(decoded)


def objects() -> list[Any]:
    found = []
    for path in sorted((GOLDEN / "tables").glob("*.json")):
        document = json.loads(path.read_text())
        for tree in document.get("objects", ()):
            if protobuf.type_name(tree.get("apiVersion", ""), tree.get("kind", "")):
                found.append(pytest.param(tree, id=f"{path.stem}-{tree['metadata']['name']}"))
    return found


def test_every_recorded_object_survives_the_way_there_and_back() -> None:
    trees = [parameter.values[0] for parameter in objects()]

    assert len(trees) > 200
    for tree in trees:
        body = protobuf.encode(tree)
        assert body is not None
        back = protobuf.decode(body)
        assert _without_empty(tree) == _without_empty(back)


def _without_empty(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: item for key, value in tree.items() if (item := _without_empty(value)) not in (None, "", {}, [])}
    return [_without_empty(item) for item in tree] if isinstance(tree, list) else tree


def test_the_numbers_are_the_recorded_ones() -> None:
    golden = json.loads((GOLDEN / "proto.json").read_text())

    assert {name: golden[name] for name in facts() if name in golden} == {
        name: item for name, item in facts().items() if name in golden
    }


@pytest.mark.parametrize(
    "body",
    [b"", b"k8s", b"k8s\0", b"k8s\0\xff\xff\xff", b"\0" * 20, b"k8s\0" + b"\x0a\x10\x0a\x02v1\x12\x03Pod" + b"\x12\x02\xff\xff",
     b"k8s\0" + b"\x0a\x0a\x0a\x02v1\x12\x04Nope"],
)  # fmt: skip
def test_what_is_no_protobuf_is_refused(http: httpx.Client, body: bytes) -> None:
    answer = http.post("/api/v1/namespaces/default/pods", content=body, headers={"Content-Type": PROTOBUF})

    assert answer.status_code == 400, answer.text


def test_answers_and_errors_come_as_protobuf(http: httpx.Client) -> None:
    accept = {"Accept": f"{PROTOBUF}, application/json"}
    node = http.get("/api/v1/nodes/worker-1", headers=accept)
    nodes = http.get("/api/v1/nodes", headers=accept)
    missing = http.get("/api/v1/nodes/nobody", headers=accept)
    plain = http.get("/api/v1/nodes/worker-1").json()

    assert [answer.headers["content-type"] for answer in (node, nodes, missing)] == [PROTOBUF] * 3
    assert plain["spec"] == protobuf.decode(node.content)["spec"]
    assert [item["metadata"]["name"] for item in protobuf.decode(nodes.content)["items"]] == [
        "worker-1",
        "worker-2",
        "worker-3",
    ]
    assert tuple(protobuf.decode(missing.content)[name] for name in ("kind", "reason", "code")) == (
        "Status",
        "NotFound",
        404,
    )


def test_protobuf_is_taken_in(http: httpx.Client) -> None:
    tree = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "packed"}, "data": {"a": "b"},
            "binaryData": {"c": "AAEC"}}  # fmt: skip
    headers = {"Content-Type": PROTOBUF, "Accept": PROTOBUF}
    made = http.post("/api/v1/namespaces/default/configmaps", content=protobuf.encode(tree), headers=headers)
    options = protobuf.encode({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"})
    gone = http.request("DELETE", "/api/v1/namespaces/default/configmaps/packed", content=options, headers=headers)

    assert made.status_code == 201
    assert tuple(protobuf.decode(made.content)[name] for name in ("data", "binaryData")) == ({"a": "b"}, {"c": "AAEC"})
    assert protobuf.decode(gone.content)["status"] == "Success"


def test_a_watch_comes_as_frames(http: httpx.Client) -> None:
    headers = {"Accept": PROTOBUF}
    with http.stream("GET", "/api/v1/nodes?watch=true&timeoutSeconds=1", headers=headers) as answer:
        content = b"".join(answer.iter_bytes())
    frames = []
    while content:
        length = int.from_bytes(content[:4], "big")
        frames.append(content[4 : 4 + length])
        content = content[4 + length :]

    assert f"{PROTOBUF};stream=watch" == answer.headers["content-type"]
    from k8snb.rest.protobuf.messages import META, message

    events = [message(f"{META}.WatchEvent").FromString(frame) for frame in frames]
    assert [protobuf.decode(event.f_object.f_raw)["metadata"]["name"] for event in events[:3]] == [
        "worker-1",
        "worker-2",
        "worker-3",
    ]
    assert {"ADDED"} == {event.f_type for event in events[:3]}
