"""kubectl exec: a command in a container, run by the modelled container's own shell and programs."""

from __future__ import annotations

from typing import Any

from k8snb.kubectl.call import Call, Command
from k8snb.kubectl.commands.logs import pods_of
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.targets import Found


def run(call: Call) -> int | None:
    """Run the words behind ``--`` in a container; the exit code is the command's."""
    words = call.behind if call.behind is not None else call.args[1:]
    if not call.args:
        raise usage("exec", "error: pod, type/name or --filename must be specified")
    if not words:
        raise usage("exec", "error: you must specify at least one command for the container")
    pod = _pod(call, call.args[0])
    container = container_of(call, pod)
    cluster: Any = call.client.cluster
    try:
        given = call.stdin if call.flag("stdin") else None
        result = cluster.kubelets.exec(pod, container, words, cluster.now, given)
    except ValueError as error:
        raise KubectlError(f"unable to upgrade connection: {error}") from None
    call.write(shown(result.stdout))
    if result.stderr:
        call.complain(shown(result.stderr))
    if result.code:
        call.complain(f"command terminated with exit code {result.code}\n")
    return int(result.code)


def container_of(call: Call, pod: Any) -> str:
    """The container that ``-c``, the pod's annotation or its first place chooses; raises `KubectlError`."""
    names = [c.name for c in pod.spec.containers]
    container = str(call.flag("container") or "") or pod.metadata.annotations.get(
        "kubectl.kubernetes.io/default-container", names[0]
    )
    known = [*names, *(c.name for c in pod.spec.initContainers)]
    if container not in known:
        raise KubectlError(f"container {container} not found in pod {pod.metadata.name}")
    if not call.flag("container") and len(names) > 1:
        rest = ", ".join(n for n in names if n != container)
        call.complain(f'Defaulted container "{container}" out of: {container}, {rest}\n')
    if pod.status.phase in ("Succeeded", "Failed"):
        raise KubectlError(f"cannot exec into a container in a completed pod; current phase is {pod.status.phase}")
    return str(container)


def shown(text: str) -> str:
    """Output as it can be printed: bytes that are no UTF-8 become replacement characters."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _pod(call: Call, name: str) -> Any:
    client = call.client
    kind, slash, rest = name.partition("/")
    if not slash:
        return client.get(client.core("pods"), call.namespace, name)
    resource = client.kind(kind)
    obj = client.get(resource, call.namespace, rest)
    if resource.kind == "Pod":
        return obj
    found = pods_of(call, Found(resource, obj))
    if not found:
        raise KubectlError(f"no pod of {name} is there to run the command in")
    return found[0]


EXEC = Command(
    "exec",
    "Run a command in a container",
    run,
    (
        Flag("container", short="c", default=""),
        Flag("stdin", "switch", short="i", default=False),
        Flag("tty", "switch", short="t", default=False),
        Flag("quiet", "switch", short="q", default=False),
        Flag("pod-running-timeout", "duration", default=60.0),
    ),
)
