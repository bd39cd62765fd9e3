"""The API over HTTPS: a list of ten thousand pods, changes that a hundred watches follow, and writes a second.

One client thread in the same process talks TLS to the server's; both share the interpreter, so a client of its own would
see somewhat better figures.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator

import httpx

from k8snb.cluster import Cluster
from k8snb.rest import Serving, serve
from tests.benchmarks.harness import Benchmark, Figure

PODS = 10_000
WATCHES = 100
CHANGES = 50
WRITES = 500
MAPS = "/api/v1/namespaces/default/configmaps"


def client(serving: Serving) -> httpx.Client:
    """The administrator's client."""
    context = ssl.create_default_context(cadata=serving.authority.decode())
    headers = {"Authorization": f"Bearer {serving.token}"}
    return httpx.Client(base_url=serving.url, verify=context, headers=headers, timeout=120, trust_env=False)


def lists() -> Iterator[Figure]:
    """Seconds for the whole list, as JSON and as the table that kubectl prints."""
    cluster = Cluster(nodes=0)
    manifest = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    for number in range(PODS):
        cluster.create({**manifest, "metadata": {"name": f"pod-{number}"}})
    with serve(cluster, speed=0, environ=False) as serving, client(serving) as http:
        for name, accept, aim in (
            ("as JSON", "application/json", 3.0),
            ("as a table", "application/json;as=Table;v=v1;g=meta.k8s.io", 3.0),
            ("as protobuf", "application/vnd.kubernetes.protobuf", 6.0),
        ):
            begin = time.perf_counter()
            answer = http.get("/api/v1/namespaces/default/pods", headers={"Accept": accept})
            assert answer.status_code == 200
            yield Figure(f"list of {PODS} pods {name}", time.perf_counter() - begin, "s", aim)


def watches() -> Iterator[Figure]:
    """How long one change takes to reach a hundred watches, on average over many."""
    with serve(Cluster(nodes=0), speed=0, environ=False) as serving, client(serving) as http:
        context = ssl.create_default_context(cadata=serving.authority.decode())
        head = f"GET {MAPS}?watch=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {serving.token}\r\n\r\n".encode()
        sockets = []
        for _ in range(WATCHES):
            plain = socket.create_connection((serving.host, serving.port))
            sockets.append(context.wrap_socket(plain, server_hostname="localhost"))
            sockets[-1].sendall(head)
            sockets[-1].recv(16)
        begin = time.perf_counter()
        for number in range(CHANGES):
            name = f"change-{number}"
            http.post(MAPS, json={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
            for secure in sockets:
                seen = b""
                while f'"{name}"'.encode() not in seen:
                    seen += secure.recv(65536)
        yield Figure(f"a change to {WATCHES} watches", (time.perf_counter() - begin) / CHANGES * 1000, "ms", 50.0)
        for secure in sockets:
            secure.close()


def writes() -> Iterator[Figure]:
    """Requests a second of one client after another."""
    with serve(Cluster(nodes=0), speed=0, environ=False) as serving, client(serving) as http:
        begin = time.perf_counter()
        for number in range(WRITES):
            http.post(MAPS, json={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"w{number}"}})
        yield Figure("create", WRITES / (time.perf_counter() - begin), "1/s", 200.0, at_least=True)
        begin = time.perf_counter()
        for number in range(WRITES):
            headers = {"Content-Type": "application/merge-patch+json"}
            http.patch(f"{MAPS}/w{number}", json={"data": {"a": "b"}}, headers=headers)
        yield Figure("patch", WRITES / (time.perf_counter() - begin), "1/s", 200.0, at_least=True)


LISTS = Benchmark("served_list", lists, by_name=True)
WATCHING = Benchmark("served_watch", watches)
WRITING = Benchmark("served_write", writes)
