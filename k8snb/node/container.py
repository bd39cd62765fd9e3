"""A container on a node: its instance that runs or ran last, its logs, files and variables, and what it waits for.

The kubelet's side of it (when to start, probe, restart) is in ``pod`` and ``probes``; what it shows in the API in ``status``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from k8snb.api.types.core_v1 import Container as Spec
from k8snb.api.types.core_v1 import ContainerState, ContainerStatus, VolumeMount
from k8snb.client.wire import Reply, Request
from k8snb.node import env, volumes
from k8snb.node.addresses import addresses_of
from k8snb.node.app import AppProcess
from k8snb.node.backoff import Backoff
from k8snb.node.constants import CRASH_BACKOFF, CRASH_BACKOFF_MAX, LOG_LINES
from k8snb.node.copying import copy_slots
from k8snb.node.files import Files, Mount, Store
from k8snb.node.images import Image
from k8snb.node.process import Exit, Process

if TYPE_CHECKING:
    from k8snb.node.pod import PodWorker
    from k8snb.node.probes import ProbeWorker
    from k8snb.node.world import World

WAITING: Final = 0
PULLING: Final = 1
STARTING: Final = 2
RUNNING: Final = 3
EXITED: Final = 4

INIT: Final = "init"
SIDECAR: Final = "sidecar"
MAIN: Final = "main"
EPHEMERAL: Final = "ephemeral"

SHELLS: Final = ("sh", "bash", "ash", "dash", "zsh")
WRAPPERS: Final = ("docker-entrypoint.sh", "entrypoint.sh", "tini", "dumb-init", "docker-php-entrypoint")
"""Entry points that do no more than run their arguments."""

CONTROL: Final = frozenset({"-s", "-t", "-T", "-v", "-V", "--version", "-version", "-h", "--help"})
"""Arguments with which a server's program controls or describes it instead of being one."""

LogLine = tuple[float, str, str]
"""Time in seconds, stream (stdout or stderr), text."""


class NotExecutable(Exception):
    """The command of a container cannot be run; the message is runc's."""


class Kill:
    """A container that is being stopped: preStop hook, stop signal, and after the grace period SIGKILL."""

    __slots__ = ("deadline", "hooked", "restart", "signalled", "until")

    def __init__(self, until: float, deadline: float, restart: bool, *, hooked: bool) -> None:
        self.until = until
        self.deadline = deadline
        self.restart = restart
        self.hooked = hooked
        self.signalled = False


