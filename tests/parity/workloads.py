"""Replays workload scenarios and compares what the model does with the recordings of a real control plane.

A scenario matches when results, whole objects, nodes, identities, invariants and events are equal, and of the traces the
order and number of pod milestones of each sort and the sizes of ReplicaSets. Where a control plane itself decides by
chance (which of two equally good pods is deleted, how many pods are ready when a controller looks), a recording holds one
outcome; so a scenario is tried with a few seeds before it counts as different. How independent milestones and status
updates fell between each other is chance altogether: it is compared and counted apart.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from k8snb.api.codec import to_dict
from tests.parity import workloads_errors
from tests.parity.report import Report
from tests.parity.workloads_form import normalise
from tests.parity.workloads_record import Recorder
from tests.parity.workloads_steps import Steps, names_for
from tests.parity.workloads_world import ReplayWorld

SEEDS = 40
"""How many seeds a scenario is tried with."""
INTERLEAVING = re.compile(r"\] (order of pod milestones|status of )")
"""Differences that say how independent things fell between each other."""
OUTDATED = {
    "sts-claims": re.compile(r"capacity\.storage|last-change-trigger-time|EndpointSlice/web-<1>\.metadata\.generation"),
}
"""Recordings that were made of an earlier text of their scenario (three volumes of 1Gi) and in an earlier normal form, and
the differences that come of it; they are left out."""
VIEWS = ("core", "whole", "trace", "interleaving")
LATER: dict[str, str] = {}
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
            recorder.names.observe(to_dict(obj))
    Steps(world, recorder, with_namespaces).run(scenario["steps"])
    return recorder.record()


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


def compare(path: Path) -> dict[str, list[str]]:
    """The differences of the scenario at ``path``, with the seed that comes closest."""
    scenario, text = load(path)
    recorded = normalise.load(path.with_suffix(".json"))
    best: dict[str, list[str]] | None = None
    for seed in range(SEEDS):
        found = differences(recorded, replay(scenario, text, recorded, seed))
        if path.stem in OUTDATED:
            expected = OUTDATED[path.stem]
            found = {view: [line for line in lines if not expected.search(line)] for view, lines in found.items()}
        if best is None or _weight(found) < _weight(best):
            best = found
        if not any(_weight(found)[:-1]):
            break
    assert best is not None
    return best


def _weight(found: Mapping[str, list[str]]) -> tuple[int, ...]:
    return tuple(len(found[view]) for view in VIEWS)


@dataclass
class WorkloadsReport(Report):
    """A report that also says what could not be replayed yet, and how many interleavings are the recorded ones."""

    later: dict[str, list[str]] = field(default_factory=dict)
    interleaved: list[str] = field(default_factory=list)
    scenarios: int = 0

    def text(self, verbose: bool = True) -> str:
        """The report as printed."""
        lines = [f"not yet ({controller}): {' '.join(names)}" for controller, names in sorted(self.later.items())]
        if self.scenarios:
            same = self.scenarios - len(self.interleaved)
            lines.append(
                f"interleaving of independent pods as recorded: {same} of {self.scenarios} (not counted below)"
            )
        return "\n".join([*lines, super().text(verbose)])


def run(directory: Path, names: list[str], verbose: bool = True) -> WorkloadsReport:
    """Replay a folder of recordings (or its ``open/`` and ``held/``); ``names`` choose scenarios by how they begin."""
    report = WorkloadsReport()
    for folder in (directory, directory / "open", directory / "held"):
        if not folder.is_dir():
            continue
        for path in sorted(folder.glob("*.yaml")):
            if not names or any(path.stem.startswith(name) for name in names):
                _replay_one(path, report)
        for name, runner in (("errors", workloads_errors.errors), ("hashes", workloads_errors.hashes)):
            if (folder / f"{name}.jsonl").is_file():
                runner(folder / f"{name}.jsonl", names, report)
    return report


def _replay_one(path: Path, report: WorkloadsReport) -> None:
    missing = needs(load(path)[0])
    if missing:
        for controller in missing:
            report.later.setdefault(controller, []).append(path.stem)
        return
    try:
        found = compare(path)
    except Exception as error:  # a crash is a difference like any other, and the replay goes on
        found = {view: [] for view in VIEWS}
        found["core"] = traceback.format_exception(error)[-3:]
    report.scenarios += 1
    if found.pop("interleaving"):
        report.interleaved.append(path.stem)
    lines = [f"{view}: {line}" for view, part in found.items() for line in part]
    report.record("scenarios", path.stem.partition("-")[0], path.stem, lines)
