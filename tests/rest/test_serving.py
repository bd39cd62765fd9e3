"""A served cluster: who gets in, what the answers carry, and how it lives with the notebook."""

from __future__ import annotations

import base64
import os
import ssl
import stat
import threading
import time
from pathlib import Path

import httpx
import pytest
import yaml

from k8snb.api.mistakes import BadType, BadValue
from k8snb.cluster import Cluster
from k8snb.notebook import Cluster as NotebookCluster
from k8snb.rest import Serving, serve
from tests.rest.conftest import client_of


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz/ping"])
def test_health_is_public(serving: Serving, path: str) -> None:
    with client_of(serving, "") as client:
        answer = client.get(path)

    assert (answer.status_code, answer.text) == (200, "ok")


@pytest.mark.parametrize(
    "path", ["/", "/api", "/apis", "/version", "/api/v1/pods", "/openapi/v2", "/healthzz", "/healthz/../api/v1/secrets"]
)
@pytest.mark.parametrize("token", ["", "wrong", "a.b.c", "é"])
def test_nothing_else_is(serving: Serving, path: str, token: str) -> None:
    context = ssl.create_default_context(cadata=serving.authority.decode())
    with httpx.Client(base_url=serving.url, verify=context, trust_env=False) as client:
        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        answer = client.get(path, headers=headers)

    assert answer.status_code == 401
    assert (answer.json()["reason"], answer.json()["status"]) == ("Unauthorized", "Failure")


def test_a_certificate_makes_a_user_in_groups(serving: Serving, tmp_path: Path) -> None:
    path = serving.login("alice", ["dev", "qa"], tmp_path / "alice.config")
    user = yaml.safe_load(path.read_text())["users"][0]["user"]
    context = ssl.create_default_context(cadata=serving.authority.decode())
    pem = tmp_path / "alice.pem"
    pem.write_bytes(base64.b64decode(user["client-key-data"]) + base64.b64decode(user["client-certificate-data"]))
    context.load_cert_chain(pem)

    with httpx.Client(base_url=serving.url, verify=context, trust_env=False) as client:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json=body).json()

    assert answer["status"]["userInfo"] == {"username": "alice", "groups": ["dev", "qa", "system:authenticated"]}


def test_a_service_account_gets_in_with_its_token(serving: Serving, http: httpx.Client) -> None:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
    token = http.post("/api/v1/namespaces/default/serviceaccounts/default/token", json=body).json()["status"]["token"]

    with client_of(serving, token) as client:
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json=review).json()

    assert answer["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"


def test_the_kubeconfig_is_its_owners_alone(serving: Serving) -> None:
    content = yaml.safe_load(serving.kubeconfig.read_text())

    assert stat.S_IMODE(serving.kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE(serving.kubeconfig.parent.stat().st_mode) == 0o700
    assert serving.url == content["clusters"][0]["cluster"]["server"]
    assert content["current-context"] == "k8snb"


def test_a_kubeconfig_of_somebody_else_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\nkind: Config\nclusters: [{name: production, cluster: {}}]\n")

    with pytest.raises(BadValue, match="was not written by k8snb"):
        serve(Cluster(nodes=0), kubeconfig=path)

    assert "production" in path.read_text()


def test_serving_ends_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere/else")
    cluster = NotebookCluster(nodes=1)
    before = threading.active_count()
    serving = cluster.serve()

    assert str(serving.kubeconfig) == os.environ["KUBECONFIG"]
    with pytest.raises(BadValue, match="served already"):
        cluster.serve()
    serving.stop()
    serving.stop()

    assert os.environ["KUBECONFIG"] == "/somewhere/else"
    assert not serving.kubeconfig.exists()
    assert type(cluster) is NotebookCluster
    assert before == threading.active_count()
    with pytest.raises(httpx.ConnectError), client_of(serving) as client:
        client.get("/healthz")
    cluster.serve().stop()


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [({"port": -1}, BadValue), ({"port": "1"}, BadValue), ({"speed": -1}, BadValue), ({"speed": "fast"}, BadType),
     ({"host": "203.0.113.1"}, BadValue)],
)  # fmt: skip
def test_mistakes_are_told(arguments: dict[str, object], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        serve(Cluster(nodes=0), **arguments)  # type: ignore[arg-type]


def test_time_follows_the_wall_clock() -> None:
    cluster = Cluster(nodes=1)
    with serve(cluster, speed=100, environ=False) as serving:
        begin, real = cluster.now, time.monotonic()
        deadline = real + 30
        while cluster.now < begin + 20 and time.monotonic() < deadline:
            time.sleep(0.01)

        assert cluster.now >= begin + 20
        assert time.monotonic() - real >= 0.15
        serving.speed = 0
        time.sleep(0.2)
        still = cluster.now
        time.sleep(0.2)
        assert still == cluster.now


def test_the_notebook_and_clients_share_the_cluster() -> None:
    """Many writers at once, from the notebook's thread and over HTTP: nothing is lost and every step is whole."""
    cluster = Cluster(nodes=2)
    with serve(cluster, speed=200, environ=False) as serving:

        def post(start: int) -> None:
            with client_of(serving) as client:
                for number in range(start, start + 15):
                    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"h{number}"}}
                    assert client.post("/api/v1/namespaces/default/configmaps", json=body).status_code == 201

        threads = [threading.Thread(target=post, args=(start,)) for start in (0, 100)]
        for thread in threads:
            thread.start()
        for number in range(30):
            cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"n{number}"}})
            cluster.run(1)
        for thread in threads:
            thread.join()
        names = {name for name in cluster.configmaps.names if name[0] in "hn"}
        fork = cluster.fork()

        assert {*(f"h{n}" for n in (*range(15), *range(100, 115))), *(f"n{n}" for n in range(30))} == names
        assert type(fork) is Cluster
        fork.run(5)
    assert list(range(1, cluster.revision + 1)) == sorted({change.revision for change in cluster.history})


def test_paused_holds_everything(serving: Serving) -> None:
    answers = []

    def ask() -> None:
        with client_of(serving) as client:
            answers.append(client.get("/api/v1/nodes").status_code)

    thread = threading.Thread(target=ask)
    with serving.paused():
        with pytest.raises(BadValue, match=r"held by paused\(\)"):
            serving.stop()
        thread.start()
        thread.join(0.3)
        assert answers == []
    thread.join(30)

    assert answers == [200]


def test_large_answers_are_compressed(http: httpx.Client) -> None:
    plain = http.get("/openapi/v3/api/v1", headers={"Accept-Encoding": "identity"})
    packed = http.get("/openapi/v3/api/v1", headers={"Accept-Encoding": "gzip"})

    assert (packed.headers["content-encoding"], plain.headers.get("content-encoding")) == ("gzip", None)
    assert plain.json() == packed.json()
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 4


def test_discovery_need_not_be_read_twice(http: httpx.Client) -> None:
    accept = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    first = http.get("/apis", headers=accept)
    again = http.get("/apis", headers={**accept, "If-None-Match": first.headers["etag"]})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.headers["cache-control"] == "public"


def test_health_in_detail(http: httpx.Client) -> None:
    ready = http.get("/readyz?verbose").text

    assert ready.startswith("[+]ping ok\n")
    assert ready.endswith("[+]shutdown ok\nreadyz check passed\n")
    assert http.get("/livez/shutdown").status_code == 404


def test_head_gives_no_body(http: httpx.Client) -> None:
    answer = http.head("/healthz")

    assert (answer.status_code, answer.content) == (200, b"")
