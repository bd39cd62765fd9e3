"""The HTTP surface: what paths mean, which form an answer has, and how parameters are read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k8snb.api.request import ADMIN
from k8snb.apiserver.http import paths
from k8snb.apiserver.http.media import output
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.apiserver.routes import serve
from tests.apiserver.rig import Rig, config_map, deployment

PATHS: dict[tuple[str, str], tuple[str, str, str, str, str, str]] = {
    # method, path -> verb, group, namespace, resource, name, subresource
    ("GET", "/api/v1/pods"): ("list", "", "", "pods", "", ""),
    ("GET", "/api/v1/namespaces/a/pods/b/log"): ("get", "", "a", "pods", "b", "log"),
    ("POST", "/apis/apps/v1/namespaces/a/deployments"): ("create", "apps", "a", "deployments", "", ""),
    ("DELETE", "/api/v1/namespaces/a/pods"): ("deletecollection", "", "a", "pods", "", ""),
    ("GET", "/api/v1/namespaces/a"): ("get", "", "a", "namespaces", "a", ""),
    ("PUT", "/api/v1/namespaces/a/finalize"): ("update", "", "a", "namespaces", "a", "finalize"),
    ("GET", "/api/v1/watch/namespaces/a/pods"): ("watch", "", "a", "pods", "", ""),
    ("GET", "/apis/apps"): ("get", "", "", "", "", ""),
    ("GET", "/healthz"): ("get", "", "", "", "", ""),
}


@pytest.mark.parametrize("case", PATHS)
def test_paths(case: tuple[str, str]) -> None:
    info = paths.parse(*case)

    assert PATHS[case] == (info.verb, info.group, info.namespace, info.resource, info.name, info.subresource)


ACCEPTS = {
    "": ("application/json", ""),
    "*/*": ("application/json", ""),
    "application/yaml": ("application/yaml", ""),
    "application/json;q=0.5, application/yaml": ("application/yaml", ""),
    "application/vnd.kubernetes.protobuf, application/json": ("application/json", ""),
    "application/json;as=Table;v=v1;g=meta.k8s.io, application/json": ("application/json", "Table"),
    "application/json;as=Nonsense;v=v1;g=meta.k8s.io, */*": ("application/json", ""),
}


@pytest.mark.parametrize("accept", ACCEPTS)
def test_negotiation(accept: str) -> None:
    found = output({"accept": accept}, transforms=True)

    assert ACCEPTS[accept] == (found.type, found.as_kind)


def ask(rig: Rig, method: str, path: str, body: Any = None, **headers: str) -> HTTPResponse:
    """The answer to an HTTP request of the administrator."""
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return serve(rig.server, HTTPRequest(method, path, named, data, ADMIN))


def test_an_answer_ends_with_a_newline_and_keeps_the_order_of_fields() -> None:
    rig = Rig()

    answer = ask(rig, "POST", "/api/v1/namespaces/default/configmaps", config_map("a"))

    assert answer.code == 201
    assert answer.body.endswith(b"\n")
    assert list(json.loads(answer.body)) == ["kind", "apiVersion", "metadata", "data"]


def test_answers_show_who_manages_the_fields() -> None:
    rig = Rig()
    ask(rig, "POST", "/api/v1/namespaces/default/configmaps", config_map("a"), user_agent="kubectl/v1.36.2")

    shown = json.loads(ask(rig, "GET", "/api/v1/namespaces/default/configmaps/a").body)

    assert [entry["manager"] for entry in shown["metadata"]["managedFields"]] == ["kubectl"]
    assert rig.get("configmaps", "a").metadata.managedFields == ()


def test_the_same_objects_as_yaml_table_and_metadata() -> None:
    rig = Rig()
    rig.create("deployments", deployment())
    path = "/apis/apps/v1/namespaces/default/deployments"
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

    as_yaml = ask(rig, "GET", f"{path}/web", accept="application/yaml")
    as_table = json.loads(ask(rig, "GET", path, accept=table).body)
    as_partial = json.loads(ask(rig, "GET", path, accept=partial).body)

    assert as_yaml.body.startswith(b"apiVersion: apps/v1\nkind: Deployment\n")
    assert as_table["rows"][0]["cells"][0] == "web"
    assert (as_partial["kind"], list(as_partial["items"][0])) == (
        "PartialObjectMetadataList",
        ["kind", "apiVersion", "metadata"],
    )


REFUSED: dict[tuple[str, str], tuple[int, str]] = {
    ("GET", "/apis/nosuch.com"): (404, "404 page not found\n"),
    ("GET", "/api/v1/nosuch"): (404, "the server could not find the requested resource"),
    ("PUT", "/api/v1/namespaces/default/configmaps"): (405, "the server does not allow this method"),
    ("GET", "/api/v1/namespaces/default/nodes"): (404, "the server could not find the requested resource"),
    ("POST", "/version"): (405, "the server does not allow this method"),
    ("GET", "/api/v1/pods?limit=x"): (400, 'strconv.ParseInt: parsing \\"x\\": invalid syntax'),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case: tuple[str, str]) -> None:
    code, text = REFUSED[case]

    answer = ask(Rig(), *case)

    assert code == answer.code
    assert text in answer.body.decode()


def test_a_body_over_the_limit_is_refused() -> None:
    answer = ask(Rig(), "POST", "/api/v1/namespaces/default/configmaps", b"x" * (3 * 1024 * 1024 + 1))

    assert answer.code == 413
    assert b"limit is 3145728" in answer.body


def test_a_watch_is_a_stream_of_lines() -> None:
    rig = Rig()
    answer = ask(rig, "GET", "/api/v1/namespaces/default/configmaps?watch=1")
    rig.create("configmaps", config_map("a"))

    lines = answer.stream.poll().splitlines()

    assert [json.loads(line)["type"] for line in lines] == ["ADDED"]
    assert answer.stream.poll() == b""


def test_watches_tell_who_manages_which_field_as_reading_does() -> None:
    rig = Rig()
    path = "/api/v1/namespaces/default/configmaps"
    watches = [ask(rig, "GET", f"{path}?watch=1").stream for _ in range(2)]
    rig.create("configmaps", config_map("a"))
    first = json.loads(ask(rig, "GET", f"{path}/a").body)
    patch = {"content-type": "application/merge-patch+json", "user-agent": "somebody/1"}
    ask(rig, "PATCH", f"{path}/a?fieldManager=me", {"data": {"k": "w"}}, **patch)
    second = json.loads(ask(rig, "GET", f"{path}/a").body)
    ask(rig, "DELETE", f"{path}/a")

    one, other = (watch.poll() for watch in watches)
    events = [json.loads(line) for line in one.splitlines()]

    assert one == other
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert [event["object"] for event in events[:2]] == [first, second]
    assert events[2]["object"]["metadata"]["managedFields"] == second["metadata"]["managedFields"]
    assert "me" in [entry["manager"] for entry in second["metadata"]["managedFields"]]


TEXTS = st.text(max_size=20)
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])


@given(
    METHODS,
    st.lists(
        st.sampled_from(["api", "apis", "v1", "apps", "namespaces", "default", "pods", "watch", "x", "", "%", "status"])
    ),
    TEXTS,
    st.dictionaries(st.sampled_from(["accept", "content-type", "authorization", "impersonate-user"]), TEXTS),
    st.binary(max_size=30),
)
@settings(max_examples=300, deadline=None)
def test_nothing_that_a_client_sends_breaks_the_server(
    method: str, parts: list[str], query: str, headers: dict[str, str], body: bytes
) -> None:
    answer = serve(SHARED.server, HTTPRequest(method, f"/{'/'.join(parts)}?{query}", headers, body))

    assert 200 <= answer.code < 600


SHARED = Rig()
