"""The DaemonSet controller: one pod on every node that fits."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping

import msgspec
from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.frozen import FrozenDict, freeze_json
from k8snb.api.hashing import controller_revision_hash_daemonset, statefulset_revision_data
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.apps_v1 import ControllerRevision, DaemonSet, DaemonSetStatus
from k8snb.api.types.core_v1 import Node, Pod
from k8snb.api.types.meta_v1 import LabelSelector
from k8snb.client.calls import Call, Create, Delete, Emit, Outcome, Update, UpdateStatus
from k8snb.client.protocol import After, Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers import history
from k8snb.controllers.claim import claim
from k8snb.controllers.daemonset import rolling
from k8snb.controllers.daemonset.placement import HASH, Placement, by_node, is_updated, oldest_first
from k8snb.controllers.failures import failed, namespace_terminating
from k8snb.controllers.owned import owner_keys
from k8snb.controllers.pods import is_available, is_ready, until_available

BURST_REPLICAS = 250
"""Most pods created or deleted in one reconcile (upstream ``BurstReplicas``)."""
FAILED_BACKOFF = 1.0
"""Seconds before a failed daemon pod's successor may be killed, too; doubles each time, up to ``MAX_BACKOFF``."""
MAX_BACKOFF = 900.0
DEFAULT_HISTORY = 10
"""``spec.revisionHistoryLimit`` when it is not given."""
_EVERYTHING = LabelSelector()

Calls = Generator[Call, Outcome, None]


