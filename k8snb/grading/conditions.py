"""What a check may ask of a cluster: always what it does or is, never how an answer was written.

Each condition is a small type with its parameters; ``look`` answers with what was found, so that feedback can name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from k8snb.api.codec import to_dict
from k8snb.apiserver.tables import jsonpath
from k8snb.cluster import Cluster
from k8snb.grading.entry import entry
from k8snb.locale import text


class Seen(msgspec.Struct, frozen=True):
    """What was found: whether it is what was asked for, a message of the catalogue under ``grading.``, and its values."""

    holds: bool
    message: str
    values: Mapping[str, Any] = {}

    def text(self, language: str | None = None) -> str:
        """What was found, as a sentence."""
        return text(f"grading.{self.message}", language, **self.values)


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that holds in a cluster or does not; ``look`` may let time pass (it has a copy of its own)."""

    value: ClassVar[str] = ""
    """The field that a bare value (``exists: svc/web``) stands for."""
    wraps: ClassVar[bool] = False
    """Whether the value is that field even when it is a mapping."""

    def look(self, cluster: Cluster) -> Seen:
        """Look."""
        raise TypeError(f"{type(self).__name__} looks at nothing")


def _find(cluster: Cluster, name: str) -> Any | None:
    resource, namespace, short = cluster.target(name)
    return cluster.find(resource, namespace, short)


def _read(obj: Any, path: str) -> str:
    return jsonpath.render(jsonpath.parse(jsonpath.relaxed(path)), to_dict(obj), missing=True)


class Exists(Condition, frozen=True):
    """An object (``deploy/web``, ``pod/shop/client``) is there."""

    value = "object"
    object: str

    def look(self, cluster: Cluster) -> Seen:
        there = _find(cluster, self.object) is not None
        return Seen(there, "exists" if there else "missing", {"object": self.object})


class Absent(Condition, frozen=True):
    """An object is not there."""

    value = "object"
    object: str

    def look(self, cluster: Cluster) -> Seen:
        there = _find(cluster, self.object) is not None
        return Seen(not there, "exists" if there else "missing", {"object": self.object})


class Ready(Condition, frozen=True):
    """A workload has so many ready pods (default: as many as it wants, and at least one), within some seconds."""

    value = "object"
    object: str
    count: int | None = None
    seconds: float = 120.0

    def look(self, cluster: Cluster) -> Seen:
        def number() -> tuple[int, int]:
            obj = _find(cluster, self.object)
            if obj is None:
                return 0, max(1, self.count or 0)
            if obj.kind == "Pod":
                return int(any(c.type == "Ready" and c.status == "True" for c in obj.status.conditions)), 1
            if obj.kind == "DaemonSet":
                have, want = obj.status.numberReady or 0, obj.status.desiredNumberScheduled or 0
            else:
                have, want = obj.status.readyReplicas or 0, obj.spec.replicas or 0
            return have, want if self.count is None else self.count

        def enough() -> bool:
            have, want = number()
            return have == want and want > 0

        if not enough():
            cluster.run(until=lambda _: enough(), limit=self.seconds)
        have, want = number()
        return Seen(have == want and want > 0, "ready", {"object": self.object, "have": have, "want": want})


class Reaches(Condition, frozen=True):
    """A request is answered with a status (default 200), and the body holds a text."""

    source: str
    url: str
    status: int = 200
    body: str = ""
    times: int = 1

    def look(self, cluster: Cluster) -> Seen:
        answer: Any = None
        for _ in range(self.times):
            try:
                answer = cluster.request(self.source, self.url)
            except ValueError as error:
                return Seen(False, "request", {"source": self.source, "url": self.url, "answer": str(error)})
            if answer.error or answer.status != self.status or self.body not in answer.body:
                break
        told = answer.message if answer.error else f"{answer.status} {answer.body.strip()[:80]}"
        good = not answer.error and answer.status == self.status and self.body in answer.body
        return Seen(good, "request", {"source": self.source, "url": self.url, "answer": told})


class Refused(Condition, frozen=True):
    """A request gets no answer (``error``: nxdomain, refused, timeout, reset or unreachable; default: any of them); ``at``
    is where its way has to end (dns, service, policy, …)."""

    source: str
    url: str
    error: str = ""
    at: str = ""

    def look(self, cluster: Cluster) -> Seen:
        try:
            answer = cluster.request(self.source, self.url)
        except ValueError as error:
            return Seen(False, "request", {"source": self.source, "url": self.url, "answer": str(error)})
        told = answer.message if answer.error else f"{answer.status} {answer.body.strip()[:80]}"
        ended = answer.hops[-1].where if answer.hops else ""
        good = bool(answer.error) and self.error in ("", answer.error) and self.at in ("", ended)
        return Seen(good, "request", {"source": self.source, "url": self.url, "answer": told})