class Container:
    """One container of a pod; ``kind`` is init, sidecar or main, ``state`` one of the constants of this module."""

    __slots__ = (
        "attempt", "backoff", "earlier_finish", "environ", "exit", "files", "hook_until", "id", "image", "kill", "kind",
        "last", "log_lines", "message", "name", "oom_at", "previous_logs", "probes", "process", "pull_asked", "pull_begun",
        "ready", "reason", "retry_at", "spec", "started", "started_at", "state", "status", "until", "worker",
    )  # fmt: skip

    def __init__(self, worker: PodWorker, spec: Spec, kind: str) -> None:
        self.worker = worker
        self.spec = spec
        self.kind = kind
        self.name = spec.name
        self.state = WAITING
        self.reason = ""
        self.message = ""
        self.attempt = 0
        self.id = ""
        self.image: Image | None = None
        self.started_at = 0.0
        self.until = 0.0
        self.hook_until: float | None = None
        self.exit: Exit | None = None
        self.earlier_finish: float | None = None
        self.last: ContainerState | None = None
        self.process: Process | None = None
        self.backoff: Backoff | None = None
        self.kill: Kill | None = None
        self.oom_at: float | None = None
        self.retry_at: float | None = None
        self.pull_asked = 0.0
        self.pull_begun = 0.0
        self.ready = False
        self.started = False
        self.probes: list[ProbeWorker] | None = None
        self.log_lines: list[LogLine] | None = None
        self.previous_logs: list[LogLine] | None = None
        self.files: Files | None = None
        self.environ: dict[str, str] | None = None
        self.status: ContainerStatus | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Container:
        return copy_slots(self, memo)

    def touch(self) -> None:
        """What is shown of it has changed; the kubelet notices with its next look."""
        self.status = None
        self.worker.changed = True

    def wait(self, reason: str, message: str = "") -> None:
        """It cannot start now, for a reason that its status shows."""
        if self.reason != reason or self.message != message:
            self.reason = reason
            self.message = message
            self.touch()

    def crash_backoff(self) -> Backoff:
        """The back-off of its restarts, made at the first one."""
        if self.backoff is None:
            self.backoff = Backoff(CRASH_BACKOFF, CRASH_BACKOFF_MAX)
        return self.backoff

    # -- what runs in it

    def argv(self, world: World) -> tuple[str, ...]:
        """Entrypoint and arguments: the pod's, where it gives them, else the image's; ``$(VAR)`` is expanded."""
        spec, image = self.spec, self.image
        if spec.command:
            words = (*spec.command, *spec.args)
        elif image is not None:
            words = (*image.entrypoint, *(spec.args or image.cmd))
        else:
            words = spec.args
        if any("$" in word for word in words):
            variables = self.environment(world)
            words = tuple(env.expand(word, variables) for word in words)
        return words

    def make_process(self, world: World) -> Process:
        """The process that its command starts; raises ``NotExecutable`` when the image has no such program."""
        return self.process_of(self.argv(world), world)

    def process_of(self, argv: tuple[str, ...], world: World) -> Process:
        """A process of the image for some command line."""
        image = self.image
        if image is None:
            raise NotExecutable(f"the image {self.spec.image} of container {self.name} is not known any more")
        words = argv
        while len(words) > 1 and (words[0].rpartition("/")[2] in WRAPPERS or words[0] == "--"):
            words = words[1:]
        if not words:
            raise NotExecutable("failed to create containerd container: no command specified")
        name = words[0].rpartition("/")[2]
        app = image.program(name)
        if app is not None and CONTROL.isdisjoint(words[1:]):
            return AppProcess(app, words)
        from k8snb.node.shell import COMMANDS, Machine

        if image.shell and name in SHELLS:
            return Machine.shell(words)
        if image.shell and name in COMMANDS:
            return Machine.command(words)
        script = self.filesystem(world).read(words[0]) if words[0].startswith("/") else None
        if script is not None and (image.shell or image.generic):
            return Machine.script(words, script)
        if image.generic and image.programs:
            return AppProcess(image.programs[0], words)
        if "/" in words[0]:
            why = f'exec: "{words[0]}": stat {words[0]}: no such file or directory'
        else:
            why = f'exec: "{words[0]}": executable file not found in $PATH'
        raise NotExecutable(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
            f"unable to start container process: error during container init: {why}: unknown"
        )

    def take_image(self) -> None:
        """Use the image that is on the node now."""
        agent = self.worker.agent
        self.image = agent.images.get(agent.name_of(self.spec.image or ""))

    def new_id(self) -> str:
        """The id of the instance that starts next: the same for the same pod, container and attempt."""
        text = f"{self.worker.uid}/{self.name}/{self.attempt}"
        return f"containerd://{hashlib.sha256(text.encode()).hexdigest()}"

    # -- what it sees

    def hostname(self) -> str:
        """The host name inside: the pod's ``hostname``, its name, or the node's with the host's network."""
        spec = self.worker.pod.spec
        if spec.hostNetwork:
            return self.worker.agent.name
        return (spec.hostname or self.worker.pod.metadata.name or "")[:63]

    def source(self) -> str:
        """How the network names the pod as a caller."""
        meta = self.worker.pod.metadata
        return f"pod/{meta.namespace}/{meta.name}"

    def workdir(self) -> str:
        """Where its process starts."""
        return self.spec.workingDir or (self.image.workdir if self.image is not None else "/")

    def environment(self, world: World) -> dict[str, str]:
        """Its variables; raises ``env.ConfigError`` when a reference is missing."""
        if self.environ is None:
            self.environ = env.environment(self, world.objects())
        return self.environ

    def filesystem_if_touched(self, world: World) -> Files | None:
        """Its file system, or None while it is just the image's (only the service account token is mounted)."""
        if self.files is None and all(m.mountPath.startswith("/var/run/secrets/") for m in self.spec.volumeMounts):
            return None
        return self.filesystem(world)

    def filesystem(self, world: World) -> Files:
        """Its file system, made when first used."""
        if self.files is None:
            stores = self.worker.stores
            if stores is None:
                try:
                    stores = volumes.mount_all(self.worker, world.objects())
                except volumes.MountError:  # the source of a volume that was mounted at the start has gone since
                    stores = {}
                self.worker.stores = stores
            mounts = [self._mount(m, stores) for m in self.spec.volumeMounts if m.name in stores]
            base = dict(self.image.files) if self.image is not None else {}
            base["/etc/hostname"] = f"{self.hostname()}\n"
            base["/etc/hosts"] = _hosts_file(self)
            base["/etc/resolv.conf"] = world.network.resolv_conf(self.worker.pod)
            self.files = Files(base, mounts)
        return self.files

    def _mount(self, mount: VolumeMount, stores: dict[str, Store]) -> Mount:
        store = stores[mount.name]
        sub = mount.subPath or ""
        if not sub and mount.subPathExpr:
            sub = env.expand(mount.subPathExpr, self.environ or {})
        read_only = bool(mount.readOnly) or self.worker.read_only(mount.name)
        path = mount.mountPath.rstrip("/") or "/"
        if not sub:
            return Mount(path, store, "", read_only)
        if sub in store:  # a single file: a snapshot when it comes from a ConfigMap, as a bind mount of the old file is
            return Mount(
                path, {sub: store[sub]} if self.worker.read_only(mount.name) else store, "", read_only, file=sub
            )
        return Mount(path, store, f"{sub.strip('/')}/", read_only)

    def call(self, request: Request, now: float, world: World) -> Reply:
        """Send a request from inside over the network.

        A script that is run again for a past that is over (``restore``) finds that all its requests succeeded.
        """
        if now < world.objects().now - 1e-6:
            return Reply(200, "")
        return world.network.call(self.source(), request, world.objects(), now)

    def log(self, now: float, text: str, stream: str = "stdout") -> None:
        """Write a line to the container's log; bytes that are no text are shown as such."""
        if not text.isascii():
            text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        lines = self.log_lines
        if lines is None:
            self.log_lines = [(now, stream, text)]
            return
        lines.append((now, stream, text))
        if len(lines) > LOG_LINES:
            del lines[: LOG_LINES // 10]

    def log_rest(self, now: float, text: str, stream: str) -> None:
        """Write what a process left without a final newline."""
        self.log(now, text, stream)


def termination_message(box: Container, end: Exit) -> str:
    """What the container left in its termination log, or the end of its log where it asked for that."""
    if end.message:
        return end.message
    path = box.spec.terminationMessagePath or "/dev/termination-log"
    if box.files is not None:
        text = box.files.own.get(path) or ""
        if text:
            return text[:4096]
    if end.code and box.spec.terminationMessagePolicy == "FallbackToLogsOnError" and box.log_lines:
        return "".join(f"{line}\n" for _, _, line in box.log_lines[-80:])[-2048:]
    return ""


def keep_logs(box: Container) -> None:
    """Before another instance starts, the log of the last one becomes the previous log."""
    if box.log_lines is not None:
        box.previous_logs = box.log_lines[-LOG_LINES:]
        box.log_lines = None
    elif box.id:
        box.previous_logs = []


def _hosts_file(box: Container) -> str:
    lines = [
        "# Kubernetes-managed hosts file.",
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        *(f"{own}\t{box.hostname()}" for own in addresses_of(box.worker, box.worker.ip)),
    ]
    for alias in box.worker.pod.spec.hostAliases:
        lines.append(f"{alias.ip}\t{' '.join(alias.hostnames)}")
    return "\n".join(lines) + "\n"