class DaemonSetController(Controller):
    """Creates, updates and deletes the pods of DaemonSets."""

    name = "daemonset-controller"
    account = "daemon-set-controller"

    def __init__(self) -> None:
        self._backoff: dict[str, tuple[float, float]] = {}
        self.watches = (Watch(DaemonSet, own_key), Watch(Pod, _pod_keys), Watch(Node, _node_keys))

    def started(self, view: View) -> Iterable[str]:
        """A new process has not seen any pod fail."""
        self._backoff.clear()
        return ()

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Bring the pods of one DaemonSet in line with the nodes."""
        owner = view.lookup(DaemonSet, key)
        if owner is None:
            return None
        if (owner.spec.selector or _EVERYTHING) == _EVERYTHING:
            text = "This daemon set is selecting all pods. A non-empty selector is required."
            yield Emit(regarding=owner, type="Warning", reason="SelectingAll", message=text)
            return None
        if owner.metadata.deletionTimestamp is not None:
            return None
        sync = _Sync(owner, view, self._backoff)
        yield from sync.run()
        self._backoff.update(sync.failures)
        return sync.again()


def _pod_keys(old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
    return owner_keys(DaemonSet, _test_of, old, new, view)


def _test_of(owner: DaemonSet) -> Callable[[Mapping[str, str]], bool]:
    return from_label_selector(owner.spec.selector).matches


def _node_keys(old: Node | None, new: Node | None, view: View) -> Iterable[str]:
    """The DaemonSets for which a node that is new or changed counts otherwise than before.

    A node that is gone wakes nobody: its pods are the pod garbage collector's.
    """
    if new is None:
        return
    if old is not None and old.metadata.labels == new.metadata.labels and old.spec.taints == new.spec.taints:
        return
    for owner in view.list(DaemonSet):
        placement = Placement(owner)
        before = placement.should_run(old) if old is not None else (False, False)
        if before != placement.should_run(new):
            yield f"{owner.metadata.namespace}/{owner.metadata.name}"


class _Sync:
    """One reconcile of one DaemonSet."""

    def __init__(self, owner: DaemonSet, view: View, backoff: Mapping[str, tuple[float, float]]) -> None:
        self.owner = owner
        self.view = view
        self.placement = Placement(owner)
        self.backoff = backoff
        self.failures: dict[str, tuple[float, float]] = {}
        self.waits: list[float] = []
        self.pods: list[Pod] = []
        self.token = ""
        self.old: list[ControllerRevision] = []
        self.collisions = owner.status.collisionCount

    def run(self) -> Calls:
        """History, pods, rolling update, status, tidying."""
        owner, view = self.owner, self.view
        matches = from_label_selector(owner.spec.selector).matches
        yield from self._history(matches)
        own = view.by(Pod, "controller", owner.metadata.uid or "")
        loose = view.by(Pod, "controller", f"orphan/{owner.metadata.namespace}")
        self.pods = yield from claim(owner, [*own, *loose], lambda pod: matches(pod.metadata.labels))
        error: APIError | None = None
        try:
            if not (yield from self._manage()) and owner.spec.updateStrategy.type == "RollingUpdate":
                yield from self._roll()
        except APIError as raised:
            error = raised
        if error is None:
            yield from self._tidy()
        status = self._status()
        if status != owner.status:
            out = yield UpdateStatus(obj=replace(owner, status=status), why="status")
            if isinstance(out, APIError):
                raise error or out
        if error is not None:
            raise error

    def again(self) -> After | None:
        """When to look again although nothing may have happened."""
        now = self.view.now
        waits = [until_available(pod, self.owner.spec.minReadySeconds or 0, now) for pod in self.pods]
        left = [*self.waits, *(wait for wait in waits if wait is not None)]
        return After(min(left)) if left else None

    # -- history

    def _history(self, matches: Callable[[Mapping[str, str]], bool]) -> Calls:
        """Find or create the ControllerRevision of the present template."""
        owner, view = self.owner, self.view
        own = history.owned_revisions(owner, view)
        orphans = view.by(ControllerRevision, "controller", f"orphan/{owner.metadata.namespace}")
        adopted = yield from claim(owner, orphans, lambda r: matches(r.metadata.labels))
        revisions = history.ordered([*own, *adopted])
        text = statefulset_revision_data(owner.spec.template)
        data = freeze_json(msgspec.json.decode(text))
        current = [r for r in revisions if r.data == data]
        self.old = [r for r in revisions if r.data != data]
        number = max((r.revision for r in self.old), default=0) + 1
        if current:
            newest = current[-1]
            for spare in current[:-1]:
                yield from self._merge(spare, newest)
            if newest.revision < number:
                newest = yield from history.renumber(newest, number)
            self.token = newest.metadata.labels.get(HASH, "")
            return
        token = controller_revision_hash_daemonset(owner.spec.template, self.collisions)
        labels = FrozenDict({**owner.spec.template.metadata.labels, HASH: token})
        wanted = history.draft(owner, labels, data, number)
        name = f"{owner.metadata.name}-{token}"
        out = yield Create(obj=replace(wanted, metadata=replace(wanted.metadata, name=name)), why="new-revision")
        if failed(out, "AlreadyExists"):
            count = (self.collisions or 0) + 1
            status = replace(owner.status, collisionCount=count)
            yield UpdateStatus(obj=replace(owner, status=status), why="hash-collision")
        if isinstance(out, APIError):
            raise out
        self.token = token

    def _merge(self, spare: ControllerRevision, kept: ControllerRevision) -> Calls:
        """Two revisions of one template: relabel the pods of the older one and delete it."""
        for pod in self.view.by(Pod, "controller", self.owner.metadata.uid or ""):
            if pod.metadata.labels.get(HASH) == spare.metadata.labels.get(HASH):
                labels = FrozenDict({**pod.metadata.labels, HASH: kept.metadata.labels.get(HASH, "")})
                out = yield Update(obj=replace(pod, metadata=replace(pod.metadata, labels=labels)), why="relabel")
                if isinstance(out, APIError):
                    raise out
        meta = spare.metadata
        yield Delete(kind=ControllerRevision, namespace=meta.namespace or "", name=meta.name or "", why="history-limit")

    def _tidy(self) -> Calls:
        """Delete old revisions that no pod has, beyond the limit."""
        used = {pod.metadata.labels.get(HASH) for pod in self.pods}
        live = [r.metadata.name for r in self.old if r.metadata.labels.get(HASH) in used]
        limit = self.owner.spec.revisionHistoryLimit
        surplus = len(self.old) - (DEFAULT_HISTORY if limit is None else limit)
        if surplus > 0:
            unused = len(self.old) - len(live)
            yield from history.truncate(self.old, live, max(0, unused - surplus))

    # -- pods

    def _manage(self) -> Generator[Call, Outcome, bool]:
        """One pod on each node that should have one, none elsewhere; whether anything was created or deleted."""
        nodes = by_node(self.pods)
        missing: list[str] = []
        doomed: list[Pod] = []
        known = self.view.list(Node)
        for node in known:
            missing_here, doomed_here = yield from self._judge(node, nodes.get(node.metadata.name or ""))
            missing += missing_here
            doomed += doomed_here
        names = {node.metadata.name for node in known}
        for name, pods in nodes.items():
            if name not in names:
                doomed += [pod for pod in pods if not pod.spec.nodeName]
        yield from self._carry_out(missing, doomed)
        return bool(missing or doomed)

    def _judge(self, node: Node, pods: list[Pod] | None) -> Generator[Call, Outcome, tuple[list[str], list[Pod]]]:
        """(the node if it needs a pod, pods to delete on it)."""
        name = node.metadata.name or ""
        wanted, may_stay = self.placement.should_run(node)
        if wanted and pods is None:
            return [name], []
        if not may_stay:
            return [], [pod for pod in pods or () if pod.metadata.deletionTimestamp is None]
        running: list[Pod] = []
        doomed: list[Pod] = []
        for pod in pods or ():
            if pod.metadata.deletionTimestamp is not None:
                continue
            if pod.status.phase == "Failed":
                if self._may_kill(name):
                    yield self._found(pod, name, "failed", "Warning", "FailedDaemonPod", "kill")
                    doomed.append(pod)
            elif pod.status.phase == "Succeeded":
                yield self._found(pod, name, "succeeded", "Normal", "SucceededDaemonPod", "delete")
                doomed.append(pod)
            else:
                running.append(pod)
        if not rolling.allows_surge(self.owner):
            return [], doomed + oldest_first(running)[1:]
        if len(running) <= 1:
            return ([name] if not running and wanted else []), doomed
        return [], doomed + self._surplus(oldest_first(running))

    def _surplus(self, running: list[Pod]) -> list[Pod]:
        """With surge a node may have one new and one old pod, as long as the old one serves and the new one does not."""
        new: Pod | None = None
        old: Pod | None = None
        doomed: list[Pod] = []
        for pod in running:
            updated = pod.metadata.labels.get(HASH) == self.token
            if updated and new is None:
                new = pod
            elif not updated and old is None:
                old = pod
            else:
                doomed.append(pod)
        ready_for = self.owner.spec.minReadySeconds or 0
        if new is not None and old is not None and (not is_ready(old) or is_available(new, ready_for, self.view.now)):
            doomed.append(old)
        return doomed

    def _may_kill(self, node: str) -> bool:
        """Whether a failed pod may be killed now; each time the next one has to wait twice as long."""
        key = f"{self.owner.metadata.uid}/{node}"
        last, delay = self.backoff.get(key, (float("-inf"), 0.0))
        now = self.view.now
        if now - last < delay:
            self.waits.append(delay - (now - last))
            return False
        if now - last > 2 * MAX_BACKOFF:
            delay = 0.0
        self.failures[key] = (now, min(delay * 2, MAX_BACKOFF) if delay else FAILED_BACKOFF)
        return True

    def _found(self, pod: Pod, node: str, state: str, type_: str, reason: str, verb: str) -> Emit:
        name = f"{pod.metadata.namespace}/{pod.metadata.name}"
        text = f"Found {state} daemon pod {name} on node {node}, will try to {verb} it"
        return Emit(regarding=self.owner, type=type_, reason=reason, message=text)

    def _roll(self) -> Calls:
        nodes = by_node(self.pods)
        wanted = [n.metadata.name or "" for n in self.view.list(Node) if self.placement.should_run(n)[0]]
        for name in wanted:
            nodes.setdefault(name, [])
        surge, unavailable = rolling.limits(self.owner, len(wanted))
        now = self.view.now
        if surge == 0:
            doomed = rolling.replace_in_place(self.owner, nodes, self.token, unavailable, now)
            yield from self._carry_out([], doomed)
        else:
            doomed, second = rolling.surge(self.owner, nodes, self.token, surge, now)
            yield from self._carry_out(second, doomed)

    def _carry_out(self, nodes: list[str], doomed: list[Pod]) -> Calls:
        error = yield from self._create(nodes[:BURST_REPLICAS])
        for pod in doomed[:BURST_REPLICAS]:
            meta = pod.metadata
            out = yield Delete(kind=Pod, namespace=meta.namespace or "", name=meta.name or "", why="daemon")
            if failed(out, "NotFound"):
                continue
            if isinstance(out, APIError):
                error = error or out
                text = f"Error deleting: {out.message}"
                yield Emit(regarding=self.owner, type="Warning", reason="FailedDelete", message=text)
            else:
                text = f"Deleted pod: {meta.name}"
                yield Emit(regarding=self.owner, type="Normal", reason="SuccessfulDelete", message=text)
        if error is not None:
            raise error

    def _create(self, nodes: list[str]) -> Generator[Call, Outcome, APIError | None]:
        """Create pods in batches of 1, 2, 4, …; a bad batch is the last one."""
        batch, position = 1, 0
        while position < len(nodes):
            error: APIError | None = None
            for node in nodes[position : position + batch]:
                out = yield Create(obj=self.placement.pod_for(node, self.token), why="daemon")
                if namespace_terminating(out):
                    continue
                if isinstance(out, APIError):
                    error = error or out
                    text = f"Error creating: {out.message}"
                    yield Emit(regarding=self.owner, type="Warning", reason="FailedCreate", message=text)
                elif isinstance(out, Pod):
                    text = f"Created pod: {out.metadata.name}"
                    yield Emit(regarding=self.owner, type="Normal", reason="SuccessfulCreate", message=text)
            if error is not None:
                return error
            position += batch
            batch *= 2
        return None

    # -- status

    def _status(self) -> DaemonSetStatus:
        """The status that nodes and pods make."""
        owner, now = self.owner, self.view.now
        nodes = by_node(
            pod
            for pod in self.view.by(Pod, "controller", owner.metadata.uid or "")
            if from_label_selector(owner.spec.selector).matches(pod.metadata.labels)
        )
        desired = current = misplaced = ready = available = updated = 0
        for node in self.view.list(Node):
            pods = nodes.get(node.metadata.name or "")
            if not self.placement.should_run(node)[0]:
                misplaced += bool(pods)
                continue
            desired += 1
            if not pods:
                continue
            current += 1
            pod = oldest_first(pods)[0]
            if is_ready(pod):
                ready += 1
                available += is_available(pod, owner.spec.minReadySeconds or 0, now)
            updated += is_updated(pod, owner, self.token)
        return DaemonSetStatus(
            currentNumberScheduled=current,
            numberMisscheduled=misplaced,
            desiredNumberScheduled=desired,
            numberReady=ready,
            observedGeneration=owner.metadata.generation,
            updatedNumberScheduled=updated or None,
            numberAvailable=available or None,
            numberUnavailable=(desired - available) or None,
            collisionCount=self.collisions,
            conditions=owner.status.conditions,
        )
