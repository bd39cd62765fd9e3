"""The inside of a Pod as text: what is shared first, then each container, then the volumes; the picture says the same."""

from __future__ import annotations

from k8snb.locale import text
from k8snb.views.anatomy import TOKEN, AnatomyView, Room, Shelf, size_text
from k8snb.views.state import LOOKS

MOST_PROCESSES = 4
MOST_FILES = 4
"""Processes of a container and files of a volume that are shown before the rest is counted."""


def anatomy_text(view: AnatomyView, language: str | None = None) -> str:
    """The text twin of the picture."""
    lines = [text("anatomy.title", language, pod=f"{view.namespace}/{view.name}"), "  " + heading(view, language)]
    lines.append(
        f"  {LOOKS[view.pause].sign} {text('anatomy.pause', language)}: {text('anatomy.pause.role', language)}"
    )
    lines += ["    " + line for line in network_lines(view, language)]
    lines += ["  ▣ " + line for line in shared_lines(view, language)]
    for room in view.rooms:
        role = text(f"anatomy.role.{room.role}", language)
        lines.append(f"  {LOOKS[room.state].sign} {role} {room.name}: {word_text(room, language)}")
        lines += ["    " + line for line, _ in room_lines(room, view, language)]
    lines.append("  " + text("anatomy.volumes" if view.volumes else "anatomy.no-volumes", language))
    for shelf in view.volumes:
        lines.append(
            f"    ▤ {shelf.name} ({kind_text(shelf)}) ↔ {', '.join(shelf.users) or text('anatomy.unused', language)}"
        )
        lines += ["      " + line for line in shelf_lines(shelf, language)]
    if not view.inside:
        lines.append("  " + text("anatomy.unseen", language))
    return "\n".join(lines)


def heading(view: AnatomyView, language: str | None = None) -> str:
    """Where the Pod is, how it is, and who looks after it."""
    place = text("anatomy.place", language, node=view.node) if view.node else text("anatomy.nowhere", language)
    owner = text("anatomy.owner", language, owner=view.owner) if view.owner else text("anatomy.alone", language)
    parts = [
        f"{LOOKS[view.state].sign} {view.word}",
        place,
        text("anatomy.policy", language, policy=view.restart_policy),
    ]
    if view.qos:
        parts.append(text("anatomy.qos", language, qos=view.qos))
    return " · ".join([*parts, owner])


def network_lines(view: AnatomyView, language: str | None = None) -> list[str]:
    """The shared network: addresses, hostname, and who listens where."""
    name = text("anatomy.network.host" if "hostNetwork" in view.host else "anatomy.network", language)
    addresses = [text("anatomy.address", language, address=a) for a in view.addresses]
    first = [name, text("anatomy.loopback", language), *(addresses or [text("anatomy.no-address", language)])]
    first.append(text("anatomy.hostname", language, hostname=view.hostname))
    if view.network_namespace:
        first.append(f"net:[{view.network_namespace}]")
    heard = [
        text(
            "anatomy.listens",
            language,
            port=f"{port.bind if port.bind != '0.0.0.0' else ''}:{port.number}",
            container=r.name,
        )
        for r in view.rooms
        for port in r.ports
        if port.bind
    ]
    return [" · ".join(first), "  ".join(heard or ([text("anatomy.nobody-listens", language)] if view.inside else []))]


def shared_lines(view: AnatomyView, language: str | None = None) -> list[str]:
    """Namespaces that are shared, or taken from the node, beyond what every Pod shares."""
    found = []
    if "hostPID" in view.host:
        found.append(text("anatomy.host-pid", language))
    elif view.shared_pid:
        found.append(text("anatomy.shared-pid", language))
    if view.own_users:
        found.append(text("anatomy.own-users", language))
    return found


def word_text(room: Room, language: str | None = None) -> str:
    """How a container is: the reason that its status gives, else its state in words."""
    return room.word or text(f"state.{room.state}", language)