class Outside(Condition, frozen=True):
    """A request from outside, through the ingress controller, for a host and a path is answered with a status and a body."""

    host: str
    path: str = "/"
    status: int = 200
    body: str = ""
    controller: str = "nginx"

    def look(self, cluster: Cluster) -> Seen:
        url = cluster.ingress_url(self.controller) + self.path
        answer = cluster.request("outside", url, headers={"Host": self.host})
        told = answer.message if answer.error else f"{answer.status} {answer.body.strip()[:80]}"
        good = not answer.error and answer.status == self.status and self.body in answer.body
        return Seen(good, "request", {"source": "outside", "url": f"http://{self.host}{self.path}", "answer": told})


class Field(Condition, frozen=True):
    """A field of an object (JSONPath as in kubectl) is a value, one of some, matches a pattern, or lies within bounds."""

    object: str
    path: str
    equals: Any = msgspec.UNSET
    among: tuple[Any, ...] = ()
    matches: str = ""
    least: float | None = None
    most: float | None = None

    def look(self, cluster: Cluster) -> Seen:
        obj = _find(cluster, self.object)
        if obj is None:
            return Seen(False, "missing", {"object": self.object})
        found = _read(obj, self.path)
        good = True
        if self.equals is not msgspec.UNSET:
            good = found == jsonpath.text_of(self.equals)
        if self.among:
            good = good and found in [jsonpath.text_of(one) for one in self.among]
        if self.matches:
            good = good and re.fullmatch(self.matches, found) is not None
        if self.least is not None or self.most is not None:
            amount = float(found) if re.fullmatch(r"-?\d+(\.\d+)?", found) else None
            good = good and amount is not None
            good = good and (self.least is None or amount is None or amount >= self.least)
            good = good and (self.most is None or amount is None or amount <= self.most)
        return Seen(good, "field", {"object": self.object, "path": self.path, "found": found or '""'})


class Pods(Condition, frozen=True):
    """So many pods (``count``, or ``least`` and ``most``) match a selector, a phase, a node, a number of restarts, a reason of waiting."""

    selector: str = ""
    namespace: str = "default"
    phase: str = ""
    node: str = ""
    waiting: str = ""
    ready: bool | None = None
    restarts: int | None = None
    count: int | None = None
    least: int | None = None
    most: int | None = None

    def look(self, cluster: Cluster) -> Seen:
        found = [p for p in cluster.list("pods", selector=self.selector, namespace=self.namespace) if self._fits(p)]
        number = len(found)
        least = self.least if self.least is not None else (1 if self.count is None and self.most is None else 0)
        good = number == self.count if self.count is not None else number >= least
        good = good and (self.most is None or number <= self.most)
        what = " ".join(x for x in (self.selector, self.phase, self.waiting, self.node) if x)
        return Seen(good, "pods", {"count": number, "what": what or "*", "namespace": self.namespace})

    def _fits(self, pod: Any) -> bool:
        if pod.metadata.deletionTimestamp is not None:
            return False
        if self.phase and pod.status.phase != self.phase:
            return False
        if self.node and not re.fullmatch(self.node, pod.spec.nodeName or ""):
            return False
        if self.restarts is not None and sum(s.restartCount for s in pod.status.containerStatuses) != self.restarts:
            return False
        if self.ready is not None:
            is_ready = any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions)
            if is_ready != self.ready:
                return False
        if self.waiting:
            boxes = (*pod.status.initContainerStatuses, *pod.status.containerStatuses)
            return any(b.state.waiting is not None and b.state.waiting.reason == self.waiting for b in boxes)
        return True


class Endpoints(Condition, frozen=True):
    """A Service has so many ready addresses behind it (default: at least one)."""

    value = "service"
    service: str
    namespace: str = "default"
    count: int | None = None

    def look(self, cluster: Cluster) -> Seen:
        label = f"kubernetes.io/service-name={self.service}"
        slices = cluster.list("endpointslices", selector=label, namespace=self.namespace)
        number = sum(1 for s in slices for e in s.endpoints if e.conditions.ready is not False for _ in e.addresses)
        good = number == self.count if self.count is not None else number > 0
        return Seen(good, "endpoints", {"service": self.service, "count": number})


