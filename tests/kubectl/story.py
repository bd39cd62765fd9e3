"""The recorded story of kubectl commands, replayed on a cluster of this project.

`commands.jsonl` is what the real kubectl printed, command by command, in a namespace of a fresh cluster. The recording
had kubelets that start every pod at once and run no images; `StoryKubelet` does the same. Between commands simulated
time passes, as real time did. Texts are compared after the recording's own normalisation.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from k8snb.api.codec import from_dict
from k8snb.api.errors import APIError
from k8snb.api.request import Request
from k8snb.api.types.coordination_v1 import Lease, LeaseSpec
from k8snb.api.types.core_v1 import Node, Pod, PodStatus
from k8snb.api.types.meta_v1 import ObjectMeta, OwnerReference
from k8snb.apiserver.authz.bootstrap_policy import install
from k8snb.apiserver.authz.rbac import RBAC
from k8snb.client.calls import Create, Delete, Update, UpdateStatus
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View
from k8snb.cluster import Cluster
from k8snb.kubectl import Result, run
from k8snb.kubectl.client import ADMIN
from k8snb.sim.clock import rfc3339, rfc3339_micro
from tests.golden.api.normalise import norm_text

GOLDEN = Path(__file__).parent.parent / "golden" / "api" / "kubectl" / "commands.jsonl"
NAMESPACE = "api-k"
ADDRESSES = {f"node-{number}": f"192.168.0.{number + 1}" for number in range(3)}
RUNS = 1.0
"""How long a container runs that is not restarted."""
DIGEST = "0" * 63
RANGES = {"node-0": 0, "node-1": 2, "node-2": 1}
"""The third number of each node's range of pod addresses."""
NOT_SERVED = {92: "the recording's kubelets serve no logs", 93: "the recording's kubelets serve no exec"}
BOB = {326, 327, 328, 329, 330, 331}
"""Records made as the user bob, who may do nothing."""
BEFORE: Mapping[int, float] = {1: 4.0, 52: 2.0, 88: 2.0, 168: 0.0, 256: 0.5, 257: 0.5, 258: 0.5, 259: 0.5}
"""Simulated seconds before a command, where it is not `PAUSE`."""
PAUSE = 2.5
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
DRAINED = """
apiVersion: v1
kind: Pod
metadata: {name: naked}
spec: {nodeName: node-2, containers: [{name: a, image: nginx}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: drainme}
spec:
  replicas: 2
  selector: {matchLabels: {app: drainme}}
  template:
    metadata: {labels: {app: drainme}}
    spec:
      affinity:
        nodeAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - {weight: 100, preference: {matchExpressions: [{key: disk, operator: In, values: [ssd]}]}}
      containers: [{name: a, image: nginx}]
      volumes: [{name: v, emptyDir: {}}]
"""
"""What was on node-2 when it was drained."""


