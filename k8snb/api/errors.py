"""API errors with Kubernetes' own reasons, codes and texts (apimachinery `api/errors`).

`APIError` is raised by the server and handed to components as a value. It is cheap to make; the `Status` object that
travels over HTTP is built when somebody asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from k8snb.api.gotext import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from k8snb.api.types.meta_v1 import Status

OPTIMISTIC_LOCK = "the object has been modified; please apply your changes to the latest version and try again"


class FieldErrorLike(Protocol):
    """What an Invalid error needs of a field error: cause reason, path text, and the text after the path."""

    @property
    def reason(self) -> str:
        """The cause's reason, e.g. "FieldValueInvalid"."""

    @property
    def field(self) -> str:
        """The path, e.g. "spec.containers[0].name"."""

    @property
    def body(self) -> str:
        """The text without the path, e.g. `Invalid value: "x": must be …`."""


class Cause(msgspec.Struct, frozen=True, gc=False):
    """One entry of `details.causes`."""

    reason: str = ""
    message: str = ""
    field: str = ""


class Details(msgspec.Struct, frozen=True, gc=False):
    """`details` of a Status: `kind` is a resource or a kind, as upstream mixes them."""

    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""
    causes: tuple[Cause, ...] = ()
    retry_after_seconds: int = 0


