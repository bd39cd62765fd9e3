"""A real network out of the model's own data: namespaces, veth pairs, bridges, routes and kube-proxy's rules in this kernel.

Two nodes and their pods become network namespaces on one wire; what ``cluster.interfaces``, ``cluster.routes`` and
``cluster.proxy_rules`` say is handed to ``ip``, ``bridge`` and ``iptables-restore`` (or ``nft``). Needs root and those tools.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable

from k8snb.api.types.core_v1 import Pod
from k8snb.cluster import Cluster
from k8snb.network.address import node_mac
from k8snb.network.cni import VNI, VXLAN_PORT, host_end, overlay_address, overlay_mac
from k8snb.network.proxy.iptables import plugin_rules

SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{sys.argv[1]} {self.client_address[0]}".encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("", 80), Answer).serve_forever()
"""
CLIENT = """
import json, sys, urllib.request, urllib.error
answers = []
for _ in range(int(sys.argv[2])):
    try:
        answers.append(urllib.request.urlopen(sys.argv[1], timeout=2).read().decode())
    except urllib.error.URLError as error:
        answers.append("refused" if isinstance(error.reason, ConnectionRefusedError) else "timeout")
    except TimeoutError:
        answers.append("timeout")
print(json.dumps(answers))
"""


_NUMBERS = itertools.count()


