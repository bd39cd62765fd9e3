"""The inside of a Pod drawn: pause and the shared network above, a room for each container, shared volumes below."""

from __future__ import annotations

from html import escape

from k8snb.locale import text
from k8snb.views.anatomy import TOKEN, AnatomyView, Room, Shelf
from k8snb.views.anatomy_text import heading, kind_text, network_lines, room_lines, shared_lines, shelf_lines, word_text
from k8snb.views.state import LOOKS
from k8snb.views.svg import INK, LINE, PAPER, SOFT, WASH, box, fit, keyed, label, picture, wrapped

WIDTH, PROJECTOR = 960.0, 1.35
GAP, EDGE, ROW = 10.0, 10.0, 15.0
NET, NET_WASH, GOOD, BAD, DISK = "#00527f", "#e3f1fb", "#00694f", "#a33b00", "#7a5b00"
INKS = {"head": INK, "plain": INK, "good": GOOD, "bad": BAD, "soft": SOFT}
NARROWEST = 215.0
"""The least width of a container's room; more containers than fit go into a further row."""


def draw_anatomy(view: AnatomyView, language: str | None = None, selected: str = "", projector: bool = False) -> str:
    """The picture; refs are ``Pause``, ``Network``, ``Room/NAME`` and ``Volume/NAME``."""
    width = WIDTH / PROJECTOR if projector else WIDTH
    title = text("anatomy.title", language, pod=f"{view.namespace}/{view.name}")
    still = [label(EDGE + 6, 24, title, 15, INK, 600)]
    y = 32.0
    for part in wrapped(heading(view, language), width - 40, 12.5, 2):
        still.append(label(EDGE + 6, y + 11, part, 12.5, LOOKS[view.state].ink, 600))
        y += 17
    moving: list[str] = []
    y = _shared(view, width, y + 6, language, still, moving)
    apps = [room for room in view.rooms if room.role != "init"]
    y = _inits([room for room in view.rooms if room.role == "init"], view, width, y, language, still, moving)
    feet: dict[str, list[tuple[float, float]]] = {}
    y = _rooms(apps, view, width, y, language, moving, feet)
    y = _volumes(view, width, y, language, still, moving, feet)
    look = LOOKS[view.state]
    frame = box(1, 1, width - 2, y + 2, PAPER, look.ink, 10, 'stroke-width="2"')
    drawn = picture(width, y + 4, frame + "".join(still), "".join(moving), title)
    return (
        drawn.replace(f'data-ref="{escape(selected)}"', f'data-ref="{escape(selected)}" aria-pressed="true"', 1)
        if selected
        else drawn
    )


def _shared(
    view: AnatomyView, width: float, top: float, language: str | None, still: list[str], moving: list[str]
) -> float:
    """The pause container, and the network that it holds for all."""
    pause_width = 150.0
    lines = [
        part for line in network_lines(view, language) for part in wrapped(line, width - pause_width - 60, 12.5, 3)
    ]
    h = max(72.0, 14 + 17 * len(lines) + 8)
    look = LOOKS[view.pause]
    name, role = text("anatomy.pause", language), text("anatomy.pause.role", language)
    body = box(0, 0, pause_width, h, "#e3e8eb", look.ink, 6, 'stroke-width="1.5"')
    body += label(10, 19, f"{look.sign} {name}", 13, look.ink, 600)
    for i, part in enumerate(wrapped(role, pause_width - 16, 11, 3)):
        body += label(10, 34 + 13 * i, part, 11, INK)
    moving.append(keyed("pause", "Pause", f"{name}: {role}", EDGE, top, body, view.pause))
    w = width - 2 * EDGE - pause_width - GAP
    body = box(0, 0, w, h, NET_WASH, NET, 6, 'stroke-width="1.5"')
    for i, part in enumerate(lines):
        body += label(10, 20 + 17 * i, part, 12.5, NET, 600 if i == 0 else 400)
    moving.append(keyed("network", "Network", " ".join(lines), EDGE + pause_width + GAP, top, body, "network"))
    y = top + h + 6
    for line in shared_lines(view, language):
        still.append(box(EDGE, y, width - 2 * EDGE, 22, "#f3e3ee", "#8a3a6b", 4, 'stroke-dasharray="5 3"'))
        still.append(label(EDGE + 8, y + 15.5, fit("▣ " + line, width - 40, 12.5), 12.5, "#8a3a6b", 600))
        y += 27
    return y


def _inits(
    rooms: list[Room],
    view: AnatomyView,
    width: float,
    top: float,
    language: str | None,
    still: list[str],
    moving: list[str],
) -> float:
    """Init containers in the order in which they run."""
    if not rooms:
        return top
    still.append(label(EDGE + 4, top + 16, text("anatomy.init", language), 12.5, INK, 600))
    y = top + 24
    each = min(300.0, (width - 2 * EDGE - (len(rooms) - 1) * 24) / len(rooms))
    for i, room in enumerate(rooms):
        look = LOOKS[room.state]
        x = EDGE + i * (each + 24)
        body = box(0, 0, each, 40, look.fill, look.ink)
        told = f"{look.sign} {i + 1}. {room.name}: {word_text(room, language)}"
        body += label(8, 17, fit(told, each - 16, 12.5), 12.5, look.ink, 600)
        again = text("anatomy.restarts", language, count=room.restarts) if room.restarts else room.image
        body += label(8, 32, fit(again, each - 16, 11), 11, INK)
        moving.append(keyed(f"room/{room.name}", f"Room/{room.name}", told, x, y, body, room.state))
        if i:
            still.append(label(x - 12, y + 25, "→", 15, SOFT, 600, "middle"))
    return y + 40 + GAP


