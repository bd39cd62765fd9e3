"""`kubectl get`: tables and other formats, and what changes while simulated time passes (`-w`)."""

from __future__ import annotations

from typing import Any

from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from k8snb.api.quantity import QuantityError
from k8snb.api.quantity import parse as quantity
from k8snb.api.request import RequestOptions
from k8snb.api.scheme import Resource
from k8snb.apiserver.tables import Table, jsonpath
from k8snb.kubectl import printing, targets
from k8snb.kubectl.call import (
    ALL_NAMESPACES,
    FIELD_SELECTOR,
    FILES,
    PRINTING,
    SELECTOR,
    Call,
    Command,
)
from k8snb.kubectl.commands import raw
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.targets import Found, Target, qualified

_NOTHING = (
    'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported '
    'resources.\n\nerror: Required resource not specified.\nUse "kubectl explain <resource>" for a detailed '
    "description of that resource (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples"
)
WATCHED = 600.0
"""Simulated seconds that `-w` watches when no `--request-timeout` bounds it (less when the cluster settles)."""

Batch = tuple[Resource, list[Found]]


def run(call: Call) -> int | None:
    """Print what was asked for."""
    if call.flag("raw"):
        return raw.get(call, str(call.flag("raw")))
    if not call.args and not call.flag("filename"):
        raise KubectlError(_NOTHING, bare=True)
    name, argument = printing.output(call)
    wanted = _targets(call)
    if not (wanted and all(target.name for target in wanted)):
        printing.check(name, argument)
    if call.flag("watch") or call.flag("watch-only"):
        return _watch(call, wanted)
    batches = _read(call, wanted)
    if name in ("", "wide"):
        _tables(call, batches, wanted)
        return None
    found = [item for _, items in batches for item in items]
    single = (len(wanted) == 1 and bool(wanted[0].name)) or (call.flag("filename") and len(found) == 1)
    if call.flag("sort-by") and len(found) > 1:
        found = _sorted(found, str(call.flag("sort-by")))
    if call.failed and not found:
        return 1
    if single and not found:
        return None
    printing.show(call, found, single=bool(single))
    return None


def _targets(call: Call) -> list[Target]:
    if call.flag("filename"):
        return []
    return targets.parse(call)


def _read(call: Call, wanted: list[Target]) -> list[Batch]:
    """Objects by resource, in the order asked for."""
    out: list[Batch] = []
    if call.flag("filename"):
        for item in targets.fetch(call):
            if out and out[-1][0] == item.resource:
                out[-1][1].append(item)
            else:
                out.append((item.resource, [item]))
        return out
    for target in wanted:
        try:
            found = targets.read(call, target)
        except APIError as error:
            if not (error.reason == "NotFound" and call.flag("ignore-not-found")):
                call.fail(error)
            continue
        if out and out[-1][0] == target.resource:
            out[-1][1].extend(found)
        else:
            out.append((target.resource, found))
    return out


def _tables(call: Call, batches: list[Batch], wanted: list[Target]) -> None:
    several = len({target.resource for target in wanted} or {resource for resource, _ in batches}) > 1
    sort_by = str(call.flag("sort-by") or "")
    shown = 0
    for resource, items in batches:
        if not items:
            continue
        if shown:
            call.write("\n")
        shown += 1
        items = _sorted(items, sort_by) if sort_by else items
        table = printing.server_table(call, resource, [item.object for item in items])
        kind = qualified(resource) if several or call.flag("show-kind") else ""
        call.write(printing.rows_text(call, table, kind=kind, namespaces=_namespaces(call, resource)))
    if not shown and not call.failed and not call.flag("ignore-not-found"):
        cluster = not any(resource.namespaced for resource, _ in batches)
        if call.flag("all-namespaces") or cluster:
            call.complain("No resources found\n")
        else:
            call.complain(f"No resources found in {call.namespace} namespace.\n")


def _namespaces(call: Call, resource: Resource) -> bool:
    return bool(call.flag("all-namespaces")) and resource.namespaced


