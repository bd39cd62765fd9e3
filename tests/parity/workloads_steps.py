"""The steps of a scenario, one method each; see the recordings' README for what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from k8snb.api.codec import to_dict
from k8snb.api.request import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from k8snb.api.selectors import from_labels
from k8snb.api.types.core_v1 import Pod
from tests.parity.workloads_form import Names, normalise
from tests.parity.workloads_record import Recorder
from tests.parity.workloads_world import ReplayWorld

PATCHES = {"merge": MERGE_PATCH, "strategic": STRATEGIC_MERGE_PATCH, "json": JSON_PATCH, "apply": APPLY_PATCH}
READY = "fake.kubelet/ready"
UID = re.compile(r"\$\{uid:(\w+)/([^}]+)\}")
CALM = 1.0
"""Seconds without a change that ``ready … each`` waits for between two pods."""


class Steps:
    """Carries out the steps of one scenario."""

    def __init__(self, world: ReplayWorld, recorder: Recorder, with_namespaces: bool) -> None:
        self.world = world
        self.recorder = recorder
        self.with_namespaces = with_namespaces
        self.number = 0

    def run(self, steps: Iterable[Mapping[str, Any]]) -> None:
        """Carry out all steps in order."""
        for number, step in enumerate(steps):
            self.number = number
            operation = next(op for op in step if hasattr(self, f"do_{op}"))
            getattr(self, f"do_{operation}")(step[operation], step)
            self.recorder.catch_up()

    # -- helpers

    def _name(self, text: str) -> str:
        self.recorder.catch_up()
        return self.recorder.names.real(text) if "<" in text else text

    def _filled(self, value: Any) -> Any:
        """The value with ``${uid:Kind/name}`` replaced."""
        if isinstance(value, str):
            return UID.sub(lambda m: self.world.find(m.group(1), self._name(m.group(2))).metadata.uid, value)
        if isinstance(value, Mapping):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return value

    def _result(self, op: str, kind: str, name: str, answer: tuple[int, Any]) -> None:
        self.world.pause()
        code, body = answer
        entry: dict[str, Any] = {"code": code, "kind": kind, "name": name, "op": op, "step": self.number}
        if code >= 400:
            self.recorder.catch_up()
            entry["status"] = self.recorder.names.value(body)
        self.recorder.results.append(entry)

    # -- requests

    def do_create(self, manifests: Any, _step: Any) -> None:
        """POST."""
        for manifest in manifests if isinstance(manifests, list) else [manifests]:
            body = self._filled(manifest)
            kind, meta = body["kind"], body["metadata"]
            answer = self.world.request(
                "create", kind, body=body, api_version=body["apiVersion"], namespace=meta.get("namespace", "")
            )
            self._result("create", kind, meta.get("name") or meta.get("generateName"), answer)

    def do_apply(self, manifest: Any, _step: Any) -> None:
        """``kubectl apply``, client side."""
        body = self._filled(manifest)
        applied = self.world.cluster.apply(body, namespace=self.world.namespace)
        kind, name = body["kind"], body["metadata"]["name"]
        self.recorder.results.append(
            {"kind": kind, "name": name, "op": "apply", "output": repr(applied[0]), "step": self.number}
        )

    def do_patch(self, patch: Mapping[str, Any], _step: Any) -> None:
        """PATCH."""
        answer = self.world.request(
            "patch", patch["kind"], self._name(patch["name"]), self._filled(patch["body"]),
            namespace=patch.get("namespace", ""), subresource=patch.get("subresource", ""),
            content_type=PATCHES[patch["type"]],
        )  # fmt: skip
        self._result("patch", patch["kind"], patch["name"], answer)

    def do_scale(self, scale: Mapping[str, Any], _step: Any) -> None:
        """The scale subresource."""
        answer = self.world.request(
            "patch", scale["kind"], self._name(scale["name"]), {"spec": {"replicas": scale["replicas"]}},
            subresource="scale", content_type=MERGE_PATCH,
        )  # fmt: skip
        self._result("scale", scale["kind"], scale["name"], answer)

    def do_delete(self, target: Mapping[str, Any], _step: Any) -> None:
        """DELETE."""
        answer = self.world.request(
            "delete", target["kind"], self._name(target["name"]), namespace=target.get("namespace", ""),
            propagation_policy=target.get("propagationPolicy"), grace_period_seconds=target.get("gracePeriodSeconds"),
        )  # fmt: skip
        self._result("delete", target["kind"], target["name"], answer)

    def do_evict(self, target: Mapping[str, Any], _step: Any) -> None:
        """POST pods/NAME/eviction."""
        name = self._name(target["name"])
        body: dict[str, Any] = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        if target.get("deleteOptions"):
            body["deleteOptions"] = target["deleteOptions"]
        answer = self.world.request("create", "Pod", name, body, subresource="eviction")
        self._result("evict", "Pod", target["name"], answer)

    def do_finalize(self, target: Mapping[str, Any], _step: Any) -> None:
        """Remove all finalizers."""
        answer = self.world.request(
            "patch", target["kind"], self._name(target["name"]), {"metadata": {"finalizers": None}},
            namespace=target.get("namespace", ""), content_type=MERGE_PATCH,
        )  # fmt: skip
        self._result("finalize", target["kind"], target["name"], answer)

    def do_rollout_undo(self, target: Mapping[str, Any], _step: Any) -> None:
        """``kubectl rollout undo``: the template becomes that of an older ReplicaSet or ControllerRevision."""
        kind, name = target["kind"], target["name"]
        undo = undo_deployment if kind == "Deployment" else undo_revision
        undo(self.world, kind, self._name(name), target.get("toRevision", 0))
        resource = self.world.resource(kind)
        output = f"{kind.lower()}.{resource.group}/{name} rolled back"
        self.recorder.results.append(
            {"kind": kind, "name": name, "op": "rollout_undo", "output": output, "step": self.number}
        )

    def do_ready(self, ready: Mapping[str, Any], _step: Any) -> None:
        """Set the annotation that decides whether a pod's containers are ready."""
        value = "true" if ready.get("value", True) else "false"
        if not ready.get("each"):
            for pod in self._unlike(ready, value)[: ready.get("count")]:
                self._annotate(pod, value)
            return
        while pods := self._unlike(ready, value):
            self._annotate(pods[0], value)
            self.world.settle(CALM, 60)

    def _unlike(self, ready: Mapping[str, Any], value: str) -> list[Pod]:
        """The pods meant that do not have the value yet, the oldest first."""
        matches = from_labels(ready["selector"]).matches if "selector" in ready else None
        found = []
        for pod in self.world.all_of(Pod):
            meta = pod.metadata
            meant = matches(meta.labels) if matches else meta.name == self._name(ready["name"])
            if meta.namespace != self.world.namespace or not meant or meta.deletionTimestamp:
                continue
            if meta.annotations.get(READY, "true") != value:
                found.append(pod)
        return found

    def _annotate(self, pod: Pod, value: str) -> None:
        body = {"metadata": {"annotations": {READY: value}}}
        self.world.request("patch", "Pod", pod.metadata.name or "", body, content_type=MERGE_PATCH)
        self.world.pause()

    # -- nodes

    def do_cordon(self, node: str, _step: Any, op: str = "cordon", value: bool = True) -> None:
        """Make a node unschedulable."""
        answer = self.world.request(
            "patch", "Node", node, {"spec": {"unschedulable": value or None}}, content_type=MERGE_PATCH
        )
        self._result(op, "Node", node, answer)

    def do_uncordon(self, node: str, step: Any) -> None:
        """Make a node schedulable again."""
        self.do_cordon(node, step, "uncordon", value=False)

    def do_label_node(self, change: Mapping[str, Any], _step: Any) -> None:
        """Set or remove labels of a node."""
        body = {"metadata": {"labels": change["labels"]}}
        answer = self.world.request("patch", "Node", change["name"], body, content_type=MERGE_PATCH)
        self._result("label_node", "Node", change["name"], answer)

    def do_taint_node(self, change: Mapping[str, Any], _step: Any) -> None:
        """Add and remove taints of a node."""
        node = to_dict(self.world.find("Node", change["name"]))
        taints = node.get("spec", {}).get("taints") or []
        gone = {(t["key"], t.get("effect")) for t in [*(change.get("remove") or []), *(change.get("add") or [])]}
        kept = [t for t in taints if (t["key"], t["effect"]) not in gone and (t["key"], None) not in gone]
        body = {"spec": {"taints": [*kept, *(change.get("add") or [])] or None}}
        answer = self.world.request("patch", "Node", change["name"], body, content_type=MERGE_PATCH)
        self._result("taint_node", "Node", change["name"], answer)

    def do_add_node(self, node: Mapping[str, Any], _step: Any) -> None:
        """A new node joins."""
        self.world.add_node(node)

    def do_delete_node(self, node: str, _step: Any) -> None:
        """The Node object is deleted."""
        self._result("delete_node", "Node", node, self.world.request("delete", "Node", node))

    def do_kubelet(self, change: Mapping[str, Any], _step: Any) -> None:
        """A kubelet dies, comes back, or posts another readiness."""
        if "heartbeat" in change:
            self.world.kubelet.heartbeat(change["node"], change["heartbeat"] in ("on", True))
        if "ready" in change:
            self.world.kubelet.ready(change["node"], change["ready"])
        self.world.cluster.runtime.poke(self.world.kubelet.name, change["node"])

    # -- time

    def do_settle(self, label: str, step: Mapping[str, Any]) -> None:
        """Wait for calm and write a checkpoint."""
        self.world.settle(step.get("quiet", 3), step.get("max", 60))
        self.recorder.checkpoint(label, self.number, self.with_namespaces)

    def do_wait(self, seconds: float, _step: Any) -> None:
        """Let time pass."""
        self.world.run(float(seconds))

    def do_clock(self, clock: Mapping[str, Any], _step: Any) -> None:
        """Go on until the clock shows a second of a minute."""
        self.world.run((clock["second"] - self.world.cluster.now) % 60)

    def do_until(self, until: Mapping[str, Any], _step: Any) -> None:
        """Go on until a field has a value, or an object is there or gone."""

        def holds() -> bool:
            self.recorder.catch_up()
            obj = self.world.find(until["kind"], self._name(until["name"]), until.get("namespace", ""))
            if "path" not in until:
                return bool((obj is not None) == until["value"])
            return bool(obj is not None and _at(to_dict(obj), until["path"]) == until["value"])

        self.world.run_until(holds, until.get("timeout", 60))


