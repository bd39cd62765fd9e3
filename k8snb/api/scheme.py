"""The scheme: which resources there are, under which names, with which types and storage keys.

A :class:`Scheme` is a value. Custom resources are added with :meth:`Scheme.register`, which returns a new one; the one
with everything that Kubernetes v1.36 serves is :data:`SCHEME`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from k8snb.api.mistakes import Mistake
from k8snb.api.object import Object
from k8snb.api.schema import type_named
from k8snb.api.types._resources import RESOURCES

#: kube-apiserver's ``SpecialDefaultResourcePrefixes``: etcd keys that are not the resource's name.
_SPECIAL_PREFIXES: Final = {
    "replicationcontrollers": "controllers",
    "endpoints": "services/endpoints",
    "services": "services/specs",
    "nodes": "minions",
    "ingresses": "ingress",
}
#: Served by the API extension and aggregation servers, which put the group into their keys, as for custom resources.
_GROUP_IN_KEY: Final = frozenset({"apiextensions.k8s.io", "apiregistration.k8s.io"})


_FOREIGN = (
    ("kustomize.config.k8s.io/", "a kustomization is not an object: apply what 'kustomize build' prints"),
    ("kind.x-k8s.io/", "this configures the tool kind, not a cluster's objects"),
    ("v1/Config", "this looks like a kubeconfig, which is for clients and not for the server"),
    ("PodSecurityPolicy", "it was removed in v1.25: label namespaces for Pod Security Admission instead"),
)
"""Signs in the name of a kind that no server knows, and what to tell."""


class UnknownKind(Mistake, LookupError):
    """No resource has the name asked for; ``name`` is what was asked, ``suggestions`` what may have been meant.

    ``written`` is how a manifest of the first of these begins.
    """

    def __init__(self, name: str, suggestions: tuple[str, ...] = (), written: str = "") -> None:
        self.name = name
        self.suggestions = suggestions
        self.written = written
        hint = f"; did you mean {written or ' or '.join(suggestions)}?" if suggestions or written else ""
        foreign = next((told for sign, told in _FOREIGN if sign in name), "")
        hint = f"; {foreign}" if foreign else hint
        super().__init__(f'the server doesn\'t have a resource type "{name}"{hint}')

    def __reduce__(self) -> tuple[type[UnknownKind], tuple[str, tuple[str, ...], str]]:
        return (UnknownKind, (self.name, self.suggestions, self.written))


@dataclass(frozen=True)
class Subresource:
    """A part of a resource with an address of its own, such as ``status`` or ``scale``, and the kind of its body."""

    name: str
    group: str
    version: str
    kind: str
    verbs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource: names, scope, verbs, subresources, the type of its objects and their keys in the store.

    ``storage_version_hash`` is equal for resources that share their objects (``events`` of two groups, both versions of
    ``horizontalpodautoscalers``). ``custom`` says that it comes from a CustomResourceDefinition.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    storage_version_hash: str = ""
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    custom: bool = False

    @cached_property
    def api_version(self) -> str:
        """As in a manifest: ``v1``, ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def qualified(self) -> str:
        """The plural with its group, as error messages name it: ``pods``, ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @cached_property
    def type(self) -> type[Any]:
        """The class of its objects: a generated one, or ``Unstructured``."""
        from k8snb.api.unstructured import Unstructured

        found = None if self.custom else type_named(self.api_version, self.kind)
        return Unstructured if found is None else found

    @cached_property
    def prefix(self) -> str:
        """The store key under which all its objects are, without a slash at the end: ``/registry/pods``."""
        if self.custom or self.group in _GROUP_IN_KEY:
            return f"/registry/{self.group}/{self.plural}"
        return f"/registry/{_SPECIAL_PREFIXES.get(self.plural, self.plural)}"

    @property
    def listable(self) -> bool:
        """Whether its objects are stored and can be listed (reviews and bindings are only ever created)."""
        return "list" in self.verbs

    def key(self, namespace: str | None, name: str) -> str:
        """Return the store key of one object: ``/registry/pods/default/web``."""
        return f"{self.prefix}/{namespace}/{name}" if self.namespaced else f"{self.prefix}/{name}"

    def list_prefix(self, namespace: str | None = None) -> str:
        """Return the prefix of the store keys of all objects, or of those in ``namespace``; it ends with a slash."""
        return f"{self.prefix}/{namespace}/" if namespace and self.namespaced else f"{self.prefix}/"

    def __str__(self) -> str:
        return self.qualified

    def __deepcopy__(self, _memo: object) -> Resource:
        return self


class Scheme:
    """A set of resources that can be looked up by every name they have.

    ``by_gvk`` and ``by_gvr`` are keyed by ``(group, version, kind)`` and ``(group, version, plural)``. The order of
    ``resources`` is the order of preference: the core group first, then the server's order of groups and versions.
    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources: tuple[Resource, ...] = tuple(resources)
        self.by_gvk: dict[tuple[str, str, str], Resource] = {}
        self.by_gvr: dict[tuple[str, str, str], Resource] = {}
        self._names: dict[str, list[Resource]] = {}
        self._by_type: dict[type[Any], Resource] = {}
        self._by_api_version: dict[tuple[str, str], Resource] = {}
        self._served: dict[tuple[str, str], tuple[Resource, ...]] = {}
        for item in self.resources:
            self.by_gvk.setdefault((item.group, item.version, item.kind), item)
            self.by_gvr.setdefault((item.group, item.version, item.plural), item)
            self._by_api_version.setdefault((item.api_version, item.kind), item)
            self._served[item.group, item.version] = (*self._served.get((item.group, item.version), ()), item)
            for name in dict.fromkeys((item.plural, item.singular, item.kind.lower(), *item.short_names)):
                self._names.setdefault(name, []).append(item)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __deepcopy__(self, _memo: object) -> Scheme:
        return self

    def of(self, what: Object | type[Any]) -> Resource:
        """Return the resource of an object or of a generated type; raises :class:`UnknownKind`."""
        found = self._by_type.get(what if isinstance(what, type) else type(what))
        return found if found is not None else self._of(what)

    def _of(self, what: Object | type[Any]) -> Resource:
        if not isinstance(what, type):
            found = self._by_api_version.get((what.apiVersion, what.kind))
            if found is None:
                raise UnknownKind(f"{what.apiVersion}/{what.kind}", self._like(what.kind))
            if type(what).__name__ == found.kind:
                self._by_type[type(what)] = found
            return found
        for item in self.resources:
            if item.kind == what.__name__ and item.type is what:
                self._by_type[what] = item
                return item
        raise UnknownKind(what.__name__, self._like(what.__name__))

    def find(self, api_version: str, kind: str) -> Resource | None:
        """Return the resource of an ``apiVersion`` and ``kind`` as they stand in a manifest, or None."""
        return self._by_api_version.get((api_version, kind))

    def for_manifest(self, manifest: Mapping[str, Any]) -> Resource:
        """Return the resource of a manifest; raises :class:`UnknownKind` as ``kubectl apply`` words it."""
        api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
        found = self._by_api_version.get((str(api_version), str(kind)))
        if found is None:
            raise UnknownKind(
                f"{api_version}/{kind}" if api_version else str(kind), self._like(str(kind)), self._written(str(kind))
            )
        return found

    def _written(self, kind: str) -> str:
        """How the manifest of a kind that is nearly right begins; "" when none comes close."""
        meant = self._resolve(kind.lower())
        if meant is None:
            like = self._like(kind)
            meant = self._resolve(like[0]) if like else None
        return f"apiVersion: {meant.api_version} and kind: {meant.kind}" if meant is not None else ""

    def resolve(self, name: str) -> Resource:
        """Return the resource that a person means: ``po``, ``pods``, ``Pod``, ``deploy.apps``, ``deployments.v1.apps``,
        ``apps/v1/Deployment``, ``v1/Pod``. Case does not matter. Raises :class:`UnknownKind`, with what may have been
        meant.
        """
        found = self._resolve(name.strip().lower())
        if found is None:
            raise UnknownKind(name, self._like(name))
        return found

    def _resolve(self, text: str) -> Resource | None:
        if "/" in text:
            api_version, _, kind = text.rpartition("/")
            return next((item for item in self._names.get(kind, ()) if item.api_version == api_version), None)
        short, _, rest = text.partition(".")
        candidates = self._names.get(short, [])
        if not rest:
            return candidates[0] if candidates else None
        exact = [i for i in candidates if rest in (i.group, f"{i.version}.{i.group}", i.version if not i.group else "")]
        return next(iter(exact), None) or next((i for i in candidates if i.group.startswith(rest)), None)

    def _like(self, name: str) -> tuple[str, ...]:
        short = name.lower().rpartition("/")[2].partition(".")[0]
        near = difflib.get_close_matches(short, self._names, n=3, cutoff=0.7)
        return tuple(dict.fromkeys(self._names[item][0].qualified for item in near))

    def served(self, group: str, version: str) -> tuple[Resource, ...]:
        """Return the resources of one group version."""
        return self._served.get((group, version), ())

    def register(self, *resources: Resource) -> Scheme:
        """Return a scheme with ``resources`` too; one of the same group, version and plural is replaced."""
        new = {(item.group, item.version, item.plural) for item in resources}
        kept = [item for item in self.resources if (item.group, item.version, item.plural) not in new]
        return Scheme([*kept, *resources])

    def unregister(self, group: str, plural: str) -> Scheme:
        """Return a scheme without any version of a resource."""
        return Scheme(item for item in self.resources if (item.group, item.plural) != (group, plural))


def _built_in() -> Iterable[Resource]:
    for group, version, kind, plural, singular, namespaced, short, categories, verbs, storage, subs in RESOURCES:
        below = {sub: Subresource(sub, g, v, k, tuple(words.split())) for sub, g, v, k, words in subs}
        names = (tuple(short.split()), tuple(categories.split()), tuple(verbs.split()))
        yield Resource(group, version, kind, plural, singular, namespaced, *names, storage, below)


#: Everything that Kubernetes v1.36 serves by itself.
SCHEME: Final = Scheme(_built_in())
