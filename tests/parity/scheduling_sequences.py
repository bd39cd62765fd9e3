"""Replays recorded scheduling sequences: pods arrive and leave, nodes change, on the real API server and runtime."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from k8snb.api.scheme import SCHEME
from k8snb.api.types.core_v1 import Pod
from k8snb.client.calls import Bind
from k8snb.scheduler import Scheduler
from k8snb.sim.ids import Ids
from tests.scheduler.world import World

ZONE = "topology.kubernetes.io/zone"


def play(sequence: Mapping[str, Any]) -> World:
    """Do all steps and return the world at the end."""
    config = sequence.get("config")
    scheduler = Scheduler.configured(Ids(7), config) if config else Scheduler(Ids(7))
    batch = sequence["steps"][0].get("mode") == "batch"
    world = World(scheduler, kubelet=bool(sequence.get("kubelet")), started=not batch)
    world.create(*sequence["nodes"], *sequence["other"])
    for step in sequence["steps"]:
        match step["op"]:
            case "create":
                for entry in step["pods"]:
                    world.create(entry)
                    if step["mode"] == "one-by-one":
                        world.settle()
                if batch:
                    batch = False
                    world.start()
                world.settle()
            case "delete":
                for name in step["pods"]:
                    _delete(world, name)
            case "delete-on-node-of":
                place = world.nodes_of()
                names = sorted(
                    n for n, at in place.items() if n.startswith(step["prefix"]) and at == place[step["pod"]]
                )
                for name in names[: step["count"]]:
                    _delete(world, name)
            case "add":
                world.create(*step["objects"])
            case "patch":
                kind = SCHEME.resolve(step["kind"].lower()).type
                world.patch(kind, step["name"], step["patch"], step.get("subresource", ""))
            case "settle":
                world.run(step["seconds"])
                world.settle()
    return world


def _delete(world: World, name: str) -> None:
    world.delete(Pod, name, grace=0)
    world.settle()


def differences(sequence: Mapping[str, Any], world: World) -> Iterator[str]:
    """One line for every recorded fact that the model gets wrong."""
    theirs = sequence["result"]
    place = world.nodes_of()
    zones = {n["metadata"]["name"]: n["metadata"]["labels"].get(ZONE) for n in sequence["nodes"]}
    per_node = Counter(node for node in place.values() if node)
    per_zone = Counter(zones.get(node) for node in place.values() if node)
    pending = sorted(name for name, node in place.items() if not node)
    created = [p["metadata"]["name"] for s in sequence["steps"] if s["op"] == "create" for p in s["pods"]]
    gone = sorted(name for name in created if name not in place)
    bound = [s.call.pod.metadata.name for s in world.steps if isinstance(s.call, Bind) and s.error is None]
    mine: dict[str, Any] = {
        "assignments": {name: place.get(name) for name in theirs.get("assignments", {})},
        "perNode": {node: per_node.get(node, 0) for node in theirs.get("perNode", {})},
        "perNodeSorted": sorted(per_node.get(node, 0) for node in zones),
        "perZone": {zone: per_zone.get(zone, 0) for zone in theirs.get("perZone", {})},
        "perZoneSorted": sorted(per_zone.get(zone, 0) for zone in dict.fromkeys(zones.values())),
        "pending": pending,
        "pendingCount": len(pending),
        "gone": gone,
        "goneCount": [len(gone)],
        "bindOrder": bound,
        "attempts": {name: _attempts(world, name) for name in theirs.get("attempts", {})},
        "messages": {name: _message(world, name) for name in theirs.get("messages", {})},
    }
    for key, expected in theirs.items():
        if key == "runs":
            continue
        if key == "alwaysPending":
            if not set(expected) <= set(pending):
                yield f"pending: expected at least {expected}, got {pending}"
        elif key == "sometimesPending":
            if not set(pending) <= {*expected, *theirs.get("alwaysPending", ())}:
                yield f"pending: expected among {expected}, got {pending}"
        elif expected != mine.get(key):
            yield f"{key}: expected {expected}, got {mine.get(key)}"


def _attempts(world: World, name: str) -> int:
    decision = world.scheduler.explain(f"default/{name}")
    return decision.attempt if decision is not None else 0


def _message(world: World, name: str) -> str | None:
    pod = world.get(Pod, name)
    for condition in pod.status.conditions if pod is not None else ():
        if condition.type == "PodScheduled" and condition.status == "False":
            message: str | None = condition.message
            return message
    return None
