"""The API server: the one entrance through which everything in a cluster changes.

`APIServer.handle` takes a `Request` through authorisation, decoding, admission, validation and storage and returns a
`Response` or raises `APIError`. Callers in the same process hand in typed objects; HTTP comes in through
`k8snb.apiserver.routes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from k8snb.api import errors
from k8snb.api.errors import APIError
from k8snb.api.request import Response
from k8snb.api.scheme import SCHEME
from k8snb.apiserver import verbs
from k8snb.apiserver.admission import PLUGINS
from k8snb.apiserver.audit import AuditLog
from k8snb.apiserver.authentication import BearerTokens
from k8snb.apiserver.authz.always_allow import AlwaysAllow
from k8snb.apiserver.authz.authorizer import Attributes as Access
from k8snb.apiserver.authz.authorizer import refusal
from k8snb.apiserver.context import ServerContext
from k8snb.apiserver.conversion import CONVERSIONS
from k8snb.apiserver.custom.definitions import Definitions
from k8snb.apiserver.endpoint import Endpoint
from k8snb.apiserver.kinds import strategy_for
from k8snb.apiserver.managed import ManagedFields
from k8snb.apiserver.memo import IdentityMemo
from k8snb.apiserver.reader import StoreReader
from k8snb.apiserver.subresources import SUBRESOURCES, VIRTUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from k8snb.api.metrics import NodeMetrics, PodMetrics
    from k8snb.api.request import Request
    from k8snb.api.scheme import Resource, Scheme
    from k8snb.apiserver.admission.plugin import Plugin
    from k8snb.apiserver.authentication import Authenticator
    from k8snb.apiserver.authz.authorizer import Authorizer
    from k8snb.apiserver.subresources.protocol import Backends, LogSource, Subresource
    from k8snb.sim.clock import Clock
    from k8snb.sim.ids import Ids
    from k8snb.store import Store

WATCH_LINES = 256
"""Encoded watch events that are kept for other watches of the same changes."""
APISERVER, ETCD = "kube-apiserver", "etcd"
"""The two that a cluster cannot be asked without."""
ADDRESS = "127.0.0.1:6443"
"""Where clients reach the server, as their errors name it."""
LEASE_REUSE_SECONDS = 60.0
"""Objects with a time to live share an etcd lease for so long (apiserver `--lease-reuse-duration-seconds`)."""


class MetricsSource(Protocol):
    """What metrics-server answers."""

    def pods(self, namespace: str = "") -> tuple[PodMetrics, ...]:
        """What the pods of a namespace use."""

    def nodes(self) -> tuple[NodeMetrics, ...]:
        """What the nodes use."""


class APIServer:
    """One API server over one store.

    `clock` and `ids` are the only sources of time and chance. `authenticators` recognise the users of HTTP requests
    (callers in the process say who they are). `authorizer` decides who may do what (default: everybody
    everything). `admission` are the plugins in order. `audit_limit` bounds the audit log (None: unbounded).
    `service_cidrs` are the ranges of cluster IPs (`--service-cluster-ip-range`): one, or one of each IP family, the default
    family first.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Ids,
        *,
        scheme: Scheme = SCHEME,
        authenticators: Sequence[Authenticator] | None = None,
        authorizer: Authorizer | None = None,
        admission: Sequence[Plugin] = PLUGINS,
        audit_limit: int | None = None,
        service_cidrs: tuple[str, ...] = ("10.96.0.0/16",),
    ) -> None:
        self.store = store
        self.clock = clock
        self.ids = ids
        self.scheme = scheme
        self.service_cidrs = service_cidrs
        self.authenticators: tuple[Authenticator, ...] = (
            (BearerTokens(),) if authenticators is None else tuple(authenticators)
        )
        self.admission = tuple(admission)
        self.audit = AuditLog(audit_limit)
        self.reader = StoreReader(store, scheme)
        self.authorizer: Authorizer = AlwaysAllow() if authorizer is None else authorizer
        self.authorizer.connect(self.reader)
        self.logs: LogSource | None = None
        """Where container logs come from (the kubelets); set by whoever wires the cluster."""
        self.backends: Backends | None = None
        """Who answers what pods/proxy, services/proxy and nodes/proxy hand on; set by whoever wires the cluster."""
        self.metrics: MetricsSource | None = None
        """Who answers for metrics.k8s.io (metrics-server); set by whoever wires the cluster, None when there is nobody."""
        self.down: dict[str, float] = {}
        """Which of the server itself and etcd are stopped, and since which second."""
        self.token_secret = b""
        """What besides an account's uid signs its tokens; set by whoever lets others reach the server."""
        self._endpoints: dict[Resource, Endpoint] = {}
        self._lease = (0, 0.0, 0.0)
        self.custom = Definitions(self)
        self.managed_fields = ManagedFields(store, self.custom.schema_of)
        self.watch_lines: IdentityMemo[bytes] = IdentityMemo(WATCH_LINES)

    def handle(self, request: Request) -> Response:
        """Serve one request; raises APIError when it is refused. Every request that arrives leaves an audit record."""
        if APISERVER in self.down:
            raise errors.connection_refused(ADDRESS)
        ctx = ServerContext(self, request)
        before = self.store.revision
        try:
            if not self.authorizer.allows_everything:
                self.authorize(request)
            if self.down:
                raise errors.etcd_timeout()
            response = self._serve(ctx, request)
        except APIError as error:
            error.warnings = tuple(ctx.warnings or ())
            self.audit.record(request, ctx.time, error.code, error.reason, before, self.store.revision)
            raise
        self.audit.record(request, ctx.time, response.code, "", before, self.store.revision)
        return response

    def endpoint(self, resource: Resource) -> Endpoint:
        """The endpoint that serves a resource."""
        found = self._endpoints.get(resource)
        if found is None:
            found = self._endpoints[resource] = self._custom(resource) if resource.custom else self._make(resource)
        return found

    def lease(self, ttl: float) -> int:
        """The store lease for an object that lives `ttl` seconds."""
        found, granted, length = self._lease
        now = self.clock.now
        if not found or length != ttl or now >= granted + LEASE_REUSE_SECONDS or found not in self.store.leases:
            found = self.store.grant(ttl).id
            self._lease = (found, now, ttl)
        return found

    verb = staticmethod(verbs.verb_of)
    """How the cause of a revision names what a request did."""

    def released(self, ep: Endpoint, obj: Any, ctx: ServerContext) -> None:
        """An object has been removed: give back what it had claimed."""
        ep.strategy.after_delete(obj, ctx)

    def learn(self, scheme: Scheme) -> None:
        """Serve another set of resources from now on (custom resources came or went)."""
        self.scheme = scheme
        self.reader.learn(scheme)
        self._endpoints.clear()

    def authorize(self, request: Request) -> None:
        """Ask whether the request's user may do what it asks for; APIError 403."""
        resource = request.resource
        access = Access(
            request.user,
            request.verb,
            resource.group,
            resource.version,
            resource.plural,
            request.subresource,
            request.namespace,
            request.name,
            field_selector=request.options.field_selector,
        )
        decision = self.authorizer.authorize(access)
        if not decision.allowed:
            raise refusal(access, decision.reason)

    def _make(self, resource: Resource) -> Endpoint:
        conversion = CONVERSIONS.get((resource.api_version, resource.kind))
        stored = resource
        if conversion is not None:
            stored = self.scheme.find(*conversion.stored) or resource
        return Endpoint(resource, stored, strategy_for(stored), strategy_for(resource), conversion, self.admission)

    def _custom(self, resource: Resource) -> Endpoint:
        """The endpoint of a custom resource; `resource` may be that of an earlier scheme."""
        current = self.scheme.by_gvr.get((resource.group, resource.version, resource.plural))
        if current is None or not current.custom:
            raise errors.no_such_resource()
        strategy = self.custom.strategy(current)
        ep = Endpoint(current, current, strategy, strategy, self.custom.conversion(current), self.admission)
        ep.columns = self.custom.columns(current)
        ep.selectable = self.custom.selectable(current)
        return ep

    def _serve(self, ctx: ServerContext, request: Request) -> Response:
        ep = self.endpoint(request.resource)
        verb = request.verb
        if request.subresource:
            return self._subresource(ctx, ep, request)
        virtual = VIRTUAL.get((request.resource.group, request.resource.plural))
        if virtual is not None:
            if verb == "create":
                return virtual.create(ctx, ep)
            raise errors.method_not_allowed()
        serve = verbs.VERBS.get(verb)
        if serve is None:
            raise errors.method_not_allowed()
        return serve(ctx, ep)

    def _subresource(self, ctx: ServerContext, ep: Endpoint, request: Request) -> Response:
        way = (request.verb, request.subresource)
        serve = ep.ways.get(way)
        if serve is None:
            serve = ep.ways[way] = self._way(ep, *way)
        return serve(ctx, ep)

    @staticmethod
    def _way(ep: Endpoint, verb: str, subresource: str) -> Callable[[ServerContext, Endpoint], Response]:
        """What serves a verb of a subresource."""
        handler: Subresource | None = next(
            (item for item in SUBRESOURCES if item.name == subresource and item.serves(ep.resource)), None
        )
        if handler is None:
            raise errors.no_such_resource()
        serve = {
            "get": handler.get,
            "create": handler.create,
            "update": handler.update,
            "patch": handler.patch,
            "delete": handler.delete,
            "connect": handler.connect,
        }.get(verb)
        if serve is None:
            raise errors.method_not_allowed()
        return serve
