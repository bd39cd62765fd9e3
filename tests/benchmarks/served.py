"""The API over HTTPS: a list of ten thousand pods, changes that a hundred watches follow, and writes a second.

The client is a process of its own, as kubectl and controllers are. Beside the figures by the clock on the wall stands the
server's own processor time, which other work on the machine does not touch. The recordings of a real control plane hold no
figures of its API server; the aims are this project's own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from k8snb.cluster import Cluster
from k8snb.rest import Serving, serve
from tests.benchmarks.harness import Benchmark, Figure

PODS = 10_000
WATCHES = 100
CHANGES = 100
WRITES = 500
MAPS = "/api/v1/namespaces/default/configmaps"


class Client:
    """A client in a process of its own, which does one thing after another when it is told to."""

    def __init__(self, serving: Serving, file: str) -> None:
        words = [sys.executable, "-m", "tests.benchmarks.served_client", serving.url, serving.token, file]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, *words: str) -> tuple[float, float]:
        """Have something done: seconds that the client needed, and seconds of processor time that this process did."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        begin = time.process_time()
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        seconds = float(self._process.stdout.readline())
        return seconds, time.process_time() - begin

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=60)


@contextmanager
def client_of(cluster: Cluster) -> Iterator[Client]:
    """Serve a cluster, and a client of it."""
    with serve(cluster, speed=0, environ=False) as serving, tempfile.TemporaryDirectory() as folder:
        authority = Path(folder) / "ca.pem"
        authority.write_bytes(serving.authority)
        client = Client(serving, str(authority))
        try:
            yield client
        finally:
            client.close()


def lists() -> Iterator[Figure]:
    """Seconds for the whole list, as JSON and as the table that kubectl prints."""
    cluster = Cluster(nodes=0)
    manifest = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    for number in range(PODS):
        cluster.create({**manifest, "metadata": {"name": f"pod-{number}"}})
    with client_of(cluster) as client:
        for name, accept, aim in (
            ("as JSON", "application/json", 3.0),
            ("as a table", "application/json;as=Table;v=v1;g=meta.k8s.io", 3.0),
            ("as protobuf", "application/vnd.kubernetes.protobuf", 6.0),
        ):
            wall, processor = client.tell("list", "/api/v1/namespaces/default/pods", accept)
            yield Figure(f"list of {PODS} pods {name}", wall, "s")
            yield Figure("of which processor", processor, "s", aim)


def watches() -> Iterator[Figure]:
    """How long one change takes to reach a hundred watches, on average over many."""
    with client_of(Cluster(nodes=0)) as client:
        client.tell("open", MAPS, str(WATCHES))
        wall, processor = client.tell("follow", MAPS, str(CHANGES))
        yield Figure(f"a change to {WATCHES} watches", wall / CHANGES * 1000, "ms")
        yield Figure("of which processor", processor / CHANGES * 1000, "ms", 25.0)
        yield Figure("events delivered", WATCHES * CHANGES / wall, "1/s")


def writes() -> Iterator[Figure]:
    """Requests a second of one client after another."""
    with client_of(Cluster(nodes=0)) as client:
        for verb in ("create", "patch", "get"):
            wall, processor = client.tell(verb, MAPS, str(WRITES))
            aim = None if verb == "get" else 400.0
            yield Figure(f"{verb} in a second of the server's processor", WRITES / processor, "1/s", aim, at_least=True)
            yield Figure("by the clock on the wall", WRITES / wall, "1/s")


LISTS = Benchmark("served_list", lists, by_name=True)
WATCHING = Benchmark("served_watch", watches)
WRITING = Benchmark("served_write", writes)
