"""`kubectl cordon`, `uncordon`, `drain` and `taint`."""

from __future__ import annotations

from functools import partial
from typing import Any

from k8snb.api.errors import APIError
from k8snb.api.request import STRATEGIC_MERGE_PATCH
from k8snb.api.scheme import Resource
from k8snb.apiserver.tables.texts import controller_of
from k8snb.kubectl import targets
from k8snb.kubectl.call import DRY_RUN, PRINTING, SELECTOR, Call, Command, dry_run, dry_run_suffix
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.printing import result
from k8snb.kubectl.targets import Found

RETRY_SECONDS = 5.0
"""Pause between two attempts to evict a pod that a budget protects (kubectl drain's own)."""
MIRROR = "kubernetes.io/config.mirror"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def _nodes(call: Call) -> list[Found]:
    nodes = call.client.core("nodes")
    if not call.args and not call.flag("selector"):
        raise usage(call.command, f"USAGE: {call.command} NODE [flags]")
    if call.args and call.flag("selector"):
        raise KubectlError("error: cannot specify both a node name and a --selector option")
    if call.flag("selector"):
        return [Found(nodes, item) for item in call.client.list(nodes, labels=str(call.flag("selector")))]
    names = [word.removeprefix("node/").removeprefix("nodes/").removeprefix("no/") for word in call.args]
    out = []
    for name in names:
        try:
            out.append(Found(nodes, call.client.get(nodes, "", name)))
        except APIError as error:
            call.fail(error)
    return out


def _cordon(call: Call, node: Found, wanted: bool, how: str) -> None:
    done = "cordoned" if wanted else "uncordoned"
    if bool(node.object.spec.unschedulable) == wanted:
        result(call, node.resource, node.name, f"already {done}" + dry_run_suffix(how))
        return
    if how != "client":
        body = {"spec": {"unschedulable": True if wanted else None}}
        call.client.patch(node.resource, "", node.name, body, STRATEGIC_MERGE_PATCH, dry_run=how == "server")
    result(call, node.resource, node.name, done + dry_run_suffix(how))


def cordon(call: Call, wanted: bool) -> int | None:
    """Mark nodes as (un)schedulable."""
    how = dry_run(call)
    for node in _nodes(call):
        _cordon(call, node, wanted, how)
    return None


# -- drain


class Verdicts:
    """Which pods of a node may be evicted, and what stands against the others."""

    def __init__(self) -> None:
        self.pods: list[Any] = []
        self.warnings: dict[str, list[str]] = {}
        self.errors: dict[str, list[str]] = {}


def _judge(call: Call, node: str) -> Verdicts:
    client = call.client
    out = Verdicts()
    force = bool(call.flag("force"))
    for pod in client.list(
        client.core("pods"), fields=f"spec.nodeName={node}", labels=str(call.flag("pod-selector") or "")
    ):
        meta = pod.metadata
        name = f"{meta.namespace}/{meta.name}"
        owner = controller_of(meta)
        finished = pod.status.phase in ("Succeeded", "Failed")
        if owner is not None and owner.kind == "DaemonSet" and not finished:
            daemon_sets = client.core("daemonsets")
            if client.find(daemon_sets, meta.namespace or "", owner.name) is None:
                if force:
                    out.warnings.setdefault("deleting Pods that declare no controller", []).append(name)
                    out.pods.append(pod)
                else:
                    text = f'daemonsets.apps "{owner.name}" not found'
                    out.errors.setdefault(text, []).append(name)
                continue
            if call.flag("ignore-daemonsets"):
                out.warnings.setdefault("ignoring DaemonSet-managed Pods", []).append(name)
            else:
                text = "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
                out.errors.setdefault(text, []).append(name)
            continue
        if MIRROR in meta.annotations:
            continue
        local = any(volume.emptyDir is not None for volume in pod.spec.volumes)
        if local and not finished and not call.flag("delete-emptydir-data"):
            text = "cannot delete Pods with local storage (use --delete-emptydir-data to override)"
            out.errors.setdefault(text, []).append(name)
            continue
        if owner is None and not finished:
            if not force:
                text = "cannot delete cannot delete Pods that declare no controller (use --force to override)"
                out.errors.setdefault(text, []).append(name)
                continue
            out.warnings.setdefault("deleting Pods that declare no controller", []).append(name)
        out.pods.append(pod)
    return out


