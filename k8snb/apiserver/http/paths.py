"""What a path means: resource, namespace, name, subresource and verb, as Kubernetes' RequestInfo finds them."""

from __future__ import annotations

from urllib.parse import unquote

import msgspec

_NAMESPACE_PARTS = frozenset({"status", "finalize"})
_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class RequestInfo(msgspec.Struct, frozen=True, gc=False):
    """A parsed path. `resource` is "" for everything that is not a resource (`/version`, `/apis/apps`).

    `verb` is the API verb (for other paths the method in lower case); `scoped` says that the path names a namespace,
    `deprecated_watch` that it begins with `/watch`.
    """

    path: str
    verb: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    scoped: bool = False
    resource: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    deprecated_watch: bool = False

    @property
    def is_resource(self) -> bool:
        """Whether the path names a resource."""
        return bool(self.resource)


def parse(method: str, path: str, watch: bool = False) -> RequestInfo:
    """The meaning of a path (without its query); `watch` says that the query asks for one."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    other = RequestInfo(path, method.lower())
    if parts[0] == "api" and len(parts) >= 3:
        group, version, parts = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return other
    verb = _VERBS.get(method, "")
    deprecated = parts[0] == "watch" and len(parts) > 1
    if deprecated:
        parts = parts[1:]
    namespace, scoped = "", False
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        if len(parts) > 2 and parts[2] not in _NAMESPACE_PARTS:
            parts, scoped = parts[2:], True
    resource = parts[0]
    name = parts[1] if len(parts) > 1 else ""
    subresource = parts[2] if len(parts) > 2 else ""
    rest = "/".join(parts[3:])
    if verb == "get" and (deprecated or (watch and not name)):
        verb = "watch"
    elif not name and verb == "get":
        verb = "list"
    elif not name and verb == "delete":
        verb = "deletecollection"
    if verb == "watch" and subresource:
        verb = "get"
    return RequestInfo(path, verb, group, version, namespace, scoped, resource, name, subresource, rest, deprecated)
