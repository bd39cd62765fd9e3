"""Which objects a command line means: `pods`, `pod/web`, `deploy web api`, `pods,svc`, `all`, selectors, files.

`parse` turns arguments into requests in the order in which kubectl makes them; `fetch` reads the objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from k8snb.api.errors import APIError
from k8snb.api.scheme import Resource
from k8snb.kubectl import manifests
from k8snb.kubectl.call import Call
from k8snb.kubectl.errors import KubectlError


class Target(NamedTuple):
    """One read: an object by name, or (name "") a list."""

    resource: Resource
    namespace: str
    name: str


class Found(NamedTuple):
    """An object that was read, and where it came from (a file, or "")."""

    resource: Resource
    object: Any
    source: str = ""

    @property
    def namespace(self) -> str:
        return self.object.metadata.namespace or ""

    @property
    def name(self) -> str:
        return str(self.object.metadata.name)

    @property
    def label(self) -> str:
        """`deployment.apps/web`."""
        return f"{qualified(self.resource)}/{self.name}"


def qualified(resource: Resource) -> str:
    """The kind with its group, as results name objects: `deployment.apps`, `pod`."""
    kind = resource.kind.lower()
    return f"{kind}.{resource.group}" if resource.group else kind


def names(call: Call, text: str) -> list[Resource]:
    """The resources in a comma list; a category stands for its members."""
    out: dict[Resource, None] = {}
    for word in text.split(","):
        members = category(call, word)
        for resource in members or [call.client.kind(word)]:
            out[resource] = None
    return list(out)


def category(call: Call, word: str) -> list[Resource]:
    """The members of a category such as `all`, in discovery's order, each in its preferred version."""
    found: dict[tuple[str, str], Resource] = {}
    for resource in call.client.scheme.resources:
        if word in resource.categories:
            found.setdefault((resource.group, resource.plural), resource)
    return [call.client.kind(f"{plural}.{group}" if group else plural) for group, plural in found]


def parse(call: Call, args: list[str] | None = None, *, require: bool = True) -> list[Target]:
    """The reads that the arguments ask for; raises `KubectlError`."""
    args = call.args if args is None else args
    if not args:
        if require:
            raise KubectlError(
                "you must provide one or more resources by argument or filename (.json|.yaml|.yml|stdin)"
            )
        return []
    everywhere = call.flags.get("all-namespaces", False)
    out: list[Target] = []

    def add(resource: Resource, name: str) -> None:
        if name and everywhere and resource.namespaced:
            raise KubectlError("a resource cannot be retrieved by name across all namespaces")
        namespace = call.namespace if resource.namespaced and not everywhere else ""
        out.append(Target(resource, namespace, name))

    if any("/" in word for word in args):
        for word in args:
            kind, slash, name = word.partition("/")
            if not slash:
                raise KubectlError(
                    "there is no need to specify a resource type as a separate argument when passing arguments in "
                    "resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource "
                    "resource/<resource_name>'"
                )
            if not kind or not name or "/" in name:
                raise KubectlError("arguments in resource/name form must have a single resource and name")
            for resource in names(call, kind):
                add(resource, name)
        return out
    resources = names(call, args[0])
    for resource in resources:
        for name in args[1:] or [""]:
            add(resource, name)
    selective = call.flags.get("selector") or call.flags.get("field-selector") or call.flags.get("all")
    if args[1:] and selective:
        if call.flags.get("all"):
            raise KubectlError("name cannot be provided when a selector is specified")
        raise KubectlError("name cannot be provided when a selector is specified")
    return out


def read(call: Call, target: Target) -> list[Found]:
    """The objects of one read; raises `APIError`."""
    client = call.client
    if target.name:
        return [Found(target.resource, client.get(target.resource, target.namespace, target.name))]
    labels = call.flags.get("selector") or ""
    fields = call.flags.get("field-selector") or ""
    try:
        items = client.list(target.resource, target.namespace, labels, fields)
    except APIError as error:
        raise selector_error(error, target.resource, labels, fields) from None
    return [Found(target.resource, item) for item in items]


def selector_error(error: APIError, resource: Resource, labels: str, fields: str) -> APIError:
    """A refused selector, with what was asked for in front, as kubectl says it."""
    if error.reason != "BadRequest" or not (labels or fields):
        return error
    gvr = f"{resource.group}/{resource.version}, Resource={resource.plural}"
    message = f'Unable to find "{gvr}" that match label selector "{labels}", field selector "{fields}": {error.message}'
    return APIError(error.code, error.reason, message, error.details)


def fetch(call: Call, args: list[str] | None = None, *, list_all: bool = True, need: str = "") -> Iterator[Found]:
    """The objects that arguments or files name; errors of single reads are reported and passed over.

    Without `list_all` a bare resource type is refused unless `--all` or a selector is given.
    """
    if call.flags.get("filename") or call.flags.get("kustomize"):
        for manifest in manifests.load(call):
            try:
                obj = call.client.get(manifest.resource, manifest.namespace, manifest.name)
            except APIError as error:
                call.fail(error)
                continue
            yield Found(manifest.resource, obj, manifest.source)
        return
    targets = parse(call, args)
    bare = [target for target in targets if not target.name]
    if bare and not list_all and not (call.flags.get("all") or call.flags.get("selector")):
        raise KubectlError(need or "resource(s) were provided, but no name was specified")
    for target in targets:
        try:
            found = read(call, target)
        except APIError as error:
            if error.reason == "NotFound" and call.flags.get("ignore-not-found"):
                continue
            call.fail(error)
            continue
        yield from found


def each(call: Call, found: Iterator[Found], act: Callable[[Found], None]) -> int:
    """Do something with every object, reporting errors; the number of objects."""
    count = 0
    for item in found:
        count += 1
        try:
            act(item)
        except APIError as error:
            call.fail(error)
        except KubectlError as error:
            call.fail(error)
    return count
