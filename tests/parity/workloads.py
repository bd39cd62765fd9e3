"""Replays workload scenarios and compares what the model does with the recordings of a real control plane.

A scenario counts as matching when results, objects, nodes, identities, invariants, events and traces are all equal.
Where a control plane itself decides by chance (which of two equally good pods is deleted), a recording holds one outcome;
so a scenario is tried with a few seeds before it counts as different, and a match says which seed it took.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.golden.workloads import normalise
from tests.parity.workloads_record import Recorder
from tests.parity.workloads_steps import Steps, names_for
from tests.parity.workloads_world import ReplayWorld

SEEDS = 16
"""How many seeds a scenario is tried with."""
INTERLEAVING = re.compile(r"\] (order of pod milestones|status of )")
"""Differences that say how independent things fell between each other."""
VIEWS = ("core", "whole", "trace", "interleaving")
LATER = {
    "StatefulSet": "statefulset",
    "DaemonSet": "daemonset",
    "Job": "job",
    "CronJob": "cronjob",
    "PodDisruptionBudget": "disruption",
    "HorizontalPodAutoscaler": "horizontalpodautoscaler",
    "ResourceQuota": "resourcequota",
    "PersistentVolume": "persistentvolume-binder",
    "PersistentVolumeClaim": "persistentvolume-binder",
}
"""Kind -> controller, of those that the model does not have yet."""


def load(path: Path) -> tuple[dict[str, Any], str]:
    """A scenario and its text."""
    text = path.read_text(encoding="utf-8")
    return yaml.load(text, Loader=_Loader), text


class _Loader(yaml.SafeLoader):
    """YAML as the recorder read it: ``on`` and ``off`` stay words."""


_Loader.yaml_implicit_resolvers = {
    key: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:bool"]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def needs(scenario: Mapping[str, Any]) -> list[str]:
    """The controllers that a scenario needs and that are not there yet."""
    found: dict[str, None] = {}

    def look(value: Any) -> None:
        if isinstance(value, Mapping):
            kind = value.get("kind")
            if kind in LATER and ("apiVersion" in value):
                found[LATER[kind]] = None
            for item in value.values():
                look(item)
        elif isinstance(value, list):
            for item in value:
                look(item)

    look(scenario["steps"])
    return list(found)


def replay(scenario: Mapping[str, Any], text: str, recorded: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Run a scenario on the model; the result has the form of a recording."""
    world = ReplayWorld(scenario, seed)
    recorder = Recorder(world, names_for(scenario, text), bool(scenario.get("keepDefaults")))
    with_namespaces = any("namespaces" in cp for cp in recorded["checkpoints"])
    for obj in world.everything():
        if obj.metadata.namespace == world.namespace:
            recorder.names.observe(normalise.json.loads(json.dumps(_dict(obj))))
    Steps(world, recorder, with_namespaces).run(scenario["steps"])
    return recorder.record()


def _dict(obj: Any) -> dict[str, Any]:
    from k8snb.api.codec import to_dict

    return to_dict(obj)


def differences(recorded: Mapping[str, Any], mine: Mapping[str, Any]) -> dict[str, list[str]]:
    """View -> differences.

    ``core`` and ``whole`` are objects, results, identities, invariants and events; ``trace`` the order in which pods were
    made, became ready and went, how often, and the sizes of ReplicaSets; ``interleaving`` how the milestones of different
    pods and the status updates fell between each other, which is chance where they do not depend on each other.
    """
    core = normalise.diff_record(recorded, mine)
    whole = normalise.diff_record(recorded, mine, view=None)
    traced = [line for line in normalise.diff_record(recorded, mine, view=None, traces=True) if line not in whole]
    chance = [line for line in traced if INTERLEAVING.search(line)]
    return {
        "core": core,
        "whole": [line for line in whole if line not in core],
        "trace": [line for line in traced if line not in chance],
        "interleaving": chance,
    }


def compare(path: Path) -> tuple[int, dict[str, list[str]]]:
    """(seed, differences) of the best of a few tries of the scenario at ``path``."""
    scenario, text = load(path)
    recorded = normalise.load(path.with_suffix(".json"))
    best: tuple[int, dict[str, list[str]]] | None = None
    for seed in range(SEEDS):
        found = differences(recorded, replay(scenario, text, recorded, seed))
        if best is None or _weight(found) < _weight(best[1]):
            best = (seed, found)
        if not any(found.values()):
            break
    assert best is not None
    return best


def _weight(found: Mapping[str, Sequence[str]]) -> tuple[int, ...]:
    return tuple(len(found[view]) for view in VIEWS)


def main(arguments: Sequence[str]) -> int:
    """``python -m tests.parity.workloads [DIR] [NAMES…]``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", nargs="?", default="tests/golden/workloads/open")
    parser.add_argument("names", nargs="*")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args(arguments)
    matched = total = 0
    for path in sorted(Path(options.directory).glob("*.yaml")):
        if options.names and not any(path.stem.startswith(name) for name in options.names):
            continue
        scenario, _text = load(path)
        missing = needs(scenario)
        if missing:
            print(f"not yet  {path.stem}: {', '.join(missing)}")
            continue
        total += 1
        begin = time.perf_counter()
        try:
            seed, found = compare(path)
        except Exception as error:
            if options.verbose:
                import traceback

                traceback.print_exc()
            print(f"ERROR    {path.stem}: {type(error).__name__}: {error}")
            continue
        took = time.perf_counter() - begin
        bad = {view: lines for view, lines in found.items() if lines}
        if not bad:
            matched += 1
            print(f"ok       {path.stem} (seed {seed}, {took:.1f} s)")
            continue
        counts = ", ".join(f"{view} {len(lines)}" for view, lines in bad.items())
        print(f"differs  {path.stem}: {counts} ({took:.1f} s)")
        if options.verbose:
            for view, lines in bad.items():
                for line in lines:
                    print(f"    {view}: {line[:400]}")
    print(f"{matched} of {total} match")
    return 0 if matched == total else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
