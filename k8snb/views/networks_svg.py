"""The three networks drawn above each other: Services, Pods on their nodes' bridges, and the nodes on the wire."""

from __future__ import annotations

from k8snb.locale import text
from k8snb.views.networks import Guest, Host, NetworksView, join_words
from k8snb.views.packet import NODE, POD, SERVICE
from k8snb.views.packet_svg import EDGE, FILL
from k8snb.views.state import LOOKS
from k8snb.views.svg import INK, PAPER, SOFT, box, fit, keyed, label, line, picture, wrapped

WIDTH, PROJECTOR = 960.0, 1.3
NODES, GUESTS, VIPS = 4, 5, 10
"""The most nodes, Pods of a node, and Services that are drawn; the rest is counted."""
SIDE, EDGE_ROOM, CHIP, GAP, TUNNEL = 150.0, 12.0, 36.0, 6.0, 14.0


def draw_networks(view: NetworksView, language: str | None = None, selected: str = "", projector: bool = False) -> str:
    """The picture: at most ``NODES`` nodes with ``GUESTS`` Pods each, and ``VIPS`` Services."""
    width = WIDTH / PROJECTOR if projector else WIDTH
    shown = view.hosts[:NODES]
    each = (width - SIDE - EDGE_ROOM) / max(1, len(shown))
    vips = view.vips[:VIPS]
    longest = max((len(vip.address) for vip in vips), default=0)
    per_row = max(1, int((width - SIDE - EDGE_ROOM) / max(156.0, longest * 7.0 + 24)))
    rows = max(1, -(-len(vips) // per_row))
    service_top, service_tall = 38.0, max(74.0, 14 + rows * (CHIP + GAP))
    pod_top = service_top + service_tall + 12
    most = max((sum(1 for g in h.guests if g.device) for h in shown), default=0)
    inside = max(1, min(most, GUESTS)) * (CHIP + GAP) + (18 if most > GUESTS else 0)
    pod_tall = 30 + inside + 48
    node_top = pod_top + pod_tall + 12
    hosts = max((sum(1 for g in h.guests if not g.device) for h in shown), default=0)
    node_tall = 30 + 42 + TUNNEL + min(hosts, GUESTS) * (CHIP + GAP) + 30
    height = node_top + node_tall + 14
    still = [box(0.5, 0.5, width - 1, height - 1, PAPER), label(14, 24, text("networks.title", language), 15, INK, 600)]
    for name, top, tall, cidr in (
        (SERVICE, service_top, service_tall, view.service_range),
        (POD, pod_top, pod_tall, view.pod_range),
        (NODE, node_top, node_tall, view.node_range),
    ):
        dash = 'stroke-dasharray="6 4"' if name == SERVICE else ""
        still.append(box(8, top, width - 16, tall, FILL[name], EDGE[name], 6, dash))
        still.append(label(18, top + 22, text(f"packet.network.{name}", language), 13, EDGE[name], 600))
        still.append(label(18, top + 39, cidr, 12, EDGE[name]))
    note = text("packet.network.service.note", language)
    still += _lines(note, 18, service_top + 54, SIDE - 24, EDGE[SERVICE])
    still += _lines(join_words(view, language), 18, pod_top + 58, SIDE - 24, EDGE[POD])
    moving = []
    chip = (width - SIDE - EDGE_ROOM) / per_row
    for i, vip in enumerate(vips):
        x, y = SIDE + chip * (i % per_row), service_top + 10 + (CHIP + GAP) * (i // per_row)
        body = box(0, 0, chip - 8, CHIP, PAPER, EDGE[SERVICE], 5, 'stroke-dasharray="4 3"')
        body += label(8, 15, fit(f"◇ {vip.name}", chip - 20, 12), 12, EDGE[SERVICE], 600)
        body += label(8, 30, fit(vip.address, chip - 20, 11.5), 11.5, INK)
        moving.append(keyed(vip.ref, vip.ref, f"Service {vip.name} {vip.address}", x, y, body, "service"))
    wire = node_top + node_tall - 20
    still.append(line(SIDE, wire, width - 20, wire, EDGE[NODE], 3))
    if len(view.hosts) > NODES:
        more = text("map.more", language, count=len(view.hosts) - NODES)
        still.append(label(width - 20, wire + 14, more, 11, SOFT, anchor="end"))
    for i, host in enumerate(shown):
        x = SIDE + each * i
        still += _machine(view, host, x, each, (pod_top, pod_tall), (node_top, node_tall, wire), language)
        moving += _guests(host, x, each, pod_top + 30, node_top + 30 + 42 + TUNNEL)
    if view.mode == "vxlan" and len(shown) > 1:
        still += _tunnel([SIDE + each * i + 8 + (each - 34) / 4 for i in range(len(shown))], node_top + 64)
    drawn = picture(width, height, "".join(still), "".join(moving), text("networks.title", language))
    return drawn.replace(f'data-ref="{selected}"', f'data-ref="{selected}" aria-pressed="true"') if selected else drawn


def _tunnel(at: list[float], y: float) -> list[str]:
    """The way from one VXLAN device to the next, as the Pod network sees it (the packets go over eth0)."""
    low = y + TUNNEL / 2
    dash = 'stroke-dasharray="4 3"'
    drawn = [line(x, y, x, low, EDGE[POD], 2, dash) for x in at]
    return [
        *drawn,
        line(at[0], low, at[-1], low, EDGE[POD], 2, dash),
        label(at[0] + 6, low + 11, "VXLAN", 10, EDGE[POD]),
    ]


def _machine(
    view: NetworksView, host: Host, x: float, each: float, pod: tuple[float, float], node: tuple[float, float, float],
    language: str | None,
) -> list[str]:  # fmt: skip
    """A node's outline over both networks, its bridge with the veth ends, its own interfaces."""
    (pod_top, pod_tall), (node_top, node_tall, wire) = pod, node
    inner = each - 10
    drawn = [box(x, pod_top + 5, inner, node_top + node_tall - pod_top - 36, "none", SOFT, 8, 'stroke-width="1.5"')]
    drawn.append(label(x + 8, pod_top + 22, fit(f"{host.name}  {host.cidr}", inner - 12, 12), 12, INK, 600))
    y = pod_top + pod_tall - 40
    own = [g for g in host.guests if g.device]
    if len(own) > GUESTS:
        drawn.append(label(x + 10, y - 4, text("map.more", language, count=len(own) - GUESTS), 11, SOFT))
    if host.bridge:
        drawn.append(box(x + 8, y, inner - 16, 24, EDGE[POD], EDGE[POD], 4))
        drawn.append(label(x + 16, y + 16, fit(host.bridge, inner - 30, 12), 12, "#fff", 600))
    else:
        drawn.append(
            label(x + 12, y + 16, fit(text("networks.no-bridge", language), inner - 20, 11.5), 11.5, EDGE[POD])
        )
    if own:
        drawn.append(line(x + 18, pod_top + 34, x + 18, y, EDGE[POD], 2))
    y = node_top + 30
    if host.overlay:
        half = (inner - 24) / 2
        drawn.append(line(x + 8 + half / 2, pod_top + pod_tall - 16, x + 8 + half / 2, y, EDGE[POD], 2))
        drawn.append(box(x + 8, y, half, 34, FILL[POD], EDGE[POD], 4))
        drawn.append(label(x + 14, y + 15, fit(host.overlay, half - 8, 11.5), 11.5, EDGE[POD], 600))
        drawn.append(label(x + 14, y + 29, fit(f"MTU {view.mtu}", half - 8, 10.5), 10.5, EDGE[POD]))
        left, wide = x + 16 + half, half
    else:
        drawn.append(line(x + inner / 2, pod_top + pod_tall - 16, x + inner / 2, y, EDGE[POD], 2))
        left, wide = x + 8, inner - 16
    drawn.append(box(left, y, wide, 34, PAPER, EDGE[NODE], 4))
    drawn.append(label(left + 6, y + 15, "eth0", 11.5, EDGE[NODE], 600))
    drawn.append(label(left + 6, y + 29, fit(host.address, wide - 8, 10.5), 10.5, INK))
    drawn.append(line(left + wide / 2, y + 34, left + wide / 2, wire, EDGE[NODE], 2))
    return drawn


def _guests(host: Host, x: float, each: float, pods: float, own: float) -> list[str]:
    drawn = []
    for top, left, found in (
        (pods, x + 26, [g for g in host.guests if g.device][:GUESTS]),
        (own, x + 10, [g for g in host.guests if not g.device][:GUESTS]),
    ):
        for i, guest in enumerate(found):
            drawn.append(_guest(guest, left, top + (CHIP + GAP) * i, each - 20 - (left - x)))
    return drawn


def _guest(guest: Guest, x: float, y: float, wide: float) -> str:
    look = LOOKS[guest.state]
    body = line(-8, CHIP / 2, 0, CHIP / 2, EDGE[POD], 2) if guest.device else ""
    body += box(0, 0, wide, CHIP, look.fill, look.ink, 5)
    body += label(7, 15, fit(f"{look.sign} {guest.name}", (wide - 12) * 0.85, 12), 12, look.ink, 600)
    body += label(7, 30, fit(guest.address, wide - 12, 11.5), 11.5, INK)
    return keyed(
        guest.ref, guest.ref, f"Pod {guest.name} {guest.address} {guest.device}".rstrip(), x, y, body, guest.state
    )


def _lines(told: str, x: float, y: float, room: float, ink: str) -> list[str]:
    return [label(x, y + 14 * i, part, 10.5, ink) for i, part in enumerate(wrapped(told, room, 10.5, 6))]
