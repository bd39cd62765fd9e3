"""The texts of kube-proxy's IPVS mode, and what the real tools make of them."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from k8snb.api.mistakes import BadValue
from k8snb.cluster import Cluster
from k8snb.network.proxy import mode
from k8snb.network.proxy.iptables import Site
from k8snb.network.proxy.ipvs import IPVS, TOOLS
from k8snb.network.proxy.ipvssets import SETS
from k8snb.network.services import ServiceRule
from tests.network.test_proxy import ALL, SITE, SVC1, SVC2, SVC5, SVC6, endpoint, portal


def text(tool: str, *rules: ServiceRule, site: Site = SITE) -> list[str]:
    """The lines that a tool prints."""
    made = mode("ipvs")
    assert isinstance(made, IPVS)
    return made.tool(tool, rules, site).splitlines()


def test_virtual_servers() -> None:
    assert text("ipvsadm", SVC1, SVC6)[3:] == [
        "TCP  172.30.0.41:80 rr",
        "  -> 10.180.0.1:80                Masq    1      0          0",
        "TCP  172.30.0.46:80 rr",
    ]
    assert text("ipvsadm-save", SVC5) == [
        "-A -t 172.30.0.45:80 -s rr -p 10800", "-a -t 172.30.0.45:80 -r 10.180.0.3:80 -m -w 1",
        "-A -t 5.6.7.8:80 -s rr -p 10800", "-a -t 5.6.7.8:80 -r 10.180.0.3:80 -m -w 1",
        "-A -t 192.168.0.2:3002 -s rr -p 10800", "-a -t 192.168.0.2:3002 -r 10.180.0.3:80 -m -w 1",
    ]  # fmt: skip


def test_other_protocols_and_families() -> None:
    six = Site("test-node", "fd00::2", "", "fd00:10::/48", six=True, local=("fd00::2", "fd00:10::1"))
    udp = portal("ns/dns", "fd00:96::a", endpoint("fd00:10::5"), protocol="UDP", node_port=30053)
    sctp = portal("ns/sig", "fd00:96::b", endpoint("fd00:10::6"), protocol="SCTP", node_port=30054)

    assert text("ipvsadm-save", udp, site=six) == [
        "-A -u [fd00:96::a]:80 -s rr", "-a -u [fd00:96::a]:80 -r [fd00:10::5]:80 -m -w 1",
        "-A -u [fd00::2]:30053 -s rr", "-a -u [fd00::2]:30053 -r [fd00:10::5]:80 -m -w 1",
        "-A -u [fd00:10::1]:30053 -s rr", "-a -u [fd00:10::1]:30053 -r [fd00:10::5]:80 -m -w 1",
    ]  # fmt: skip
    assert text("ipvsadm", sctp, site=six)[3] == "SCTP [fd00:96::b]:80 rr"
    sets = text("ipset", udp, sctp, site=six)
    assert "create KUBE-6-CLUSTER-IP hash:ip,port family inet6 hashsize 1024 maxelem 65536" in sets
    assert "add KUBE-6-NODE-PORT-UDP 30053" in sets
    assert "add KUBE-6-NODE-PORT-SCTP-HASH fd00:10::1,sctp:30054" in sets
    assert "-A KUBE-SERVICES -s ::1/128 -j RETURN" in text("iptables-save", udp, site=six)


def test_all_sets_are_there_and_hold_what_the_services_need() -> None:
    lines = text("ipset", *ALL)
    members = {name: [line.split()[2] for line in lines if line.startswith(f"add {name} ")] for name, _, _ in SETS}

    assert [line.split()[1] for line in lines if line.startswith("create ")] == [name for name, _, _ in SETS]
    assert {name: found for name, found in members.items() if found and "CLUSTER" not in name and "IPS" not in name} == {
        "KUBE-LOOP-BACK": ["10.180.0.5,tcp:80,10.180.0.5"],
        "KUBE-EXTERNAL-IP": ["192.168.99.33,tcp:80"], "KUBE-EXTERNAL-IP-LOCAL": ["192.168.99.22,tcp:80"],
        "KUBE-LOAD-BALANCER": ["1.2.3.4,tcp:80", "5.6.7.8,tcp:80"], "KUBE-LOAD-BALANCER-LOCAL": ["1.2.3.4,tcp:80"],
        "KUBE-LOAD-BALANCER-FW": ["5.6.7.8,tcp:80"], "KUBE-LOAD-BALANCER-SOURCE-CIDR": ["5.6.7.8,tcp:80,203.0.113.0/25"],
        "KUBE-NODE-PORT-TCP": ["3001", "3003", "3002"], "KUBE-NODE-PORT-LOCAL-TCP": ["3001"],
        "KUBE-HEALTH-CHECK-NODE-PORT": ["30000"],
    }  # fmt: skip


def test_rules_are_written_for_sets_with_members() -> None:
    few = text("iptables-save", SVC1)
    local = text("iptables-save", SVC2)

    assert [line for line in few if line.startswith("-A KUBE-SERVICES")] == [
        "-A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN",
        '-A KUBE-SERVICES ! -s 10.0.0.0/8 -m comment --comment "Kubernetes service cluster ip + port for masquerade purpose" -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ',
        "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT",
        "-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT",
    ]
    assert [line for line in few if line.startswith("-A KUBE-NODE-PORT -p")] == []
    assert [line.split()[-1] for line in local if line.startswith("-A KUBE-NODE-PORT -p tcp")] == [
        "RETURN",
        "KUBE-MARK-MASQ",
    ]


def test_a_balancer_whose_ranges_leave_the_node_out_is_closed_to_it() -> None:
    rule = "-A KUBE-IPVS-OUT-FILTER -s 5.6.7.8/32 -m ipvs --vaddr 5.6.7.8/32 --vproto tcp --vport 80 -j DROP"
    inside = Site("test-node", "203.0.113.7", "", "10.0.0.0/8")

    assert rule in text("iptables-save", SVC5)
    assert rule not in text("iptables-save", SVC5, site=inside)
    assert "add KUBE-LOAD-BALANCER-SOURCE-IP 5.6.7.8,tcp:80,5.6.7.8" in text("ipset", SVC5, site=inside)


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    made = Cluster(nodes=2, proxy_mode="ipvs", dual_stack=True)
    made.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\n"
        "spec: {nodeName: worker-1, containers: [{name: c, image: nginx}]}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
        "spec: {type: NodePort, ipFamilyPolicy: PreferDualStack, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}\n"
    )
    made.settle()
    return made


def test_tools_of_a_cluster(cluster: Cluster) -> None:
    ip, six = cluster.get("svc/web").spec.clusterIPs
    whole = cluster.proxy_rules("worker-1")

    assert whole.startswith("IP Virtual Server version")
    assert f"    inet {ip}/32 scope global kube-ipvs0" in whole
    assert "-A -t 10.244.0.1:30080 -s rr" in cluster.proxy_rules("worker-1", tool="ipvsadm-save")
    assert f"add KUBE-6-CLUSTER-IP {six},tcp:80" in cluster.proxy_rules("worker-1", tool="ipset", six=True)
    assert "add KUBE-LOOP-BACK 10.244.0.2,tcp:80,10.244.0.2" in cluster.proxy_rules("worker-1", tool="ipset")
    assert "KUBE-LOOP-BACK 10.244" not in cluster.proxy_rules("worker-2", tool="ipset")
    with pytest.raises(BadValue, match="ipvsadm-save"):
        cluster.proxy_rules("worker-1", tool="ipvsadm-sav")
    with pytest.raises(BadValue, match="one text"):
        cluster.proxy_rules("worker-1", "iptables", tool="ipset")


def test_a_node_without_its_own_endpoint_under_policy_local_asks_others(cluster: Cluster) -> None:
    """Where the iptables mode drops the packet; flannel's masquerade lets even clients outside have their answer."""
    cluster = cluster.fork()
    cluster.patch("svc/web", {"spec": {"externalTrafficPolicy": "Local"}})
    cluster.settle()

    assert cluster.request("node/worker-2", "http://172.18.0.3:30080").ok
    assert cluster.request("outside", "http://172.18.0.3:30080").ok


