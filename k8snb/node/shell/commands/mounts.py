"""What is mounted where in a container: mount, df, and the directories of /proc that ls and readlink are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from k8snb.node.shell.commands.filesystem import ls as listed
from k8snb.node.shell.commands.filesystem import realpath
from k8snb.node.shell.commands.processes import listed_namespaces, namespace_of, pids
from k8snb.node.shell.context import Context, Outcome

DISK = "/dev/vda1"
"""The node's disk, on which emptyDir volumes and the files that the kubelet makes are."""
PROC = ("cpuinfo", "meminfo", "mounts", "self", "sys", "uptime", "version")
"""What /proc holds beside processes."""
MADE = ("/etc/hosts", "/dev/termination-log", "/etc/hostname", "/etc/resolv.conf")
"""Files that the kubelet and the runtime make for each container."""


def mount(context: Context, argv: list[str]) -> Outcome:
    """mount: what is mounted in the container's own mount namespace; nothing new can be mounted without privileges."""
    if len(argv) > 1:
        return context.fail("mount: permission denied (are you root?)")
    number = int(hashlib.sha256(context.box.id.encode()).hexdigest()[:6], 16) % 900 + 100
    snapshots = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots"
    layers = f"lowerdir={snapshots}/{number - 7}/fs,upperdir={snapshots}/{number}/fs,workdir={snapshots}/{number}/work"
    rows = [
        f"overlay on / type overlay (rw,relatime,{layers})",
        "proc on /proc type proc (rw,nosuid,nodev,noexec,relatime)",
        "tmpfs on /dev type tmpfs (rw,nosuid,size=65536k,mode=755)",
        "sysfs on /sys type sysfs (ro,nosuid,nodev,noexec,relatime)",
    ]
    volumes = {volume.name: volume for volume in context.box.worker.pod.spec.volumes}
    for one in context.box.spec.volumeMounts:
        volume = volumes.get(one.name)
        kind = _memory(volume)
        mode = "ro" if one.readOnly or context.box.worker.read_only(one.name) else "rw"
        rows.append(
            f"{'tmpfs' if kind else DISK} on {one.mountPath} type {'tmpfs' if kind else 'ext4'} ({mode},relatime)"
        )
    rows += [f"{DISK} on {path} type ext4 (rw,relatime)" for path in MADE]
    rows.append("shm on /dev/shm type tmpfs (rw,nosuid,nodev,noexec,relatime,size=65536k)")
    context.out("".join(f"{row}\n" for row in rows))
    return 0


def _memory(volume: Any) -> bool:
    """Whether a volume is kept in memory: Secrets, tokens, and emptyDir where it asks for it."""
    if volume is None:
        return False
    in_memory = volume.emptyDir is not None and volume.emptyDir.medium == "Memory"
    return bool(volume.secret or volume.projected or volume.downwardAPI or in_memory)


def ls(context: Context, argv: list[str]) -> Outcome:
    """ls, which also knows /proc and the namespaces of processes."""
    names = [word for word in argv[1:] if not word.startswith("-")]
    long = any("l" in word for word in argv[1:] if word.startswith("-"))
    if len(names) != 1:
        return listed(context, argv)
    path = context.path(names[0])
    kinds = listed_namespaces(context, path)
    if kinds is not None:
        for kind in kinds:
            target = namespace_of(context, f"{path}/{kind}")
            if target is None:
                return context.fail(f"ls: {names[0]}: No such file or directory")
            head = "lrwxrwxrwx    1 root     root             0 Jan  1 00:00 "
            context.out(f"{head}{kind} -> {target}\n" if long else f"{kind}\n")
        return 0
    if path == "/proc":
        context.out("".join(f"{name}\n" for name in (*pids(context), *PROC)))
        return 0
    return listed(context, argv)


def readlink(context: Context, argv: list[str]) -> Outcome:
    """readlink [-f] NAME: where a symbolic link leads; here those of namespaces are the only ones."""
    target = namespace_of(context, context.path(argv[-1])) if len(argv) > 1 else None
    if target is None:
        return realpath(context, argv)
    context.out(f"{target}\n" if "-f" not in argv[1:] else f"{context.path(argv[-1]).rpartition('/')[0]}/{target}\n")
    return 0


COMMANDS: dict[str, Callable[[Context, list[str]], Outcome]] = {"ls": ls, "mount": mount, "readlink": readlink}
"""Commands by name; they go before those of the same name that know files only."""
