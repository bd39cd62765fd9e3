"""From calls to requests: how components reach the API server, each under its own identity.

Only calls are requests. The caches of a process are filled and kept up to date without asking the authorizer: the roles
that every cluster starts with let each process list and watch what it watches, so nobody could tell the difference unless
those roles were changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from k8snb.api.errors import APIError, Details, no_such_resource
from k8snb.api.object import Object
from k8snb.api.request import (
    NO_OPTIONS,
    STRATEGIC_MERGE_PATCH,
    Request,
    RequestOptions,
    Response,
    Triggers,
    UserInfo,
)
from k8snb.api.scheme import SCHEME, Resource, Scheme
from k8snb.api.types.core_v1 import Binding, ObjectReference
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.types.policy_v1 import Eviction
from k8snb.client.calls import (
    Bind,
    Call,
    Create,
    CustomKind,
    Delete,
    Emit,
    Evict,
    Finalize,
    Get,
    GetScale,
    Kind,
    ListAll,
    Outcome,
    Patch,
    PodMetricsOf,
    TendEvents,
    Update,
    UpdateScale,
    UpdateStatus,
    kind_of,
)
from k8snb.client.events import Draft, Names, Recorder
from k8snb.client.series import Broadcaster
from k8snb.client.steps import Cause
from k8snb.sim.clock import Clock

VERSION = "v1.36.2"
"""The Kubernetes version that the model follows; part of every component's user agent."""


class Server(Protocol):
    """The API server's entrance, and which resources it serves."""

    @property
    def scheme(self) -> Scheme:
        """The resources that are served now."""

    @property
    def metrics(self) -> Any:
        """Who answers for metrics.k8s.io, None when nobody does."""

    def handle(self, request: Request) -> Response:
        """Serve a request; raises ``APIError``."""


class Revisions(Protocol):
    """Who knows the store's revision."""

    @property
    def revision(self) -> int:
        """The last committed revision."""


MANAGER = "kube-controller-manager"
"""The process whose controllers act as service accounts (``--use-service-account-credentials``)."""


def identity(actor: str, process: str, account: str = "") -> UserInfo:
    """The user that a component authenticates as, as kubeadm sets clusters up."""
    if process == "kubelet":
        return UserInfo(f"system:node:{actor.partition('/')[2]}", groups=("system:nodes", "system:authenticated"))
    if process == MANAGER or account:
        namespace, name = service_account(actor, account)
        return UserInfo(
            f"system:serviceaccount:{namespace}:{name}",
            groups=("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"),
        )
    return UserInfo(f"system:{process}", groups=("system:authenticated",))


def service_account(actor: str, account: str = "") -> tuple[str, str]:
    """Namespace and name of a controller's ServiceAccount."""
    namespace, _, name = (account or actor).rpartition("/")
    return namespace or "kube-system", name


