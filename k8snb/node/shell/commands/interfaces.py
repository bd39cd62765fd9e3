"""The network as it is seen from inside: ip, ifconfig, hostname, netstat, ss. All containers of a Pod see the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from k8snb.node.container import RUNNING
from k8snb.node.ports import neighbours
from k8snb.node.processes import processes
from k8snb.node.shell.context import Context, Outcome

if TYPE_CHECKING:
    from k8snb.node.app import Listener
    from k8snb.node.container import Container
    from k8snb.node.world import Link


def ip(context: Context, argv: list[str]) -> Outcome:
    """ip addr, ip link, ip route (and their short forms); the name of a device limits the first two."""
    words = [w for w in argv[1:] if not w.startswith("-") and w not in ("show", "list", "ls", "dev")]
    sort = words[0] if words else "address"
    only = words[1] if len(words) > 1 else ""
    links = _links(context)
    if only and all(link.name != only for link in links):
        return context.fail(f"ip: can't find device '{only}'")
    if "route".startswith(sort):
        routes = context.world.network.routes(context.box.worker.pod, context.world.objects())
        context.out("".join(f"{route}\n" for route in routes))
    elif "address".startswith(sort) or "link".startswith(sort):
        for number, link in enumerate(links, 1):
            if only in ("", link.name):
                context.out(_shown(number, link, addresses="address".startswith(sort), family=_family(argv)))
    else:
        return context.fail(f"ip: invalid argument '{sort}' to 'ip'")
    return 0


def _links(context: Context) -> Sequence[Link]:
    return context.world.network.links(context.box.worker.pod, context.world.objects())


def _family(argv: list[str]) -> str:
    return "inet" if "-4" in argv else "inet6" if "-6" in argv else ""


def _shown(number: int, link: Link, *, addresses: bool, family: str) -> str:
    loop = link.kind == "loopback"
    flags = "LOOPBACK,UP,LOWER_UP" if loop else "BROADCAST,MULTICAST,UP,LOWER_UP"
    at = f"@if{_peer(link)}" if link.peer else ""
    lines = [f"{number}: {link.name}{at}: <{flags}> mtu {link.mtu} qdisc noqueue" + (" qlen 1000" if loop else "")]
    if loop:
        lines.append("    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00")
    elif link.mac:
        lines.append(f"    link/ether {link.mac} brd ff:ff:ff:ff:ff:ff")
    for address in link.addresses if addresses else ():
        sort = "inet6" if ":" in address else "inet"
        if family in ("", sort):
            scope = "host" if loop else "global"
            lines.append(f"    {sort} {address} scope {scope} {link.name}")
            lines.append("       valid_lft forever preferred_lft forever")
    return "\n".join(lines) + "\n"


def _peer(link: Link) -> int:
    """The number of the other end on the node: later Pods have higher ones."""
    return 3 + int(link.addresses[0].partition("/")[0].rpartition(".")[2] or 0) if link.addresses else 3


def ifconfig(context: Context, argv: list[str]) -> Outcome:
    """ifconfig [DEVICE]."""
    only = argv[1] if len(argv) > 1 and not argv[1].startswith("-") else ""
    for link in reversed(_links(context)):
        if only not in ("", link.name) or not link.addresses:
            continue
        encapsulation = "Local Loopback" if link.kind == "loopback" else f"Ethernet  HWaddr {link.mac.upper()}"
        address, _, size = next((a for a in link.addresses if ":" not in a), link.addresses[0]).partition("/")
        context.out(f"{link.name:<9} Link encap:{encapsulation}\n")
        context.out(f"          inet addr:{address}  Mask:{_mask(int(size or 32))}\n")
        context.out(f"          UP RUNNING  MTU:{link.mtu}  Metric:1\n\n")
    return 0


def _mask(size: int) -> str:
    bits = (0xFFFFFFFF << (32 - size)) & 0xFFFFFFFF
    return ".".join(str(bits >> shift & 255) for shift in (24, 16, 8, 0))


def hostname(context: Context, argv: list[str]) -> Outcome:
    """hostname [-i] [-f]."""
    if "-i" in argv or "-I" in argv:
        context.out(f"{context.box.worker.ip}\n")
    elif "-f" in argv:
        spec, meta = context.box.worker.pod.spec, context.box.worker.pod.metadata
        name = context.box.hostname()
        context.out(f"{name}.{spec.subdomain}.{meta.namespace}.svc.cluster.local\n" if spec.subdomain else f"{name}\n")
    else:
        context.out(f"{context.box.hostname()}\n")
    return 0


def netstat(context: Context, argv: list[str]) -> Outcome:
    """netstat -tlnp, ss -tlnp: the sockets that listen in the network namespace; -p names programs that can be seen from here."""
    flags = "".join(word.lstrip("-") for word in argv[1:])
    named = "p" in flags
    if argv[0] == "ss":
        context.out("State  Recv-Q Send-Q Local Address:Port Peer Address:Port" + (" Process" if named else "") + "\n")
    else:
        context.out("Active Internet connections (only servers)\n")
        head = "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
        context.out(head + (" PID/Program name" if named else "") + "\n")
    for box, socket in _sockets(context):
        sort = "udp" if socket.protocol == "udp" else "tcp"
        local = f"{socket.bind}:{socket.port}"
        program = _program(context, box) if named else ""
        if argv[0] == "ss":
            context.out(f"LISTEN 0      511    {local:>18} 0.0.0.0:*         {program}".rstrip() + "\n")
        else:
            context.out(
                f"{sort}        0      0 {local:<23} 0.0.0.0:*               LISTEN       {program}".rstrip() + "\n"
            )
    return 0


def _sockets(context: Context) -> Iterator[tuple[Container, Listener]]:
    found = []
    for box in neighbours(context.box):
        if box.state == RUNNING and box.process is not None:
            found += [(box, socket) for socket in box.process.sockets(context.now)]
    yield from sorted(found, key=lambda pair: pair[1].port)


def _program(context: Context, box: Container) -> str:
    """The program behind a socket, when its process is in the same PID namespace; else a dash."""
    row = next((row for row in processes(context.box) if row.box is not None and row.box.name == box.name), None)
    return f"{row.pid}/{row.command[:16]}" if row is not None else "-"


COMMANDS: dict[str, Callable[[Context, list[str]], Outcome]] = {
    "hostname": hostname, "ifconfig": ifconfig, "ip": ip, "netstat": netstat, "ss": netstat,
}  # fmt: skip
"""Commands by name."""