class StoryKubelet(Controller):
    """Kubelets that start a bound pod at once; annotations `exit` and `state` say how its containers end or wait."""

    name = "kubelet"
    process = "kubelet"

    def __init__(self) -> None:
        self.running: dict[str, float] = {}
        self.addresses = 5
        self.watches = (Watch(Pod, self.pod_keys), Watch(Node, self.node_keys))

    def actor(self, key: str) -> str:
        """``kubelet/NODE``: the node is the first part of every key."""
        return f"kubelet/{key.partition('/')[0]}"

    def started(self, view: View) -> Iterable[str]:
        """Nothing but the watched objects."""
        return ()

    def pod_keys(self, old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
        """Bound pods."""
        if new is None or not new.spec.nodeName:
            return ()
        return (f"{new.spec.nodeName}/{new.metadata.namespace}/{new.metadata.name}",)

    def node_keys(self, old: Node | None, new: Node | None, view: View) -> Iterable[str]:
        """Nodes renew a lease."""
        return (new.metadata.name or "",) if new is not None else ()

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Bring a pod forward, or renew a node's lease."""
        node, _, pod = key.partition("/")
        return self._pod(pod, view) if pod else self._node(node, view)

    def _node(self, name: str, view: View) -> Reconcile:
        node = view.get(Node, None, name)
        if node is None:
            return None
        spec = LeaseSpec(holderIdentity=name, leaseDurationSeconds=40, renewTime=rfc3339_micro(view.now))
        lease = view.get(Lease, "kube-node-lease", name)
        if lease is not None:
            yield Update(replace(lease, spec=spec), background=True)
        else:
            owner = OwnerReference(apiVersion="v1", kind="Node", name=name, uid=node.metadata.uid or "")
            meta = ObjectMeta(name=name, namespace="kube-node-lease", ownerReferences=(owner,))
            out = yield Create(Lease(metadata=meta, spec=spec), background=True)
            if isinstance(out, APIError):  # the namespace kube-node-lease may not be there yet
                return After(0.1)
        return After(10.0, background=True)

    def _pod(self, key: str, view: View) -> Reconcile:
        pod = view.lookup(Pod, key)
        if pod is None or not pod.spec.nodeName:
            return None
        meta = pod.metadata
        if meta.deletionTimestamp is not None:
            yield Delete(Pod, meta.namespace or "", meta.name or "", uid=meta.uid, grace=0)
            return None
        begun = self.running.setdefault(meta.uid or "", view.now)
        done = pod.spec.restartPolicy != "Always" and view.now >= begun + RUNS - 1e-6
        status = self._status(pod, begun, done)
        if status != pod.status:
            out = yield UpdateStatus(replace(pod, status=status))
            if isinstance(out, APIError):
                raise out
        if pod.spec.restartPolicy == "Always" or done:
            return None
        return After(begun + RUNS - view.now)

    def _status(self, pod: Pod, begun: float, done: bool) -> PodStatus:
        meta, spec = pod.metadata, pod.spec
        code = int(meta.annotations.get("exit", "0"))
        waiting = meta.annotations.get("state", "")
        phase = "Pending" if waiting else ("Failed" if code else "Succeeded") if done else "Running"
        ready = phase == "Running"
        if waiting:
            message = f"{waiting}: fake"
            state: dict[str, Any] = {"waiting": {"reason": waiting, "message": message}}
        elif done:
            ended = {"startedAt": rfc3339(begun), "finishedAt": rfc3339(begun + RUNS), "exitCode": code}
            state = {"terminated": {"reason": "Error" if code else "Completed", **ended}}
        else:
            state = {"running": {"startedAt": rfc3339(begun)}}
        if not pod.status.podIP:
            self.addresses += 1
        address = pod.status.podIP or f"10.244.{spec.nodeName[-1]}.{self.addresses}"  # type: ignore[index]
        conditions = [
            {
                "type": kind,
                "status": "True" if ready or kind in ("PodReadyToStartContainers", "Initialized") else "False",
                "lastTransitionTime": rfc3339(begun + RUNS if done else begun),
            }
            for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")
        ]
        scheduled = [c for c in pod.status.conditions if c.type == "PodScheduled"]
        host = ADDRESSES[spec.nodeName or ""]
        told = {
            "phase": phase,
            "startTime": rfc3339(begun),
            "hostIP": host,
            "hostIPs": [{"ip": host}],
            "podIP": address,
            "podIPs": [{"ip": address}],
            "qosClass": pod.status.qosClass,
            "conditions": conditions,
            "containerStatuses": [
                {
                    "name": c.name,
                    "image": c.image,
                    "imageID": f"{c.image}@sha256:{DIGEST}0",
                    "containerID": f"containerd://{DIGEST}1",
                    "ready": ready,
                    "started": ready,
                    "restartCount": 0,
                    "state": state,
                    "lastState": {},
                }
                for c in spec.containers
            ],
        }
        made = from_dict(PodStatus, told)
        found: PodStatus = replace(made, conditions=(*made.conditions, *scheduled))
        return found


class Outcome(NamedTuple):
    """One recorded command: what differs (nothing when it agrees), and why its texts cannot be compared, if so."""

    number: int
    command: str
    lines: tuple[str, ...]


def node(number: int, heartbeat: str) -> dict[str, Any]:
    """A node of the recording."""
    name, zone = f"node-{number}", f"z{number % 2}"
    system = {"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"}
    labels = {
        **{f"beta.{key}": value for key, value in system.items()},
        **system,
        "kubernetes.io/hostname": name,
        "topology.kubernetes.io/zone": zone,
    }
    if number == 0:
        labels["node-role.kubernetes.io/control-plane"] = ""
    sizes = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    conditions = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"node.alpha.kubernetes.io/ttl": "0"}},
        "spec": {"podCIDR": f"10.244.{RANGES[name]}.0/24", "podCIDRs": [f"10.244.{RANGES[name]}.0/24"]},
        "status": {
            "capacity": sizes,
            "allocatable": {**sizes, "cpu": "3900m", "memory": "7Gi"},
            "addresses": [
                {"type": "InternalIP", "address": ADDRESSES[name]},
                {"type": "Hostname", "address": name},
            ],
            "conditions": [
                {"type": kind, "status": status, "reason": reason, "message": text, "lastHeartbeatTime": heartbeat}
                for kind, status, reason, text in conditions
            ],
            "nodeInfo": {
                "machineID": "m1",
                "systemUUID": "s1",
                "bootID": "b1",
                "kernelVersion": "6.1.0-18-amd64",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "containerRuntimeVersion": "containerd://1.7.24",
                "kubeletVersion": "v1.36.2",
                "kubeProxyVersion": "",
                "operatingSystem": "linux",
                "architecture": "amd64",
            },
        },
    }


