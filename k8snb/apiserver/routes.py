"""The API over HTTP, as one pure function: `serve(server, request) -> response`.

The order of the steps is kube-apiserver's: authenticate, impersonate, authorise, route, negotiate, read options and
body, and then `APIServer.handle`. Nothing here opens a socket; `rest/` does, and the golden replay calls it directly.

Left out: the managedFields in the rows of a Table (nobody reads them there, and they are worked out anew for every
answer); protobuf bodies and OpenAPI documents, which `rest/` adds; CBOR bodies, `/metrics`, API priority and fairness,
CORS and compression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from k8snb.api.request import NO_OPTIONS, Request, Response
from k8snb.apiserver import options as validation
from k8snb.apiserver.authentication import authenticate, impersonated, with_group
from k8snb.apiserver.authz.authorizer import Attributes, refusal
from k8snb.apiserver.http import discovery, encode, media, parameters, paths, proxying
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.apiserver.http.watching import HTTPWatch
from k8snb.apiserver.server import APISERVER

if TYPE_CHECKING:
    from k8snb.api.request import RequestOptions, UserInfo
    from k8snb.api.scheme import Resource, Subresource
    from k8snb.apiserver.http.media import Output
    from k8snb.apiserver.http.parameters import Query
    from k8snb.apiserver.http.paths import RequestInfo
    from k8snb.apiserver.server import APIServer

BODY_LIMIT = 3 * 1024 * 1024
"""Largest body that is read, in bytes (kube-apiserver `MaxRequestBodyBytes`)."""
_NOT_FOUND = "404 page not found\n"
_HEALTH = frozenset({"/healthz", "/livez", "/readyz"})
_COLLECTION = {"POST": "create", "GET": "list", "DELETE": "deletecollection"}
_ITEM = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_SUB = {"POST": "create", **_ITEM}

_DEPRECATED = {
    ("v1", "Endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ("v1", "ComponentStatus"): "v1 ComponentStatus is deprecated in v1.19+",
}
"""Served kinds that are on their way out, and what every answer about them warns of."""


def serve(server: APIServer, request: HTTPRequest) -> HTTPResponse:
    """Answer one HTTP request; never raises for anything that a client can send."""
    try:
        if APISERVER in server.down:  # the socket is not the server's own, so the best that can be said is this
            raise APIError(503, "ServiceUnavailable", f"{APISERVER} is stopped")
        answer = _serve(server, request)
    except APIError as failure:
        answer = encode.error(failure, _output_or_json(request))
    return replace(answer, body=b"") if request.method == "HEAD" else answer


def _output_or_json(request: HTTPRequest) -> Output:
    try:
        return media.output(request.headers, transforms=True, discovery=True)
    except APIError:
        return media.Output()


def _serve(server: APIServer, request: HTTPRequest) -> HTTPResponse:
    path, _, query_text = request.path.partition("?")
    query = parameters.query_of(query_text)
    watch = bool(parameters.boolean(query, "watch"))
    info = paths.parse(request.method, path, watch)
    user = authenticate(request.headers, server) if request.user is None else with_group(request.user)
    user = impersonated(user, request.headers, info, server)
    _authorise(server, user, info)
    if not info.is_resource:
        return _other(server, request, info)
    if not server.scheme.served(info.group, info.version):
        known = info.group in discovery.groups_of(server.scheme) or not info.group
        if known and not _custom_group(server, info.group):
            raise errors.no_such_resource()
        return encode.text(404, _NOT_FOUND)
    resource = server.scheme.by_gvr.get((info.group, info.version, info.resource))
    if resource is None:
        if _custom_group(server, info.group):
            return encode.text(404, _NOT_FOUND)
        raise errors.no_such_resource()
    info = _routed(resource, request.method, info)
    return _resource(server, request, info, resource, user, query)


def _custom_group(server: APIServer, group: str) -> bool:
    return any(item.custom for item in server.scheme.resources if item.group == group)


def _authorise(server: APIServer, user: UserInfo, info: RequestInfo) -> None:
    """The question of the authorization filter; asked again, cheaply, for what the verbs turn out to be."""
    authorizer = server.authorizer
    if authorizer.allows_everything:
        return
    if info.is_resource:
        access = Attributes(
            user, info.verb, info.group, info.version, info.resource, info.subresource, info.namespace, info.name
        )
    else:
        access = Attributes(user, info.verb, path=info.path)
    decision = authorizer.authorize(access)
    if not decision.allowed:
        raise refusal(access, decision.reason)


def _other(server: APIServer, request: HTTPRequest, info: RequestInfo) -> HTTPResponse:
    """Discovery, version and health."""
    path = info.path.rstrip("/") or "/"
    scheme = server.scheme
    if path in _HEALTH:
        return encode.text(200, "ok")
    output = media.output(request.headers, discovery=path in ("/api", "/apis"))
    found: dict[str, Any] | None = None
    parts = path.strip("/").split("/")
    if path == "/version":
        found = discovery.VERSION
    elif path in ("/api", "/apis") and output.as_kind:
        found = discovery.aggregated(scheme, core=path == "/api")
    elif path == "/api":
        found = discovery.api_versions()
    elif path == "/apis":
        found = discovery.group_list(scheme)
    elif parts[0] == "api" and len(parts) == 2:
        found = discovery.resource_list(scheme, "", parts[1])
    elif parts[0] == "apis" and len(parts) == 2:
        found = discovery.group(scheme, parts[1])
    elif parts[0] == "apis" and len(parts) == 3:
        found = discovery.resource_list(scheme, parts[1], parts[2])
    elif path == "/":
        found = discovery.root_paths(scheme)
    if found is None:
        group = parts[1] if len(parts) > 1 else ""
        if (parts[0] == "api" and len(parts) == 2) or (
            parts[0] == "apis" and len(parts) == 3 and group in discovery.groups_of(scheme)
        ):
            raise errors.no_such_resource()
        return encode.text(404, _NOT_FOUND)
    if request.method != "GET":
        raise errors.method_not_allowed()
    return encode.tree(200, found, output)


def _routed(resource: Resource, method: str, info: RequestInfo) -> RequestInfo:
    """Find the route: APIError 404 for an address the resource does not have, 405 for a method it does not have."""
    if info.scoped and not resource.namespaced:
        raise errors.no_such_resource()
    if info.subresource:
        sub: Subresource | None = resource.subresources.get(info.subresource)
        if sub is None or (info.rest and info.subresource != "proxy"):
            raise errors.no_such_resource()
        if resource.namespaced and not info.scoped:
            raise errors.no_such_resource()
        verb = _SUB.get(method, "")
        if info.subresource == "proxy" and method in ("HEAD", "OPTIONS"):
            verb = "get"
        if verb not in sub.verbs:
            raise errors.method_not_allowed()
        return replace(info, verb=verb)
    verbs = resource.verbs
    if info.name:
        if resource.namespaced and not info.scoped:
            raise errors.no_such_resource()
        verb = _ITEM.get(method, "")
        if verb == "" or verb not in verbs:
            raise errors.method_not_allowed()
        return info if info.verb == "watch" else replace(info, verb=verb)
    verb = _COLLECTION.get(method, "")
    if verb == "" or verb not in verbs or (resource.namespaced and not info.scoped and verb != "list"):
        if not (verb == "create" and resource.namespaced is False):
            raise errors.method_not_allowed()
        if verb not in verbs:
            raise errors.method_not_allowed()
    return info if info.verb == "watch" else replace(info, verb=verb)


def _resource(
    server: APIServer, request: HTTPRequest, info: RequestInfo, resource: Resource, user: UserInfo, query: Query
) -> HTTPResponse:
    """Serve a request for a resource whose route is known."""
    headers = request.headers
    verb = info.verb
    if info.subresource == "proxy":
        return _proxied(server, request, info, resource, user)
    streams = info.subresource in _STREAMS
    content_type = media.patch_type(headers) if verb == "patch" and not streams else ""
    output = media.output(headers, transforms=verb in ("get", "list", "watch") or info.subresource == "")
    if verb in ("create", "update") and not streams:
        content_type = media.input_type(headers)
    if len(request.body) > BODY_LIMIT:
        raise errors.request_entity_too_large(f"limit is {BODY_LIMIT}")
    options = _options(verb, query, request, content_type)
    name = info.name if not (info.name == "" and verb in ("list", "watch")) else ""
    body = request.body if verb in ("create", "update", "patch") else None
    call = Request(
        verb,
        resource,
        info.namespace if resource.namespaced else "",
        name,
        info.subresource,
        body,
        content_type or media.JSON,
        options,
        user,
        headers.get("user-agent", ""),
    )
    old = _DEPRECATED.get((resource.api_version, resource.kind))
    try:
        answer = server.handle(call)
    except APIError as failure:
        if old is not None:
            failure.warnings = (old, *failure.warnings)
        raise
    if old is not None:
        answer = replace(answer, warnings=(old, *answer.warnings))
    return _answer(server, request, call, answer, output, query)


def _proxied(
    server: APIServer, request: HTTPRequest, info: RequestInfo, resource: Resource, user: UserInfo
) -> HTTPResponse:
    """Hand a request on; its query, headers and body are for whoever answers."""
    namespace = info.namespace if resource.namespaced else ""
    agent = request.headers.get("user-agent", "")
    call = Request(
        info.verb, resource, namespace, info.name, info.subresource, None, media.JSON, NO_OPTIONS, user, agent
    )
    return proxying.handed_on(server, request, call, server.handle(call).stream)


def _options(verb: str, query: Query, request: HTTPRequest, content_type: str) -> RequestOptions:
    options = parameters.options_of(query) if query else NO_OPTIONS
    if verb in ("delete", "deletecollection"):
        options = parameters.delete_options(options, request.body, request.headers)
        validation.check_delete(options)
    elif verb == "patch" and content_type:
        validation.check_patch(options, content_type)
    return options


def _answer(
    server: APIServer, request: HTTPRequest, call: Request, answer: Response, output: Output, query: Query
) -> HTTPResponse:
    headers = [encode.warning(text) for text in answer.warnings]
    if answer.stream is not None:
        return HTTPResponse(
            200,
            (("Content-Type", output.content_type), *headers),
            stream=HTTPWatch(server, call.resource, answer.stream, output, query),
        )
    if answer.text is not None:
        return HTTPResponse(answer.code, (("Content-Type", "text/plain"), *headers), answer.text.encode())
    if answer.items is not None:
        return _list(server, call, answer, output, query, headers)
    if answer.object is None:
        return encode.tree(answer.code, encode.success(answer.code), output, headers)
    if call.verb == "delete" and answer.deleted and not server.endpoint(call.resource).returns_deleted:
        resource = call.resource
        meta = answer.object.metadata
        details = {"name": meta.name, **({"group": resource.group} if resource.group else {}), "kind": resource.plural}
        return encode.tree(200, encode.success(200, {**details, "uid": meta.uid}), output, headers)
    obj = shown(server, call, answer.object)
    if output.as_kind:
        return _transformed(server, call, (obj,), output, query, {"resourceVersion": obj.metadata.resourceVersion})
    return encode.single(answer.code, obj, output, headers)


def shown(server: APIServer, call: Request, obj: Any) -> Any:
    """The object as a client sees it: with the managedFields that are not stored with it."""
    meta = getattr(obj, "metadata", None)
    version = meta.resourceVersion if meta is not None else None
    if meta is None or not version or (call.subresource and call.subresource not in _WHOLE):
        return obj
    ep = server.endpoint(call.resource)
    stored = server.store.get(ep.stored.key(meta.namespace, meta.name))
    if stored is not None and stored.value.metadata.resourceVersion != version:
        stored = next(
            (kv for kv in reversed(server.store.history(stored.key)) if str(kv.mod_revision) == version and kv.value),
            None,
        )
    return obj if stored is None else server.managed_fields.shown(stored, obj)


_STREAMS = frozenset({"exec", "attach", "portforward"})
"""Subresources whose body and media type are the business of whoever is behind them."""
_WHOLE = frozenset({"status", "finalize", "resize", "ephemeralcontainers", "approval"})
"""Subresources whose answer is the whole object."""


def _list(
    server: APIServer, call: Request, answer: Response, output: Output, query: Query, headers: list[tuple[str, str]]
) -> HTTPResponse:
    items = list(answer.items or ())
    if output.as_kind != "Table":
        items = [shown(server, call, item) for item in items]
    if output.as_kind:
        metadata: dict[str, Any] = {"resourceVersion": str(answer.revision)}
        if answer.continue_:
            metadata["continue"] = answer.continue_
        if answer.remaining is not None:
            metadata["remainingItemCount"] = answer.remaining
        return _transformed(server, call, tuple(items), output, query, metadata)
    page = (answer.revision, answer.continue_, answer.remaining)
    return encode.listed(call.resource, items, page, output, headers)


def _transformed(
    server: APIServer, call: Request, items: tuple[Any, ...], output: Output, query: Query, metadata: dict[str, Any]
) -> HTTPResponse:
    """A Table, or metadata only."""
    plain = replace(output, as_kind="")
    if output.as_kind == "Table":
        from k8snb.apiserver.tables import table

        include = (query.get("includeObject") or ["Metadata"])[0]
        columns = server.endpoint(call.resource).columns
        return encode.tree(
            200, table(call.resource, items, server.clock.now, columns).to_dict(include, metadata), plain
        )
    head = {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{output.version}"}
    partial = [{**head, "metadata": to_dict(item)["metadata"]} for item in items]
    if call.verb == "list":
        whole = {**head, "kind": "PartialObjectMetadataList", "metadata": metadata, "items": partial}
        return encode.tree(200, whole, plain)
    return encode.tree(200, partial[0], plain)
