"""Replays recorded scheduling cases: one pod, one cluster, one attempt of the real kube-scheduler.

``cases.jsonl`` holds whole clusters and what the scheduler found: nodes that fit, reasons, codes, scores, message,
preemption. Cases that need a plugin which is not in the registry are counted apart ("not yet").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from k8snb.api.codec import from_dict
from k8snb.api.object import Object
from k8snb.api.storage import SELECTED_NODE
from k8snb.api.types.core_v1 import Node, PersistentVolume, PersistentVolumeClaim, Pod
from k8snb.client.calls import Bind, Call, Delete, Emit, Outcome, Patch, Update
from k8snb.client.testing import drive, static_view
from k8snb.client.view import View
from k8snb.scheduler.controller import Scheduler
from k8snb.scheduler.decision import Decision
from k8snb.scheduler.plugins.default_preemption import DefaultPreemption
from k8snb.scheduler.queue import queue_key
from k8snb.scheduler.registry import IN_TREE
from k8snb.sim.ids import Ids
from tests.parity import scheduling_sequences
from tests.parity.report import Report
from tests.scheduler.world import node, pod

KNOWN = frozenset(name for name, _, _ in IN_TREE)


class Replay:
    """A scheduler over the objects of a case, driven until the case's pod was tried once."""

    def __init__(self, case: Mapping[str, Any], reuse: bool = True) -> None:
        stored = case.get("stored", {})
        policies = {
            o["metadata"]["name"]: o.get("preemptionPolicy") for o in case["other"] if o["kind"] == "PriorityClass"
        }
        self.objects: list[Object] = [
            _object(entry, stored, number, policies)
            for number, entry in enumerate([*case["nodes"], *case["other"], *case["existing"], case["pod"]])
        ]
        self.pod = self.objects[-1]
        self.view: View = static_view(self.objects)
        config = case.get("config")
        self.scheduler = Scheduler.configured(Ids(1), config) if config else Scheduler(Ids(1), reuse=reuse)
        self.calls: list[Call] = []
        assert isinstance(self.pod, Pod)
        self.key = queue_key(self.pod)

    def run(self) -> Decision | None:
        """The decision about the pod, None when it was not tried."""
        keys = list(self.scheduler.started(self.view))
        for kind in (Node, Pod):
            for watch in self.scheduler.watches:
                if watch.kind is kind:
                    for obj in self.view.list(kind):
                        keys += watch.keys(None, obj, self.view)
        for _ in range(20):
            decision = self.scheduler.explain(self.key)
            if decision is not None or not keys:
                return decision
            done: list[str] = []
            for key in keys:
                self.calls = []
                calls, after = drive(self.scheduler, key, self.view, self._answer)
                self.calls = calls
                if after is not None and not after.background and after.seconds == 0:
                    done.append(key)
                if self.scheduler.explain(self.key) is not None:
                    break
            keys = done
        return self.scheduler.explain(self.key)

    def _answer(self, call: Call) -> Outcome:
        return call.pod if isinstance(call, Bind) else None


def _object(
    entry: Mapping[str, Any], stored: Mapping[str, Any], number: int, policies: Mapping[str, str | None]
) -> Object:
    data = dict(entry)
    meta = dict(data["metadata"])
    meta.setdefault("uid", f"00000000-0000-4000-8000-{number:012d}")
    meta.setdefault("generation", 1)
    data["metadata"] = meta
    if data["kind"] == "Pod":
        spec = dict(data["spec"])
        policy = policies.get(spec.get("priorityClassName", ""))
        if policy:
            spec.setdefault("preemptionPolicy", policy)
        change = dict(stored.get(f"{meta['namespace']}/{meta['name']}", {}))
        for group in ("containers", "initContainers"):
            parts = change.pop(group, {})
            if parts:
                spec[group] = [{**c, **parts.get(c["name"], {})} for c in spec[group]]
        data["spec"] = {**spec, **change}
    obj: Object = from_dict(None, data)
    return obj


