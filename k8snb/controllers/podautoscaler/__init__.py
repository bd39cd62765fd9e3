"""The HorizontalPodAutoscaler controller."""

from __future__ import annotations

from k8snb.controllers.podautoscaler.controller import HorizontalPodAutoscalerController

__all__ = ["HorizontalPodAutoscalerController"]