def drain(call: Call) -> int | None:
    """Cordon a node and evict its pods, waiting for budgets and for the pods to end."""
    how = dry_run(call)
    nodes = _nodes(call)
    if call.failed:
        return 1
    for node in nodes:
        _cordon(call, node, True, how)
    for at, node in enumerate(nodes):
        problems = _drain(call, node.name, how)
        if problems:
            said = problems[0] if len(problems) == 1 else "[" + ", ".join(problems) + "]"
            call.complain(f'error: unable to drain node "{node.name}" due to error: {said}, continuing command...\n')
            call.complain("There are pending nodes to be drained:\n")
            call.complain("".join(f" {left.name}\n" for left in nodes[at:]))
            call.complain("".join(f"{problem}\n" for problem in problems))
            return 1
        result(call, node.resource, node.name, "drained" + dry_run_suffix(how))
    return None


def _drain(call: Call, node: str, how: str) -> list[str]:
    verdicts = _judge(call, node)
    if verdicts.errors:
        return [f"{text}: {', '.join(names)}" for text, names in verdicts.errors.items()]
    if verdicts.warnings:
        said = "; ".join(f"{text}: {', '.join(names)}" for text, names in verdicts.warnings.items())
        call.complain(f"Warning: {said}\n")
    if how == "client":
        for pod in verdicts.pods:
            call.print(f"evicting pod {pod.metadata.namespace}/{pod.metadata.name} (dry run)")
        return []
    problems = _evict(call, verdicts.pods)
    if problems:
        said = problems[0] if len(problems) == 1 else "[" + ", ".join(problems) + "]"
        call.complain(f'There are pending pods in node "{node}" when an error occurred: {said}\n')
        left = _judge(call, node).pods
        call.complain("".join(f"pod/{pod.metadata.name}\n" for pod in left))
    return problems


def _evict(call: Call, pods: list[Any]) -> list[str]:
    """Evict the pods and wait until they are gone; what could not be done."""
    client, resource = call.client, call.client.core("pods")
    timeout = float(call.flag("timeout") or 0)
    end = client.now + timeout if timeout else None
    waiting = list(pods)
    going: list[Any] = []
    while waiting or going:
        refused = [pod for pod in waiting if not _evict_one(call, resource, pod, going)]
        waiting = refused
        pause = client.now + RETRY_SECONDS if waiting else None
        while going and (pause is None or client.now < pause):
            going = [pod for pod in going if not _ended(call, resource, pod)]
            if not going or (end is not None and client.now >= end):
                break
            client.cluster.run(1.0)
        if end is not None and client.now >= end and (waiting or going):
            break
        if waiting and pause is not None and client.now < pause:
            client.cluster.run(pause - client.now if end is None else min(pause, end) - client.now)
            if end is not None and client.now >= end:
                break
    left = [*waiting, *going]
    text = 'error when evicting pods/"{name}" -n "{namespace}": global timeout reached: {seconds}'
    return [
        text.format(name=pod.metadata.name, namespace=pod.metadata.namespace, seconds=_go_duration(timeout))
        for pod in left
    ]