def result_of(replay: Replay) -> dict[str, Any]:
    """What the model says, in the words of the recording."""
    decision = replay.run()
    pod = replay.pod
    assert isinstance(pod, Pod)
    if decision is None:
        if pod.spec.nodeName:
            return {"outcome": "direct", "node": pod.spec.nodeName}
        queued = replay.scheduler.queue.pods.get(replay.key)
        gates = queued is not None and queued.gating_plugin == "SchedulingGates"
        return {"outcome": "gated" if gates else "ignored", "node": None}
    found = decision.as_dict()
    result: dict[str, Any] = {
        "outcome": decision.outcome,
        "node": decision.node or None,
        "feasible": found["feasible"],
        "reasons": {node: sorted_reasons(reasons) for node, reasons in found["reasons"].items()},
        "rejectedBy": found["rejectedBy"],
        "codes": found["codes"],
        "message": found["message"],
        "nominated": found["nominated"],
        "evaluatedNodes": decision.evaluated,
        "feasibleNodes": decision.feasible_count,
        "topNodes": found["topNodes"],
        "scores": found["scores"],
        "totals": found["totals"],
        "skippedFilters": found["skippedFilters"],
        "skippedScores": found["skippedScores"],
    }
    victims = [f"{c.namespace}/{c.name}" for c in replay.calls if isinstance(c, Delete)]
    result["victims"] = sorted(victims)
    result["volumes"] = {**promised_before(replay.objects), **promised(replay.calls)}
    for call in replay.calls:
        if isinstance(call, Patch) and call.name == pod.metadata.name and "conditions" in call.body["status"]:
            condition = call.body["status"]["conditions"][0]
            result["conditionReason"] = condition["reason"]
            result["conditionMessage"] = condition["message"]
        if isinstance(call, Emit) and call.reason == "FailedScheduling":
            result["event"] = call.message
    for plugin in replay.scheduler.profiles["default-scheduler"].plugins:
        if isinstance(plugin, DefaultPreemption):
            candidates, reasons = plugin.last
            result["preemption"] = {
                "candidates": {
                    node: {"victims": sorted(map(queue_key, c.victims)), "pdbViolations": c.violations}
                    for node, c in candidates.items()
                },
                "reasons": {node: list(status.reasons) for node, status in reasons.items()},
            }
    return result


def promised_before(objects: Iterable[Object]) -> dict[str, dict[str, str | None]]:
    """Claims that had a node before."""
    claims = [obj for obj in objects if isinstance(obj, PersistentVolumeClaim)]
    marks = {claim.metadata.name or "": claim.metadata.annotations.get(SELECTED_NODE) for claim in claims}
    return {name: {"selectedNode": node} for name, node in marks.items() if node}


def promised(calls: Iterable[Call]) -> dict[str, dict[str, str | None]]:
    """Claim -> the volume or the node that the scheduler wrote."""
    found: dict[str, dict[str, str | None]] = {}
    for call in calls:
        if isinstance(call, Update):
            obj = call.obj
            if isinstance(obj, PersistentVolume) and obj.spec.claimRef is not None:
                found[obj.spec.claimRef.name or ""] = {"volume": obj.metadata.name}
            elif isinstance(obj, PersistentVolumeClaim):
                found[obj.metadata.name or ""] = {"selectedNode": obj.metadata.annotations.get(SELECTED_NODE)}
    return found


def sorted_reasons(reasons: Iterable[str]) -> list[str]:
    return list(reasons)


def differences(case: Mapping[str, Any], mine: Mapping[str, Any]) -> Iterator[str]:
    """One line for every recorded fact that the model gets wrong."""
    theirs = case["result"]
    for key, expected in theirs.items():
        if key == "node":
            if expected is not None and mine.get("node") != expected:
                yield f"node: expected {expected}, got {mine.get('node')}"
            elif expected is None and theirs["outcome"] == "scheduled" and mine.get("node") not in theirs["topNodes"]:
                yield f"node: expected one of {theirs['topNodes']}, got {mine.get('node')}"
            continue
        if key in ("preFilterMessage", "notEvaluated"):
            continue
        if key == "topNodes" and "feasible" not in theirs:  # the search ended early, each time with one of these
            if not set(mine.get(key, ())) <= set(expected):
                yield f"topNodes: expected some of {expected}, got {mine.get(key)}"
            continue
        if key == "message":
            got = mine.get("message")
            if theirs["outcome"] in ("gated",):
                continue
            if expected != got:
                yield f"message: expected {expected!r}, got {got!r}"
            elif expected is not None and mine.get("event") != expected[:1024] and len(expected) <= 1024:
                yield f"event: expected {expected!r}, got {mine.get('event')!r}"
            continue
        if key == "conditionReason" and theirs["outcome"] == "gated":
            continue
        if key == "scores":
            for plugin in sorted({*expected, *mine.get("scores", {})}):
                for node in sorted({*expected.get(plugin, {}), *mine.get("scores", {}).get(plugin, {})}):
                    a, b = expected.get(plugin, {}).get(node), mine.get("scores", {}).get(plugin, {}).get(node)
                    if a != b:
                        yield f"scores {plugin} {node}: expected {a}, got {b}"
            continue
        got = mine.get(key, [] if isinstance(expected, list) else {} if isinstance(expected, dict) else None)
        if key in ("skippedFilters", "skippedScores"):
            expected = [name for name in expected if name in KNOWN]
        if key in ("victims",):
            expected = sorted(expected)
        if key == "preemption":
            expected = {
                "candidates": {
                    n: {"victims": sorted(c["victims"]), "pdbViolations": c["pdbViolations"]}
                    for n, c in expected["candidates"].items()
                },
                "reasons": expected["reasons"],
            }
        if expected != got:
            yield f"{key}: expected {json.dumps(expected)}, got {json.dumps(got)}"


