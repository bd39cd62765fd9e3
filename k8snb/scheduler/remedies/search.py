"""Tries the suggested changes, smallest first; where no single one is enough, on top of each other.

A change counts only if the filters, run on the changed copy, let the pod onto some node. After a change that is not enough
the new reasons suggest what else is needed, so combinations follow what the filters say next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.framework import Status
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, SchedulingError
from k8snb.scheduler.remedies import node_changes, pod_changes
from k8snb.scheduler.remedies.change import Change, Remedy
from k8snb.scheduler.remedies.evictions import evictions
from k8snb.scheduler.remedies.lower import requests
from k8snb.scheduler.whatif import Trial, as_new

MOST = 8
"""Remedies told at most."""
OF_A_KIND = 2
"""Remedies of the same kinds told at most (two nodes to label, not two hundred; one node to add)."""
DEPTH = 3
"""Changes in one remedy at most."""
LAST_RESORTS = ("node", "volume")
"""Kinds that end the search for combinations only when there is nothing else."""
BRANCHES = 5
"""Changes that are not enough, on top of which others are tried, at each depth."""
TRIED_OF_A_KIND = 12
"""Changes of one kind that are tried."""
BUDGET = 20_000
"""Filter runs (nodes times tries) spent at most."""


class _Search:
    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.found: list[Remedy] = []
        self.left = BUDGET

    def deepen(self, pod: Pod, made: tuple[Change, ...], depth: int) -> None:
        """Try what the present reasons suggest; ``made`` changes are in force already."""
        options = self._options(pod)
        unused = [c for c in options if c.key not in [m.key for m in made] and _agree(made, c)]
        enough: list[Change] = []
        partial: list[Change] = []
        for change in unused:
            nodes = self._try(pod, change, made)
            if nodes:
                enough.append(change)
                self.found.append(Remedy((*made, change), tuple(nodes)))
            else:
                partial.append(change)
        if any(change.kind not in LAST_RESORTS for change in enough) or depth == DEPTH or self.left <= 0:
            return
        for change in _mixed(partial):
            if self.left <= 0:
                return
            change.enter(self.trial)
            try:
                self.deepen(change.on(pod), (*made, change), depth + 1)
            finally:
                change.leave(self.trial)

    def _try(self, pod: Pod, change: Change, made: Sequence[Change]) -> list[str]:
        if self.left <= 0:
            return []
        change.enter(self.trial)
        try:
            only = [change.node] if change.node else None
            self.left -= len(only) if only else max(len(self.trial.nodes), 1)
            return self.trial.fits(change.on(pod), only)
        finally:
            change.leave(self.trial)

    def _options(self, pod: Pod) -> list[Change]:
        kinds: dict[str, int] = {}
        kept = []
        for change in sorted(self._suggested(pod), key=lambda c: c.size):
            kinds[change.kind] = kinds.get(change.kind, 0) + 1
            if kinds[change.kind] <= TRIED_OF_A_KIND:
                kept.append(change)
        return kept

    def _suggested(self, pod: Pod) -> Iterator[Change]:
        trial = self.trial
        profile = trial.state.profiles.get(pod.spec.schedulerName or DEFAULT_SCHEDULER)
        if profile is None:
            yield from pod_changes.other_scheduler(pod, trial.state.profiles)
            return
        held = profile.run_pre_enqueue(pod)
        if held is not None:
            yield from pod_changes.ungated(pod)
            return
        refused = self._refused(pod)
        plugins = {status.plugin for _, status in refused.values()}
        yield from node_changes.uncordoned(refused)
        yield from node_changes.untainted(pod, refused)
        yield from node_changes.labelled(pod, refused)
        yield from pod_changes.tolerations(pod, refused)
        yield from pod_changes.selectors(pod, refused)
        if "PodTopologySpread" in plugins:
            yield from pod_changes.spreads(pod, lambda changed: bool(trial.fits(changed)))
        if "InterPodAffinity" in plugins:
            yield from pod_changes.pod_affinities(pod)
        if "NodePorts" in plugins:
            yield from pod_changes.ports(pod)
        yield from requests(pod, refused)
        if any(name.startswith(("Volume", "NodeVolume")) for name in plugins):
            yield from pod_changes.volumes(pod)
        yield from evictions(trial, pod, refused)
        yield from node_changes.added(pod, trial.nodes)

    def _refused(self, pod: Pod) -> dict[str, tuple[NodeInfo, Status]]:
        """Every node with its refusal."""
        self.left -= len(self.trial.nodes)
        statuses = self.trial.statuses(pod)
        return {info.name: (info, status) for info in self.trial.nodes if (status := statuses[info.name]) is not None}


def _mixed(changes: Sequence[Change]) -> list[Change]:
    """The first of each kind, then the others, so that combinations are not all of the same kinds."""
    kinds = {change.kind for change in changes}
    first = []
    for change in changes:
        if change.kind in kinds:
            kinds.remove(change.kind)
            first.append(change)
    return [*first, *(change for change in changes if change not in first)][:BRANCHES]


def _agree(made: Sequence[Change], change: Change) -> bool:
    """Whether a further change makes sense: all changes that concern one node concern the same."""
    nodes = {c.node for c in (*made, change) if c.node}
    return len(nodes) <= 1


def remedies(trial: Trial, pod: Pod) -> list[Remedy]:
    """The smallest changes after which some node would take the pod, smallest first; none when one does already."""
    pod = as_new(pod)
    search = _Search(trial)
    try:
        if trial.fits(pod):
            return []
        search.deepen(pod, (), 1)
    except SchedulingError:
        return []
    kinds: dict[tuple[str, ...], int] = {}
    kept: list[Remedy] = []
    seen: set[frozenset[Any]] = set()
    for remedy in sorted(search.found, key=lambda r: (r.size, len(r.changes))):
        names = tuple(sorted(remedy.kinds))
        keys = frozenset(change.key for change in remedy.changes)
        kinds[names] = kinds.get(names, 0) + 1
        if kinds[names] > (1 if "node" in names else OF_A_KIND) or any(known <= keys for known in seen):
            continue
        seen.add(keys)
        kept.append(remedy)
    return kept[:MOST]