class APIError(Exception):
    """A refused request: `code` (HTTP), `reason`, `message` and `details` as Kubernetes gives them."""

    def __init__(
        self, code: int, reason: str, message: str, details: Details | None = None, continue_: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.continue_ = continue_
        """A token to go on with (only of an expired one)."""
        self.warnings: tuple[str, ...] = ()
        """Texts of Warning headers that go with the refusal; not part of what makes two errors equal."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (APIError, (self.code, self.reason, self.message, self.details, self.continue_))

    def __deepcopy__(self, memo: object) -> APIError:
        return self

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a stack: the server's own words, or those of a client that did not reach it."""
        if not self.code:
            return [self.message, *getattr(self, "__notes__", ())]
        return [f"Error from server ({self.reason or 'Unknown'}): {self.message}", *getattr(self, "__notes__", ())]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, APIError):
            return NotImplemented
        return self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash((self.code, self.reason, self.message))

    def _facts(self) -> tuple[int, str, str, Details | None]:
        return (self.code, self.reason, self.message, self.details)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The causes of an Invalid error, else ()."""
        return self.details.causes if self.details else ()

    @property
    def status(self) -> Status:
        """The `meta/v1.Status` object of this error."""
        from k8snb.api.types.meta_v1 import Status, StatusCause, StatusDetails

        details = None
        if (d := self.details) is not None:
            causes = tuple(
                StatusCause(reason=c.reason or None, message=c.message or None, field=c.field or None) for c in d.causes
            )
            details = StatusDetails(
                name=d.name or None,
                group=d.group or None,
                kind=d.kind or None,
                uid=d.uid or None,
                causes=causes,
                retryAfterSeconds=d.retry_after_seconds or None,
            )
        return Status(
            status="Failure",
            message=self.message,
            reason=self.reason or None,
            details=details,
            code=self.code,
        )

    def to_dict(self) -> dict[str, Any]:
        """The Status as JSON builtins, in the server's key order."""
        out: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.continue_} if self.continue_ else {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            out["reason"] = self.reason
        if (d := self.details) is not None:
            pairs = {"name": d.name, "group": d.group, "kind": d.kind, "uid": d.uid}
            details: dict[str, Any] = {key: value for key, value in pairs.items() if value}
            if d.causes:
                names = ("reason", "message", "field")
                details["causes"] = [{n: getattr(c, n) for n in names if getattr(c, n)} for c in d.causes]
            if d.retry_after_seconds:
                details["retryAfterSeconds"] = d.retry_after_seconds
            out["details"] = details
        out["code"] = self.code
        return out


def qualified(name: str, group: str) -> str:
    """A resource or kind with its group: `deployments.apps`, `Pod`."""
    return f"{name}.{group}" if group else name


def connection_refused(server: str) -> APIError:
    """Nobody listens at the API server's address (code 0: there was no answer); the text is kubectl's."""
    text = f"The connection to the server {server} was refused - did you specify the right host or port?"
    return APIError(0, "ConnectionRefused", text)


def etcd_timeout() -> APIError:
    """The API server waited in vain for etcd, which has lost its quorum: 500, with etcd's own text and no reason."""
    return APIError(500, "", "etcdserver: request timed out")


def not_found(resource: str, name: str, group: str = "") -> APIError:
    """404: no such object."""
    message = f"{qualified(resource, group)} {quote(name)} not found"
    return APIError(404, "NotFound", message, Details(name, group, resource))


def already_exists(resource: str, name: str, group: str = "") -> APIError:
    """409: the name is taken."""
    message = f"{qualified(resource, group)} {quote(name)} already exists"
    return APIError(409, "AlreadyExists", message, Details(name, group, resource))


def generate_name_conflict(resource: str, name: str, group: str = "") -> APIError:
    """409: the generated names were all taken."""
    message = (
        f"{qualified(resource, group)} {quote(name)} already exists, "
        "the server was not able to generate a unique name for the object"
    )
    return APIError(409, "AlreadyExists", message, Details(name, group, resource, retry_after_seconds=1))


def conflict(resource: str, name: str, why: str = OPTIMISTIC_LOCK, group: str = "") -> APIError:
    """409: the object is not in the expected state."""
    message = f"Operation cannot be fulfilled on {qualified(resource, group)} {quote(name)}: {why}"
    return APIError(409, "Conflict", message, Details(name, group, resource))


def apply_conflict(causes: Sequence[Cause], message: str) -> APIError:
    """409: a server-side apply met fields owned by others; each cause has reason FieldManagerConflict."""
    return APIError(409, "Conflict", message, Details(causes=tuple(causes)))


def invalid(kind: str, name: str, errors: Iterable[FieldErrorLike], group: str = "") -> APIError:
    """422: the object fails validation; every error becomes a cause, equal texts are said once in the message."""
    causes = []
    texts: dict[str, None] = {}
    for error in errors:
        body = error.body
        field = error.field
        causes.append(Cause(error.reason, body, field))
        texts[f"{field}: {body}" if field else body] = None
    said = ", ".join(texts)
    if len(texts) > 1:
        said = f"[{said}]"
    message = f"{qualified(kind, group)} {quote(name)} is invalid" + (f": {said}" if texts else "")
    return APIError(422, "Invalid", message, Details(name, group, kind, causes=tuple(causes)))


def forbidden(resource: str, name: str, why: str, group: str = "", causes: Sequence[Cause] = ()) -> APIError:
    """403: refused by the authorizer or by admission."""
    if not resource:
        message = f"forbidden: {why}"
    elif not name:
        message = f"{qualified(resource, group)} is forbidden: {why}"
    else:
        message = f"{qualified(resource, group)} {quote(name)} is forbidden: {why}"
    return APIError(403, "Forbidden", message, Details(name, group, resource, causes=tuple(causes)))


def bad_request(message: str) -> APIError:
    """400: the request cannot be understood."""
    return APIError(400, "BadRequest", message)


def unauthorized() -> APIError:
    """401: the credentials are not known."""
    return APIError(401, "Unauthorized", "Unauthorized")


def method_not_supported(resource: str, verb: str, group: str = "") -> APIError:
    """405 from the registry: the resource does not do that."""
    message = f"{verb} is not supported on resources of kind {quote(qualified(resource, group))}"
    return APIError(405, "MethodNotAllowed", message, Details("", group, resource))


def method_not_allowed() -> APIError:
    """405 from the router: the path exists, the method does not."""
    message = "the server does not allow this method on the requested resource"
    return APIError(405, "MethodNotAllowed", message, Details())


def no_such_resource() -> APIError:
    """404 from the router: nothing is served at that path."""
    return APIError(404, "NotFound", "the server could not find the requested resource", Details())


def not_acceptable(accepted: Sequence[str]) -> APIError:
    """406: no offered media type suits the client."""
    message = f"only the following media types are accepted: {', '.join(accepted)}"
    return APIError(406, "NotAcceptable", message)


def unsupported_media_type(accepted: Sequence[str]) -> APIError:
    """415: the body's media type is not known."""
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return APIError(415, "UnsupportedMediaType", message)


def expired(message: str, continue_: str = "") -> APIError:
    """410: the resource version or continue token is older than the history that is kept; a token to go on with."""
    return APIError(410, "Expired", message, None, continue_)


def gone(message: str) -> APIError:
    """410 Gone: the watch cache no longer holds the requested resource version."""
    return APIError(410, "Gone", message)


def request_entity_too_large(why: str) -> APIError:
    """413: the body is over the limit."""
    return APIError(413, "RequestEntityTooLarge", f"Request entity too large: {why}")


def too_many_requests(message: str, retry_after: int = 0, causes: Sequence[Cause] = ()) -> APIError:
    """429: try again later (evictions that a disruption budget refuses)."""
    details = Details(causes=tuple(causes), retry_after_seconds=retry_after)
    return APIError(429, "TooManyRequests", message, details)


def internal(why: str) -> APIError:
    """500: something inside went wrong."""
    return APIError(500, "InternalError", f"Internal error occurred: {why}", Details(causes=(Cause(message=why),)))


def unknown(message: str) -> APIError:
    """500 without a reason: an error upstream did not classify."""
    return APIError(500, "", message)


def timeout(why: str, retry_after: int = 0, causes: Sequence[Cause] = ()) -> APIError:
    """504: not done in time."""
    details = Details(causes=tuple(causes), retry_after_seconds=retry_after)
    return APIError(504, "Timeout", f"Timeout: {why}", details)


def resource_version_too_large(requested: int, current: int) -> APIError:
    """504: a future resource version was asked for."""
    cause = Cause("ResourceVersionTooLarge", "Too large resource version")
    return timeout(f"Too large resource version: {requested}, current: {current}", 1, (cause,))


def service_unavailable(why: str) -> APIError:
    """503: the server cannot answer now."""
    return APIError(503, "ServiceUnavailable", why)


def is_not_found(error: object) -> bool:
    """Whether the outcome of a call is a NotFound error."""
    return isinstance(error, APIError) and error.reason == "NotFound"


def is_already_exists(error: object) -> bool:
    """Whether the outcome of a call is an AlreadyExists error."""
    return isinstance(error, APIError) and error.reason == "AlreadyExists"


def is_conflict(error: object) -> bool:
    """Whether the outcome of a call is a Conflict error."""
    return isinstance(error, APIError) and error.reason == "Conflict"


def is_invalid(error: object) -> bool:
    """Whether the outcome of a call is an Invalid error."""
    return isinstance(error, APIError) and error.reason == "Invalid"


def is_forbidden(error: object) -> bool:
    """Whether the outcome of a call is a Forbidden error."""
    return isinstance(error, APIError) and error.reason == "Forbidden"


def is_namespace_terminating(error: object) -> bool:
    """Whether a create was refused because its namespace is being deleted (a cause says so)."""
    return isinstance(error, APIError) and any(c.reason == "NamespaceTerminating" for c in error.causes)
