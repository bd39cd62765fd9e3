"""How answers are written: objects, lists, tables and statuses as JSON or YAML, in the real server's key order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from k8snb.api.codec import to_dict, to_json
from k8snb.apiserver.http.media import JSON, YAML, Output
from k8snb.apiserver.http.message import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from k8snb.api.errors import APIError
    from k8snb.api.scheme import Resource

Headers = "tuple[tuple[str, str], ...]"


def tree(code: int, value: Any, output: Output, headers: Sequence[tuple[str, str]] = ()) -> HTTPResponse:
    """JSON builtins as an answer."""
    body = to_yaml(value) if output.type == YAML else msgspec.json.encode(value) + b"\n"
    return HTTPResponse(code, (("Content-Type", output.content_type), *headers), body)


def to_yaml(value: Any) -> bytes:
    """YAML as the server writes it: keys sorted."""
    import yaml

    text: str = yaml.safe_dump(value, default_flow_style=False, allow_unicode=True, sort_keys=True, width=1 << 30)
    return text.encode()


def text(code: int, value: str) -> HTTPResponse:
    """Plain text."""
    return HTTPResponse(code, (("Content-Type", "text/plain; charset=utf-8"),), value.encode())


def error(failure: APIError, output: Output | None = None) -> HTTPResponse:
    """An error as a Status."""
    headers = [warning(text) for text in failure.warnings]
    if failure.details is not None and failure.details.retry_after_seconds:
        headers.append(("Retry-After", str(failure.details.retry_after_seconds)))
    return tree(failure.code, failure.to_dict(), Output(output.type if output else JSON), headers)


def single(code: int, obj: Any, output: Output, headers: Sequence[tuple[str, str]] = ()) -> HTTPResponse:
    """One object."""
    if output.type == JSON:
        return HTTPResponse(code, (("Content-Type", JSON), *headers), to_json(obj) + b"\n")
    return tree(code, to_dict(obj), output, headers)


def listed(
    resource: Resource,
    items: Iterable[Any],
    page: tuple[int, str, int | None],
    output: Output,
    headers: Sequence[tuple[str, str]] = (),
) -> HTTPResponse:
    """A collection as the server lists it: items of built-in kinds carry no kind and apiVersion.

    `page` is its revision, where the next page begins ("" for none) and how many items are still to come (or None).
    """
    revision, continue_, remaining = page
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if continue_:
        metadata["continue"] = continue_
    if remaining is not None:
        metadata["remainingItemCount"] = remaining
    parts = [_item(resource, item, output.type == JSON) for item in items]
    head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
    if not resource.custom:
        return tree(200, {**head, "metadata": metadata, "items": parts}, output, headers)
    whole: dict[str, Any] = {"apiVersion": head["apiVersion"], "items": parts, "kind": head["kind"]}
    whole["metadata"] = dict(sorted({"continue": continue_, **metadata}.items()))
    return tree(200, whole, output, headers)


def _item(resource: Resource, item: Any, as_json: bool) -> Any:
    """One object of a collection: as finished JSON, so that a long list is never a tree in memory, or as a tree."""
    found = to_json(item)
    if resource.custom:
        return msgspec.Raw(found) if as_json else msgspec.json.decode(found)
    if as_json:
        head = f'{{"kind":"{item.kind}","apiVersion":"{item.apiVersion}",'.encode()
        if found.startswith(head):
            return msgspec.Raw(b"{" + found[len(head) :])
    plain: dict[str, Any] = msgspec.json.decode(found)
    del plain["kind"], plain["apiVersion"]
    return plain


def success(code: int, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """A Status that says that all went well."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details is not None:
        status["details"] = details
    if code == 201:
        status["code"] = code
    return status


def warning(message: str) -> tuple[str, str]:
    """A Warning header: code 299, agent `-`, the text quoted."""
    shown = "".join(char if char.isprintable() else " " for char in message)
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
    return ("Warning", f'299 - "{escaped}"')
