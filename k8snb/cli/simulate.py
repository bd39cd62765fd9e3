"""``k8snb simulate FILE…``: apply manifests to a fresh cluster, let time pass, print what happened and what went wrong."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from k8snb import locale
from k8snb.api.decode import DecodeError
from k8snb.api.types.core_v1 import Event, Pod
from k8snb.client.view import cache_key
from k8snb.cluster import Cluster
from k8snb.explain import explain
from k8snb.store import Change
from k8snb.verbs import ApplyError
from k8snb.views import cluster_map, map_text
from k8snb.views.state import pod_state

HEALTHY, UNHEALTHY, BAD_INPUT = 0, 1, 2
"""Exit codes: everything became ready; something did not; the input could not be used."""
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def duration(text: str) -> float:
    """Seconds of a Go-like duration: ``90``, ``60s``, ``1m30s``, ``500ms``."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write 60s, 1m30s or 90")
    return sum(float(n) * UNITS[u] for n, u in parts)


def add_simulate(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("simulate", help="apply manifests to a model cluster and tell what happens")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a manifest, a folder of manifests, or - for standard input"
    )
    parser.add_argument(
        "--for", dest="seconds", type=duration, default=60.0, metavar="TIME", help="simulated time (60s)"
    )
    parser.add_argument("--nodes", type=int, default=3, metavar="N", help="number of nodes (3)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all chance (0)")
    parser.add_argument("--lang", choices=("en", "zh"), help="language of the report")
    parser.set_defaults(run=simulate)


def simulate(options: argparse.Namespace) -> int:
    """Run the command; 0 when everything became ready, 1 when not, 2 for bad input."""
    if options.lang:
        locale.use(options.lang)
    cluster = Cluster(nodes=options.nodes, seed=options.seed)
    start = cluster.revision
    try:
        for name in options.files:
            print(repr(cluster.apply(sys.stdin.read() if name == "-" else Path(name))))
    except (DecodeError, ApplyError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    begin = cluster.now
    cluster.run(options.seconds)
    print("\n" + locale.text("simulate.timeline"))
    for change in cluster.history.since(start):
        line = timeline(change, begin)
        if line:
            print(line)
    print("\n" + map_text(cluster_map(cluster)))
    troubled = troubles(cluster)
    for name in troubled:
        print("\n" + explain(cluster, name).text())
    print("\n" + locale.text("simulate.unhealthy" if troubled else "simulate.healthy", count=len(troubled)))
    return UNHEALTHY if troubled else HEALTHY


def timeline(change: Change, begin: float) -> str:
    """A line for a change that a reader cares about; empty for heartbeats and repeats."""
    new: Any = change.value
    old: Any = change.previous.value if change.previous else None
    when = f"{change.time - begin:8.2f}s"
    obj = new if new is not None else old
    if isinstance(obj, Event):
        if new is None:
            return ""
        about = obj.involvedObject
        count = (obj.series.count if obj.series is not None else obj.count) or 1
        again = f" (×{count})" if count > 1 else ""
        mark = "!" if obj.type == "Warning" else " "
        return f"{when} {mark} {about.kind}/{about.name}  {obj.reason}: {obj.message}{again}"
    if old is None:
        return f"{when} + {obj.kind}/{cache_key(obj)}  ({change.cause.actor})"
    if new is None:
        return f"{when} - {obj.kind}/{cache_key(obj)}  ({change.cause.actor})" if obj.kind != "Lease" else ""
    if isinstance(new, Pod) and pod_state(new) != pod_state(old):
        return f"{when} ~ Pod/{cache_key(new)}  {pod_state(old)[1]} → {pod_state(new)[1]}"
    return ""


def troubles(cluster: Cluster) -> list[str]:
    """The objects that are not as they should be: workloads short of replicas, and pods of nobody that have a problem."""
    found: list[str] = []
    covered: set[str] = set()
    for kind in ("deployments", "replicasets", "replicationcontrollers", "statefulsets"):
        for obj in cluster.list(kind):
            owned = any(ref.controller for ref in obj.metadata.ownerReferences)
            wanted = obj.spec.replicas if obj.spec.replicas is not None else 1
            if not owned and (obj.status.readyReplicas or 0) < wanted:
                found.append(f"{obj.kind}/{cache_key(obj)}")
            covered.add(obj.metadata.uid or "")
    for pod in cluster.list("pods"):
        owner = next((ref.uid for ref in pod.metadata.ownerReferences if ref.controller), "")
        state, _ = pod_state(pod)
        if owner not in covered and state not in ("ready", "done"):
            found.append(f"Pod/{cache_key(pod)}")
    return found
