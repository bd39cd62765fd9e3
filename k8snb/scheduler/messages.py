"""The texts of the scheduler, exactly as kube-scheduler words them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from k8snb.scheduler.framework import Diagnosis, Status

NO_NODES = "no nodes available to schedule pods"
"""``ErrNoNodesAvailable``: the cluster has no node at all."""
NOTE_MAX_LENGTH = 1024
"""Longest note of an event, in characters (API validation ``NoteLengthLimit``)."""


def fit_error(all_nodes: int, diagnosis: Diagnosis) -> str:
    """``0/3 nodes are available: 1 Insufficient cpu, …``: reasons counted over nodes and sorted as texts."""
    parts = [f"0/{all_nodes} nodes are available:"]
    if diagnosis.pre_filter_message:
        parts.append(f" {diagnosis.pre_filter_message}.")
    else:
        histogram: dict[str, int] = {}
        for status in diagnosis.node_to_status.values():
            for reason in status.reasons:
                histogram[reason] = histogram.get(reason, 0) + 1
        absent = all_nodes - len(diagnosis.node_to_status)
        if absent > 0:
            for reason in diagnosis.absent.reasons:
                histogram[reason] = histogram.get(reason, 0) + absent
        if histogram:
            parts.append(" " + ", ".join(sorted(f"{count} {reason}" for reason, count in histogram.items())) + ".")
    if diagnosis.post_filter_message:
        parts.append(f" {diagnosis.post_filter_message}")
    return "".join(parts)


def refused_late(node: str, status: Status) -> str:
    """What is said of a pod whose chosen node a Reserve or Permit plugin refused: as if there were that node only."""
    from k8snb.scheduler.framework import Diagnosis

    diagnosis = Diagnosis()
    diagnosis.node_to_status[node] = status
    return fit_error(1, diagnosis)


def note(message: str) -> str:
    """A message cut to what an event can hold."""
    if len(message) <= NOTE_MAX_LENGTH:
        return message
    return message[: NOTE_MAX_LENGTH - len(" ...")] + " ..."


def scheduled(namespace: str, name: str, node: str) -> str:
    """The note of a Scheduled event."""
    return f"Successfully assigned {namespace}/{name} to {node}"


def preempted(preemptor_uid: str, node: str) -> str:
    """The note of a Preempted event, on the victim."""
    return f"Preempted by pod {preemptor_uid} on node {node}"


def preempting(scheduler: str) -> str:
    """The message of the DisruptionTarget condition that a victim gets."""
    return f"{scheduler}: preempting to accommodate a higher priority pod"
