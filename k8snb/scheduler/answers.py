"""What every node answers to equal pods, whatever is the matter elsewhere in the cluster; kept current node by node."""

from __future__ import annotations

from typing import Any

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.cache import Cache
from k8snb.scheduler.framework import CycleState, Status
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plan import Plan
from k8snb.scheduler.plugins.image_locality import pod_images
from k8snb.scheduler.signatures import Signature

MAX_SIGNATURES = 4096
"""Signatures before one starts anew."""


class Answers:
    """Signature by signature (``table``), which nodes have it (``nodes_with``, sets of nodes).

    ``live`` are the signatures that some node has, ``fitting`` the nodes that fit; ``generation`` is another number whenever
    signatures are numbered anew. Classes of pods that differ only in their
    spread constraints or in what keeps away from them share one.
    """

    def __init__(self, cache: Cache, pod: Pod, state: CycleState, plan: Plan) -> None:
        self.cache = cache
        self.pod = pod
        self.state = state
        self.plan = plan
        self.images = pod_images(pod)
        self.layout = -1
        self.position = -1
        self.generation = 0
        self.signs: list[int] = []
        self.table: list[Signature] = []
        self.nodes_with: list[int] = []
        self.live: dict[int, None] = {}
        self.fitting = 0
        self._numbers: dict[Any, int] = {}
        self._static: list[tuple[int, int]] = []
        self._kinds: list[tuple[Status | None, int, tuple[int, ...], int]] = []
        self._kind_numbers: dict[Any, int] = {}
        self._cores: dict[Any, tuple[int, Status | None, int, tuple[int, ...], int]] = {}

    def update(self) -> None:
        """Ask the nodes that changed."""
        cache = self.cache
        position = cache.position()
        full = len(self.table) >= MAX_SIGNATURES or len(self._cores) >= MAX_SIGNATURES
        if self.layout == cache.layout and position == self.position and not full:
            return
        news = cache.changed_since(self.position) if self.layout == cache.layout and not full else None
        if news is None:
            self._start_anew()
            return
        self.position = position
        for info in {info.index: info for info, _, _ in news}.values():
            if info.index >= 0:
                self._evaluate(info)

    def _start_anew(self) -> None:
        """Forget everything and ask all nodes."""
        nodes = self.cache.nodes
        self.layout, self.position = self.cache.layout, self.cache.position()
        self.generation += 1
        self.signs = [-1] * len(nodes)
        self.table, self.nodes_with, self.live, self.fitting = [], [], {}, 0
        self._numbers = {}
        self._static = [(-1, 0)] * len(nodes)
        self._kinds, self._kind_numbers, self._cores = [], {}, {}
        for info in nodes:
            self._evaluate(info)

    def _evaluate(self, info: NodeInfo) -> None:
        """Find the node's signature."""
        place = info.index
        static = self._static[place]
        if static[0] != info.version:
            static = self._static[place] = (info.version, self._look_at_node(info))
        kind = static[1]
        plan, state, pod = self.plan, self.state, self.pod
        sums = info.sums()
        core = self._cores.get((kind, sums))
        if core is None:
            core = self._cores[(kind, sums)] = self._look_at_sums(info, kind)
        number, status, failed_at, raws, total = core
        for order, plugin in plan.pod_filters:
            if status is not None and order > failed_at:
                break
            refusal = plugin.filter(state, pod, info)
            if refusal is not None:
                status, failed_at = refusal.by(plugin.name), order
                break
        images: tuple[str, ...] = ()
        key: Any
        if status is not None:
            key = (status, failed_at)
        else:
            if info.images and plan.image_plugin is not None:
                images = tuple([name for name in self.images if name in info.images])
            key = (number, images)
            if plan.pod_scores:
                for index, scorer, weight in plan.pod_scores:
                    raw = scorer.score(state, pod, info)
                    raws = (*raws[:index], raw, *raws[index + 1 :])
                    total += raw * weight
                key = (raws, images)
        sign = self._numbers.get(key)
        if sign is None:
            sign = self._numbers[key] = len(self.table)
            self.nodes_with.append(0)
            if status is not None:
                self.table.append(Signature(status, failed_at, (), 0, ()))
            else:
                self.table.append(Signature(None, -1, raws, total, images))
        self._sign(place, sign)

    def _sign(self, place: int, sign: int) -> None:
        """The node at a place has this signature from now on."""
        before = self.signs[place]
        if before == sign:
            return
        self.signs[place] = sign
        bit, nodes_with = 1 << place, self.nodes_with
        if before >= 0:
            nodes_with[before] ^= bit
            if not nodes_with[before]:
                del self.live[before]
            if self.table[before].status is None:
                self.fitting ^= bit
        if not nodes_with[sign]:
            self.live[sign] = None
        nodes_with[sign] |= bit
        if self.table[sign].status is None:
            self.fitting |= bit

    def _look_at_sums(self, info: NodeInfo, kind: int) -> tuple[int, Status | None, int, tuple[int, ...], int]:
        """What depends on the node's kind and its sums: (number, refusal, by which filter, raw scores, total)."""
        plan, state, pod = self.plan, self.state, self.pod
        status, failed_at, raws, total = self._kinds[kind]
        for order, plugin in plan.sum_filters:
            if status is not None and order > failed_at:
                break
            refusal = plugin.filter(state, pod, info)
            if refusal is not None:
                status, failed_at = refusal.by(plugin.name), order
                break
        if status is None:
            for index, scorer, weight in plan.sum_scores:
                raw = scorer.score(state, pod, info)
                raws = (*raws[:index], raw, *raws[index + 1 :])
                total += raw * weight
        return (len(self._cores), status, failed_at, raws, total)

    def _look_at_node(self, info: NodeInfo) -> int:
        """The number of the node's kind: nodes of one kind have Node objects that plugins cannot tell apart."""
        plan, state, pod = self.plan, self.state, self.pod
        status, failed_at = None, -1
        for order, plugin in plan.node_filters:
            refusal = plugin.filter(state, pod, info)
            if refusal is not None:
                status, failed_at = refusal.by(plugin.name), order
                break
        raws = [0] * plan.raw_count
        total = 0
        for index, scorer, weight in plan.node_scores:
            raws[index] = scorer.score(state, pod, info)
            total += raws[index] * weight
        found = (status, failed_at, tuple(raws), total)
        kind = self._kind_numbers.get(found)
        if kind is None:
            kind = self._kind_numbers[found] = len(self._kinds)
            self._kinds.append(found)
        return kind
