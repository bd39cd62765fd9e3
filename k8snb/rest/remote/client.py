"""A small client of the Kubernetes API: one kubeconfig, one connection pool, requests in and objects out."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from k8snb._version import __version__
from k8snb.api.codec import to_json
from k8snb.api.errors import APIError, Cause, Details
from k8snb.api.mistakes import Mistake
from k8snb.api.object import Object
from k8snb.api.request import Request, RequestOptions
from k8snb.api.scheme import Resource
from k8snb.rest.kubeconfig import Access

PAGE = 500
"""Objects of one page of a list (kubectl `--chunk-size`)."""
SECONDS = 30.0
"""Longest time that an answer may take."""
_METHODS = {
    "get": "GET", "list": "GET", "create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE",
    "deletecollection": "DELETE",
}  # fmt: skip


class Unreachable(Mistake, ConnectionError):
    """The cluster does not answer, or not as one."""


class Client:
    """Requests to one cluster; raises ``APIError`` for refusals and ``Unreachable`` when there is no answer."""

    def __init__(self, access: Access) -> None:
        self.access = access
        headers = {"User-Agent": f"k8snb/{__version__}", "Accept": "application/json"}
        if access.token:
            headers["Authorization"] = f"Bearer {access.token}"
        self._http = httpx.Client(base_url=access.server, verify=_context(access), headers=headers, timeout=SECONDS)
        self.date = ""
        """The server's clock when it last answered, as in the Date header."""

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, request: Request) -> Any:
        """The tree (or text) that answers a request of the model's own form."""
        headers = {}
        content = b""
        if request.body is not None:
            body = request.body
            content = (
                body
                if isinstance(body, bytes)
                else to_json(body)
                if isinstance(body, Object)
                else msgspec.json.encode(body)
            )
            headers["Content-Type"] = request.content_type
        elif request.verb.startswith("delete"):
            content = msgspec.json.encode(_delete_options(request.options))
            headers["Content-Type"] = "application/json"
        path = path_of(request.resource, request.namespace, request.name, request.subresource)
        return self.ask(_METHODS[request.verb], path, _query(request), content, headers)

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """One exchange."""
        try:
            answer = self._http.request(
                method, path, params=dict(query or {}), content=content, headers=dict(headers or {})
            )
        except httpx.HTTPError as error:
            raise Unreachable(f"{self.access.server} does not answer: {error or type(error).__name__}") from None
        self.date = answer.headers.get("date", "")
        if not answer.headers.get("content-type", "").startswith("application/json"):
            if answer.status_code >= 400:
                raise APIError(answer.status_code, "", answer.text[:500] or answer.reason_phrase)
            return answer.text
        try:
            tree = msgspec.json.decode(answer.content)
        except msgspec.DecodeError:
            raise Unreachable(f"{self.access.server}{path} does not answer as a Kubernetes API does") from None
        if answer.status_code >= 400:
            raise _refusal(answer.status_code, tree)
        return tree

    def pages(self, resource: Resource, namespace: str | None) -> Iterator[tuple[dict[str, Any], str]]:
        """The items of a whole list as trees, with the list's resourceVersion, page by page."""
        query = {"limit": str(PAGE)}
        path = path_of(resource, namespace or "", "", "")
        while True:
            page = self.ask("GET", path, query)
            metadata = page.get("metadata") or {}
            for item in page.get("items") or ():
                yield item, metadata.get("resourceVersion", "")
            if not metadata.get("continue"):
                return
            query["continue"] = metadata["continue"]


def path_of(resource: Resource, namespace: str, name: str, subresource: str) -> str:
    """Where a resource is found."""
    parts = ["apis", resource.group, resource.version] if resource.group else ["api", resource.version]
    if resource.namespaced and namespace:
        parts += ["namespaces", namespace]
    parts.append(resource.plural)
    parts += [part for part in (name, subresource) if part]
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _query(request: Request) -> dict[str, str]:
    options = request.options
    found = {
        "fieldManager": options.field_manager,
        "fieldValidation": options.field_validation,
        "labelSelector": options.label_selector,
        "fieldSelector": options.field_selector,
    }
    if options.force is not None:
        found["force"] = "true" if options.force else "false"
    if options.dry_run and not request.verb.startswith("delete"):
        found["dryRun"] = options.dry_run[0]
    return {**{name: value for name, value in found.items() if value}, **options.extra}


def _delete_options(options: RequestOptions) -> dict[str, Any]:
    preconditions = {"uid": options.uid, "resourceVersion": options.resource_version_precondition}
    found: dict[str, Any] = {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": options.propagation_policy,
        "gracePeriodSeconds": options.grace_period_seconds,
        "dryRun": list(options.dry_run) or None,
        "preconditions": {name: value for name, value in preconditions.items() if value} or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _refusal(code: int, tree: Any) -> APIError:
    status = tree if isinstance(tree, dict) else {}
    given = status.get("details") or {}
    causes = tuple(
        Cause(cause.get("reason", ""), cause.get("message", ""), cause.get("field", ""))
        for cause in given.get("causes") or ()
    )
    details = Details(
        given.get("name", ""), given.get("group", ""), given.get("kind", ""), given.get("uid", ""), causes,
        given.get("retryAfterSeconds") or 0,
    )  # fmt: skip
    return APIError(code, status.get("reason", ""), status.get("message", f"refused with code {code}"), details)


def _context(access: Access) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=access.authority.decode() or None)
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if access.certificate and access.key:
        with tempfile.TemporaryDirectory(
            prefix="k8snb-"
        ) as folder:  # the ssl module reads certificates from files only
            path = Path(folder) / "client.pem"
            path.touch(0o600)
            path.write_bytes(access.key + b"\n" + access.certificate)
            context.load_cert_chain(path)
    return context
