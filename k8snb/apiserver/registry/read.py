"""Reading objects: one, a list, or a page of a list, now or as of a resource version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from k8snb.api import errors, fields, selectors
from k8snb.api.gotext import quote
from k8snb.apiserver.registry import continuation
from k8snb.apiserver.validation.field import Path, invalid
from k8snb.store import Compacted

if TYPE_CHECKING:
    from collections.abc import Callable

    from k8snb.api.request import RequestOptions
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.store import ListResult, Store

Match = "Callable[[Any], bool]"
TOO_OLD = "The resourceVersion for the provided list is too old."
TOKEN_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


class Page(msgspec.Struct, frozen=True, gc=False):
    """Objects in key order; `remaining` is None when it is not known (with a selector, or on the last page)."""

    items: tuple[Any, ...]
    revision: int
    continue_: str = ""
    remaining: int | None = None


def revision_of(text: str) -> int:
    """A resourceVersion parameter as a number; "" is 0. APIError 400."""
    if not text:
        return 0
    if not text.isdecimal() or not text.isascii():
        problem = invalid(Path("resourceVersion"), text, f"strconv.ParseUint: parsing {quote(text)}: invalid syntax")
        raise errors.bad_request(f"invalid resource version: {problem}")
    return int(text)


def selection(ep: Endpoint, options: RequestOptions, namespace: str = "") -> Callable[[Any], bool] | None:
    """The test that label and field selectors make together; None when there are none. APIError 400."""
    labels, terms = _labels(options.label_selector), _fields(ep, options.field_selector)
    if labels is None:
        return None if terms is None else terms.matches
    by_label = labels.matches
    if terms is None:
        return lambda obj: by_label(obj.metadata.labels)
    by_field = terms.matches
    return lambda obj: by_label(obj.metadata.labels) and by_field(obj)


def _labels(text: str) -> selectors.Selector | None:
    if not text:
        return None
    try:
        found = selectors.parse(text)
    except selectors.SelectorError as error:
        raise errors.bad_request(str(error)) from None
    return None if found.empty else found


def _fields(ep: Endpoint, text: str) -> fields.FieldSelector | None:
    if not text:
        return None
    try:
        return fields.parse(text, ep.resource, ep.selectable) or None
    except fields.FieldSelectorError as error:
        raise errors.bad_request(str(error)) from None


def get(store: Store, ep: Endpoint, namespace: str, name: str, options: RequestOptions) -> Any:
    """One stored object; APIError: 404, 504 for a future version."""
    if options.resource_version:
        wanted = revision_of(options.resource_version)
        if wanted > store.revision:
            raise errors.resource_version_too_large(wanted, store.revision)
    found = store.get(ep.stored.key(namespace, name))
    if found is None:
        raise errors.not_found(ep.plural, name, ep.group)
    return found.value


def list_(store: Store, ep: Endpoint, namespace: str, options: RequestOptions) -> Page:
    """The objects of a namespace (or all) that the selectors choose; APIError 400, 410, 504.

    A revision in the past is read only for `resourceVersionMatch=Exact`, a page that was asked for at a revision, and
    continued lists; otherwise the present is new enough.
    """
    match = selection(ep, options)
    limit = max(options.limit, 0)
    if options.resource_version == "0" and not options.continue_ and not ep.ttl:
        limit = 0  # the watch cache answers in one piece
    prefix = ep.stored.list_prefix(namespace)
    start, at = "", None
    if options.continue_:
        start, at = _continued(ep, prefix, options)
    elif options.resource_version:
        at = _revision(store, options, limit)
    if match is None:
        return _page(ep, prefix, _read(store, prefix, at, limit, start), limit)
    exact = _exact_key(ep, options, namespace, prefix)
    if exact is not None and at is None and not start:
        found = store.get(exact)
        items = (found.value,) if found is not None and match(found.value) else ()
        return Page(items, store.revision)
    if not limit:
        result = _read(store, prefix, at, 0, start)
        return Page(tuple([item.value for item in result.items if match(item.value)]), result.revision)
    return _filtered(store, ep, prefix, match, at, limit, start)


def _filtered(
    store: Store, ep: Endpoint, prefix: str, match: Callable[[Any], bool], at: int | None, limit: int, start: str
) -> Page:
    """A page of at most `limit` matching objects; there is a next page when another object (any) follows."""
    result = _read(store, prefix, at, 0, start)
    chosen: list[Any] = []
    for index, item in enumerate(result.items):
        if match(item.value):
            chosen.append(item.value)
            if len(chosen) == limit and any(match(later.value) for later in result.items[index + 1 :]):
                return Page(tuple(chosen), result.revision, _token(ep, prefix, item.key, result.revision))
            if len(chosen) == limit:
                break
    return Page(tuple(chosen), result.revision)


def _page(ep: Endpoint, prefix: str, result: ListResult, limit: int) -> Page:
    items = tuple([item.value for item in result.items])
    if not limit or not result.more:
        return Page(items, result.revision)
    token = _token(ep, prefix, result.items[-1].key, result.revision)
    return Page(items, result.revision, token, result.count - len(items))


def _token(ep: Endpoint, prefix: str, last_key: str, revision: int) -> str:
    return continuation.encode(prefix if ep.ttl else prefix.rstrip("/"), last_key, revision)


def _read(store: Store, prefix: str, at: int | None, limit: int, start: str) -> ListResult:
    if at is not None and at > store.revision:
        raise errors.resource_version_too_large(at, store.revision)
    try:
        return store.list(prefix, at, limit, start)
    except Compacted:
        if not start:
            raise errors.expired(TOO_OLD) from None
        key = start.removesuffix("\0")
        raise errors.expired(TOKEN_TOO_OLD, continuation.encode(prefix, key, -1)) from None


def _continued(ep: Endpoint, prefix: str, options: RequestOptions) -> tuple[str, int | None]:
    try:
        start, revision = continuation.decode(options.continue_, prefix)
    except continuation.TokenError as error:
        raise errors.bad_request(f"invalid continue token: {error}") from None
    if options.resource_version and options.resource_version != "0":
        raise errors.bad_request("specifying resource version is not allowed when using continue")
    return start, None if revision < 0 else revision


def _revision(store: Store, options: RequestOptions, limit: int) -> int | None:
    wanted = revision_of(options.resource_version)
    if options.resource_version_match == "Exact" or (limit and wanted and not options.resource_version_match):
        return wanted
    if wanted > store.revision:
        raise errors.resource_version_too_large(wanted, store.revision)
    return None


def _exact_key(ep: Endpoint, options: RequestOptions, namespace: str, prefix: str) -> str | None:
    """The only key that can match, when a field selector names the object."""
    if "metadata.name" not in options.field_selector:
        return None
    terms = _fields(ep, options.field_selector)
    name = terms.exact("metadata.name") if terms is not None else None
    if not name or "/" in name or (ep.resource.namespaced and not namespace):
        return None
    return prefix + name
