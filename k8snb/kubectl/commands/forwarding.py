"""kubectl port-forward in a notebook: no port of this machine is opened; the connection is tried, and what came of it said.

The real command listens until it is interrupted. Here it prints the same first lines, asks the port once, as a browser at
the forwarded address would, and says how to ask for more. ``cluster.serve()`` makes the real one possible.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from k8snb import locale
from k8snb.kubectl.call import Call, Command
from k8snb.kubectl.commands.logs import pods_of
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.targets import Found

FIRST_FREE = 40000
"""The local port that stands for "any free one"."""
SHOWN = 15
"""Lines of an answer that are shown."""


class Forward(NamedTuple):
    """A local port, and the pod's port behind it."""

    local: int
    remote: int


def run(call: Call) -> int | None:
    """Try the connections that the command would forward."""
    if len(call.args) < 2:
        raise usage("port-forward", "error: TYPE/NAME and list of ports are required for port-forward")
    kind, slash, name = call.args[0].partition("/")
    resource = call.client.kind(kind) if slash else call.client.core("pods")
    obj: Any = call.client.get(resource, call.namespace, name if slash else kind)
    pod = obj if resource.kind == "Pod" else _pod_of(call, Found(resource, obj))
    service = obj if resource.kind == "Service" else None
    forwards = [_forward(text, pod, service) for text in call.args[1:]]
    if pod.status.phase != "Running":
        raise KubectlError(f"unable to forward port because pod is not running. Current status={pod.status.phase}")
    for local, remote in forwards:
        call.print(f"Forwarding from 127.0.0.1:{local} -> {remote}")
        call.print(f"Forwarding from [::1]:{local} -> {remote}")
    failed = [forward for forward in forwards if not _asked(call, pod, forward)]
    where = f"pod/{pod.metadata.namespace}/{pod.metadata.name}"
    call.complain(locale.text("kubectl.port-forward", target=where, port=forwards[0].remote) + "\n")
    return 1 if failed else None


def _pod_of(call: Call, found: Found) -> Any:
    pods = pods_of(call, found)
    if not pods:
        raise KubectlError(
            f"timed out waiting for the condition: no pod is behind {found.resource.singular}/{found.name}"
        )
    return pods[0]


def _forward(text: str, pod: Any, service: Any) -> Forward:
    """One of LOCAL:REMOTE, :REMOTE and PORT; raises `KubectlError`."""
    left, colon, right = text.partition(":")
    remote = right if colon else left
    if not remote or (colon and ":" in right):
        raise KubectlError(f"invalid port format '{text}'")
    number = _through(service, remote, pod) if service is not None else _container_port(pod, remote)
    if not left:
        return Forward(FIRST_FREE, number)
    local = int(left) if left.isdigit() else number
    if not 0 < local < 65536:
        raise KubectlError(f"invalid local port '{left}'")
    return Forward(local, number)


def _container_port(pod: Any, text: str) -> int:
    if text.isdigit():
        if not 0 < int(text) < 65536:
            raise KubectlError("remote port must be > 0")
        return int(text)
    ports = [port for item in pod.spec.containers for port in item.ports if port.name == text]
    if not ports:
        raise KubectlError(f"Pod '{pod.metadata.name}' does not have a named port '{text}'")
    return int(ports[0].containerPort)


def _through(service: Any, text: str, pod: Any) -> int:
    """The pod's port behind a port of a service."""
    found = next((p for p in service.spec.ports if text in (str(p.port), p.name)), None)
    if found is None:
        what = "service port" if text.isdigit() else "named port"
        shown = text if text.isdigit() else f"'{text}'"
        raise KubectlError(f"Service {service.metadata.name} does not have a {what} {shown}")
    if service.spec.clusterIP == "None" and text.isdigit():
        return int(text)
    return _container_port(pod, str(found.targetPort or found.port))


def _asked(call: Call, pod: Any, forward: Forward) -> bool:
    """Ask once, and show what a client at the local port would see; whether anybody answered."""
    cluster: Any = call.client.cluster
    local, remote = forward
    call.print(f"Handling connection for {local}")
    answer = cluster.port_forward(f"pod/{pod.metadata.namespace}/{pod.metadata.name}", remote)
    if answer.error in ("refused", "timeout", "unreachable"):
        why = {"refused": "connection refused", "timeout": "i/o timeout"}.get(answer.error, "no route to host")
        call.complain(
            f"an error occurred forwarding {local} -> {remote}: error forwarding port {remote} to pod {pod.metadata.uid}, "
            f"uid : failed to execute portforward in network namespace: failed to connect to localhost:{remote} inside "
            f"namespace: dial tcp4 127.0.0.1:{remote}: connect: {why}\nerror: lost connection to pod\n"
        )
        return False
    lines = answer.body.splitlines()
    head = f"HTTP {answer.status}" if not answer.error else f"({answer.message or answer.error})"
    call.print(f"$ curl http://127.0.0.1:{local}/\n{head}")
    call.print("\n".join(lines[:SHOWN]) + ("\n…" if len(lines) > SHOWN else ""))
    return True


PORT_FORWARD = Command(
    "port-forward",
    "Try a connection to a port of a pod",
    run,
    (Flag("address", default="localhost"), Flag("pod-running-timeout", "duration", default=60.0)),
)
