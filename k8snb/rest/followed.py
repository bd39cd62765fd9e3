"""``pods/log`` with ``follow=true``: a log that goes on as long as its container runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8snb.apiserver.http import parameters
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.apiserver.http.paths import RequestInfo
from k8snb.apiserver.routes import serve
from k8snb.apiserver.subresources.log import container_of
from k8snb.node.container import RUNNING
from k8snb.sim.clock import rfc3339_micro


def is_followed_log(info: RequestInfo, query: Mapping[str, list[str]]) -> bool:
    """Whether a request asks for a log that goes on."""
    return (
        info.verb == "get"
        and (info.group, info.resource, info.subresource) == ("", "pods", "log")
        and bool(parameters.boolean(dict(query), "follow"))
        and not parameters.boolean(dict(query), "previous")
    )


class Followed:
    """A log under way: ``first`` is what there was, ``poll`` gives what has come since; both run on the cluster's thread."""

    def __init__(self, cluster: Any, pod: Any, container: str, first: bytes, query: Mapping[str, list[str]]) -> None:
        self._cluster = cluster
        self._pod = pod
        self._container = container
        self._stamped = bool(parameters.boolean(dict(query), "timestamps"))
        limit = parameters.integer(dict(query), "limitBytes")
        self._left = None if limit is None else max(0, limit - len(first))
        self._seen = len(self._lines())
        self.first = first
        self.ended = not self._runs() or self._left == 0

    @classmethod
    def begin(
        cls, cluster: Any, request: HTTPRequest, info: RequestInfo, query: Mapping[str, list[str]]
    ) -> Followed | HTTPResponse:
        """Begin to follow; the answer itself when it is a refusal or there is nothing to follow."""
        answer = serve(cluster.server, request)
        if answer.code != 200:
            return answer
        pod = cluster.server.reader.get("pods", info.namespace, info.name)
        if pod is None or cluster.kubelets.worker_of(pod) is None:
            return answer
        container = container_of(pod, (query.get("container") or [""])[0])
        return cls(cluster, pod, container, answer.body, query)

    def poll(self) -> bytes | None:
        """What has been printed since the last time; None when nothing has, b"" when it has ended."""
        lines = self._lines()
        fresh = lines[self._seen :] if len(lines) >= self._seen else lines
        self._seen = len(lines)
        runs = self._runs()
        self.ended = not runs
        if not fresh:
            return None if runs else b""
        text = "".join(
            f"{rfc3339_micro(at)[:-1]}000Z {line}\n" if self._stamped else f"{line}\n" for at, _, line in fresh
        ).encode()
        if self._left is not None:
            text = text[: self._left]
            self._left -= len(text)
            self.ended = self.ended or self._left == 0
        return text

    def _lines(self) -> list[tuple[float, str, str]]:
        try:
            found: list[tuple[float, str, str]] = self._cluster.kubelets.logs(self._pod, self._container)
        except ValueError:
            return []
        return found

    def _runs(self) -> bool:
        worker = self._cluster.kubelets.worker_of(self._pod)
        if worker is None or worker.final:
            return False
        try:
            return bool(worker.box(self._container).state == RUNNING)
        except ValueError:
            return False
