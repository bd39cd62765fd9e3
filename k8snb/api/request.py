"""What a caller asks of the API server and what it answers: plain values, shared by callers and server.

`Request` is the transport-free form of an HTTP request after its path and query were understood; `Response` is
the transport-free form of a successful answer. Failures are `k8snb.api.errors.APIError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from k8snb.api.object import Object
    from k8snb.api.scheme import Resource

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
APPLY_PATCH_CBOR = "application/apply-patch+cbor"

READ_VERBS = frozenset({"get", "list", "watch"})


class UserInfo(msgspec.Struct, frozen=True, gc=False):
    """Who is asking: a name, groups and extra attributes, as an authenticator found them."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


ADMIN = UserInfo("admin", groups=("system:masters", "system:authenticated"))
ANONYMOUS = UserInfo("system:anonymous", groups=("system:unauthenticated",))


class Triggers(msgspec.Struct, frozen=True, gc=False):
    """Why a component asks: the revisions that made it act, its work-queue key, a note, and the step number."""

    revisions: tuple[int, ...] = ()
    key: str = ""
    note: str = ""
    step: int = 0


NO_TRIGGERS = Triggers()


class RequestOptions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Query parameters and DeleteOptions of a request, under Kubernetes' names in snake case.

    `field_validation` is "Strict", "Warn" or "Ignore" ("" is Warn, as for any client that does not say).
    `dry_run` is a tuple because the server reports the whole list; ("All",) is the only accepted value.
    `uid` and `resource_version_precondition` are the preconditions of DeleteOptions.
    """

    field_manager: str = ""
    field_validation: str = ""
    dry_run: tuple[str, ...] = ()
    force: bool | None = None
    propagation_policy: str | None = None
    orphan_dependents: bool | None = None
    grace_period_seconds: int | None = None
    uid: str | None = None
    resource_version_precondition: str | None = None
    ignore_store_read_error: bool | None = None
    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    send_initial_events: bool | None = None
    allow_watch_bookmarks: bool = False
    timeout_seconds: int | None = None
    extra: Mapping[str, str] = msgspec.field(default_factory=dict)


NO_OPTIONS = RequestOptions()


class Request(msgspec.Struct, frozen=True, gc=False):
    """One call to the API server.

    `verb` is Kubernetes' own: get, list, watch, create, update, patch, delete, deletecollection, connect.
    `resource` is the scheme's entry (not a string), `subresource` "" or e.g. "status", "scale", "binding".
    `body` is a typed object (trusted to be well typed), a mapping, or bytes (decoded strictly as `content_type`);
    for a patch it is the patch: bytes, mapping or list.
    `actor` names the component in causes and audit; empty means `user_agent` up to its first "/" or the user.
    `frozen` says that the body is what `k8snb.api.freeze` would make of it, so that nobody need look; as a patch it is a
    mapping of top-level fields to their new values.
    """

    verb: str
    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    body: Object | Mapping[str, Any] | list[Any] | bytes | None = None
    content_type: str = "application/json"
    options: RequestOptions = NO_OPTIONS
    user: UserInfo = ADMIN
    user_agent: str = ""
    actor: str = ""
    cause: Triggers = NO_TRIGGERS
    frozen: bool = False

    @property
    def dry_run(self) -> bool:
        """Whether the request must leave no trace in the store."""
        return bool(self.options.dry_run)

    @property
    def who(self) -> str:
        """The actor's name for causes, audit and the default field manager."""
        return self.actor or self.user_agent.partition("/")[0] or self.user.name


class Response(msgspec.Struct, frozen=True, gc=False):
    """A successful answer.

    `object` for single objects; `items` (with `resource`, `revision`, `continue_`, `remaining`) for lists;
    `text` for plain answers such as logs; `stream` for a watch or a followed log. `deleted` says that the object is
    gone (most resources then answer over HTTP with a Status instead of the object).
    `warnings` are the texts of the Warning headers, in order.
    """

    code: int = 200
    object: Object | None = None
    items: tuple[Object, ...] | None = None
    resource: Resource | None = None
    revision: int = 0
    continue_: str = ""
    remaining: int | None = None
    warnings: tuple[str, ...] = ()
    text: str | None = None
    stream: Any = None
    deleted: bool = False
