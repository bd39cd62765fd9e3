"""`kubectl logs`, and the commands that would need a process that stays (`attach`, `proxy`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k8snb.api import selectors
from k8snb.api.codec import to_dict
from k8snb.api.request import RequestOptions
from k8snb.kubectl import targets
from k8snb.kubectl.call import SELECTOR, Call, Command
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.targets import Found

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
FOLLOWED = 600.0
"""Simulated seconds that `-f` follows at most; it ends earlier when the container does or nothing is left to come."""


def run(call: Call) -> int | None:
    """Print the log of containers."""
    if not call.args and not call.flag("selector"):
        raise usage(
            "logs",
            "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
        )
    if call.args and call.flag("selector"):
        raise usage("logs", "only a selector (-l) or a POD name is allowed")
    if call.flag("all-containers") and call.flag("container"):
        raise usage(
            "logs", "--all-containers=true should not be specified with container name " + str(call.flag("container"))
        )
    pods = _pods(call)
    if call.flag("selector") and not pods:
        call.complain(f"No resources found in {call.namespace} namespace.\n")
        return None
    many = len(pods) > 1 or bool(call.flag("all-containers"))
    for pod in pods:
        for container in _containers(call, pod):
            prefix = f"[pod/{pod.metadata.name}/{container}] " if call.flag("prefix") and many else ""
            _print(call, pod, container, prefix)
    return None


def _pods(call: Call) -> list[Any]:
    client = call.client
    pods = client.core("pods")
    if call.flag("selector"):
        return client.list(pods, call.namespace, str(call.flag("selector")))
    name = call.args[0]
    if "/" not in name:
        return [client.get(pods, call.namespace, name)]
    target = targets.parse(call, [name])[0]
    obj = client.get(target.resource, target.namespace, target.name)
    if target.resource.kind == "Pod":
        return [obj]
    found = pods_of(call, Found(target.resource, obj))
    if not found:
        raise KubectlError("timed out waiting for the condition")
    if len(found) > 1 and not call.flag("all-pods"):
        call.complain(f"Found {len(found)} pods, using pod/{found[0].metadata.name}\n")
        found = found[:1]
    return found


def pods_of(call: Call, item: Found) -> list[Any]:
    """The pods of a workload or Service, the ones that run longest first."""
    spec: Any = item.object.spec
    chosen = getattr(spec, "selector", None)
    if chosen is None:
        raise KubectlError(
            f"cannot get the logs from {item.resource.kind}.{item.resource.group}: unable to find its pods"
        )
    text = (
        str(selectors.from_labels(chosen)) if isinstance(chosen, dict) else str(selectors.from_label_selector(chosen))
    )
    pods = call.client.list(call.client.core("pods"), item.namespace, text)
    return sorted(
        pods, key=lambda pod: (pod.status.phase != "Running", pod.metadata.creationTimestamp or "", pod.metadata.name)
    )


def _containers(call: Call, pod: Any) -> list[str]:
    spec = pod.spec
    names = [item.name for item in (*spec.initContainers, *spec.containers, *spec.ephemeralContainers)]
    if call.flag("all-containers"):
        return names
    chosen = str(call.flag("container") or "") or (call.args[1] if len(call.args) > 1 else "")
    if chosen:
        if chosen not in names:
            raise KubectlError(f"container {chosen} is not valid for pod {pod.metadata.name}")
        return [chosen]
    default = pod.metadata.annotations.get(DEFAULT_CONTAINER)
    if default in names:
        return [str(default)]
    if len(names) > 1:
        shown = ", ".join(
            [item.name for item in spec.containers] + [f"{item.name} (init)" for item in spec.initContainers]
        )
        call.complain(f'Defaulted container "{spec.containers[0].name}" out of: {shown}\n')
    return [spec.containers[0].name]


def _options(call: Call, container: str) -> RequestOptions:
    extra: dict[str, str] = {"container": container}
    if call.flag("previous"):
        extra["previous"] = "true"
    tail = int(call.flag("tail"))
    if "tail" not in call.given and call.flag("selector"):
        tail = 10
    if tail >= 0:
        extra["tailLines"] = str(tail)
    if call.flag("since"):
        extra["sinceSeconds"] = str(max(1, int(call.flag("since"))))
    if call.flag("timestamps"):
        extra["timestamps"] = "true"
    if call.flag("limit-bytes"):
        extra["limitBytes"] = str(call.flag("limit-bytes"))
    return RequestOptions(extra=extra)


def _print(call: Call, pod: Any, container: str, prefix: str) -> None:
    meta = pod.metadata
    read = _reader(call, pod, container)
    text = read()
    call.write(_prefixed(text, prefix))
    if not call.flag("follow"):
        return
    client, end = call.client, call.client.now + FOLLOWED
    seen = len(text)
    while client.now < end:
        client.cluster.run(1.0)
        text = read()
        if len(text) > seen:
            call.write(_prefixed(text[seen:], prefix))
            seen = len(text)
        found = client.find(client.core("pods"), meta.namespace or "", meta.name)
        if found is None or found.status.phase in ("Succeeded", "Failed") or client.quiet():
            break


def _reader(call: Call, pod: Any, container: str) -> Callable[[], str]:
    meta = pod.metadata
    options = _options(call, container)

    def read() -> str:
        answer = call.client.send(
            "get", call.client.core("pods"), meta.namespace or "", meta.name, subresource="log", options=options
        )
        return answer.text or ""

    return read


def _prefixed(text: str, prefix: str) -> str:
    return "".join(f"{prefix}{line}\n" for line in text.splitlines()) if prefix else text


LOGS = Command(
    "logs",
    "Print the logs of containers",
    run,
    (
        SELECTOR,
        Flag("container", short="c", default=""),
        Flag("previous", "switch", short="p", default=False),
        Flag("follow", "switch", short="f", default=False),
        Flag("tail", "number", default=-1),
        Flag("since", "duration", default=0.0),
        Flag("since-time", default=""),
        Flag("timestamps", "switch", default=False),
        Flag("prefix", "switch", default=False),
        Flag("all-containers", "switch", default=False),
        Flag("all-pods", "switch", default=False),
        Flag("ignore-errors", "switch", default=False),
        Flag("limit-bytes", "number", default=0),
        Flag("max-log-requests", "number", default=5),
        Flag("pod-running-timeout", "duration", default=20.0),
    ),
)


def unavailable(what: str, instead: str) -> Callable[[Call], int | None]:
    """A command that needs a real container or a network: it checks the pod and says what to do instead."""

    def run_(call: Call) -> int | None:
        if call.args:
            name = call.args[0].removeprefix("pod/").removeprefix("pods/").partition(":")[0]
            if "/" not in name:
                call.client.get(call.client.core("pods"), call.namespace, name)
        raise KubectlError(f"{what} is not possible here: containers are modelled, no program runs in them; {instead}")

    return run_


_INTERACTIVE = (
    Flag("container", short="c", default=""),
    Flag("stdin", "switch", short="i", default=False),
    Flag("tty", "switch", short="t", default=False),
    Flag("quiet", "switch", short="q", default=False),
    Flag("filename", "list", short="f"),
    Flag("pod-running-timeout", "duration", default=60.0),
)
ATTACH = Command(
    "attach",
    "Not possible here (no program runs)",
    unavailable("attach", "kubectl logs -f shows the output"),
    _INTERACTIVE,
)
PROXY = Command(
    "proxy",
    "Not possible here (no network)",
    unavailable("proxy", "use kubectl get --raw"),
    (Flag("port", short="p", default=""),),
)

__all__ = ["ATTACH", "LOGS", "PROXY", "pods_of", "to_dict"]
