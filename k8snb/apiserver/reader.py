"""Live reads of stored objects by resource name, for admission, allocation and the hooks of kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource, Scheme
    from k8snb.api.types.core_v1 import Namespace
    from k8snb.store import Change, Store

_START = len("/registry/")
_NAMESPACES = "/registry/namespaces/"


class StoreReader:
    """Reads the current state; small cluster-wide listings (`all`) are remembered until something in them changes.

    A copy starts with nothing remembered, so forks never share what is derived from their stores.
    """

    def __init__(self, store: Store, scheme: Scheme) -> None:
        self._store = store
        self._scheme = scheme
        self._resources: dict[str, Resource] = {}
        self._buckets: dict[str, str] = {}
        self._namespaces: dict[str, Namespace] = {}
        self._listings: dict[str, tuple[Any, ...]] = {}
        store.subscribe(self.changed)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_listings": {}, "_namespaces": {}}

    def changed(self, change: Change) -> None:
        """Forget a remembered listing when one of its objects changes."""
        key = change.key
        if self._listings:
            self._listings.pop(key[_START : key.find("/", _START)], None)
        if key.startswith(_NAMESPACES):
            self._namespaces.pop(key[len(_NAMESPACES) :], None)

    def learn(self, scheme: Scheme) -> None:
        """Use another scheme from now on (custom resources came or went)."""
        self._scheme = scheme
        self._resources.clear()
        self._buckets.clear()

    def resource(self, kind: str) -> Resource:
        """The resource with the plural (or any other name) `kind`; UnknownKind."""
        found = self._resources.get(kind)
        if found is None:
            found = self._resources[kind] = self._scheme.resolve(kind)
        return found

    def get(self, kind: str, namespace: str, name: str) -> Any:
        """The object, or None."""
        found = self._store.get(self.resource(kind).key(namespace, name))
        return None if found is None else found.value

    def namespace(self, name: str) -> Namespace | None:
        """A namespace, of which nearly every request asks."""
        found = self._namespaces.get(name)
        if found is None:
            stored = self._store.get(_NAMESPACES + name)
            if stored is None:
                return None
            found = self._namespaces[name] = stored.value
        return found

    def list(self, kind: str, namespace: str = "") -> list[Any]:
        """The objects of one namespace, or of all, in key order."""
        return [item.value for item in self._store.list(self.resource(kind).list_prefix(namespace)).items]

    def all(self, kind: str) -> tuple[Any, ...]:
        """All objects of a kind of which there are few and which seldom change (classes, quotas); remembered."""
        bucket = self._buckets.get(kind)
        if bucket is None:
            bucket = self._buckets[kind] = self.resource(kind).prefix[_START:].partition("/")[0]
        found = self._listings.get(bucket)
        if found is None:
            items = self._store.list(self.resource(kind).list_prefix()).items
            found = self._listings[bucket] = tuple([item.value for item in items])
        return found