def world() -> Cluster:
    """The cluster in which the story begins."""
    cluster = Cluster(nodes=0, kubelet=StoryKubelet())
    install(cluster.server)
    cluster.server.authorizer = RBAC()
    cluster.server.authorizer.connect(cluster.server.reader)
    run(cluster, "create clusterrolebinding story-nodes --clusterrole=cluster-admin --group=system:nodes")
    resource = cluster.scheme.resolve("nodes")
    for number in range(3):
        cluster.server.handle(Request("create", resource, body=node(number, rfc3339(cluster.now)), user=ADMIN))
    cluster.run(6.0)
    run(cluster, ["delete", "storageclass", "standard"])  # the recording's cluster had no provisioner
    cluster.server.metrics = None  # and no metrics server
    run(cluster, ["config", "set-context", "--current", f"--namespace={NAMESPACE}"])
    return cluster


def records(path: Path = GOLDEN) -> list[dict[str, Any]]:
    """The recorded commands in order."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def play(path: Path = GOLDEN, skip: Collection[int] = ()) -> Iterator[Outcome]:
    """Carry out the story and compare each command's exit code, output and error output."""
    cluster = world()
    for record in records(path):
        if record["n"] in NOT_SERVED or record["n"] in skip:
            continue
        cluster.run(BEFORE.get(record["n"], PAUSE))
        prepare(cluster, record["n"])
        words = shlex.split(record["cmd"])[1:]
        result = run(cluster, [*words, *flags(record)], stdin=record.get("stdin", ""))
        yield Outcome(record["n"], record["cmd"], tuple(differences(record, result)))


def flags(record: Mapping[str, Any]) -> list[str]:
    """Flags that the recording's kubeconfig stood for."""
    number = record["n"]
    given = ["--as", "bob"] if number in BOB else []
    if number == 332:
        given += ["--token", "unknown"]
    return [] if " -- " in record["cmd"] else given


def prepare(cluster: Cluster, number: int) -> None:
    """What the recorder did between commands without recording it; what is not known is guessed from what came of it."""
    if number == 168:  # the second template waits for an image until the deadline has passed
        template = {"metadata": {"annotations": {"state": "ImagePullBackOff"}}}
        body = json.dumps({"spec": {"progressDeadlineSeconds": 2, "template": template}})
        run(cluster, ["patch", "deployment", "broken", "-p", body])
        cluster.run(6.0)
    if number == 311:  # node-2 has a pod of each sort that a drain asks about; earlier workloads are gone
        run(cluster, ["delete", "deployment/web", "statefulset/db"])
        run(cluster, ["apply", "-f", "-"], stdin=DRAINED)
        cluster.run(3.0)


def differences(record: Mapping[str, Any], result: Result) -> list[str]:
    """Lines that differ."""
    found = []
    if result.exit != record["exit"]:
        found.append(f"exit {result.exit} in place of {record['exit']}")
    for stream in ("stdout", "stderr"):
        want = record[f"{stream}_norm"]
        got = norm_text(  # type: ignore[no-untyped-call]  # comes with the recordings
            TOKEN.sub("<jwt>", getattr(result, stream)),
            node=record.get("node", False),
            group=record["group"],
            server="127.0.0.1:6443",
        )
        if got != want:
            found.append(f"{stream}:")
            found += list(unified_diff(want.split("\n"), got.split("\n"), "recorded", "here", lineterm="", n=1))[2:]
    return found


def main() -> None:
    """Print what differs, command by command (``python -m tests.kubectl.story``)."""
    agreeing = 0
    outcomes = list(play())
    for outcome in outcomes:
        agreeing += not outcome.lines
        if outcome.lines:
            print(f"== {outcome.number} {outcome.command}", *(f"   {line}" for line in outcome.lines), sep="\n")
    print(f"{agreeing} of {len(outcomes)} agree")


if __name__ == "__main__":
    main()
