"""Labels and selectors of a namespace as data: which Pods a typed selector finds, and who else looks for which Pods.

What a controller or a Service is about to do follows from the same rules that they use (adoption and release, endpoints of
Pods with an address); the calls of a controller that has work waiting are those that it makes on a copy of the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from k8snb.api.frozen import EMPTY
from k8snb.api.selectors import Selector, from_label_selector, from_labels, parse
from k8snb.api.types.apps_v1 import DaemonSet, ReplicaSet, StatefulSet
from k8snb.api.types.batch_v1 import Job
from k8snb.api.types.core_v1 import Pod, ReplicationController, Service
from k8snb.api.types.discovery_v1 import EndpointSlice
from k8snb.api.types.networking_v1 import NetworkPolicy
from k8snb.api.types.policy_v1 import PodDisruptionBudget
from k8snb.client.view import cache_key
from k8snb.cluster import Cluster
from k8snb.controllers.owners import controller_of
from k8snb.controllers.pods import is_active
from k8snb.controllers.servicepods import belongs_in_endpoints
from k8snb.locale import text
from k8snb.views.map import natural
from k8snb.views.reconcile import CONTROLLERS, Planned, call_text, next_calls
from k8snb.views.selector import SelectorView, selector_view
from k8snb.views.state import pod_state
from k8snb.world import World

OWNERS = (ReplicaSet, ReplicationController, StatefulSet, DaemonSet, Job)
"""Controllers that count the Pods which their selector finds, and own them."""
MINDERS: Mapping[type[PodDisruptionBudget] | type[NetworkPolicy], str] = {
    PodDisruptionBudget: "guards",
    NetworkPolicy: "governs",
}
"""Others that select Pods -> what they do with them."""
Labels = tuple[tuple[str, str], ...]


class Tie(msgspec.Struct, frozen=True):
    """What one seeker has to do with one Pod, now or next; ``id`` is owns, releases, adopts, foreign, routes, unready, joins,
    drops, waits, guards or governs.
    """

    id: str
    seeker: str
    name: str
    owner: str = ""

    def text(self, language: str | None = None) -> str:
        """The tie in words."""
        return text(f"play.tie.{self.id}", language, seeker=self.name, owner=self.owner)

    @property
    def ahead(self) -> bool:
        """Whether it is not so yet, but will be when the cluster goes on."""
        return self.id in ("releases", "adopts", "joins", "drops")


class PlayPod(msgspec.Struct, frozen=True):
    """A Pod with its labels; ``match`` is whether the typed selector finds it, None when that is no selector."""

    ref: str
    uid: str
    name: str
    state: str
    word: str
    owner: str
    labels: Labels
    match: bool | None
    ties: tuple[Tie, ...]


class Seeker(msgspec.Struct, frozen=True):
    """An object whose selector looks for Pods: ``finds`` as many, ``tied`` are those that it owns, sends to or minds.

    ``wants`` is the number that a controller is told to keep (None: it has none); ``calls`` are what it is about to do.
    """

    ref: str
    uid: str
    kind: str
    name: str
    selector: str
    finds: int
    tied: int
    wants: int | None
    calls: tuple[Planned, ...]

    def text(self, language: str | None = None) -> str:
        """What it finds and has, in words."""
        found = text("play.finds", language, count=self.finds)
        if self.kind == "Service":
            state = text("play.ready" if self.tied else "play.no-endpoints", language, count=self.tied)
        elif self.kind == "DaemonSet":
            state = text("play.every", language, owned=self.tied)
        elif self.wants is not None:
            state = text("play.wants", language, count=self.wants, owned=self.tied)
        else:
            state = text("play.minds", language, count=self.tied)
        return text("play.both", language, found=found, state=state)

    def asks(self, language: str | None = None) -> str:
        """Its selector as it would be typed; an empty one in words."""
        return self.selector or text("play.all", language)

    def next_text(self, language: str | None = None, most: int = 3) -> str:
        """What it is about to do, at most so many calls; empty when nothing."""
        if not self.calls:
            return ""
        told = [call_text(call, language) for call in self.calls[:most]]
        return text("play.next", language, calls=", ".join([*told, *(["…"] if len(self.calls) > most else [])]))

    @property
    def content(self) -> bool:
        """Whether it finds what it looks for."""
        return self.finds > 0 and not self.calls and (self.wants is None or self.wants == self.tied)


class PlaygroundView(msgspec.Struct, frozen=True):
    """Everything on the playground; ``labels`` are those that can be given: of Pods, of selectors, and ready-made ones."""

    namespace: str
    revision: int
    now: float
    selector: SelectorView
    pods: tuple[PlayPod, ...]
    seekers: tuple[Seeker, ...]
    labels: Labels

    @property
    def matching(self) -> tuple[PlayPod, ...]:
        """The Pods that the typed selector finds."""
        return tuple(pod for pod in self.pods if pod.match)

    def found_text(self, language: str | None = None) -> str:
        """How many Pods match, in words; the error when the text is no selector."""
        if self.selector.error:
            return self.selector.error
        return text("play.found", language, count=len(self.matching), all=len(self.pods))


def playground(
    world: World,
    selector: str = "",
    namespace: str = "default",
    more: Iterable[tuple[str, str]] = (),
    planned: Mapping[str, tuple[Planned, ...]] = EMPTY,
) -> PlaygroundView:
    """The labels of a namespace held against a selector; ``more`` are labels that lie ready.

    A past moment does not tell what controllers were about to do: ``planned`` are the calls that were known then, by ref.
    """
    pods = sorted(world.of(Pod, namespace), key=lambda pod: natural(pod.metadata.name or ""))
    seekers, ties = _seekers(world, namespace, pods)
    seekers = [msgspec.structs.replace(s, calls=planned.get(s.ref, s.calls)) for s in seekers]
    view = selector_view(selector, [pod.metadata.labels for pod in pods])
    typed = parse(selector) if not view.error else None
    shown = tuple(_pod(pod, typed, tuple(ties.get(cache_key(pod), ()))) for pod in pods)
    return PlaygroundView(
        namespace, world.revision, world.now, view, shown, tuple(seekers), _labels(shown, seekers, typed, more)
    )


def _pod(pod: Pod, typed: Selector | None, ties: tuple[Tie, ...]) -> PlayPod:
    state, word = pod_state(pod)
    meta = pod.metadata
    owner = controller_of(meta)
    return PlayPod(
        f"Pod/{cache_key(pod)}", meta.uid or "", meta.name or "", state, word,
        f"{owner.kind}/{owner.name}" if owner is not None else "", tuple(meta.labels.items()),
        typed.matches(meta.labels) if typed is not None else None, ties,
    )  # fmt: skip


def _seekers(world: World, namespace: str, pods: list[Pod]) -> tuple[list[Seeker], dict[str, list[Tie]]]:
    """Who looks for Pods in a namespace, and by the key of each Pod what they have to do with it."""
    ties: dict[str, list[Tie]] = {}
    found: list[Seeker] = []
    for service in world.of(Service, namespace):
        if service.spec.selector:
            found.append(_service(world, service, pods, ties))
    for kind in OWNERS:
        for owner in world.of(kind, namespace):
            if controller_of(owner.metadata) is None or owner.spec.replicas or kind is Job or _owned(owner, pods):
                found.append(_owner(world, owner, pods, ties))
    for minder, verb in MINDERS.items():
        for obj in world.of(minder, namespace):
            spec = obj.spec.podSelector if isinstance(obj, NetworkPolicy) else obj.spec.selector
            selector = from_label_selector(spec)
            chosen = [pod for pod in pods if selector.matches(pod.metadata.labels)]
            _tie(ties, obj, chosen, verb)
            found.append(_seeker(obj, selector, len(chosen), len(chosen)))
    return found, ties


def _service(world: World, service: Service, pods: list[Pod], ties: dict[str, list[Tie]]) -> Seeker:
    selector = from_labels(service.spec.selector)
    meta = service.metadata
    listed: dict[str, bool] = {}
    for piece in world.of(EndpointSlice, meta.namespace):
        if piece.metadata.labels.get("kubernetes.io/service-name") == meta.name:
            for endpoint in piece.endpoints:
                if endpoint.targetRef is not None:
                    listed[endpoint.targetRef.uid or ""] = endpoint.conditions.ready is not False
    sent = 0
    for pod in pods:
        ready = listed.get(pod.metadata.uid or "")
        if not selector.matches(pod.metadata.labels):
            verb = "drops" if ready is not None else ""
        elif ready is not None:
            verb = "routes" if ready else "unready"
        else:
            verb = "joins" if belongs_in_endpoints(pod, terminating=True) else "waits"
        sent += verb == "routes"
        if verb:
            _tie(ties, service, [pod], verb)
    return _seeker(service, selector, sum(1 for p in pods if selector.matches(p.metadata.labels)), sent)


def _owner(world: World, owner: Any, pods: list[Pod], ties: dict[str, list[Tie]]) -> Seeker:
    is_old = isinstance(owner, ReplicationController)
    selector = from_labels(owner.spec.selector) if is_old else from_label_selector(owner.spec.selector)
    chosen = [pod for pod in pods if selector.matches(pod.metadata.labels)]
    owned = 0
    for pod in pods:
        ref = controller_of(pod.metadata)
        matches = selector.matches(pod.metadata.labels)
        if ref is not None and ref.uid == owner.metadata.uid:
            owned += is_active(pod)
            _tie(ties, owner, [pod], "owns" if matches else "releases")
        elif matches and ref is None and is_active(pod):
            _tie(ties, owner, [pod], "adopts")
        elif matches and ref is not None:
            _tie(ties, owner, [pod], "foreign", f"{ref.kind}/{ref.name}")
    wants = None
    if not isinstance(owner, DaemonSet | Job):
        wants = 1 if owner.spec.replicas is None else owner.spec.replicas
    return _seeker(owner, selector, len(chosen), owned, wants, _calls(world, owner))


def _owned(owner: Any, pods: list[Pod]) -> bool:
    return any((ref := controller_of(p.metadata)) is not None and ref.uid == owner.metadata.uid for p in pods)


def _calls(world: World, owner: Any) -> tuple[Planned, ...]:
    """What a controller is about to do with an object that waits in its work queue; nothing of a past moment."""
    controller = CONTROLLERS.get(owner.kind, "")
    if not isinstance(world, Cluster) or not controller:
        return ()
    key = cache_key(owner)
    if not any((p.worker, p.key) == (controller, key) and p.state != "timer" for p in world.runtime.pending()):
        return ()
    return tuple(call for call in next_calls(world, controller, key) if call.id not in ("status", "read"))


def _tie(ties: dict[str, list[Tie]], seeker: Any, pods: Iterable[Pod], verb: str, owner: str = "") -> None:
    tie = Tie(verb, _ref(seeker), f"{seeker.kind} {seeker.metadata.name}", owner)
    for pod in pods:
        ties.setdefault(cache_key(pod), []).append(tie)


def _seeker(
    obj: Any, selector: Selector, finds: int, tied: int, wants: int | None = None, calls: tuple[Planned, ...] = ()
) -> Seeker:
    meta = obj.metadata
    return Seeker(_ref(obj), meta.uid or "", obj.kind, meta.name or "", str(selector), finds, tied, wants, calls)


def _ref(obj: Any) -> str:
    return f"{obj.kind}/{cache_key(obj)}"


def _labels(
    pods: Iterable[PlayPod], seekers: Iterable[Seeker], typed: Selector | None, more: Iterable[tuple[str, str]]
) -> Labels:
    """Labels to give: those of Pods, those that selectors ask for, and the ready-made ones; no hashes of templates."""
    found: dict[tuple[str, str], None] = dict.fromkeys(more)
    for pod in pods:
        found.update(dict.fromkeys(pod.labels))
    for selector in (*(parse(seeker.selector) for seeker in seekers), *([typed] if typed is not None else [])):
        for requirement in selector.requirements or ():
            if requirement.operator in ("=", "==", "in"):
                found.update(dict.fromkeys((requirement.key, value) for value in requirement.values))
    return tuple(sorted(pair for pair in found if not pair[0].endswith(MADE)))


MADE = ("-hash", "pod-index", "kubernetes.io/pod-name", "controller-uid")
"""Ends of the keys that controllers make up: worth seeing on a Pod, not worth giving to another."""


def label_text(label: tuple[str, str]) -> str:
    """A label as it is written: ``app=web``."""
    return f"{label[0]}={label[1]}"


def read_label(written: str) -> tuple[str, str]:
    """The label that a reader typed (``app=web``); the key is empty when there is none."""
    key, _, value = written.strip().partition("=")
    return key.strip(), value.strip()


def label_command(pod: str, namespace: str, labels: Mapping[str, str], given: tuple[str, str] | str) -> str:
    """The kubectl command that gives a label to a Pod that has ``labels``, or takes one (a key) away."""
    where = "" if namespace == "default" else f" -n {namespace}"
    if isinstance(given, str):
        return f"kubectl label pod {pod}{where} {given}-"
    overwrite = " --overwrite" if given[0] in labels else ""
    return f"kubectl label pod {pod}{where} {label_text(given)}{overwrite}"
