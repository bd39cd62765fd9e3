"""A cluster over HTTPS as a world: collections, views and explanations of what is there now.

A real cluster does not tell why its objects changed, so the history is empty and explanations tell the present state only.
Nothing is changed unless ``writable`` says so; programs that a kubeconfig names for logging in are never started.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from k8snb.api.codec import from_dict
from k8snb.api.errors import APIError
from k8snb.api.mistakes import Mistake
from k8snb.api.object import Object
from k8snb.api.request import Request, Response
from k8snb.api.scheme import SCHEME, Resource, Scheme, Subresource
from k8snb.rest.kubeconfig import read
from k8snb.rest.remote.client import Client
from k8snb.sim.clock import EPOCH
from k8snb.store import Change, KeyValue, ListResult
from k8snb.verbs import Verbs
from k8snb.world import History, Snapshot, World

DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class ReadOnly(Mistake, PermissionError):
    """The connection was not made for changes."""


class NoLog:
    """The log of a cluster that keeps none."""

    def changes(self, start: int, end: int | None = None) -> Iterator[Change]:
        """No changes."""
        return iter(())

    def history(self, key: str) -> list[KeyValue]:
        """No versions."""
        return []

    def change(self, revision: int, key: str) -> Change:
        """Nothing is known of any revision."""
        raise LookupError(f"a real cluster does not tell what revision {revision} did to {key}")


class Listing:
    """Reads objects by the keys that the model's store would have; ``kept`` ones are not asked for again."""

    def __init__(self, client: Client, scheme: Scheme, kept: bool = False) -> None:
        self._client = client
        self._scheme = scheme
        self._kept: dict[Resource, tuple[KeyValue, ...]] | None = {} if kept else None
        self.revision = 0

    def get(self, key: str) -> KeyValue | None:
        """One object."""
        resource, namespace, name = self._named(key)
        if resource is None or not name:
            return None
        if self._kept is not None:
            return next((kv for kv in self._all(resource) if kv.key == key), None)
        try:
            return self._value(resource, self._client.send(Request("get", resource, namespace, name)))
        except APIError as error:
            if error.reason == "NotFound":
                return None
            raise

    def list(self, prefix: str) -> ListResult:
        """All objects with a prefix; several resources when it is shorter than theirs, without those that are refused."""
        resource, namespace, _ = self._named(prefix)
        items: list[KeyValue] = []
        if resource is not None:
            items = [kv for kv in self._all(resource, namespace or None) if kv.key.startswith(prefix)]
        else:
            for other in self._several(prefix):
                try:
                    items += self._all(other)
                except APIError:  # not served, or not to be seen by this user
                    continue
        items.sort(key=lambda kv: kv.key)
        return ListResult(tuple(items), self.revision, False, len(items))

    def _all(self, resource: Resource, namespace: str | None = None) -> tuple[KeyValue, ...]:
        if self._kept is not None and resource in self._kept:
            return self._kept[resource]
        found = []
        for item, version in self._client.pages(resource, namespace if self._kept is None else None):
            self.revision = max(self.revision, int(version) if version.isdecimal() else 0)
            found.append(self._value(resource, item))
        if self._kept is not None:
            self._kept[resource] = tuple(found)
        return tuple(found)

    def _value(self, resource: Resource, tree: dict[str, Any]) -> KeyValue:
        obj: Object = from_dict(resource.type, {"apiVersion": resource.api_version, "kind": resource.kind, **tree})
        meta = obj.metadata
        text = meta.resourceVersion or ""
        version = int(text) if text.isdecimal() else 0
        return KeyValue(resource.key(meta.namespace, meta.name or ""), obj, version, version, 1)

    def _several(self, prefix: str) -> builtins.list[Resource]:
        """The listable resources below a prefix; each object once."""
        seen: dict[str, Resource] = {}
        for resource in self._scheme.resources:
            if resource.listable and f"{resource.prefix}/".startswith(prefix):
                seen.setdefault(resource.prefix, resource)
        return list(seen.values())

    def _named(self, key: str) -> tuple[Resource | None, str, str]:
        """Resource, namespace and name of a key or a prefix."""
        best: Resource | None = None
        for resource in self._scheme.resources:
            fits = resource.listable and f"{key.rstrip('/')}/".startswith(f"{resource.prefix}/")
            if fits and (best is None or len(resource.prefix) > len(best.prefix)):
                best = resource
        if best is None:
            return None, "", ""
        rest = key[len(best.prefix) :].strip("/").split("/")
        if not best.namespaced:
            return best, "", rest[0]
        return best, rest[0], rest[1] if len(rest) > 1 else ""