def missing(case: Mapping[str, Any]) -> list[str]:
    """Plugins and kinds that the case needs and the model has not."""
    result = case["result"]
    named = {*result.get("rejectedBy", {}).values(), *result.get("scores", {}), case["plugin"]}
    if any(entry["kind"] == "ResourceClaim" for entry in case["other"]):
        named.add("ResourceClaim")  # the API of dynamic resource allocation is not part of the model
    return sorted(named - KNOWN - {"PreFilterResult", "Config", "Combination", "Message"})


def sampled(line: Mapping[str, Any]) -> tuple[int, int]:
    """(feasible, evaluated) nodes of one attempt in a cluster of many equal nodes."""
    nodes = []
    for number in range(line["nodes"]):
        data: dict[str, Any] = node(f"n{number:05}")
        if line["cordonedEvery"] and (number + 1) % line["cordonedEvery"] == 0:
            data["spec"]["unschedulable"] = True
        nodes.append(data)
    case: dict[str, Any] = {"nodes": nodes, "existing": [], "other": [], "pod": pod("p")}
    replay = Replay(case)
    replay.scheduler.algorithm.percentage_of_nodes_to_score = line["percentageOfNodesToScore"] or 0
    replay.scheduler.percentage_of_nodes_to_score = line["percentageOfNodesToScore"] or 0
    decision = replay.run()
    assert decision is not None
    return decision.feasible_count, decision.evaluated


def _within(number: int, expected: int | list[int]) -> bool:
    low, high = (expected, expected) if isinstance(expected, int) else expected
    return low <= number <= high


def load(path: Path) -> list[dict[str, Any]]:
    """The lines of a JSON lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def run(directory: Path, names: Sequence[str], verbose: bool) -> Report:
    """Replay ``cases.jsonl``, ``sequences.jsonl`` and ``sampling.jsonl`` of a folder (or of its ``open``, ``held``)."""
    report = Report()
    folders = [f for f in (directory, directory / "open", directory / "held") if (f / "cases.jsonl").is_file()]
    for folder in folders:
        for case in load(folder / "cases.jsonl"):
            if not names or any(name in case["name"] for name in names):
                lines = _attempted(_case_differences, case)
                lacking = missing(case)
                category = f"not yet ({', '.join(lacking)})" if lines and lacking else case["plugin"]
                report.record("cases.jsonl", category, case["name"], lines)
        for sequence in load(folder / "sequences.jsonl"):
            if not names or any(name in sequence["name"] for name in names):
                lines = _attempted(_sequence_differences, sequence)
                report.record("sequences.jsonl", "sequence", sequence["name"], lines)
        for line in load(folder / "sampling.jsonl"):
            name = f"sampling/{line['nodes']}/{line['cordonedEvery']}/{line['percentageOfNodesToScore']}"
            if not names or any(wanted in name for wanted in names):
                lines = _attempted(_sampling_differences, line)
                report.record("sampling.jsonl", "sampling", name, lines)
    return report


def _sampling_differences(line: Mapping[str, Any]) -> list[str]:
    feasible, evaluated = sampled(line)
    found = []
    if not _within(feasible, line["feasibleNodes"]):
        found.append(f"feasibleNodes: expected {line['feasibleNodes']}, got {feasible}")
    if not _within(evaluated, line["evaluatedNodes"]):
        found.append(f"evaluatedNodes: expected {line['evaluatedNodes']}, got {evaluated}")
    return found


def _case_differences(case: Mapping[str, Any]) -> list[str]:
    return list(differences(case, result_of(Replay(case))))


def _sequence_differences(sequence: Mapping[str, Any]) -> list[str]:
    return list(scheduling_sequences.differences(sequence, scheduling_sequences.play(sequence)))


def _attempted(replay: Callable[[Mapping[str, Any]], list[str]], line: Mapping[str, Any]) -> list[str]:
    try:
        return replay(line)
    except Exception as failure:  # a crash is a difference, too
        return [f"crashed: {type(failure).__name__}: {failure}"]
