"""How a pod came to be: the seven steps as a lifeline diagram, drawn from the changes and causes that the cluster kept."""

from __future__ import annotations

from typing import Any

import msgspec

from k8snb.api.mistakes import NotThere
from k8snb.api.types.core_v1 import Event, Pod
from k8snb.explain.chain import birth, origin, subject_of
from k8snb.locale import text
from k8snb.store import Change
from k8snb.views.svg import INK, LINE, PAPER, SOFT, WASH, box, columns, fit, keyed, label, line, picture
from k8snb.world import World

LANES = ("user", "kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kubelet")
"""The lifelines, left to right."""
SHORT = {"kube-controller-manager": "controllers"}
"""Names that would not fit above their lifeline."""
CALL, WRITE, WATCH, NOTE = "call", "write", "watch", "note"


class Message(msgspec.Struct, frozen=True):
    """One arrow (or note, when source and target are the same lane).

    ``step`` is 1 to 7 as the seven steps of a pod's creation are counted, 0 for what leads to the first; ``time`` in
    seconds, ``revision`` 0 where nothing was written.
    """

    source: str
    target: str
    kind: str
    id: str
    values: dict[str, Any]
    step: int
    revision: int
    time: float
    actor: str = ""

    def text(self, language: str | None = None) -> str:
        """What the arrow says."""
        return text(f"sequence.{self.id}", language, **self.values)


class SequenceView(msgspec.Struct, frozen=True):
    """The messages that made a pod, in order; ``lanes`` are those that take part."""

    pod: str
    lanes: tuple[str, ...]
    messages: tuple[Message, ...]


def lane_of(actor: str) -> str:
    """The lifeline of an actor: controllers run in kube-controller-manager, every kubelet is ``kubelet``."""
    if actor.startswith("kubelet"):
        return "kubelet"
    if "scheduler" in actor:
        return "kube-scheduler"
    if actor in ("kube-apiserver", "etcd"):
        return actor
    if actor.endswith(("-controller", "-collector", "-publisher", "-manager")):
        return "kube-controller-manager"
    return "user"


def pod_sequence(world: World, pod: str | Pod, namespace: str = "default") -> SequenceView:
    """The messages behind a pod (itself, its name, ``namespace/name``), existing or gone; NotFound when there never was one."""
    if isinstance(pod, Pod):
        namespace, pod = pod.metadata.namespace or namespace, pod.metadata.name or ""
    pod = pod.removeprefix("pod/")
    if "/" in pod:
        namespace, _, pod = pod.rpartition("/")
    resource = world.resource("pods")
    key = resource.key(namespace, pod)
    created = birth(world, key)
    if created is None:
        world.get("pod", pod, namespace)
        raise NotThere(f"the creation of pod {namespace}/{pod} is no longer in the history")
    uid = subject_of(created).metadata.uid
    chain = origin(world, created)
    later = [c for c in world.history.of(key) if c.revision > created.revision and subject_of(c).metadata.uid == uid]
    messages: list[Message] = []
    for change in chain:
        is_pod = change is chain[-1]
        by_user = lane_of(change.cause.actor) == "user"
        messages.extend(
            _written(
                change,
                "create" if change.previous is None else "update",
                1 if is_pod or by_user else 0,
                2 if is_pod else 0,
            )
        )
        if not is_pod:
            following = chain[chain.index(change) + 1]
            messages.append(_noticed(change, following.cause.actor, 0))
    for change in later:
        messages.extend(_later(world, change, created))
    used = {m.source for m in messages} | {m.target for m in messages}
    return SequenceView(f"{namespace}/{pod}", tuple(lane for lane in LANES if lane in used), tuple(messages))


def _written(change: Change, verb: str, first: int, second: int, values: dict[str, Any] | None = None) -> list[Message]:
    """A request to the API server and the write to etcd that it caused."""
    obj = subject_of(change)
    told = {"object": f"{obj.kind} {obj.metadata.name}", "actor": change.cause.actor, **(values or {})}
    lane = lane_of(change.cause.actor)
    return [
        Message(lane, "kube-apiserver", CALL, verb, told, first, change.revision, change.time, change.cause.actor),
        Message(
            "kube-apiserver",
            "etcd",
            WRITE,
            "write",
            {"key": change.key, "revision": change.revision},
            second,
            change.revision,
            change.time,
            "kube-apiserver",
        ),
    ]


def _noticed(change: Change, actor: str, step: int) -> Message:
    obj = subject_of(change)
    values = {"object": f"{obj.kind} {obj.metadata.name}", "revision": change.revision, "actor": actor}
    return Message("kube-apiserver", lane_of(actor), WATCH, "watch", values, step, change.revision, change.time, actor)


