"""What components read besides their caches: the store's present and past as views need them, and the kubelets' logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from k8snb.api.errors import bad_request
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Pod
from k8snb.api.unstructured import Unstructured
from k8snb.apiserver import APIServer
from k8snb.client.runtime import store_change
from k8snb.client.view import Source
from k8snb.node import KubeletPool
from k8snb.sim.clock import Clock, rfc3339_micro
from k8snb.store import Store


class Past:
    """The store's present and past in the shape that views need."""

    def __init__(self, store: Store, server: APIServer) -> None:
        self.store = store
        self.server = server

    def __call__(self, kind: type[Object]) -> Iterable[Object]:
        return self.listed(kind, None)

    def listed(self, kind: type[Object], revision: int | None) -> list[Object]:
        """All objects of a kind at a revision (None: now), oldest first; ``Unstructured`` means every custom resource."""
        scheme = self.server.scheme
        resources = [r for r in scheme if r.custom] if kind is Unstructured else [scheme.of(kind)]
        found = [kv for r in resources for kv in self.store.list(r.list_prefix(), revision=revision).items]
        return [kv.value for kv in sorted(found, key=lambda kv: kv.create_revision)]

    def objects(self, kind: type[Object], time: float) -> list[Object]:
        """All objects of a kind as they were at a second (as they are, when that is no longer kept)."""
        revision = self.store.revision_at(time)
        return self.listed(kind, revision if revision >= self.store.compacted else None)

    def source_at(self, revision: int) -> Source:
        return SourceAt(self, revision)

    def changes(self, after: int, until: int) -> Iterable[tuple[int, type[Object], str, Object | None]]:
        if until <= after:
            return
        for change in self.store.changes(after + 1, until):
            kind, key = store_change(change.value, change.previous.value if change.previous else None)
            yield change.revision, kind, key, change.value


class SourceAt:
    def __init__(self, past: Past, revision: int) -> None:
        self.past = past
        self.revision = revision

    def __call__(self, kind: type[Object]) -> Iterable[Object]:
        return self.past.listed(kind, self.revision)


class KubeletLogs:
    """Answers pods/log from the kubelets."""

    def __init__(self, kubelets: KubeletPool, clock: Clock) -> None:
        self.kubelets = kubelets
        self.clock = clock

    def log(self, pod: Pod, container: str, options: dict[str, Any]) -> str:
        """The text of a container's log; ``options`` as in pods/log: previous, tailLines, sinceSeconds, timestamps."""
        try:
            lines = self.kubelets.logs(pod, container or None, str(options.get("previous")).lower() == "true")
        except ValueError as error:
            raise bad_request(str(error)) from None
        since = options.get("sinceSeconds")
        if since:
            start = self.clock.now - float(since)
            lines = [line for line in lines if line[0] >= start]
        tail = options.get("tailLines")
        if tail is not None:
            lines = lines[-int(tail) :] if int(tail) else []
        stamped = str(options.get("timestamps")).lower() == "true"
        return "".join(f"{rfc3339_micro(at)[:-1]}000Z {text}\n" if stamped else f"{text}\n" for at, _, text in lines)
