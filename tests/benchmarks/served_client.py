"""The client of the served benchmarks: ``python -m tests.benchmarks.served_client URL TOKEN FILE``, told what to do on stdin.

Each line is answered with the seconds that it took. It speaks HTTP with the standard library alone, so that it costs little.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
import time


class Caller:
    """One connection for requests, and one for each watch."""

    def __init__(self, url: str, token: str, file: str) -> None:
        host, _, port = url.removeprefix("https://").partition(":")
        self._where = (host, int(port))
        self._context = ssl.create_default_context(cafile=file)
        self._connection = http.client.HTTPSConnection(host, int(port), context=self._context, timeout=120)
        self._token = token
        self._watches: list[ssl.SSLSocket] = []
        self.ask("GET", "/version")

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> bytes:
        """The body of an answer; raises when it is a refusal."""
        given = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **headers}
        content = None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, content, given)
        answer = self._connection.getresponse()
        found = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {found[:200]!r}")
        return found

    def do(self, verb: str, path: str, what: str) -> None:
        """One thing."""
        if verb == "list":
            self.ask("GET", path, Accept=what)
        elif verb == "open":
            for _ in range(int(what)):
                self._open(path)
        elif verb == "follow":
            for number in range(int(what)):
                self._follow(path, f"change-{number}")
        else:
            for number in range(int(what)):
                self._one(verb, path, f"w{number}")

    def _one(self, verb: str, path: str, name: str) -> None:
        if verb == "create":
            self.ask("POST", path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
        elif verb == "patch":
            merge = {"Content-Type": "application/merge-patch+json"}
            self.ask("PATCH", f"{path}/{name}", {"data": {"a": "b"}}, **merge)
        else:
            self.ask("GET", f"{path}/{name}")

    def _open(self, path: str) -> None:
        plain = socket.create_connection(self._where, timeout=120)
        secure = self._context.wrap_socket(plain, server_hostname="localhost")
        secure.sendall(
            f"GET {path}?watch=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self._token}\r\n\r\n".encode()
        )
        secure.recv(16)
        self._watches.append(secure)

    def _follow(self, path: str, name: str) -> None:
        self._one("create", path, name)
        wanted = f'"{name}"'.encode()
        for secure in self._watches:
            seen = b""
            while wanted not in seen:
                seen += secure.recv(65536)


def main() -> None:
    """Do what is told until there is nothing more."""
    caller = Caller(*sys.argv[1:4])
    for line in sys.stdin:
        begin = time.perf_counter()
        caller.do(*line.rstrip("\n").split(" ", 2))
        print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    main()