def missing() -> str:
    """Why a real network cannot be made here; empty when it can."""
    if os.name != "posix" or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root"
    lacking = [tool for tool in ("ip", "bridge", "iptables-restore", "nft") if shutil.which(tool) is None]
    if lacking:
        return f"needs {', '.join(lacking)} (apt-get install iptables iproute2 nftables)"
    tried = subprocess.run(["unshare", "-n", "iptables", "-t", "nat", "-L"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this kernel lets nobody make network namespaces with NAT"


class Kernel:
    """The real twin of a cluster; use it as a context, so that everything is taken down again."""

    def __init__(self, cluster: Cluster, outside: str = "172.18.255.254") -> None:
        self.cluster = cluster
        self.outside = outside
        self.prefix = f"k8snb{os.getpid()}-{next(_NUMBERS)}-"
        self.servers: list[subprocess.Popen[bytes]] = []
        self.spaces: list[str] = []

    def __enter__(self) -> Kernel:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            server.kill()
            server.wait()
        for space in self.spaces:
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)

    def name(self, of: str) -> str:
        """The namespace of a node, a pod, ``wire`` or ``outside``."""
        return self.prefix + of

    def inside(self, of: str, *argv: str, text: str | None = None) -> str:
        """Run a command in a namespace."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name(of), *argv], input=text, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)} in {of}: {done.stderr}")
        return done.stdout

    def ask(self, source: str, url: str, times: int = 1) -> list[str]:
        """Real HTTP requests from a pod, a node or outside: ``"pod client-address"``, or refused, or timeout."""
        answers: list[str] = json.loads(self.inside(source, sys.executable, "-c", CLIENT, url, str(times)))
        return answers

    def _ip(self, of: str, commands: Iterable[str]) -> None:
        self.inside(of, "ip", "-batch", "-", text="\n".join(commands) + "\n")

    def _space(self, of: str) -> None:
        subprocess.run(["ip", "netns", "add", self.name(of)], check=True, capture_output=True)
        self.spaces.append(self.name(of))
        self._ip(of, ["link set lo up"])

    def _build(self) -> None:
        cluster = self.cluster
        ipam = cluster.network.ipam
        self._space("wire")
        self._ip("wire", ["link add wire type bridge", "link set wire up"])
        for machine in (*ipam.nodes, "outside"):
            self._space(machine)
            address = ipam.nodes.get(machine, self.outside)
            end = f"w{len(self.spaces)}"
            self._ip("wire", [
                f"link add {end} type veth peer name eth0 netns {self.name(machine)}",
                f"link set {end} master wire up",
            ])  # fmt: skip
            self._ip(machine, [f"link set eth0 address {node_mac(address)} up", f"addr add {address}/16 dev eth0"])
        for node in ipam.nodes:
            self._node(node)
        # nobody has the Service range: packets for it that no rule catches go to a router that answers nothing
        for pod in cluster.pods:
            self._pod(pod)
        for node in ipam.nodes:
            routes = [r for r in cluster.routes(f"node/{node}") if r.to != "default" and r.protocol != "kernel"]
            self._ip(node, [f"route add {str(r).replace(' proto bird', '')}" for r in routes])
            self._ip(node, [f"route add default via {self.outside} dev eth0"])
            self._rules(node)
        time.sleep(0.5)

    def _node(self, node: str) -> None:
        ipam, cni = self.cluster.network.ipam, self.cluster.network.cni
        for key, value in (("net.ipv4.ip_forward", "1"), ("net.ipv4.conf.all.rp_filter", "0")):
            self.inside(node, "sysctl", "-qw", f"{key}={value}")
        for interface in self.cluster.interfaces(f"node/{node}"):
            if interface.kind == "bridge":
                self._ip(node, [
                    f"link add {interface.name} type bridge",
                    f"link set {interface.name} address {interface.mac} mtu {interface.mtu} up",
                    f"addr add {interface.addresses[0]} dev {interface.name}",
                ])  # fmt: skip
                self.inside(node, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1")
            if interface.kind == "vxlan":
                local = ipam.node_address(node)
                self._ip(node, [
                    f"link add {interface.name} type vxlan id {VNI} dev eth0 local {local} dstport {VXLAN_PORT} nolearning",
                    f"link set {interface.name} address {interface.mac} mtu {interface.mtu} up",
                    f"addr add {interface.addresses[0]} dev {interface.name}",
                ])  # fmt: skip
                for other, address in ipam.nodes.items():
                    if other != node:
                        mac = overlay_mac(other)
                        self._ip(node, [f"neigh add {overlay_address(ipam, other)} lladdr {mac} dev {interface.name}"])
                        self.inside(node, "bridge", "fdb", "append", mac, "dev", interface.name, "dst", address)
        assert cni.mode in ("vxlan", "bridge", "routed")

    def _pod(self, pod: Pod) -> None:
        meta, cni = pod.metadata, self.cluster.network.cni
        name, node = meta.name or "", pod.spec.nodeName or ""
        self._space(name)
        end = host_end(cni, meta.uid or "", meta.namespace or "", name)
        eth0 = next(i for i in self.cluster.interfaces(f"pod/{name}") if i.name == "eth0")
        self._ip(node, [f"link add {end} type veth peer name eth0 netns {self.name(name)}", f"link set {end} up"])
        if cni.bridge:
            self._ip(node, [f"link set {end} master {cni.bridge}"])
            # a pod that is sent back to itself needs the bridge to turn frames around (kubelet's hairpin mode)
            self.inside(node, "bridge", "link", "set", "dev", end, "hairpin", "on")
        else:
            self._ip(node, [f"link set {end} address ee:ee:ee:ee:ee:ee"])
            self.inside(node, "sysctl", "-qw", f"net.ipv4.conf.{end}.proxy_arp=1")
        self._ip(
            name, [f"link set eth0 address {eth0.mac} mtu {eth0.mtu} up", f"addr add {eth0.addresses[0]} dev eth0"]
        )
        routes = [r for r in self.cluster.routes(f"pod/{name}") if not r.source]
        self._ip(name, [f"route add {route}" for route in sorted(routes, key=lambda r: r.to == "default")])
        if name != "client":
            command = ["ip", "netns", "exec", self.name(name), sys.executable, "-c", SERVER, name]
            self.servers.append(subprocess.Popen(command))

    def _rules(self, node: str) -> None:
        rules = self.cluster.proxy_rules(node)
        if self.cluster.network.mode.name == "nftables":
            self.inside(node, "nft", "-f", "-", text=rules)
            ipam, cni = self.cluster.network.ipam, self.cluster.network.cni
            own = plugin_rules(cni, ipam.cluster_cidr, ipam.node_cidr(node))["nat"]
            chains = dict.fromkeys(rule.chain for rule in own if rule.chain != "POSTROUTING")
            text = "\n".join(["*nat", *(f":{c} - [0:0]" for c in chains), *(str(r) for r in own), "COMMIT", ""])
            self.inside(node, "iptables-restore", text=text)
        else:
            self.inside(node, "iptables-restore", text=rules)
            saved = self.inside(node, "iptables-save")
            assert _facts(saved) == _facts(rules)


def _facts(text: str) -> dict[str, list[str]]:
    """The rules of iptables-save by table and chain; tables and chains come in any order, dates do not matter."""
    found: dict[str, list[str]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line
        elif line.startswith(":"):
            found.setdefault(f"{table} {line.split()[0][1:]}", [])
        elif line.startswith("-A"):
            found[f"{table} {line.split()[1]}"].append(line)
    return found
