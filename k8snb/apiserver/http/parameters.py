"""Query parameters and DeleteOptions bodies as `RequestOptions`, converted as Go converts them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from k8snb.api import errors
from k8snb.api.decode import DecodeError, decode_body
from k8snb.api.gotext import quote
from k8snb.api.request import NO_OPTIONS, RequestOptions
from k8snb.api.scheme import Resource
from k8snb.api.types.meta_v1 import DeleteOptions
from k8snb.apiserver.http.media import input_type

Query = dict[str, list[str]]
MOST = 1000
"""Parameters that a query may have."""
_KNOWN = frozenset(
    {
        "allowWatchBookmarks",
        "continue",
        "dryRun",
        "fieldManager",
        "fieldSelector",
        "fieldValidation",
        "force",
        "gracePeriodSeconds",
        "ignoreStoreReadErrorWithClusterBreakingPotential",
        "labelSelector",
        "limit",
        "orphanDependents",
        "pretty",
        "propagationPolicy",
        "resourceVersion",
        "resourceVersionMatch",
        "sendInitialEvents",
        "timeout",
        "timeoutSeconds",
        "watch",
    }
)
_INTEGER = re.compile(r"[+-]?[0-9]+").fullmatch
_DELETE = Resource("", "v1", "DeleteOptions", "deleteoptions", "deleteoptions", True)
_INT64 = 1 << 63


def query_of(text: str) -> Query:
    """The parameters of a query, repeated ones in order; APIError 400 for too many."""
    if not text:
        return {}
    try:
        return parse_qs(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MOST)
    except ValueError:
        raise errors.bad_request(f"the query has more than {MOST} parameters") from None


def boolean(query: Query, name: str) -> bool | None:
    """A bool as the API server reads it: everything but "false" and "0" is true."""
    values = query.get(name)
    if values is None:
        return None
    return values[0].lower() not in ("false", "0")


def integer(query: Query, name: str) -> int | None:
    """An int64; APIError 400 in Go's words."""
    values = query.get(name)
    if values is None or values[0] == "":
        return None
    text = values[0]
    if not _INTEGER(text):
        raise errors.bad_request(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax")
    number = int(text)
    if not -_INT64 <= number < _INT64:
        raise errors.bad_request(f"strconv.ParseInt: parsing {quote(text)}: value out of range")
    return number


def options_of(query: Query) -> RequestOptions:
    """All parameters that any verb knows; APIError 400 for one that is no number."""
    if not query:
        return NO_OPTIONS

    def text(name: str) -> str:
        values = query.get(name)
        return values[0] if values else ""

    def optional(name: str) -> str | None:
        values = query.get(name)
        return values[0] if values else None

    return RequestOptions(
        field_manager=text("fieldManager"),
        field_validation=text("fieldValidation"),
        dry_run=tuple(query.get("dryRun", ())),
        force=boolean(query, "force"),
        propagation_policy=optional("propagationPolicy"),
        orphan_dependents=boolean(query, "orphanDependents"),
        grace_period_seconds=integer(query, "gracePeriodSeconds"),
        ignore_store_read_error=boolean(query, "ignoreStoreReadErrorWithClusterBreakingPotential"),
        label_selector=text("labelSelector"),
        field_selector=text("fieldSelector"),
        limit=integer(query, "limit") or 0,
        continue_=text("continue"),
        resource_version=text("resourceVersion"),
        resource_version_match=text("resourceVersionMatch"),
        send_initial_events=boolean(query, "sendInitialEvents"),
        allow_watch_bookmarks=bool(boolean(query, "allowWatchBookmarks")),
        timeout_seconds=integer(query, "timeoutSeconds"),
        extra={name: values[0] for name, values in query.items() if name not in _KNOWN},
    )


def delete_options(options: RequestOptions, body: bytes, headers: Mapping[str, str]) -> RequestOptions:
    """The options of a deletion: those of the body when there is one, else those of the query; APIError 400."""
    if not body:
        return options
    try:
        given, _ = decode_body(body, _DELETE, input_type(headers), "Ignore", type_=DeleteOptions)
    except DecodeError as error:
        raise errors.bad_request(_plain(error.message)) from None
    found: DeleteOptions = given
    pre = found.preconditions
    changes: dict[str, Any] = {
        "dry_run": found.dryRun,
        "propagation_policy": found.propagationPolicy,
        "orphan_dependents": found.orphanDependents,
        "grace_period_seconds": found.gracePeriodSeconds,
        "uid": pre.uid if pre is not None else None,
        "resource_version_precondition": pre.resourceVersion if pre is not None else None,
        "label_selector": options.label_selector,
        "field_selector": options.field_selector,
    }
    return RequestOptions(**changes)


def _plain(message: str) -> str:
    """A complaint about DeleteOptions comes without the words about the object's type and the body."""
    head = "the object provided is unrecognized (must be of type DeleteOptions): "
    if message.startswith(head):
        return message[len(head) :].rpartition(" (")[0]
    return message.partition("cannot be handled as a DeleteOptions: ")[2] or message