# -- sorting


def _sorted(items: list[Found], path: str) -> list[Found]:
    """The objects by the value at a JSONPath; those without it come first."""
    try:
        nodes = jsonpath.parse(jsonpath.relaxed(path))
    except jsonpath.JSONPathError as error:
        raise KubectlError(str(error)) from None
    values: list[Any] = []
    for item in items:
        try:
            found = [value for part in jsonpath.find(nodes, to_dict(item.object)) for value in part]
        except jsonpath.JSONPathError:
            found = []
        values.append(found[0] if found else None)
    if all(value is None for value in values) and items:
        raise KubectlError(
            f"couldn't find any field with path {_braced(path)!s} in the list of objects".replace("'", '"')
        )
    order = sorted(range(len(items)), key=lambda at: _order(values[at]))
    return [items[at] for at in order]


def _braced(path: str) -> str:
    return '"' + jsonpath.relaxed(path) + '"'


def _order(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 1, int(value)
    if isinstance(value, int | float):
        return 2, value
    if isinstance(value, str):
        try:
            return 3, quantity(value)
        except QuantityError:
            return 4, value
    return 5, str(value)


# -- watching


def _watch(call: Call, wanted: list[Target]) -> int | None:
    """Print what there is, then every change while simulated time passes, until nothing is left to come or time is up."""
    if len(wanted) != 1:
        raise KubectlError("you may only specify a single resource type")
    target = wanted[0]
    resource = target.resource
    fields = f"metadata.name={target.name}" if target.name else str(call.flag("field-selector"))
    labels = str(call.flag("selector"))
    response = call.client.send(
        "list", resource, target.namespace, options=RequestOptions(label_selector=labels, field_selector=fields)
    )
    if target.name and not response.items:
        call.client.get(resource, target.namespace, target.name)
    options = RequestOptions(label_selector=labels, field_selector=fields, resource_version=str(response.revision))
    stream = call.client.send("watch", resource, target.namespace, options=options).stream
    events = bool(call.flag("output-watch-events"))
    batch = [] if call.flag("watch-only") else [("ADDED", item) for item in response.items or ()]
    heads = _watched(call, resource, batch, events, heads=True)
    timeout = float(call.flag("request-timeout") or 0)
    end = call.client.now + (timeout or WATCHED)
    while call.client.now < end:
        call.client.cluster.run(min(1.0, end - call.client.now))
        batch = [(event.type, event.object) for event in stream.poll() if event.type not in ("BOOKMARK", "ERROR")]
        heads = _watched(call, resource, batch, events, heads)
        if not timeout and not batch and call.client.quiet():
            break
    return None


def _watched(call: Call, resource: Resource, changes: list[tuple[str, Any]], events: bool, heads: bool) -> bool:
    """Print changed objects; whether the headings are still to be printed."""
    for event, obj in changes:
        table: Table = printing.server_table(call, resource, [obj])
        named = event if events else ""
        call.write(printing.rows_text(call, table, namespaces=_namespaces(call, resource), heads=heads, event=named))
        heads = False
    return heads


FLAGS = (
    *PRINTING,
    *FILES,
    SELECTOR,
    FIELD_SELECTOR,
    ALL_NAMESPACES,
    Flag("watch", "switch", short="w", default=False),
    Flag("watch-only", "switch", default=False),
    Flag("output-watch-events", "switch", default=False),
    Flag("ignore-not-found", "switch", default=False),
    Flag("show-labels", "switch", default=False),
    Flag("show-kind", "switch", default=False),
    Flag("label-columns", "list", short="L"),
    Flag("no-headers", "switch", default=False),
    Flag("sort-by", default=""),
    Flag("chunk-size", "number", default=500),
    Flag("server-print", "switch", default=True),
    Flag("subresource", default=""),
    Flag("raw", default=""),
)

GET = Command("get", "Show objects, in tables or other formats", run, FLAGS)