class Remote(Verbs):
    """A cluster that a kubeconfig leads to: ``kubeconfig`` is a path (default ``$KUBECONFIG``, then ``~/.kube/config``).

    ``context`` chooses one of the file's contexts. Reading is all that is allowed unless ``writable``.
    """

    snapshot_type: type[Snapshot] = Snapshot

    def __init__(
        self, kubeconfig: str | Path | None = None, context: str | None = None, *, writable: bool = False
    ) -> None:
        self._access = read(None if kubeconfig is None else Path(kubeconfig), context)
        self._writable = writable
        self._client = Client(self._access)
        self._scheme = SCHEME
        self.discover()

    def discover(self) -> None:
        """Learn which custom resources are served."""
        found: list[Resource] = []
        answer = self._client.ask("GET", "/apis", headers={"Accept": DISCOVERY})
        for group in answer.get("items", ()):
            name = group["metadata"]["name"]
            for version in group["versions"]:
                for entry in version["resources"]:
                    if (name, version["version"], entry["resource"]) not in SCHEME.by_gvr:
                        found.append(_resource(name, version["version"], entry))
        self._scheme = SCHEME.register(*found) if found else SCHEME

    @property
    def scheme(self) -> Scheme:
        return self._scheme

    @property
    def reader(self) -> Listing:
        return Listing(self._client, self._scheme)

    @property
    def now(self) -> float:
        """Seconds since the model's epoch by the server's clock."""
        try:
            moment = parsedate_to_datetime(self._client.date)
        except ValueError:
            moment = datetime.now(UTC)
        return (moment - EPOCH).total_seconds()

    @property
    def history(self) -> History:
        return History(NoLog(), 1, 0)

    @property
    def revision(self) -> int:
        """The resourceVersion of the cluster as far as it was seen."""
        listing = self.reader
        listing.list("/registry/namespaces/")
        return listing.revision

    def moment(self) -> World:
        """The cluster as it is now: what is asked for is read once and kept."""
        listing = Listing(self._client, self._scheme, kept=True)
        listing.list("/registry/namespaces/")
        return self.snapshot_type(self._scheme, listing, NoLog(), 1, self.now, _no_branch)

    def handle(self, request: Request) -> Response:
        if request.verb in _WRITES and not self._writable:
            raise ReadOnly(
                f"this connection to {self._access.server} only reads: make it with connect(…, writable=True) to change things"
            )
        tree = self._client.send(request)
        if not isinstance(tree, dict):
            return Response(200, text=str(tree))
        if tree.get("kind") == "Status":
            return Response(200)
        return Response(200, from_dict(None, tree))

    def logs(
        self, pod: str | Object, container: str | None = None, namespace: str = "default", *, previous: bool = False
    ) -> str:
        """The log of a container, as ``kubectl logs`` prints it."""
        target = pod if not isinstance(pod, str) or pod.startswith("pod/") else f"pod/{pod}"
        resource, where, name = self.target(target, None, None if namespace == "default" else namespace)
        query = {"container": container or "", "previous": "true" if previous else ""}
        path = f"/api/v1/namespaces/{where}/{resource.plural}/{name}/log"
        return str(self._client.ask("GET", path, {key: value for key, value in query.items() if value}))

    def explain(self, what: str | Object, language: str | None = None) -> Any:
        """Why an object is in its state: ``explain("pod/web-1")``."""
        from k8snb.explain import explain

        return explain(self.moment(), what, language)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        mode = "read and write" if self._writable else "read-only"
        return f"<Remote cluster {self._access.server}, context {self._access.name}, {mode}>"


def _no_branch(revision: int, time: float) -> Any:
    raise ReadOnly("a real cluster cannot be forked: only a model goes on from a past moment")


def _resource(group: str, version: str, entry: dict[str, Any]) -> Resource:
    """A custom resource as discovery tells of it."""
    subresources = {}
    for sub in entry.get("subresources", ()):
        kind = sub.get("responseKind") or {}
        subresources[sub["subresource"]] = Subresource(
            sub["subresource"], kind.get("group") or group, kind.get("version") or version, kind.get("kind", ""),
            tuple(sub.get("verbs", ())),
        )  # fmt: skip
    return Resource(
        group, version, entry["responseKind"]["kind"], entry["resource"], entry["singularResource"],
        entry["scope"] == "Namespaced", tuple(entry.get("shortNames", ())), tuple(entry.get("categories", ())),
        tuple(entry["verbs"]), "", subresources, custom=True,
    )  # fmt: skip


__all__ = ["NoLog", "ReadOnly", "Remote"]
