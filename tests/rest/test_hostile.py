"""What a hostile or broken client may send: it is refused in Kubernetes' own way, and nobody else notices."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from k8snb.api.request import UserInfo
from k8snb.cluster import Cluster
from k8snb.rest import Serving, connection, serve
from tests.rest.conftest import client_of

MAPS = "/api/v1/namespaces/default/configmaps"


@contextmanager
def raw(serving: Serving) -> Iterator[ssl.SSLSocket]:
    """A bare TLS connection."""
    context = ssl.create_default_context(cadata=serving.authority.decode())
    with (
        socket.create_connection((serving.host, serving.port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        yield secure


def sent(serving: Serving, data: bytes) -> bytes:
    """What comes back for bytes until the server closes or has answered."""
    with raw(serving) as secure:
        secure.settimeout(20)
        answer = b""
        try:
            secure.sendall(data)
            while piece := secure.recv(65536):
                answer += piece
                secure.settimeout(0.3)
        except (TimeoutError, ConnectionError, ssl.SSLError):
            pass
        return answer


def alive(http: httpx.Client) -> bool:
    """Whether the server still answers others."""
    return http.get("/api/v1/namespaces/default").status_code == 200


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"a":' * 50_000, "application/json", 400),
        (b'{"apiVersion":"v1","kind":"ConfigMap","metadata":' + b'{"labels":' * 5000, "application/json", 400),
        (b"a: &a [x]\n" + b"".join(b"b%d: &b%d [%s]\n" % (n, n, b", ".join([b"*b%d" % (n - 1) if n else b"*a"] * 9)) for n in range(9)),
         "application/yaml", 400),
        (b"- " * 20_000, "application/yaml", 400),
        (b"!!python/object/apply:os.system ['touch /tmp/k8snb-was-here']", "application/yaml", 400),
        (b"null", "application/json", 422),
        (b'"text"', "application/json", 400),
        (b"", "application/json", 400),
        (b'{"apiVersion":"v1","kind":"ConfigMap"}', "text/html", 415),
        (b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"../../etc"}}', "application/json", 422),
        (b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{}}', "application/json", 400),
        (b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","name":"b"}}' + b" " * 4_000_000, "application/json", 413),
    ],
    ids=lambda value: str(value)[:24],
)  # fmt: skip
def test_bad_bodies(http: httpx.Client, content: bytes, kind: str, code: int) -> None:
    answer = http.post(MAPS, content=content, headers={"Content-Type": kind})

    assert code == answer.status_code, answer.text[:500]
    assert answer.json()["kind"] == "Status"
    assert alive(http)


def test_a_body_without_a_length_is_bounded_too(http: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 65536

    try:
        answer = http.post(MAPS, content=pieces(), headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
    except httpx.WriteError:  # refused before all was sent
        pass
    assert alive(http)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/default/../kube-system/secrets", "//api//v1//pods", "/api/v1/%2e%2e/%2e%2e/etc/passwd",
        "/api/v1/namespaces/default/pods/%00", "/api/v1/namespaces/default/pods/a%2fb", "/api/v1/namespaces/%ff/pods",
        "/api/v1/namespaces/default/pods/" + "a" * 8000, "/apis/" + "/".join("abcdefgh"), "/api/v1/watch/", "/api/v1/namespaces//pods",
        "/openapi/v3/../../etc/passwd", "/openapi/v3/api/v1%00", "/openapi", "/%", "/%zz", "/api/v1/pods?limit=" + "9" * 50,
        "/api/v1/pods?continue=AAAA", "/api/v1/pods?labelSelector=%00(((", "/api/v1/pods?fieldSelector=a%3Db%3Dc",
        "/api/v1/pods?watch=true&resourceVersion=-1", "/api/v1/pods?watch=1&timeoutSeconds=-1", "/api/v1/pods?" + "a=1&" * 2000,
        "/api/v1/namespaces/default/pods/x/log?follow=true&tailLines=x", "/api/v1/namespaces/default/pods/x/exec?command=a",
    ],
)  # fmt: skip
def test_odd_addresses(serving: Serving, http: httpx.Client, path: str) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {serving.token}\r\nConnection: close\r\n\r\n"
    answer = sent(serving, head.encode("latin-1"))
    code = int(answer.split(b" ")[1])

    assert code in (200, 400, 404, 405, 410, 414, 422, 431, 500), answer[:300]
    assert code != 500 or b"strconv.ParseUint" in answer, answer[:500]
    assert b"Traceback" not in answer
    assert b"root:" not in answer
    assert alive(http)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01" * 100,
        b"GET /api HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /api HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /api HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"GET /api HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        b"GET /api HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /api\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nX-Big: " + b"a" * 200_000 + b"\r\n\r\n",
    ],
    ids=lambda value: repr(value)[:60],
)
def test_broken_heads(serving: Serving, http: httpx.Client, head: bytes) -> None:
    answer = sent(serving, head)

    assert answer == b"" or int(answer.split(b" ")[1]) in (400, 401, 431, 501), answer[:300]
    assert alive(http)


def test_no_request_hides_behind_another(serving: Serving, http: httpx.Client) -> None:
    """A body that looks like a request stays a body, however its length is told."""
    hidden = b"GET /api/v1/namespaces/default/secrets HTTP/1.1\r\nHost: a\r\n\r\n"
    chunked = b"0\r\n\r\n" + hidden
    both = (
        b"POST " + MAPS.encode() + b" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + serving.token.encode()
        + b"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nContent-Length: "
        + str(len(chunked)).encode() + b"\r\n\r\n" + chunked
    )  # fmt: skip
    answer = sent(serving, both)

    assert b"SecretList" not in answer
    assert alive(http)


@pytest.mark.parametrize("name", ["X-Remote-User", "X-Remote-Group", "X-Forwarded-User", "Impersonate-User", "X-Peer"])
def test_headers_make_nobody_an_administrator(serving: Serving, name: str) -> None:
    with client_of(serving, "") as client:
        answer = client.get("/api/v1/namespaces/default/secrets", headers={name: "admin"})

    assert answer.status_code == 401


def token(claims: dict[str, Any], algorithm: str = "HS256", signature: str = "") -> str:
    """A JSON Web Token as an attacker would write it."""

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': algorithm})}.{part(claims)}.{signature}"


ACCOUNT = {"namespace": "default", "serviceaccount": {"name": "default", "uid": "x"}}


@pytest.mark.parametrize(
    "bad",
    [
        token({"kubernetes.io": ACCOUNT, "exp": 1 << 40}, "none"),
        token({"kubernetes.io": ACCOUNT, "exp": 1 << 40}, signature="AAAA"),
        token({"kubernetes.io": {"namespace": 1, "serviceaccount": {"name": [], "uid": {}}}, "exp": "x"}),
        token({"kubernetes.io": []}), "..", "a" * 10_000, "%s%s%s",
    ],
    ids=lambda value: value[:20],
)  # fmt: skip
def test_forged_tokens(serving: Serving, bad: str) -> None:
    with client_of(serving, bad) as client:
        assert client.get("/api/v1/namespaces/default/secrets").status_code == 401


def test_a_token_cannot_be_made_from_what_readers_see(serving: Serving, http: httpx.Client) -> None:
    """Who may read a ServiceAccount, its uid included, cannot sign its tokens."""
    account = http.get("/api/v1/namespaces/default/serviceaccounts/default").json()["metadata"]
    known = {"namespace": "default", "serviceaccount": {"name": "default", "uid": account["uid"]}}
    unsigned = token({"kubernetes.io": known, "exp": 1 << 40}).rpartition(".")[0]
    digest = hmac.new(account["uid"].encode(), unsigned.encode(), hashlib.sha256).digest()
    forged = f"{unsigned}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    with client_of(serving, forged) as client:
        assert client.get("/api/v1/namespaces/default/secrets").status_code == 401


def test_a_certificate_of_another_authority_is_no_use(serving: Serving, tmp_path: Any) -> None:
    from k8snb.rest.certificates import Authority

    pair = Authority().client("kubernetes-admin", ["system:masters"])
    (tmp_path / "pem").write_bytes(pair.key + pair.certificate)
    context = ssl.create_default_context(cadata=serving.authority.decode())
    context.load_cert_chain(tmp_path / "pem")

    with pytest.raises(httpx.TransportError), httpx.Client(verify=context, trust_env=False) as client:
        client.get(f"{serving.url}/api/v1/nodes")


def test_those_who_say_nothing_are_sent_away(
    serving: Serving, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "FIRST_REQUEST", 0.3)
    with raw(serving) as secure:
        secure.sendall(b"GET / HT")
        secure.settimeout(20)
        assert secure.recv(100) == b""
    assert alive(http)


def test_many_watches_come_and_go(serving: Serving, http: httpx.Client) -> None:
    sockets = []
    head = f"GET /api/v1/namespaces/default/configmaps?watch=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {serving.token}\r\n\r\n"
    context = ssl.create_default_context(cadata=serving.authority.decode())
    for _ in range(100):
        plain = socket.create_connection((serving.host, serving.port), timeout=30)
        secure = context.wrap_socket(plain, server_hostname="localhost")
        secure.sendall(head.encode())
        sockets.append(secure)
    for secure in sockets:
        assert secure.recv(16).startswith(b"HTTP/1.1 200")
    http.post(MAPS, json={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "for-all"}})
    for secure in sockets:
        secure.settimeout(30)
        seen = b""
        while b"for-all" not in seen:
            seen += secure.recv(65536)
        secure.close()
    http.delete(f"{MAPS}/for-all")
    deadline = time.monotonic() + 30
    while len(serving._hub._waiting) > 5 and time.monotonic() < deadline:
        time.sleep(0.05)

    assert len(serving._hub._waiting) <= 5
    assert alive(http)


def test_a_watch_that_is_not_read_costs_little() -> None:
    with serve(Cluster(nodes=0), speed=0, environ=False) as serving, client_of(serving) as http, raw(serving) as lazy:
        head = f"GET {MAPS}?watch=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {serving.token}\r\n\r\n"
        lazy.sendall(head.encode())
        lazy.recv(16)
        data = {"text": "x" * 100_000}
        for number in range(100):
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m{number}"}, "data": data}
            assert http.post(MAPS, json=body).status_code == 201
        buffered = sum(item.transport.get_write_buffer_size() for item in serving._server.server_state.connections)

        assert buffered < 4_000_000


def test_streams_of_nonsense(serving: Serving, http: httpx.Client) -> None:
    """WebSockets that are asked for wrongly, or used wrongly."""
    http.post(
        "/api/v1/namespaces/default/pods",
        json={"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "target"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while http.get("/api/v1/namespaces/default/pods/target").json()["status"]["phase"] != "Running":
        assert time.monotonic() < deadline
        time.sleep(0.1)

    def upgrade(path: str, protocol: str, then: bytes = b"", credentials: str | None = None) -> bytes:
        shown = serving.token if credentials is None else credentials
        head = (
            f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {shown}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
        )
        return sent(serving, head.encode() + then)

    pod = "/api/v1/namespaces/default/pods/target"
    tunnel = "SPDY/3.1+portforward.k8s.io"
    frame = b"\x82\x88\0\0\0\0" + b"\xff" * 8
    expected = {
        (f"{pod}/exec?command=ls&stdout=1", "v9.channel.k8s.io"): b"400",
        (f"{pod}/exec?stdout=0&command=ls", "v5.channel.k8s.io"): b"400",
        (f"{pod}x/exec?command=ls&stdout=1", "v5.channel.k8s.io"): b"404",
        ("/api/v1/pods?watch=1", "v5.channel.k8s.io"): b"400",
        ("/nothing", "v5.channel.k8s.io"): b"400",
    }
    for (path, protocol), code in expected.items():
        assert upgrade(path, protocol).split(b" ")[1] == code, path
    assert upgrade(f"{pod}/exec?command=ls&stdout=1", "v5.channel.k8s.io", credentials="x").split(b" ")[1] == b"401"
    assert upgrade(f"{pod}/portforward", tunnel, frame).split(b" ")[1] == b"101"
    assert upgrade(f"{pod}/portforward?ports=1,x,99999999", "v4.channel.k8s.io", frame).split(b" ")[1] == b"101"
    assert upgrade(f"{pod}/exec?command=cat&stdin=1&stdout=1", "v4.channel.k8s.io", frame).split(b" ")[1] == b"101"
    assert alive(http)


def test_others_see_nothing_of_a_crash(serving: Serving, http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from k8snb.rest import app, worker

    def broken(*_: Any) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(app, "serve", broken)
    monkeypatch.setattr(worker.LOG, "disabled", True)
    answer = http.get("/api/v1/pods")
    monkeypatch.undo()

    assert (answer.status_code, answer.json()["reason"]) == (500, "InternalError")
    assert "secret of the inside" not in answer.text
    assert alive(http)


def test_two_users_do_not_mix(serving: Serving) -> None:
    """Connections of two users at once: each is answered as itself."""
    wrong = []

    def ask(name: str) -> None:
        serving._users.know(f"token-of-{name}", UserInfo(name))
        with client_of(serving, f"token-of-{name}") as client:
            for _ in range(20):
                body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
                said = client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json=body).json()
                if said["status"]["userInfo"]["username"] != name:
                    wrong.append(said)

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("ann", "bob", "cai")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
