"""Live pictures over the views: the only place that imports widget libraries."""

from k8snb.widgets.anatomy import Anatomy
from k8snb.widgets.architecture import Architecture
from k8snb.widgets.behind import Behind
from k8snb.widgets.cluster_map import ClusterMap
from k8snb.widgets.graphs import OwnershipGraph, PodSequence
from k8snb.widgets.networks import Networks
from k8snb.widgets.packet import PacketPath, ReachMatrix
from k8snb.widgets.pipeline import Pipeline
from k8snb.widgets.playground import Playground
from k8snb.widgets.rollout import Rollout
from k8snb.widgets.scheduling import SchedulingHeat
from k8snb.widgets.stage import Stage
from k8snb.widgets.stepper import Stepper

__all__ = [
    "Anatomy",
    "Architecture",
    "Behind",
    "ClusterMap",
    "Networks",
    "OwnershipGraph",
    "PacketPath",
    "Pipeline",
    "Playground",
    "PodSequence",
    "ReachMatrix",
    "Rollout",
    "SchedulingHeat",
    "Stage",
    "Stepper",
]