def _rooms(
    rooms: list[Room],
    view: AnatomyView,
    width: float,
    top: float,
    language: str | None,
    moving: list[str],
    feet: dict[str, list[tuple[float, float]]],
) -> float:
    across = max(1, min(len(rooms), int((width - 2 * EDGE + GAP) // (NARROWEST + GAP))))
    w = (width - 2 * EDGE - (across - 1) * GAP) / across
    y = top
    for start in range(0, len(rooms), across):
        row = rooms[start : start + across]
        told = [_lines(room, view, w, language) for room in row]
        h = max(
            46 + ROW * len(lines) + (14 if room.limit and room.used else 0) + 6
            for room, lines in zip(row, told, strict=True)
        )
        for i, (room, lines) in enumerate(zip(row, told, strict=True)):
            x = EDGE + i * (w + GAP)
            moving.append(_room(room, lines, x, y, w, h, language))
            for mount in room.mounts:
                feet.setdefault(mount.volume, []).append((x + w / 2, y + h))
        y += h + GAP
    return y


def _lines(room: Room, view: AnatomyView, w: float, language: str | None) -> list[tuple[str, str]]:
    """The lines of a room, each in as many as fit into its width (mount paths and commands in two at most)."""
    return [(part, tone) for line, tone in room_lines(room, view, language) for part in wrapped(line, w - 22, 11.5, 2)]


def _room(
    room: Room, lines: list[tuple[str, str]], x: float, y: float, w: float, h: float, language: str | None
) -> str:
    look = LOOKS[room.state]
    dash = 'stroke-dasharray="5 4" stroke-width="2"' if room.state != "ready" else 'stroke-width="2"'
    body = box(0, 0, w, h, WASH, look.ink, extra=dash) + box(0, 0, w, 38, look.fill, look.ink)
    body += label(10, 17, fit(f"{look.sign} {room.name}", w - 20, 13.5), 13.5, look.ink, 600)
    role = text(f"anatomy.role.{room.role}", language)
    user = f" · {text('anatomy.user', language, user=room.user)}" if room.user else ""
    body += label(10, 32, fit(f"{role} · {word_text(room, language)}{user}", w - 20, 11.5), 11.5, INK)
    at = 54.0
    for told, tone in lines:
        body += label(16 if tone != "head" else 10, at, told, 11.5, INKS[tone], 600 if tone in ("head", "bad") else 400)
        at += ROW
    if room.limit and room.used:
        share = min(1.0, room.used / room.limit)
        ink = BAD if share > 0.9 else NET
        body += box(10, at - 8, w - 20, 8, PAPER, LINE, 3) + box(10, at - 8, (w - 20) * share, 8, ink, ink, 3)
    spoken = f"{role} {room.name} {word_text(room, language)}. " + ". ".join(told for told, _ in lines)
    return keyed(f"room/{room.name}", f"Room/{room.name}", spoken, x, y, body, room.state)


def _volumes(
    view: AnatomyView,
    width: float,
    top: float,
    language: str | None,
    still: list[str],
    moving: list[str],
    feet: dict[str, list[tuple[float, float]]],
) -> float:
    if not view.volumes:
        still.append(label(EDGE + 4, top + 16, text("anatomy.no-volumes", language), 12.5, SOFT))
        return top + 26
    y = top + 20
    still.append(label(EDGE + 4, y + 10, text("anatomy.volumes", language), 12.5, INK, 600, halo=True))
    y += 16
    across = max(1, min(len(view.volumes), int((width - 2 * EDGE + GAP) // (NARROWEST + GAP))))
    w = (width - 2 * EDGE - (across - 1) * GAP) / across
    for start in range(0, len(view.volumes), across):
        row = view.volumes[start : start + across]
        told = [shelf_lines(shelf, language) for shelf in row]
        h = 42 + ROW * max(len(lines) for lines in told) + 4
        for i, (shelf, lines) in enumerate(zip(row, told, strict=True)):
            x = EDGE + i * (w + GAP)
            moving.append(_volume(shelf, lines, x, y, w, h, language))
            for fx, fy in feet.get(shelf.name, []):
                middle = (fy + y) / 2
                look = f'stroke="{LINE}" stroke-dasharray="3 3"' if shelf.name.startswith(TOKEN) else f'stroke="{DISK}"'
                still.append(
                    f'<path d="M{fx:.1f},{fy:.1f} C{fx:.1f},{middle:.1f} {x + w / 2:.1f},{middle:.1f} {x + w / 2:.1f},{y:.1f}" '
                    f'fill="none" {look} stroke-width="1.5"/>'
                )
        y += h + GAP
    return y - GAP + 8


def _volume(shelf: Shelf, lines: list[str], x: float, y: float, w: float, h: float, language: str | None) -> str:
    body = box(0, 0, w, h, "#fffdf5", DISK, extra='stroke-width="1.5"')
    body += label(10, 18, fit(f"▤ {shelf.name}", w - 20, 12.5), 12.5, DISK, 600)
    users = ", ".join(shelf.users) or text("anatomy.unused", language)
    body += label(10, 33, fit(f"{kind_text(shelf)} ↔ {users}", w - 20, 11), 11, SOFT)
    for i, told in enumerate(lines):
        body += label(16, 49 + ROW * i, fit(told, w - 26, 11.5), 11.5, INK)
    spoken = f"{shelf.name} {kind_text(shelf)}: {users}. {'. '.join(lines)}"
    return keyed(f"volume/{shelf.name}", f"Volume/{shelf.name}", spoken, x, y, body, "volume")


__all__ = ["draw_anatomy"]
