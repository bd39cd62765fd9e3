"""The scheduler's plugins in the order of kube-scheduler's default profile, with their default weights.

A new plugin is one file in ``plugins/`` and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from k8snb.scheduler.framework import Handle, Plugin
from k8snb.scheduler.own import guarded
from k8snb.scheduler.plugins.default_binder import DefaultBinder
from k8snb.scheduler.plugins.default_preemption import DefaultPreemption
from k8snb.scheduler.plugins.dynamic_resources import DynamicResources
from k8snb.scheduler.plugins.image_locality import ImageLocality
from k8snb.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from k8snb.scheduler.plugins.node_affinity import NodeAffinity
from k8snb.scheduler.plugins.node_declared_features import NodeDeclaredFeatures
from k8snb.scheduler.plugins.node_name import NodeName
from k8snb.scheduler.plugins.node_ports import NodePorts
from k8snb.scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from k8snb.scheduler.plugins.node_resources_fit import NodeResourcesFit
from k8snb.scheduler.plugins.node_unschedulable import NodeUnschedulable
from k8snb.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from k8snb.scheduler.plugins.pod_topology_spread import PodTopologySpread
from k8snb.scheduler.plugins.priority_sort import PrioritySort
from k8snb.scheduler.plugins.scheduling_gates import SchedulingGates
from k8snb.scheduler.plugins.taint_toleration import TaintToleration
from k8snb.scheduler.plugins.volume_binding import VolumeBinding
from k8snb.scheduler.plugins.volume_restrictions import VolumeRestrictions
from k8snb.scheduler.plugins.volume_zone import VolumeZone
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, Profile

Factory = Callable[[Handle, Mapping[str, Any]], Plugin]
"""(handle, keyword arguments) -> plugin"""


def _plain(kind: type[Plugin]) -> Factory:
    return lambda handle, args: kind(**args)


def _with_handle(kind: Callable[..., Plugin]) -> Factory:
    return lambda handle, args: kind(handle, **args)


IN_TREE: tuple[tuple[str, int, Factory], ...] = (
    ("SchedulingGates", 0, _plain(SchedulingGates)),
    ("PrioritySort", 0, _plain(PrioritySort)),
    ("NodeUnschedulable", 0, _plain(NodeUnschedulable)),
    ("NodeName", 0, _plain(NodeName)),
    ("TaintToleration", 3, _plain(TaintToleration)),
    ("NodeAffinity", 2, _plain(NodeAffinity)),
    ("NodeDeclaredFeatures", 0, _plain(NodeDeclaredFeatures)),
    ("NodePorts", 0, _plain(NodePorts)),
    ("NodeResourcesFit", 1, _plain(NodeResourcesFit)),
    ("VolumeRestrictions", 0, _with_handle(VolumeRestrictions)),
    ("NodeVolumeLimits", 0, _with_handle(NodeVolumeLimits)),
    ("VolumeBinding", 1, _with_handle(VolumeBinding)),
    ("VolumeZone", 0, _with_handle(VolumeZone)),
    ("PodTopologySpread", 2, _with_handle(PodTopologySpread)),
    ("InterPodAffinity", 2, _with_handle(InterPodAffinity)),
    ("DynamicResources", 2, _plain(DynamicResources)),
    ("DefaultPreemption", 0, _with_handle(DefaultPreemption)),
    ("NodeResourcesBalancedAllocation", 1, _plain(NodeResourcesBalancedAllocation)),
    ("ImageLocality", 1, _with_handle(ImageLocality)),
    ("DefaultBinder", 0, _plain(DefaultBinder)),
)
"""(name, default score weight, how it is made)"""


def default_profile(
    handle: Handle,
    name: str = DEFAULT_SCHEDULER,
    args: Mapping[str, Mapping[str, Any]] | None = None,
    more: tuple[Plugin, ...] = (),
) -> Profile:
    """The default profile; ``args`` are keyword arguments by plugin name, ``more`` plugins of one's own."""
    given = args or {}
    plugins = [factory(handle, given.get(plugin, {})) for plugin, _, factory in IN_TREE]
    profile = Profile([*plugins, *more], {plugin: weight for plugin, weight, _ in IN_TREE if weight}, name)
    adopt(profile)
    return profile


def adopt(profile: Profile) -> Profile:
    """Tell the plugins that need it which profile they belong to, and guard those from elsewhere."""
    for plugin in profile.plugins:
        guarded(plugin)
        if isinstance(plugin, DefaultPreemption):
            plugin.profile = profile
    return profile