def _at(value: Any, path: str) -> Any:
    """The value at a path such as ``status.conditions.[type=Ready].status``."""
    for part in path.split("."):
        if value is None:
            return None
        if part.startswith("["):
            field, _, wanted = part.strip("[]").partition("=")
            value = next((item for item in value if item.get(field) == wanted), None)
        else:
            value = value.get(part)
    return value


def undo_revision(world: ReplayWorld, kind: str, name: str, revision: int) -> None:
    """What kubectl does for a StatefulSet or DaemonSet: send the data of a ControllerRevision as a patch."""
    from k8snb.api.types.apps_v1 import ControllerRevision

    uid = world.find(kind, name).metadata.uid
    own = [r for r in world.all_of(ControllerRevision) if any(ref.uid == uid for ref in r.metadata.ownerReferences)]
    own.sort(key=lambda r: r.revision)
    wanted = next(r for r in own if r.revision == revision) if revision else own[-2]
    code, answer = world.request("patch", kind, name, to_dict(wanted)["data"], content_type=STRATEGIC_MERGE_PATCH)
    if code != 200:
        raise AssertionError(f"rollout undo was refused: {answer}")


def undo_deployment(world: ReplayWorld, kind: str, name: str, revision: int) -> None:
    """What kubectl does for ``rollout undo``: find the ReplicaSet of the revision and copy template and annotations."""
    from k8snb.api.types.apps_v1 import ReplicaSet
    from k8snb.controllers.deployment import revisions

    deployment = world.find(kind, name)
    sets = [
        rs
        for rs in world.all_of(ReplicaSet)
        if any(ref.uid == deployment.metadata.uid for ref in rs.metadata.ownerReferences)
    ]
    wanted = revision or revisions.last_revision(sets)
    rs = next(rs for rs in sets if revisions.revision(rs.metadata.annotations) == wanted)
    template = to_dict(revisions.without_hash(rs.spec.template))
    annotations = dict(revisions.rolled_back_annotations(deployment, rs))
    body = [
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ]
    code, answer = world.request("patch", kind, name, body, content_type=JSON_PATCH)
    if code != 200:
        raise AssertionError(f"rollout undo was refused: {answer}")


def names_for(scenario: Mapping[str, Any], text: str) -> Names:
    """The name tables for a scenario; ``text`` is its YAML, whose addresses and node ports are kept."""
    nodes = [node["name"] for node in scenario.get("nodes") or []]
    nodes += [step["add_node"]["name"] for step in scenario["steps"] if "add_node" in step]
    masked = scenario.get("maskNodes", len(scenario.get("nodes") or []) > 1)
    keep = set(normalise.IP.findall(text)) and {m.group(0) for m in normalise.IP.finditer(text)}
    keep |= set(re.findall(r"nodePort: (\d+)", text))
    return normalise.Names(nodes=nodes, mask_nodes=masked, keep=keep)
