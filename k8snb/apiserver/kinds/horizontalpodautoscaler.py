"""HorizontalPodAutoscaler."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class HorizontalPodAutoscalerStrategy(Kind):
    """Decisions about HorizontalPodAutoscaler objects."""

    serves = (("autoscaling/v2", "HorizontalPodAutoscaler"),)
    has_status = True