Line = tuple[str, str]
"""A line and its tone: head, plain, good, bad, soft."""


def room_lines(room: Room, view: AnatomyView, language: str | None = None) -> list[Line]:
    """What a container's part of the picture says, line by line."""
    lines: list[Line] = []
    if room.restarts:
        lines.append((text("anatomy.restarts", language, count=room.restarts), "bad"))
    if room.ended and (room.restarts or room.state in ("problem", "done")):
        tone = "bad" if room.code else "soft"
        lines.append((text("anatomy.ended", language, reason=room.ended, code=room.code), tone))
    if room.back:
        lines.append((text("anatomy.back", language, at=f"{room.back:.1f}"), "bad"))
    lines += _processes(room, view, language)
    lines.append((_with_number("anatomy.files", "mnt", room.mount_namespace, language), "head"))
    lines.append((text("anatomy.image", language, image=room.image), "plain"))
    for mount in room.mounts:
        path = "/var/run/secrets/…" if mount.volume.startswith(TOKEN) else mount.path
        volume = mount.volume + (f"/{mount.part}" if mount.part else "")
        message = "anatomy.mount.ro" if mount.read_only else "anatomy.mount"
        lines.append((text(message, language, path=path, volume=volume), "plain"))
    for port in room.ports:
        if room.processes and not port.bind:
            lines.append((text("anatomy.unheard", language, port=port.number), "bad"))
    for probe in room.probes:
        told = text(
            f"anatomy.probe.{probe.state}",
            language,
            sort=probe.sort,
            asks=probe.asks,
            run=probe.run,
            threshold=probe.threshold,
        )
        lines.append((told, {"passed": "good", "failing": "bad"}.get(probe.state, "soft")))
    return lines + [(line, "soft") for line in _resources(room, language)]


def _with_number(message: str, kind: str, number: int, language: str | None) -> str:
    told = text(message, language)
    return f"{told} · {kind}:[{number}]" if number else told


def _processes(room: Room, view: AnatomyView, language: str | None) -> list[Line]:
    if not view.inside:
        return []
    common = view.shared_pid or "hostPID" in view.host
    head = _with_number(
        "anatomy.processes.shared" if common else "anatomy.processes", "pid", room.pid_namespace, language
    )
    lines: list[Line] = [(head, "head")]
    if not room.processes:
        return [*lines, (text("anatomy.none", language), "soft")]
    for process in room.processes[:MOST_PROCESSES]:
        lines.append((f"{process.pid}  {process.user}  {process.command}", "plain"))
    if len(room.processes) > MOST_PROCESSES:
        lines.append((text("anatomy.more", language, count=len(room.processes) - MOST_PROCESSES), "soft"))
    return lines


def _resources(room: Room, language: str | None) -> list[str]:
    found = []
    if room.used:
        used = size_text(room.used)
        limited = text("anatomy.memory", language, used=used, limit=size_text(room.limit)) if room.limit else ""
        found.append(limited or text("anatomy.memory.free", language, used=used))
    for message, place in (("requests", 0), ("limits", 1)):
        parts = [f"{name} {pair[place]}" for name, pair in (("cpu", room.cpu), ("memory", room.memory)) if pair[place]]
        if parts:
            found.append(text(f"anatomy.{message}", language, **{message: ", ".join(parts)}))
    return found


def kind_text(shelf: Shelf) -> str:
    """The kind of a volume with its source."""
    return f"{shelf.kind} {shelf.source}".strip()


def shelf_lines(shelf: Shelf, language: str | None = None) -> list[str]:
    """The files of a volume, each with the beginning of its content."""
    if not shelf.known:
        return []
    if not shelf.files:
        return [text("anatomy.empty", language)]
    lines = [f"{name}: {content}" if content else name for name, content in shelf.files[:MOST_FILES]]
    if len(shelf.files) > MOST_FILES:
        lines.append(text("anatomy.more", language, count=len(shelf.files) - MOST_FILES))
    return lines
