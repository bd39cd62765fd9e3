"""The protocol of an admission plugin, and what it is told about a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8snb.api import errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from k8snb.api.errors import APIError
    from k8snb.api.request import UserInfo
    from k8snb.api.scheme import Resource
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.reader import StoreReader

CREATE = "CREATE"
UPDATE = "UPDATE"
DELETE = "DELETE"
CONNECT = "CONNECT"


class Attributes:
    """One write as admission sees it: what is done to which object by whom.

    `obj` is the new object (None for a deletion), `old` the stored one (None for a creation). Mutating plugins
    return a new object; the pipeline puts it back into `obj` for the next one.
    """

    __slots__ = ("ctx", "name", "namespace", "obj", "old", "operation", "resource", "subresource")

    def __init__(
        self,
        ctx: ServerContext,
        operation: str,
        resource: Resource,
        subresource: str,
        namespace: str,
        name: str,
        obj: Any,
        old: Any,
    ) -> None:
        self.ctx = ctx
        self.operation = operation
        self.resource = resource
        self.subresource = subresource
        self.namespace = namespace
        self.name = name
        self.obj = obj
        self.old = old

    @property
    def user(self) -> UserInfo:
        """Who asks."""
        return self.ctx.request.user

    @property
    def reader(self) -> StoreReader:
        """Live reads of other objects."""
        return self.ctx.server.reader

    def forbidden(self, why: str, causes: Sequence[errors.Cause] = ()) -> APIError:
        """The 403 of a plugin; an object without a name yet is named by its generateName."""
        name = self.name
        if not name and self.obj is not None:
            meta = self.obj.metadata
            name = meta.name or meta.generateName or ""
        return errors.forbidden(self.resource.plural, name or "Unknown", why, self.resource.group, causes)


class Plugin:
    """One admission plugin: which writes concern it, how it changes the object, and what it refuses.

    Plugins are stateless values shared by forks; what they remember must be a pure function of its arguments.
    """

    name = ""

    def __deepcopy__(self, memo: object) -> Plugin:
        return self

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        """Whether writes of this sort are of interest; asked once per sort, then remembered. The base wants none."""
        return False

    def admit(self, a: Attributes) -> Any:
        """Return the object, changed or not; APIError refuses the request."""
        return a.obj

    def validate(self, a: Attributes) -> None:
        """Refuse the object by raising APIError; it may not be changed any more."""


def is_pod(resource: Resource) -> bool:
    """Whether the resource is core pods."""
    return resource.plural == "pods" and not resource.group