def _later(world: World, change: Change, created: Change) -> list[Message]:
    """What happened to the pod after its creation: scheduling, binding, what the kubelet reported, deletion."""
    actor = change.cause.actor
    new: Any = change.value
    old: Any = change.previous.value if change.previous else None
    if new is None:
        return _written(change, "remove", 0, 0)
    if new.spec.nodeName and not old.spec.nodeName:
        messages = [_noticed(created, actor, 3)]
        decision = world.decision(new)
        if decision is not None:
            at = (0, change.time, actor)
            messages.append(Message("kube-scheduler", "kube-scheduler", NOTE, "filter", dict(decision), 4, *at))
            messages.append(Message("kube-scheduler", "kube-scheduler", NOTE, "score", dict(decision), 5, *at))
        messages.extend(_written(change, "bind", 6, 6, {"node": new.spec.nodeName}))
        messages.append(_noticed(change, f"kubelet/{new.spec.nodeName}", 7))
        return messages
    if new.metadata.deletionTimestamp and not old.metadata.deletionTimestamp:
        return _written(change, "delete", 0, 0)
    if new.status != old.status:
        messages = []
        if lane_of(actor) == "kubelet":
            messages = [
                Message(
                    "kubelet",
                    "kubelet",
                    NOTE,
                    "did",
                    {"reason": e.reason or "", "message": e.message or ""},
                    7,
                    0,
                    change.time,
                    actor,
                )
                for e in _done(world, new, old, change)
            ]
        ready = any(c.type == "Ready" and c.status == "True" for c in new.status.conditions)
        values = {"phase": new.status.phase or "", "ready": text("sequence.is-ready") if ready else ""}
        step = 7 if lane_of(actor) == "kubelet" else 0
        return [*messages, *_written(change, "status", step, step, values)]
    return []


def _done(world: World, new: Pod, old: Pod, change: Change) -> list[Event]:
    """The kubelet's events about the pod between its last report and this one."""
    since = old.metadata.resourceVersion or "0"
    return [
        e
        for e in sorted(world.of(Event, new.metadata.namespace), key=lambda e: int(e.metadata.resourceVersion or 0))
        if e.involvedObject.uid == new.metadata.uid
        and lane_of(e.source.component or e.reportingComponent) == "kubelet"
        and int(since) < int(e.metadata.resourceVersion or 0) < change.revision
    ]


def sequence_text(view: SequenceView, language: str | None = None) -> str:
    """The diagram's text twin: one line per message."""
    lines = [text("sequence.title", language, pod=view.pod)]
    for message in view.messages:
        sign = {CALL: "→", WRITE: "⇒", WATCH: "⇠", NOTE: "·"}[message.kind]
        step = f"({message.step})" if message.step else "   "
        where = message.source if message.kind == NOTE else f"{message.source} {sign} {message.target}"
        lines.append(f"{message.time:8.2f}s {step} {where}: {message.text(language)}")
    return "\n".join(lines)


def draw_sequence(view: SequenceView, language: str | None = None, selected: str = "", projector: bool = False) -> str:
    """The diagram as SVG: lifelines down, messages across, the seven steps in numbered circles."""
    width = 960.0 / (1.25 if projector else 1.0)
    row, top = 34.0, 62.0
    height = top + len(view.messages) * row + 24
    each = (width - 56) / max(1, len(view.lanes))
    at = {lane: 50 + each * (i + 0.5) for i, lane in enumerate(view.lanes)}
    still = [box(0.5, 0.5, width - 1, height - 1, PAPER)]
    for lane, x in at.items():
        still.append(line(x, 44, x, height - 8, LINE, 1.5))
        still.append(box(x - each / 2 + 4, 12, each - 8, 30, WASH, SOFT))
        name = text("sequence.user", language) if lane == "user" else SHORT.get(lane, lane)
        still.append(label(x, 31, fit(name, each - 12, 12), 12, INK, 600, "middle"))
    moving = []
    for i, message in enumerate(view.messages):
        y = top + i * row
        ref = f"Revision/{message.revision}" if message.revision else f"Message/{i}"
        moving.append(
            keyed(
                f"message/{i}",
                ref,
                message.text(language),
                0,
                y,
                _arrow(message, at, each, width, language),
                message.kind,
            )
        )
    title = text("sequence.title", language, pod=view.pod)
    drawn = picture(width, height, "".join(still), "".join(moving), title)
    return drawn.replace(f'data-ref="{selected}"', f'data-ref="{selected}" aria-pressed="true"') if selected else drawn


def _arrow(message: Message, at: dict[str, float], each: float, width: float, language: str | None) -> str:
    ink = {CALL: "#00527f", WRITE: "#46545c", WATCH: "#8a3a6b", NOTE: "#7a5b00"}[message.kind]
    x1, x2 = at[message.source], at[message.target]
    body = box(2, -14, width - 4, 32, "transparent", "transparent", 3)
    if message.step:
        body += f'<circle cx="22" cy="6" r="11" fill="{ink}"/>' + label(
            22, 10.5, str(message.step), 12, "#fff", 600, "middle"
        )
    told = message.text(language)
    if message.kind == NOTE:
        w = min(
            max(each * 2 - 10, columns(told) * 6.2 + 16), each * 3 - 10, width - 60
        )  # two lanes, three for long ones
        x = min(max(x1 - w / 2, 44), width - w - 4)
        return body + box(x, -11, w, 26, "#fff3cf", ink, 3) + label(x + 6, 6, fit(told, w - 10, 11), 11, INK)
    dash = ' stroke-dasharray="5 4"' if message.kind == WATCH else ""
    tip = 7 if x2 > x1 else -7
    body += f'<path d="M{x1:.1f},10 H{x2:.1f}" stroke="{ink}" stroke-width="1.8" fill="none"{dash}/>'
    body += f'<path d="M{x2 - tip:.1f},5 L{x2:.1f},10 L{x2 - tip:.1f},15 Z" fill="{ink}"/>'
    room = max(abs(x2 - x1) - 14, each * 2.4)
    middle = (x1 + x2) / 2
    half = room / 2
    middle = min(max(middle, 44 + half), width - half - 4)
    return body + label(middle, 4, fit(told, room, 11), 11, INK, 400, "middle", halo=True)


__all__ = ["LANES", "Message", "SequenceView", "draw_sequence", "lane_of", "pod_sequence", "sequence_text"]
