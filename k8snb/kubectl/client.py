"""kubectl's way to the API server: requests through the cluster's pipeline, as a named user, with warnings kept.

The client is all that commands know of the cluster. It reads lists and objects, sends changes with kubectl's field
managers, and lets simulated time pass where the real client waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from k8snb.api.errors import APIError
from k8snb.api.request import Request, RequestOptions, Response, UserInfo
from k8snb.api.scheme import Resource, Scheme, UnknownKind
from k8snb.apiserver.tables.duration import since
from k8snb.kubectl.errors import KubectlError

AGENT = "kubectl/v1.32.5"
ADMIN = UserInfo("admin", uid="admin", groups=("system:masters", "system:authenticated"))
_DEPRECATED = {
    ("", "endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ("", "componentstatuses"): "v1 ComponentStatus is deprecated in v1.19+",
}
QUIET = 60.0
"""Simulated seconds without anything to do after which `-w` ends by itself."""
WAIT_STEP = 0.1
"""Simulated seconds between two looks while waiting."""


class Clocked(Protocol):
    """What kubectl needs of a cluster; `server` is its `APIServer`."""

    @property
    def server(self) -> Any: ...

    @property
    def now(self) -> float: ...

    def run(self, seconds: float) -> Any:
        """Let simulated time pass."""


class Client:
    """Requests of one kubectl command."""

    def __init__(self, cluster: Clocked, user: UserInfo = ADMIN, warn: Callable[[str], None] | None = None) -> None:
        self.cluster = cluster
        self.user = user
        self._warn = warn or (lambda text: None)
        self._warned: dict[str, None] = {}

    @property
    def now(self) -> float:
        """Simulated seconds since the epoch."""
        return self.cluster.now

    def age(self, timestamp: str | None) -> str:
        """How long ago a time was, as tables and descriptions say it."""
        return since(timestamp, self.now)

    @property
    def scheme(self) -> Scheme:
        """The resources that are served."""
        found: Scheme = self.cluster.server.scheme
        return found

    def warn(self, text: str) -> None:
        """Show a warning once."""
        if text not in self._warned:
            self._warned[text] = None
            self._warn(text)

    def send(
        self,
        verb: str,
        resource: Resource,
        namespace: str = "",
        name: str = "",
        *,
        body: Any = None,
        subresource: str = "",
        content_type: str = "application/json",
        options: RequestOptions | None = None,
    ) -> Response:
        """One request; raises `APIError`."""
        deprecated = _DEPRECATED.get((resource.group, resource.plural))
        if deprecated:
            self.warn(deprecated)
        response: Response = self.cluster.server.handle(
            Request(
                verb,
                resource,
                namespace if resource.namespaced else "",
                name,
                subresource,
                body,
                content_type,
                options or RequestOptions(),
                self.user,
                AGENT,
            )
        )
        for text in response.warnings:
            self.warn(text)
        return response

    def get(self, resource: Resource, namespace: str, name: str) -> Any:
        """One object; raises `APIError`."""
        return self.send("get", resource, namespace, name).object

    def find(self, resource: Resource, namespace: str, name: str) -> Any:
        """One object or None."""
        try:
            return self.get(resource, namespace, name)
        except APIError as error:
            if error.reason == "NotFound":
                return None
            raise

    def list(self, resource: Resource, namespace: str = "", labels: str = "", fields: str = "") -> list[Any]:
        """Objects of one namespace, or of all for ""; raises `APIError`, selectors named as kubectl does."""
        options = RequestOptions(label_selector=labels, field_selector=fields)
        return list(self.send("list", resource, namespace, options=options).items or ())

    def create(
        self, resource: Resource, namespace: str, body: Mapping[str, Any], manager: str, *, dry_run: bool = False,
        validation: str = "Strict",
    ) -> Any:  # fmt: skip
        """A new object as the server made it."""
        options = RequestOptions(
            field_manager=manager, field_validation=validation, dry_run=("All",) if dry_run else ()
        )
        return self.send("create", resource, namespace, body=body, options=options).object

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Any,
        content_type: str,
        *,
        manager: str = "",
        subresource: str = "",
        dry_run: bool = False,
        validation: str = "",
        force: bool | None = None,
    ) -> Response:
        """A changed object."""
        options = RequestOptions(
            field_manager=manager, field_validation=validation, dry_run=("All",) if dry_run else (), force=force
        )
        return self.send(
            "patch", resource, namespace, name, body=body, content_type=content_type, subresource=subresource,
            options=options,
        )  # fmt: skip

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        grace: int | None = None,
        propagation: str = "Background",
        dry_run: bool = False,
    ) -> Any:
        """Delete an object."""
        options = RequestOptions(
            propagation_policy=propagation, grace_period_seconds=grace, dry_run=("All",) if dry_run else ()
        )
        return self.send("delete", resource, namespace, name, options=options).object

    def kind(self, name: str) -> Resource:
        """The resource that a user means; raises `KubectlError` in kubectl's words."""
        try:
            return self.scheme.resolve(name)
        except UnknownKind:
            raise KubectlError(f"the server doesn't have a resource type {_quoted(name)}") from None

    def core(self, plural: str) -> Resource:
        """A resource by its exact name, for kubectl's own use."""
        return self.scheme.resolve(plural)

    def quiet(self) -> bool:
        """Whether nothing is due within the next simulated minute, so that waiting would show nothing."""
        runtime = getattr(self.cluster, "runtime", None)
        if runtime is None:
            return False
        due = runtime.queue.next_due(foreground_only=True)
        return bool(runtime.idle()) and (due is None or due > self.now + QUIET)

    def wait(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        """Let time pass until `ready()` holds; False when `timeout` simulated seconds (None: a day) were not enough."""
        end = self.now + (86_400.0 if timeout is None else timeout)
        while not ready():
            if self.now >= end:
                return False
            self.cluster.run(min(WAIT_STEP, end - self.now))
        return True


def _quoted(text: str) -> str:
    return f'"{text}"'