def _go_duration(span: float) -> str:
    hours, rest = divmod(int(span), 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{hours}h" if hours else ""
    return text + (f"{minutes}m" if minutes or hours else "") + f"{seconds}s"


def _evict_one(call: Call, resource: Resource, pod: Any, going: list[Any]) -> bool:
    meta = pod.metadata
    call.print(f"evicting pod {meta.namespace}/{meta.name}")
    grace = int(call.flag("grace-period"))
    options = {"gracePeriodSeconds": grace} if grace >= 0 else {}
    try:
        if call.flag("disable-eviction"):
            call.client.delete(resource, meta.namespace, meta.name, grace=grace if grace >= 0 else None)
        else:
            body = {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": meta.name, "namespace": meta.namespace},
                "deleteOptions": options,
            }
            call.client.send("create", resource, meta.namespace, meta.name, subresource="eviction", body=body)
    except APIError as error:
        if error.reason == "NotFound":
            return True
        if error.code != 429:
            raise
        call.complain(
            f'error when evicting pods/"{meta.name}" -n "{meta.namespace}" (will retry after 5s): {error.message}\n'
        )
        return False
    going.append(pod)
    return True


def _ended(call: Call, resource: Resource, pod: Any) -> bool:
    meta = pod.metadata
    found = call.client.find(resource, meta.namespace, meta.name)
    if found is not None and found.metadata.uid == meta.uid:
        return False
    call.print(f"pod/{meta.name} {'deleted' if call.flag('disable-eviction') else 'evicted'}")
    return True


# -- taint


def taint(call: Call) -> int | None:
    """Add, change and remove taints: `taint nodes NODE key=value:Effect other-`."""
    words = [word for word in call.args[1:] if "=" in word or ":" in word or word.endswith("-")]
    names = [word for word in call.args[1:] if word not in words]
    if not call.args:
        raise usage("taint", "one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if not words:
        raise usage("taint", "at least one taint update is required")
    added, removed = _parse(words)
    for item in targets.fetch(call, [call.args[0], *names], list_all=False):
        try:
            _taint(call, item, added, removed)
        except (APIError, KubectlError) as error:
            call.fail(error)
    return None


def _parse(words: list[str]) -> tuple[list[dict[str, str]], list[tuple[str, str]]]:
    added, removed = [], []
    for word in words:
        if word.endswith("-"):
            key, _, effect = word[:-1].partition(":")
            key = key.partition("=")[0]
            if effect and effect not in EFFECTS:
                raise usage("taint", f"invalid taint effect: {effect}, unsupported taint effect")
            removed.append((key, effect))
            continue
        spec, colon, effect = word.rpartition(":")
        if not colon:
            spec, effect = word, ""
        key, _, value = spec.partition("=")
        if effect not in EFFECTS:
            if not colon:
                raise usage("taint", f"invalid taint spec: {word}")
            raise usage("taint", f"invalid taint effect: {effect}, unsupported taint effect")
        taint_ = {"key": key, "effect": effect}
        if value:
            taint_["value"] = value
        added.append(taint_)
    return added, removed


def _taint(call: Call, item: Found, added: list[dict[str, str]], removed: list[tuple[str, str]]) -> None:
    how = dry_run(call)
    have = [
        {"key": t.key, "effect": t.effect, **({"value": t.value} if t.value else {})} for t in item.object.spec.taints
    ]
    taken = [t["key"] for t in added if any((h["key"], h["effect"]) == (t["key"], t["effect"]) for h in have)]
    if taken and not call.flag("overwrite"):
        shown = ",".join(dict.fromkeys(taken))
        raise KubectlError(
            f"node {item.name} already has {shown} taint(s) with same effect(s) and --overwrite is false"
        )
    for key, effect in removed:
        if not any(h["key"] == key and effect in ("", h["effect"]) for h in have):
            shown = f"{key}:{effect}" if effect else key
            raise KubectlError(f'taint "{shown}" not found')
    new = {(t["key"], t["effect"]) for t in added}
    kept = [
        h
        for h in have
        if (h["key"], h["effect"]) not in new
        and not any(h["key"] == key and effect in ("", h["effect"]) for key, effect in removed)
    ]
    taints = [*added, *kept]
    if how != "client":
        call.client.patch(
            item.resource,
            "",
            item.name,
            {"spec": {"taints": taints or None}},
            STRATEGIC_MERGE_PATCH,
            manager="kubectl-taint",
            dry_run=how == "server",
        )
    done = "modified" if added and removed else "tainted" if added else "untainted"
    result(call, item.resource, item.name, done + dry_run_suffix(how))


CORDON = Command("cordon", "Make nodes unschedulable", partial(cordon, wanted=True), (SELECTOR, DRY_RUN, *PRINTING))
UNCORDON = Command("uncordon", "Make nodes schedulable", partial(cordon, wanted=False), (SELECTOR, DRY_RUN, *PRINTING))
DRAIN = Command(
    "drain",
    "Move pods away from nodes",
    drain,
    (
        SELECTOR,
        DRY_RUN,
        *PRINTING,
        Flag("pod-selector", default=""),
        Flag("force", "switch", default=False),
        Flag("grace-period", "number", default=-1),
        Flag("ignore-daemonsets", "switch", default=False),
        Flag("delete-emptydir-data", "switch", default=False),
        Flag("disable-eviction", "switch", default=False),
        Flag("skip-wait-for-delete-timeout", "number", default=0),
        Flag("chunk-size", "number", default=500),
        Flag("timeout", "duration", default=0.0),
    ),
)
TAINT = Command(
    "taint",
    "Change taints of nodes",
    taint,
    (SELECTOR, DRY_RUN, *PRINTING, Flag("all", "switch", default=False), Flag("overwrite", "switch", default=False)),
)
