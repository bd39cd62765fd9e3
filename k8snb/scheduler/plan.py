"""Which plugins are asked when, for one class of pods."""

from __future__ import annotations

from collections.abc import Mapping

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.framework import CycleState, FilterPlugin, Reads, ScorePlugin
from k8snb.scheduler.plugins.image_locality import ImageLocality
from k8snb.scheduler.plugins.pod_topology_spread import PodTopologySpread
from k8snb.scheduler.profile import Profile
from k8snb.scheduler.topology import SoftSpread


class Plan:
    """Which plugins are asked when, for one class: by node, by node and its pods, or by all nodes together."""

    def __init__(
        self, profile: Profile, pod: Pod, state: CycleState, soft: SoftSpread | None, ruled: Mapping[str, int]
    ) -> None:
        """``ruled`` are the filters that rules stand for, with their places."""
        self.skipped_filters = tuple(sorted(name for name in state.skip_filter if name not in ruled))
        self.node_filters: list[tuple[int, FilterPlugin]] = []
        self.sum_filters: list[tuple[int, FilterPlugin]] = []
        self.pod_filters: list[tuple[int, FilterPlugin]] = []
        filters = {Reads.NODE: self.node_filters, Reads.RESOURCES: self.sum_filters, Reads.NODE_INFO: self.pod_filters}
        for order, plugin in enumerate(profile.filter):
            if plugin.name not in state.skip_filter and plugin.name not in ruled:
                filters[plugin.filter_reads].append((order, plugin))
        self.image_plugin: ImageLocality | None = None
        self.node_scores: list[tuple[int, ScorePlugin, int]] = []
        self.sum_scores: list[tuple[int, ScorePlugin, int]] = []
        self.pod_scores: list[tuple[int, ScorePlugin, int]] = []
        by_reads = {Reads.NODE: self.node_scores, Reads.RESOURCES: self.sum_scores, Reads.NODE_INFO: self.pod_scores}
        self.scores: list[tuple[str, int, int, ScorePlugin | None]] = []
        self.raw_count = 0
        skipped: list[str] = []
        for scorer in profile.score:
            weight = profile.weight(scorer.name)
            if scorer.name in state.skip_score:
                skipped.append(scorer.name)
            elif isinstance(scorer, ImageLocality):
                self.image_plugin = scorer
                self.scores.append((scorer.name, weight, -1, scorer))
            elif isinstance(scorer, PodTopologySpread):
                if soft is not None:
                    self.scores.append((scorer.name, weight, -1, scorer))
            else:
                plain = type(scorer).normalise is ScorePlugin.normalise
                by_reads[scorer.score_reads].append((self.raw_count, scorer, weight if plain else 0))
                self.scores.append((scorer.name, weight, self.raw_count, None if plain else scorer))
                self.raw_count += 1
        self.skipped_scores = tuple(sorted(skipped))
