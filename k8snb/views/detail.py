"""What a click shows: the YAML of a thing, its owners, its events and its why."""

from __future__ import annotations

from typing import Any

from k8snb.api.codec import to_yaml
from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import Event
from k8snb.client.view import cache_key
from k8snb.explain import explain
from k8snb.explain.chain import origin, subject_of, told
from k8snb.locale import text
from k8snb.world import World, change_line

MOST_EVENTS = 30


def detail(world: World, ref: str, language: str | None = None) -> dict[str, Any]:
    """Title and tabs for a ref (``Pod/default/web``, ``Node/worker-1``, ``Component/etcd``, ``Revision/42``), as plain data."""
    kind, _, rest = ref.partition("/")
    if kind == "Component":
        return {
            "title": rest,
            "tabs": [
                {"id": "why", "label": text("detail.role", language), "text": text(f"component.{rest}", language)}
            ],
        }
    if kind == "Revision":
        return _revision(world, int(rest), language)
    if kind == "Message":
        return {}
    namespace, _, name = rest.rpartition("/")
    resource = world.resource(kind)
    obj = world.find(resource, namespace, name)
    try:
        why = explain(world, f"{kind}/{rest}", language).to_dict(language)
    except APIError as error:
        return {"title": ref, "tabs": [{"id": "why", "label": text("detail.why", language), "text": error.message}]}
    tabs: list[dict[str, Any]] = [
        {"id": "why", "label": text("detail.why", language), "facts": [_fact(f) for f in why["facts"]]},
    ]
    if obj is not None:
        tabs.append({"id": "yaml", "label": "YAML", "text": to_yaml(obj)})
        tabs.append(
            {"id": "owners", "label": text("detail.owners", language), "text": owners_text(world, obj, language)}
        )
    tabs.append(
        {
            "id": "events",
            "label": text("detail.events", language),
            "text": events_text(world, namespace, kind, name, language),
        }
    )
    return {"title": f"{kind} {rest}", "tabs": tabs}


def _fact(fact: dict[str, Any]) -> dict[str, Any]:
    when = f"{fact['time']:.1f}s · r{fact['revision']}" if fact["revision"] and fact["time"] is not None else ""
    return {"mark": fact["mark"], "tone": fact["tone"], "text": fact["text"], "when": when}


def _revision(world: World, revision: int, language: str | None) -> dict[str, Any]:
    change = world.history.at(revision)
    chain = [told(c) for c in origin(world, change)]
    facts = [
        {"mark": "→", "tone": f.tone, "text": f.text(language), "when": f"{f.time:.1f}s · r{f.revision}"} for f in chain
    ]
    obj = subject_of(change)
    return {
        "title": f"r{revision}  {obj.kind} {cache_key(obj)}",
        "tabs": [
            {"id": "why", "label": text("detail.why", language), "facts": facts},
            {"id": "yaml", "label": "YAML", "text": to_yaml(obj)},
            {"id": "change", "label": text("detail.change", language), "text": change_line(change)},
        ],
    }


def owners_text(world: World, obj: Any, language: str | None = None) -> str:
    """The chain of owners up to the one that nobody owns, and what the object owns itself."""
    lines = [f"{obj.kind}/{cache_key(obj)}"]
    current, depth = obj, 1
    while current.metadata.ownerReferences and depth < 8:
        ref = next((r for r in current.metadata.ownerReferences if r.controller), current.metadata.ownerReferences[0])
        lines.append(f"{'  ' * depth}↑ {ref.kind}/{ref.name}")
        found = world.find(world.resource(ref.kind), obj.metadata.namespace or "", ref.name)
        if found is None:
            lines.append(f"{'  ' * (depth + 1)}{text('detail.owner-gone', language)}")
            break
        current, depth = found, depth + 1
    uid = obj.metadata.uid
    owned = [
        kv.value
        for kv in world.reader.list("/registry/").items
        if any(r.uid == uid for r in kv.value.metadata.ownerReferences)
    ]
    lines.extend(f"  ↓ {o.kind}/{cache_key(o)}" for o in owned[:50])
    if len(lines) == 1:
        lines.append("  " + text("detail.no-owners", language))
    return "\n".join(lines)


def events_text(world: World, namespace: str, kind: str, name: str, language: str | None = None) -> str:
    """The events about an object, oldest first, as ``kubectl describe`` lists them."""
    where = namespace or "default"
    found = [e for e in world.of(Event, where) if e.involvedObject.kind == kind and e.involvedObject.name == name]
    found.sort(key=lambda e: int(e.metadata.resourceVersion or 0))
    lines = []
    for event in found[-MOST_EVENTS:]:
        count = event.series.count if event.series is not None else event.count
        times = f" ×{count}" if count and count > 1 else ""
        source = event.source.component or event.reportingComponent
        when = (event.lastTimestamp or event.eventTime or event.metadata.creationTimestamp or "")[11:19]
        lines.append(f"{when} {event.type} {event.reason}{times} [{source}] {event.message}")
    return "\n".join(lines) or text("detail.no-events", language)