class Completes(Condition, frozen=True):
    """A Job becomes Complete within some seconds."""

    value = "job"
    job: str
    namespace: str = "default"
    seconds: float = 600.0

    def look(self, cluster: Cluster) -> Seen:
        def state() -> str:
            job = cluster.find(cluster.resource("jobs"), self.namespace, self.job)
            if job is None:
                return ""
            return next((c.type for c in job.status.conditions if c.status == "True" and c.type in _ENDS), "-")

        if state() not in _ENDS:
            cluster.run(until=lambda _: state() in _ENDS, limit=self.seconds)
        found = state()
        if not found:
            return Seen(False, "missing", {"object": f"job/{self.job}"})
        return Seen(found == "Complete", "job", {"job": self.job, "state": found})


_ENDS = ("Complete", "Failed")


class Steady(Condition, frozen=True):
    """For so many seconds no container of the pods that a selector finds (one at least) restarts, and all stay ready."""

    value = "selector"
    selector: str
    namespace: str = "default"
    seconds: float = 300.0

    def look(self, cluster: Cluster) -> Seen:
        def restarts() -> dict[str, int]:
            pods = cluster.list("pods", selector=self.selector, namespace=self.namespace)
            return {p.metadata.uid: sum(s.restartCount for s in p.status.containerStatuses) for p in pods}

        before = restarts()
        cluster.run(self.seconds)
        after = restarts()
        number = sum(count - before.get(uid, 0) for uid, count in after.items())
        pods = cluster.list("pods", selector=self.selector, namespace=self.namespace)
        ready = all(any(c.type == "Ready" and c.status == "True" for c in p.status.conditions) for p in pods)
        good = bool(before) and number == 0 and set(before) == set(after) and ready
        return Seen(good, "restarts", {"what": self.selector, "count": number, "seconds": int(self.seconds)})


class Explained(Condition, frozen=True):
    """The explanation of an object contains a fact, for recognising a misconception by its cause."""

    object: str
    fact: str

    def look(self, cluster: Cluster) -> Seen:
        if _find(cluster, self.object) is None:
            return Seen(False, "missing", {"object": self.object})
        there = any(fact.id == self.fact for fact in cluster.explain(self.object))
        return Seen(there, "explained", {"object": self.object, "fact": self.fact})


class Logs(Condition, frozen=True):
    """The log of a pod that a selector finds matches a pattern."""

    selector: str
    matches: str
    namespace: str = "default"
    container: str | None = None

    def look(self, cluster: Cluster) -> Seen:
        good = False
        for pod in cluster.list("pods", selector=self.selector, namespace=self.namespace):
            try:
                log = cluster.logs(pod, self.container)
            except ValueError:
                continue
            good = good or re.search(self.matches, log) is not None
        return Seen(good, "logs", {"what": self.selector, "pattern": self.matches})


class Not(Condition, frozen=True):
    """Something that must not hold."""

    value = "that"
    wraps = True
    that: dict[str, Any]

    def look(self, cluster: Cluster) -> Seen:
        (inner,) = parse_conditions([self.that], "not")
        seen = inner.look(cluster)
        return Seen(not seen.holds, seen.message, seen.values)


class AnyOf(Condition, frozen=True):
    """At least one of several."""

    value = "those"
    wraps = True
    those: tuple[dict[str, Any], ...]

    def look(self, cluster: Cluster) -> Seen:
        seen = [condition.look(cluster) for condition in parse_conditions(self.those, "any")]
        return next((one for one in seen if one.holds), seen[0])


CONDITIONS: Mapping[str, type[Condition]] = {
    "exists": Exists,
    "absent": Absent,
    "ready": Ready,
    "reaches": Reaches,
    "refused": Refused,
    "outside": Outside,
    "field": Field,
    "pods": Pods,
    "endpoints": Endpoints,
    "completes": Completes,
    "steady": Steady,
    "explained": Explained,
    "logs": Logs,
    "not": Not,
    "any": AnyOf,
}
"""The conditions by the names that exercises call them."""


def parse_conditions(data: Iterable[Any], where: str) -> tuple[Condition, ...]:
    """Conditions from plain data, each ``{name: parameters}``; ``ValueError`` says what is wrong with one."""
    return tuple(entry(one, CONDITIONS, where, "condition") for one in data)
