"""The taint eviction controller: pods leave nodes with NoExecute taints that they do not tolerate (any longer).

What it remembers, and loses with a restart as upstream does, is since when each pod's time is running.
"""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import Node, Pod, PodCondition, Taint
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Delete, Emit
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View
from k8snb.controllers.failures import failed
from k8snb.controllers.pods import condition, status_patch, with_condition
from k8snb.controllers.taints import no_execute, toleration_seconds

REASON = "DeletionByTaintManager"
"""Reason of the condition DisruptionTarget of an evicted pod."""
CANCEL = "cancel/"
"""Prefix of keys that only report that an eviction is off."""


class TaintEvictionController(Controller):
    """Evicts pods from tainted nodes; keys are pods."""

    name = "taint-eviction-controller"
    account = "node-controller"

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self.watches = (Watch(Node, self._node_keys), Watch(Pod, self._pod_keys))

    def started(self, view: View) -> Iterable[str]:
        """A new process starts the pods' time anew."""
        self._since.clear()
        return ()

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Evict one pod when its time is up."""
        if key.startswith(CANCEL):
            name = key.removeprefix(CANCEL)
            yield _event(name, f"Cancelling deletion of Pod {name}")
            return None
        pod = view.lookup(Pod, key)
        if pod is None or _is_marked(pod):
            return None
        given = _time_given(pod, no_execute(view.get(Node, None, pod.spec.nodeName)))
        if given is None:
            return None
        left = self._since.get(key, view.now) + given - view.now
        if left > 0:
            return After(left)
        yield _event(key, f"Marking for deletion Pod {key}")
        new = PodCondition(
            type="DisruptionTarget", status="True", reason=REASON,
            message="Taint manager: deleting due to NoExecute taint", observedGeneration=pod.metadata.generation,
        )  # fmt: skip
        status = with_condition(pod.status, new, view.now)
        if status is not pod.status:
            out = yield status_patch(pod, status, "evict")
            if isinstance(out, APIError) and not failed(out, "NotFound"):
                raise out
        out = yield Delete(kind=Pod, namespace=pod.metadata.namespace or "", name=pod.metadata.name or "", why="evict")
        if isinstance(out, APIError) and not failed(out, "NotFound"):
            raise out
        return None

    def _node_keys(self, old: Node | None, new: Node | None, view: View) -> Iterable[str]:
        before, after = no_execute(old), no_execute(new)
        if before == after:
            return ()
        node = (new or old).metadata.name if (new or old) is not None else ""  # type: ignore[union-attr]
        keys: list[str] = []
        for pod in view.by(Pod, "node", node or ""):
            keys += self._keys(pod, after, view.now)
        return keys

    def _pod_keys(self, old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
        if new is None:
            return () if old is None else self._keys(old, (), view.now)
        if not new.spec.nodeName:
            return ()
        if old is not None and old.spec.nodeName == new.spec.nodeName and old.spec.tolerations == new.spec.tolerations:
            return ()
        tainted = no_execute(view.get(Node, None, new.spec.nodeName))
        return self._keys(new, tainted, view.now) if tainted else ()

    def _keys(self, pod: Pod, tainted: tuple[Taint, ...], now: float) -> list[str]:
        """Start, keep or stop the pod's time; the keys of what follows."""
        key = f"{pod.metadata.namespace}/{pod.metadata.name}"
        given = _time_given(pod, tainted)
        cancelled: list[str] = []
        if (given is None or given == 0.0) and self._since.pop(key, None) is not None and not _is_marked(pod):
            cancelled = [CANCEL + key]
        if given is None:
            return cancelled
        self._since.setdefault(key, now)
        return [*cancelled, key]


def _time_given(pod: Pod, tainted: tuple[Taint, ...]) -> float | None:
    """How many seconds the pod may stay with these taints; None for ever."""
    return toleration_seconds(tainted, pod.spec.tolerations) if tainted else None


def _is_marked(pod: Pod) -> bool:
    """Whether this controller has evicted the pod already."""
    found = condition(pod.status, "DisruptionTarget")
    return found is not None and found.reason == REASON and pod.metadata.deletionTimestamp is not None


def _event(key: str, message: str) -> Emit:
    namespace, _, name = key.partition("/")
    pod = Pod(metadata=ObjectMeta(namespace=namespace, name=name))
    return Emit(regarding=pod, type="Normal", reason="TaintManagerEviction", message=message)