# -- the real tools


def run(*steps: tuple[list[str], str]) -> subprocess.CompletedProcess[str]:
    """Commands with their input, one after the other in one new network namespace, until one fails."""
    script = "set -e\n" + "".join(f"{' '.join(words)} <<'END'\n{given}END\n" for words, given in steps)
    return subprocess.run(["unshare", "-n", "sh", "-c", script], text=True, capture_output=True, check=False)


def lacking(*tools: str) -> str:
    """Why the real tools cannot be tried here; empty when they can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root"
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return f"needs {', '.join(missing)}" if missing else ""


@pytest.mark.parametrize("six", [False, True])
def test_the_real_ipset_and_iptables_read_the_sets_and_rules(cluster: Cluster, six: bool) -> None:
    restore = "ip6tables-restore" if six else "iptables-restore"
    why = lacking("unshare", "ipset", restore)
    if why:
        pytest.skip(why)
    if run((["ipset", "restore"], "create a hash:ip,port\n")).returncode:
        pytest.skip("this kernel has no ipsets")
    sets, rules = (cluster.proxy_rules("worker-1", tool=tool, six=six) for tool in ("ipset", "iptables-save"))
    done = run((["ipset", "restore"], sets), ([restore, "--test"], rules), (["ipset", "save"], ""))
    kept = [line.partition(" bucketsize")[0] for line in done.stdout.splitlines()]

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(kept) == sorted(sets.splitlines())


@pytest.mark.parametrize("six", [False, True])
def test_the_real_kernel_takes_the_virtual_servers(cluster: Cluster, six: bool) -> None:
    why = lacking("unshare", "ipvsadm")
    if why:
        pytest.skip(why)
    subprocess.run(["modprobe", "-a", "ip_vs", "ip_vs_rr"], capture_output=True, check=False) if shutil.which(
        "modprobe"
    ) else None
    if run((["ipvsadm", "-Ln"], "")).returncode:
        pytest.skip("this kernel has no ip_vs")
    saved, listed = (cluster.proxy_rules("worker-1", tool=tool, six=six) for tool in ("ipvsadm-save", "ipvsadm"))
    done = run((["ipvsadm-restore"], saved), (["ipvsadm", "-Ln"], ""))

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(line.rstrip() for line in done.stdout.splitlines()[1:]) == sorted(
        line.rstrip() for line in listed.splitlines()[1:]
    )


def test_every_tool_says_something(cluster: Cluster) -> None:
    assert all(cluster.proxy_rules("worker-1", tool=tool) for tool in TOOLS)
