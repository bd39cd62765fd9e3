"""One controller and one key: what is wanted, what its cache shows, what the API server has, and the call it makes next.

The next calls are not guessed: a fork of the cluster lets the controller reconcile the key, and what it does there is shown.
The cluster itself is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from k8snb.api.mistakes import BadValue, did_you_mean
from k8snb.api.object import Object
from k8snb.api.types.apps_v1 import ReplicaSet
from k8snb.api.types.core_v1 import Pod
from k8snb.client.calls import Bind, Create, Delete, Evict, Patch, Update, UpdateStatus
from k8snb.client.steps import Pending, Step
from k8snb.cluster import Cluster
from k8snb.controllers.owners import controller_of
from k8snb.controllers.pods import is_active
from k8snb.diff import diff_objects
from k8snb.explain.components import LOOPS
from k8snb.locale import text

CONTROLLERS = LOOPS
"""Who reconciles the objects of a kind."""
MOST = 12
"""Calls of one reconcile that are shown."""


class Facet(msgspec.Struct, frozen=True):
    """One thing that the controller compares: wanted, seen in its cache, and there in truth."""

    id: str
    values: dict[str, Any]
    desired: str
    cached: str
    actual: str

    def text(self, language: str | None = None) -> str:
        """What is compared."""
        return text(f"reconcile.{self.id}", language, **self.values)

    @property
    def agrees(self) -> bool:
        """Whether the cache shows what is wanted."""
        return self.desired == self.cached


class Planned(msgspec.Struct, frozen=True):
    """A call that the controller is about to make; ``error`` is what the API server would answer, if it refused."""

    id: str
    values: dict[str, Any]
    error: str = ""

    def text(self, language: str | None = None) -> str:
        """The call in words."""
        return text(f"reconcile.{self.id}", language, **self.values)


class ReconcileView(msgspec.Struct, frozen=True):
    """The state of one controller and key; ``state`` is running, ready, held, timer or idle.

    ``cache`` is the last revision that the controller has seen, ``revision`` the API server's; ``underway`` watch events have
    not arrived, the next one at second ``arrives``. ``failure`` is an error of the controller's own program.
    """

    controller: str
    key: str
    state: str
    due: float
    facets: tuple[Facet, ...]
    calls: tuple[Planned, ...]
    queue: tuple[Pending, ...]
    now: float
    cache: int
    revision: int
    underway: int
    arrives: float
    failure: str = ""


def subject(cluster: Cluster, what: str, key: str | None = None) -> tuple[str, str]:
    """(controller, key) of ``("rs/web",)`` or ``("replicaset-controller", "default/web")``; ``BadValue`` names what is wrong."""
    names = [worker.name for worker in cluster.runtime.workers]
    if key is not None:
        if what not in names:
            raise BadValue(f"there is no controller {what!r}: there are {', '.join(names)}{did_you_mean(what, names)}")
        return what, key if "/" in key or what == "node-controller" else f"default/{key}"
    if what in names:
        raise BadValue(f"which object shall {what} look at? Give its key, as in stepper({what!r}, 'default/web')")
    resource, namespace, name = cluster.target(what)
    controller = CONTROLLERS.get(resource.kind, "")
    if controller not in names:
        known = ", ".join(CONTROLLERS)
        raise BadValue(f"no controller is known for a {resource.kind}: give one of {known}, or a controller and a key")
    return controller, f"{namespace}/{name}"


def reconcile_view(cluster: Cluster, controller: str, key: str) -> ReconcileView:
    """What a controller sees of a key now, and what it is about to do."""
    runtime = cluster.runtime
    worker = next(w for w in runtime.workers if w.name == controller)
    process = runtime.processes[worker.process]
    queue = runtime.pending()
    mine = next((p for p in queue if (p.worker, p.key) == (controller, key)), None)
    runs = process.alive and controller not in runtime.silenced()
    calls, failure = _plan(cluster, controller, key) if runs else ((), "")
    underway = runtime.underway(worker.process)
    idle = "idle" if mine is None else mine.state
    state = idle if runs else "stopped"
    return ReconcileView(
        controller, key, state, mine.due if mine is not None else cluster.now,
        tuple(_facets(cluster, controller, key)), calls, tuple(queue), cluster.now,
        process.view.revision, cluster.revision, len(underway), underway[0][0] if underway else cluster.now, failure,
    )  # fmt: skip


def next_calls(cluster: Cluster, controller: str, key: str) -> tuple[Planned, ...]:
    """The calls that a controller is about to make for a key, tried on a fork; none while its process is stopped."""
    worker = next((w for w in cluster.runtime.workers if w.name == controller), None)
    if worker is None or not cluster.runtime.processes[worker.process].alive:
        return ()
    return _plan(cluster, controller, key)[0]


def _plan(cluster: Cluster, controller: str, key: str) -> tuple[tuple[Planned, ...], str]:
    fork = cluster.fork()
    try:
        steps = fork.runtime.rehearse(controller, key, MOST)
    except Exception as error:  # a student's own controller may do anything
        return (), f"{type(error).__name__}: {error}"
    view = cluster.runtime.processes[next(w.process for w in cluster.runtime.workers if w.name == controller)].view
    return tuple(_planned(step, view) for step in steps), ""


def _planned(step: Step, view: Any) -> Planned:
    call = step.call
    error = step.error.message if step.error is not None else ""
    if isinstance(call, Create):
        meta = call.obj.metadata
        name = meta.name or f"{meta.generateName or ''}…"
        return Planned("create", {"object": f"{call.obj.kind} {name}"}, error)
    if isinstance(call, Update | UpdateStatus):
        return Planned(
            "update" if isinstance(call, Update) else "status",
            {"object": f"{call.obj.kind} {call.obj.metadata.name}", "changes": _changes(call.obj, view)},
            error,
        )
    if isinstance(call, Delete | Patch):
        name = f"{call.kind.__name__} {call.name}"
        patch = call.why if isinstance(call, Patch) and call.why in ("release", "adopt") else "patch"
        return Planned("delete" if isinstance(call, Delete) else patch, {"object": name}, error)
    if isinstance(call, Bind | Evict):
        pod = f"Pod {call.pod.metadata.name}"
        node = call.node if isinstance(call, Bind) else ""
        return Planned("bind" if node else "evict", {"object": pod, "node": node}, error)
    kind = getattr(call, "kind", None)
    return Planned(
        "read", {"object": f"{kind.__name__ if kind else type(call).__name__} {getattr(call, 'name', '')}"}, error
    )


def _changes(obj: Object, view: Any) -> str:
    """The numbers that an update changes, as ``replicas 0 → 5``."""
    before = view.get(type(obj), obj.metadata.namespace, obj.metadata.name)
    if before is None:
        return ""
    numbers = (int, type(None))
    changed = diff_objects(before, obj)
    found = [
        (path.rpartition(".")[2], old or 0, new or 0)
        for path, old, new in changed
        if isinstance(old, numbers) and isinstance(new, numbers) and (old or 0) != (new or 0)
    ]
    found.sort(key=lambda change: change[0] == "observedGeneration")
    told = [f"{name} {old} → {new}" for name, old, new in found[:3]]
    if any(path.startswith("status.conditions") for path, _, _ in changed):
        told.append("conditions")
    return ", ".join(told)


Read = Callable[[type[Any], str], Iterable[Any]]
"""(kind, uid of the controlling owner) -> the objects that it controls."""


def _facets(cluster: Cluster, controller: str, key: str) -> list[Facet]:
    """What the controllers of workloads compare; nothing for others."""
    kind = next((k for k, name in CONTROLLERS.items() if name == controller), "")
    if not kind:
        return []
    resource = cluster.resource(kind)
    namespace, _, name = key.rpartition("/")
    truth = cluster.find(resource, namespace, name)
    process = next(w.process for w in cluster.runtime.workers if w.name == controller)
    view = cluster.runtime.processes[process].view
    cached = view.get(resource.type, namespace, name) if cluster.runtime.processes[process].alive else None

    def from_cache(wanted: type[Any], uid: str) -> Iterable[Any]:
        found: list[Any] = view.by(wanted, "controller", uid)
        return found

    def from_server(wanted: type[Any], uid: str) -> Iterable[Any]:
        return [o for o in cluster.of(wanted, namespace) if (ref := controller_of(o.metadata)) and ref.uid == uid]

    seen = _counted(cached, from_cache) if cached is not None else {}
    real = _counted(truth, from_server) if truth is not None else {}
    return [
        Facet(what, {}, *(seen.get(what, ("–", "–")))[:2], real.get(what, ("–", "–"))[1])
        for what in dict.fromkeys([*seen, *real])
    ]


def _counted(obj: Any, read: Read) -> dict[str, tuple[str, str]]:
    """What is wanted and what is there, by the name of what is compared."""
    uid = obj.metadata.uid or ""
    kind = obj.kind
    if kind == "Deployment":
        wanted = obj.spec.replicas or 0
        sets = list(read(ReplicaSet, uid))
        new = [rs for rs in sets if _same(rs, obj)]
        old = [rs for rs in sets if rs not in new]
        return {
            "sets": ("1", str(len(new))),
            "new": (str(wanted), str(sum(rs.spec.replicas or 0 for rs in new))),
            "old": ("0", str(sum(rs.spec.replicas or 0 for rs in old))),
        }
    pods = [pod for pod in read(Pod, uid) if is_active(pod)]
    if kind == "StatefulSet":
        wanted = range(obj.spec.replicas if obj.spec.replicas is not None else 1)
        numbers = sorted(int(p.metadata.name.rpartition("-")[2]) for p in pods)
        return {"numbers": (_listing(wanted), _listing(numbers))}
    if kind == "DaemonSet":
        return {"nodes": (str(obj.status.desiredNumberScheduled or 0), str(len(pods)))}
    if kind == "Job":
        done = obj.status.succeeded or 0
        completions = obj.spec.completions if obj.spec.completions is not None else 1
        active = min(obj.spec.parallelism if obj.spec.parallelism is not None else 1, max(0, completions - done))
        return {"succeeded": (str(completions), str(done)), "pods": (str(active), str(len(pods)))}
    if kind == "CronJob":
        return {}
    wanted = obj.spec.replicas if obj.spec.replicas is not None else 1
    return {"pods": (str(wanted), str(len(pods)))}


def _same(rs: Any, deployment: Any) -> bool:
    labels = {k: v for k, v in rs.spec.template.metadata.labels.items() if k != "pod-template-hash"}
    return rs.spec.template.spec == deployment.spec.template.spec and labels == dict(
        deployment.spec.template.metadata.labels
    )


def _listing(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers)) or "–"


def reconcile_text(view: ReconcileView, language: str | None = None) -> str:
    """The text twin: the comparison, the calls that follow from it, and the queue."""
    lines = [
        text("reconcile.title", language, controller=view.controller, key=view.key),
        "  " + state_text(view, language),
    ]
    lines.append("  " + cache_text(view, language))
    for facet in view.facets:
        lines.append(
            "  " + text(
                "reconcile.facet", language, what=facet.text(language), desired=facet.desired, cached=facet.cached,
                actual=facet.actual,
            )
        )  # fmt: skip
    lines.append("  " + next_text(view, language))
    lines.extend(f"    {i + 1}. {call_text(call, language)}" for i, call in enumerate(view.calls))
    if view.failure or not view.calls:
        lines.append("    " + (view.failure or nothing_text(view, language)))
    lines.append("  " + text("reconcile.queue", language, count=len(view.queue)))
    lines.extend(f"    {queue_text(item, view, language)}" for item in view.queue[:MOST])
    return "\n".join(lines)


def next_text(view: ReconcileView, language: str | None = None) -> str:
    """The heading of the calls: they follow, or would follow if the key were looked at now."""
    return text("reconcile.next" if view.state in ("running", "ready") else "reconcile.would", language)


def call_text(call: Planned, language: str | None = None) -> str:
    """A call, and why the API server would refuse it."""
    refused = text("reconcile.refused", language, message=call.error) if call.error else ""
    return call.text(language).strip() + refused


def state_text(view: ReconcileView, language: str | None = None) -> str:
    """Where the key stands."""
    return text(f"reconcile.state.{view.state}", language, due=f"{view.due:.2f}", controller=view.controller)


def nothing_text(view: ReconcileView, language: str | None = None) -> str:
    """Why there are no calls to come: all agrees, or nobody looks."""
    return text("reconcile.nobody" if view.state == "stopped" else "reconcile.nothing", language)


def cache_text(view: ReconcileView, language: str | None = None) -> str:
    """How far the controller's cache is behind the API server."""
    if not view.underway:
        return text("reconcile.fresh", language, revision=view.revision)
    return text(
        "reconcile.behind", language, cache=view.cache, revision=view.revision, count=view.underway,
        at=f"{view.arrives:.2f}",
    )  # fmt: skip


SIGNS = {"running": "▶", "ready": "●", "held": "⏸", "timer": "◷"}


def queue_text(item: Pending, view: ReconcileView, language: str | None = None) -> str:
    """A waiting key: its sign, controller and key, and why or when."""
    mark = "→ " if (item.worker, item.key) == (view.controller, view.key) else ""
    if item.state == "timer":
        why = text("reconcile.due", language, due=f"{item.due:.2f}")
    elif item.state == "held":
        why = text("reconcile.held", language)
    else:
        why = (
            text("reconcile.because", language, revisions=", ".join(f"r{r}" for r in item.triggers))
            if item.triggers
            else ""
        )
    return f"{SIGNS[item.state]} {mark}{item.worker} {item.key}  {why}".rstrip()


__all__ = ["ReconcileView", "reconcile_text", "reconcile_view", "subject"]
