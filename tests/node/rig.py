"""A minimal API for tests of kubelets: objects in memory, no admission, no validation, the real runtime on top."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from k8snb.api.errors import APIError, conflict, not_found
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Namespace, Node, Pod, PodSpec
from k8snb.client import calls
from k8snb.client.calls import Call, Emit, Outcome
from k8snb.client.protocol import Controller
from k8snb.client.runtime import Runtime
from k8snb.client.steps import Cause
from k8snb.client.view import Source, cache_key
from k8snb.sim.clock import Clock, rfc3339

T = TypeVar("T", bound=Object)


class Memory:
    """Performs calls on a dict; keeps every event and every write for assertions."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.objects: dict[tuple[type[Object], str], Object] = {}
        self.current = 0
        self.events: list[tuple[float, Emit]] = []
        self.writes: list[tuple[float, str, Object | None]] = []
        self.runtime: Runtime | None = None
        self.keep_finalized = False
        self.deletions: list[str] = []

    def revision(self) -> int:
        """The number of writes so far."""
        return self.current

    def source(self, kind: type[Object]) -> Iterable[Object]:
        """All objects of a kind."""
        return [obj for (k, _), obj in self.objects.items() if k is kind]

    def source_at(self, revision: int) -> Source:
        """Not needed: kubelets are never in flight between steps."""
        raise LookupError("the test API keeps no history")

    def changes(self, after: int, until: int) -> Iterable[tuple[int, type[Object], str, Object | None]]:
        """Not needed either."""
        raise LookupError("the test API keeps no history")

    def put(self, obj: T) -> T:
        """Store an object, giving it an identity when it is new."""
        self.current += 1
        meta = obj.metadata
        old = self.objects.get((type(obj), cache_key(obj)))
        obj = replace(
            obj,
            metadata=replace(
                meta,
                uid=meta.uid or (old.metadata.uid if old else f"00000000-0000-4000-8000-{self.current:012d}"),
                creationTimestamp=meta.creationTimestamp or rfc3339(self.clock.now),
                generation=meta.generation or 1,
                resourceVersion=str(self.current),
            ),
        )
        self._commit(type(obj), cache_key(obj), obj)
        return obj

    def remove(self, kind: type[Object], key: str) -> None:
        """Remove an object."""
        self.current += 1
        self._commit(kind, key, None)

    def _commit(self, kind: type[Object], key: str, obj: Object | None) -> None:
        if obj is None:
            del self.objects[(kind, key)]
        else:
            self.objects[(kind, key)] = obj
        self.writes.append((self.clock.now, key, obj))
        if self.runtime is not None:
            self.runtime.changed(kind, key, obj, self.current)

    def perform(self, call: Call, cause: Cause) -> Outcome:
        """Do what a component asks."""
        match call:
            case Emit():
                self.events.append((self.clock.now, call))
                return None
            case calls.Create(obj=obj):
                return self.put(obj)
            case calls.Update(obj=obj):
                return self.put(obj)
            case calls.UpdateStatus(obj=obj):
                key = (type(obj), cache_key(obj))
                stored = self.objects.get(key)
                if stored is None:
                    return _missing(obj)
                if stored.metadata.uid != obj.metadata.uid:
                    return conflict("pods", obj.metadata.name or "", "the UID in the precondition does not match")
                return self.put(replace(stored, status=obj.status))  # type: ignore[attr-defined]
            case calls.Delete(kind=type() as kind, namespace=namespace, name=name):
                key_ = f"{namespace}/{name}" if namespace else name
                if (kind, key_) not in self.objects:
                    return not_found("pods", name)
                self.deletions.append(key_)
                if self.keep_finalized and self.objects[(kind, key_)].metadata.finalizers:
                    return self.objects[(kind, key_)]
                self.remove(kind, key_)
                return None
            case calls.Get(kind=type() as kind, namespace=namespace, name=name):
                key_ = f"{namespace}/{name}" if namespace else name
                return self.objects.get((kind, key_)) or not_found(kind.__name__.lower() + "s", name)
        raise TypeError(f"the test API cannot perform {type(call).__name__}")


def _missing(obj: Object) -> APIError:
    return not_found(f"{type(obj).__name__.lower()}s", obj.metadata.name or "")


class Rig:
    """One component of process ``kubelet`` on a clock, over ``Memory``."""

    def __init__(self, *controllers: Controller) -> None:
        self.clock = Clock()
        self.api = Memory(self.clock)
        self.runtime = Runtime(self.clock, self.api.source, self.api, self.api)
        self.api.runtime = self.runtime
        for controller in controllers:
            self.runtime.add(controller)
        self.api.put(Namespace(metadata=replace(Namespace().metadata, name="default")))
        for name in dict.fromkeys(c.process for c in controllers):
            self.runtime.start(name)

    def run(self, seconds: float) -> None:
        """Let simulated seconds pass."""
        until = self.clock.now + seconds
        while self.runtime.step(until) is not None:
            pass
        self.clock.advance(until)

    def pod(self, name: str, spec: PodSpec, node: str = "n1", **metadata: object) -> Pod:
        """Create a pod that is bound to a node (pass ``node=""`` for an unbound one)."""
        meta = replace(Pod().metadata, name=name, namespace="default", **metadata)
        return self.api.put(Pod(metadata=meta, spec=replace(spec, nodeName=node or None)))

    def get(self, name: str) -> Pod:
        """The pod as stored; KeyError when it is gone."""
        obj = self.api.objects[(Pod, f"default/{name}")]
        assert isinstance(obj, Pod)
        return obj

    def gone(self, name: str) -> bool:
        """Whether the pod was removed."""
        return (Pod, f"default/{name}") not in self.api.objects

    def node(self, name: str) -> Node:
        """The node as stored."""
        obj = self.api.objects[(Node, name)]
        assert isinstance(obj, Node)
        return obj

    def delete(self, name: str, grace: int = 30) -> None:
        """Delete a pod gracefully, as the API server does for a bound pod."""
        pod = self.get(name)
        when = rfc3339(self.clock.now + grace)
        meta = replace(pod.metadata, deletionTimestamp=when, deletionGracePeriodSeconds=grace)
        self.api.put(replace(pod, metadata=meta))

    def statuses(self, name: str) -> list[tuple[float, Pod]]:
        """Every state of the pod that was written, with its time."""
        return [(t, o) for t, key, o in self.api.writes if key == f"default/{name}" and isinstance(o, Pod)]

    def reasons(self, name: str) -> list[str]:
        """The reasons of the events about a pod, in order."""
        return [e.reason for _, e in self.api.events if e.regarding.metadata.name == name]

    def messages(self, name: str, reason: str) -> list[str]:
        """The messages of a pod's events of one reason."""
        return [e.message for _, e in self.api.events if e.regarding.metadata.name == name and e.reason == reason]