class Gateway:
    """Performs the calls of all components; API errors come back as values."""

    def __init__(self, server: Server, store: Revisions, clock: Clock) -> None:
        self._server = server
        self._store = store
        self._clock = clock
        self._users: dict[str, UserInfo] = {}
        self._options: dict[str, RequestOptions] = {}
        self._processes: dict[str, str] = {}
        self._accounts: dict[str, str] = {}
        self._frozen: dict[str, bool] = {}
        self._recorders: dict[str, Recorder] = {}
        self._names = Names()
        self._broadcasters: dict[str, Broadcaster] = {}

    def introduce(self, actor: str, process: str, account: str = "", frozen: bool = False) -> None:
        """Tell which process an actor belongs to and as which ServiceAccount it acts, before its first call.

        ``frozen`` says that what it sends is frozen already (``Controller.frozen``).
        """
        self._processes[actor] = process
        self._frozen[actor] = frozen
        if account:
            self._accounts[actor] = account

    def user(self, actor: str) -> UserInfo:
        """The user that an actor is for the API server."""
        return identity(actor, self._process(actor), self._accounts.get(actor, ""))

    def forget(self, process: str) -> None:
        """A process has died: its event correlators start anew."""
        caches: tuple[dict[str, Any], ...] = (self._recorders, self._broadcasters)
        for cache in caches:
            for actor in [a for a in cache if self._process(a) == process]:
                del cache[actor]

    def revision(self) -> int:
        """The store's revision."""
        return self._store.revision

    def perform(self, call: Call, cause: Cause) -> Outcome:
        """Send one call as its actor; the outcome is the resulting object, None, or the API error."""
        if type(call) is Emit:
            self._emit(call, cause)
            return None
        actor = cause.actor
        user = self._users.get(actor)
        if user is None:
            user = self._users[actor] = self.user(actor)
            self._options[actor] = RequestOptions(field_manager=self._process(actor))
            self._frozen.setdefault(actor, self._frozen.get(actor.partition("/")[0], False))
        triggers = Triggers(cause.triggers, cause.key, cause.why, cause.step)
        try:
            return _SEND[type(call)](self, call, actor, user, triggers)
        except APIError as error:
            return error

    def _process(self, actor: str) -> str:
        return self._processes.get(actor) or self._processes.get(actor.partition("/")[0], actor.partition("/")[0])

    def _create(self, call: Create, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        obj = call.obj
        request = Request(
            "create", self._of(kind_of(obj)), obj.metadata.namespace or "", "", "", obj,
            options=self._options[actor], user=user, actor=actor, cause=why, frozen=self._frozen[actor],
        )  # fmt: skip
        return self._server.handle(request).object

    def _update(self, call: Update | UpdateStatus | Finalize, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        obj = call.obj
        meta = obj.metadata
        request = Request(
            "update", self._of(kind_of(obj)), meta.namespace or "", meta.name or "", _SUBRESOURCE.get(type(call), ""), obj,
            options=self._options[actor], user=user, actor=actor, cause=why, frozen=self._frozen[actor],
        )  # fmt: skip
        return self._server.handle(request).object

    def _patch(self, call: Patch, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        options = self._options[actor]
        if call.manager or call.force is not None:
            options = RequestOptions(field_manager=call.manager or options.field_manager, force=call.force)
        request = Request(
            "patch", self._of(call.kind), call.namespace, call.name, call.subresource, call.body,
            content_type=call.patch_type, options=options, user=user, actor=actor, cause=why,
        )  # fmt: skip
        return self._server.handle(request).object

    def _delete(self, call: Delete, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        options = NO_OPTIONS
        if call.uid or call.resource_version or call.propagation or call.grace is not None:
            options = RequestOptions(
                uid=call.uid,
                resource_version_precondition=call.resource_version,
                propagation_policy=call.propagation,
                grace_period_seconds=call.grace,
            )
        request = Request(
            "delete",
            self._of(call.kind),
            call.namespace,
            call.name,
            options=options,
            user=user,
            actor=actor,
            cause=why,
        )
        return self._server.handle(request).object

    def _bind(self, call: Bind, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        pod = call.pod
        meta = pod.metadata
        body = Binding(
            metadata=ObjectMeta(name=meta.name or None, namespace=meta.namespace or None, uid=meta.uid or None),
            target=ObjectReference(kind="Node", name=call.node or None),
        )
        return self._subresource(pod, "binding", body, actor, user, why)

    def _evict(self, call: Evict, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        meta = call.pod.metadata
        body = Eviction(metadata=ObjectMeta(name=meta.name or None, namespace=meta.namespace or None))
        return self._subresource(call.pod, "eviction", body, actor, user, why)

    def _subresource(self, obj: Object, name: str, body: Object, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        """POST a body that is made of nothing but texts."""
        meta = obj.metadata
        request = Request(
            "create", self._of(kind_of(obj)), meta.namespace or "", meta.name or "", name, body,
            options=self._options[actor], user=user, actor=actor, cause=why, frozen=True,
        )  # fmt: skip
        return self._server.handle(request).object

    def _get(self, call: Get, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        request = Request("get", self._of(call.kind), call.namespace, call.name, user=user, actor=actor, cause=why)
        return self._server.handle(request).object

    def _list(self, call: ListAll, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        request = Request("list", self._of(call.kind), call.namespace, user=user, actor=actor, cause=why)
        return self._server.handle(request).items

    def _pod_metrics(self, call: PodMetricsOf, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        source = self._server.metrics
        if source is None:
            text = "the server could not find the requested resource (get pods.metrics.k8s.io)"
            raise APIError(404, "NotFound", text, Details(group="metrics.k8s.io", kind="pods"))
        found: tuple[Object, ...] = source.pods(call.namespace)
        return found

    def _get_scale(self, call: GetScale, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        resource = self._scalable(call.api_version, call.kind)
        request = Request("get", resource, call.namespace, call.name, "scale", user=user, actor=actor, cause=why)
        return self._server.handle(request).object

    def _update_scale(self, call: UpdateScale, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        resource = self._scalable(call.api_version, call.kind)
        meta = call.scale.metadata
        request = Request(
            "update", resource, meta.namespace or "", meta.name or "", "scale", call.scale,
            options=self._options[actor], user=user, actor=actor, cause=why,
        )  # fmt: skip
        return self._server.handle(request).object

    def _scalable(self, api_version: str, kind: str) -> Resource:
        """The resource of a kind that has a scale subresource."""
        resource = self._served(api_version, kind)
        if "scale" not in resource.subresources:
            raise APIError(404, "NotFound", no_such_resource().message, Details(kind=resource.qualified))
        return resource

    def _served(self, api_version: str, kind: str) -> Resource:
        resource = self._server.scheme.find(api_version, kind)
        if resource is None:
            raise APIError(404, "NotFound", f'no matches for kind "{kind}" in version "{api_version}"')
        return resource

    def _of(self, kind: Kind) -> Resource:
        """The resource that a call is about; a custom kind that is not served is an error of reason NotFound."""
        return self._served(kind.api_version, kind.kind) if isinstance(kind, CustomKind) else SCHEME.of(kind)

    def _emit(self, call: Emit, cause: Cause) -> None:
        actor = cause.actor
        component = call.component or actor.partition("/")[0]
        recorder: Recorder | Broadcaster
        if call.action:
            recorder = self._broadcasters.get(actor) or self._broadcasters.setdefault(actor, Broadcaster(self._names))
        else:
            recorder = self._recorders.get(actor) or self._recorders.setdefault(actor, Recorder(self._names))
        draft = recorder.event(call, component, self._clock.now)
        if draft is not None:
            self._write(draft, actor, cause)

    def _tend(self, call: TendEvents, actor: str, user: UserInfo, why: Triggers) -> Outcome:
        broadcaster = self._broadcasters.get(actor)
        if broadcaster is not None:
            for draft in broadcaster.tend(self._clock.now):
                self._record(draft, actor, user, why)
        return None

    def _write(self, draft: Draft, actor: str, cause: Cause) -> None:
        user = self._users.get(actor) or self.user(actor)
        self._record(draft, actor, user, Triggers(cause.triggers, cause.key, cause.why, cause.step))

    def _record(self, draft: Draft, actor: str, user: UserInfo, why: Triggers) -> None:
        """Store an event; one that has expired meanwhile is created anew, one that is refused is dropped, as in client-go."""
        event = draft.event
        meta = event.metadata
        resource = SCHEME.of(event)
        try:
            if draft.patch is not None:
                request = Request(
                    "patch", resource, meta.namespace or "", meta.name or "", "", dict(draft.patch),
                    content_type=STRATEGIC_MERGE_PATCH, user=user, actor=actor, cause=why, frozen=True,
                )  # fmt: skip
                try:
                    self._server.handle(request)
                except APIError as error:
                    if error.reason != "NotFound":
                        raise
                else:
                    return
            self._server.handle(
                Request(
                    "create",
                    resource,
                    meta.namespace or "",
                    "",
                    "",
                    event,
                    user=user,
                    actor=actor,
                    cause=why,
                    frozen=True,
                )
            )
        except APIError:
            return


_SUBRESOURCE: dict[type[Call], str] = {UpdateStatus: "status", Finalize: "finalize"}

_SEND: dict[type[Call], Callable[[Gateway, Any, str, UserInfo, Triggers], Outcome]] = {
    Create: Gateway._create,
    Update: Gateway._update,
    UpdateStatus: Gateway._update,
    Finalize: Gateway._update,
    Patch: Gateway._patch,
    Delete: Gateway._delete,
    Bind: Gateway._bind,
    Evict: Gateway._evict,
    Get: Gateway._get,
    GetScale: Gateway._get_scale,
    PodMetricsOf: Gateway._pod_metrics,
    UpdateScale: Gateway._update_scale,
    ListAll: Gateway._list,
    TendEvents: Gateway._tend,
}
