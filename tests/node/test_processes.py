"""What a look from inside shows: processes, users, the shared network, mounts, and which namespaces are one."""

from __future__ import annotations

import re

import pytest

from k8snb.cluster import Cluster
from tests.manifests import pod

WRITER = """  - name: writer
    image: busybox:1.36
    command: [sh, -c, 'while true; do date > /pages/now; sleep 5; done']
    securityContext: {runAsUser: 1000, runAsGroup: 3000}
    volumeMounts: [{name: pages, mountPath: /pages}]
"""
SHELL = "  - {name: shell, image: 'busybox:1.36', command: [sleep, '3600']}\n"


def made(
    more: str = WRITER, spec: str = "  volumes: [{name: pages, emptyDir: {}}]\n", image: str = "nginx:1.27-alpine"
) -> Cluster:
    cluster = Cluster(nodes=1)
    cluster.apply(pod("p", image=image, spec=spec) + more)
    cluster.settle()
    return cluster


def inside(cluster: Cluster, container: str, *argv: str) -> str:
    result = cluster.exec("p", *argv, container=container)
    return str(result.stdout + result.stderr)


def rows(cluster: Cluster, container: str) -> list[tuple[int, str, str]]:
    """(number, user, command) of what ps shows."""
    lines = inside(cluster, container, "ps").splitlines()[1:]
    return [(int(line[:5]), line[6:14].strip(), line[20:].strip()) for line in lines]


def numbers(cluster: Cluster, container: str, path: str = "/proc/self/ns") -> dict[str, str]:
    """Kind of namespace -> its number."""
    return dict(re.findall(r"-> (\w+):\[(\d+)\]", inside(cluster, container, "ls", "-l", path)))


def test_each_container_sees_its_own_processes() -> None:
    cluster = made()

    web = rows(cluster, "p")
    assert [row[0] for row in web] == [1, 29, 30, 31, 32, 33]
    assert web[0] == (1, "root", "nginx: master process nginx -g daemon off;")
    assert web[1][1:] == ("nginx", "nginx: worker process")
    assert rows(cluster, "writer") == [
        (1, "1000", "sh -c while true; do date > /pages/now; sleep 5; done"),
        (7, "1000", "sleep 5"),
        (8, "1000", "ps"),
    ]


def test_a_shared_pid_namespace_begins_with_pause_and_lets_signals_through() -> None:
    cluster = made(SHELL, "  shareProcessNamespace: true\n")
    seen = rows(cluster, "shell")
    assert next(row[2] for row in seen) == "/pause"
    assert [row[0] for row in seen] == [1, 7, 35, 36, 37, 38, 44, 45]
    assert seen[-2][2] == "sleep 3600"
    assert inside(cluster, "shell", "kill", "7") == ""
    cluster.run(5)

    assert {s.name: s.restartCount for s in cluster.pods["p"].status.containerStatuses} == {"p": 1, "shell": 0}


def test_without_it_there_is_no_such_process() -> None:
    cluster = made(SHELL, "")

    assert "No such process" in inside(cluster, "shell", "kill", "29")


def test_host_pid_shows_the_node() -> None:
    cluster = made(SHELL, "  hostPID: true\n")
    commands = [row[2] for row in rows(cluster, "shell")]

    assert commands[0] == "/sbin/init"
    assert any(command.startswith("/usr/bin/kubelet") for command in commands)
    assert commands.count("/pause") == len(cluster.pods.select(field_selector="spec.nodeName=worker-1"))


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        pytest.param("", {"net", "ipc", "uts", "user", "time"}, id="as-usual"),
        pytest.param("  shareProcessNamespace: true\n", {"net", "ipc", "uts", "user", "time", "pid"}, id="shared-pid"),
        pytest.param("  hostUsers: false\n", {"net", "ipc", "uts", "user", "time"}, id="own-users"),
    ],
)
def test_which_namespaces_containers_share(spec: str, same: set[str]) -> None:
    cluster = made(SHELL, spec)
    web, shell = numbers(cluster, "p"), numbers(cluster, "shell")

    assert {kind for kind in web if web[kind] == shell[kind]} == same
    assert (web["user"] == "4026531837") == ("hostUsers" not in spec)
    assert inside(cluster, "shell", "readlink", "/proc/self/ns/pid_for_children") == f"pid:[{shell['pid']}]\n"
    assert inside(cluster, "shell", "readlink", "/proc/1/ns/net") == f"net:[{web['net']}]\n"


def test_a_restarted_container_has_new_namespaces_of_its_own_and_the_same_shared_ones() -> None:
    cluster = made(SHELL, "")
    before = numbers(cluster, "p")
    cluster.break_container("p", "p", exit_code=1)
    cluster.settle()
    after = numbers(cluster, "p")

    assert {kind for kind in before if before[kind] != after[kind]} == {"pid", "mnt", "cgroup"}


def test_users() -> None:
    cluster = made(spec="  volumes: [{name: pages, emptyDir: {}}]\n  securityContext: {fsGroup: 2000}\n")

    assert inside(cluster, "p", "id") == "uid=0(root) gid=0(root) groups=0(root),2000\n"
    assert inside(cluster, "writer", "id") == "uid=1000 gid=3000 groups=3000,2000\n"
    assert inside(cluster, "writer", "whoami") == "whoami: unknown uid 1000\n"
    assert (inside(cluster, "writer", "id", "-u"), inside(cluster, "writer", "id", "-g")) == ("1000\n", "3000\n")


def test_one_network_seen_from_both() -> None:
    cluster = made()
    ip = cluster.pods["p"].status.podIP
    web, writer = inside(cluster, "p", "ip", "addr"), inside(cluster, "writer", "ip", "addr")

    assert web == writer
    assert f"inet {ip}/24 scope global eth0" in web
    assert inside(cluster, "writer", "hostname") == inside(cluster, "p", "hostname") == "p\n"
    assert inside(cluster, "writer", "ip", "route").startswith("default via 10.244.0.1 dev eth0\n")
    assert f"inet addr:{ip}  Mask:255.255.255.0" in inside(cluster, "writer", "ifconfig", "eth0")
    assert inside(cluster, "writer", "ip", "link", "show", "eth9") == "ip: can't find device 'eth9'\n"


def test_sockets_belong_to_all_and_programs_to_whoever_sees_them() -> None:
    cluster = made()

    assert inside(cluster, "p", "netstat", "-tlnp").splitlines()[-1].endswith("LISTEN       1/nginx: master pr")
    assert inside(cluster, "writer", "netstat", "-tlnp").splitlines()[-1].endswith("LISTEN       -")
    assert "0.0.0.0:80" in inside(cluster, "writer", "ss", "-tln")


def test_mounts_are_each_containers_own() -> None:
    cluster = made()
    web, writer = inside(cluster, "p", "mount"), inside(cluster, "writer", "mount")

    assert "/dev/vda1 on /pages type ext4 (rw,relatime)" in writer
    assert "/pages" not in web
    assert "tmpfs on /var/run/secrets/kubernetes.io/serviceaccount type tmpfs (ro,relatime)" in web
    assert web.splitlines()[0].startswith("overlay on / type overlay")
    assert web.splitlines()[0] != writer.splitlines()[0]
    assert "nginx" in inside(cluster, "p", "ls", "/etc")
    assert "nginx" not in inside(cluster, "writer", "ls", "/etc")


def test_host_network_shows_the_nodes_interfaces() -> None:
    cluster = made(SHELL, "  hostNetwork: true\n")
    told = inside(cluster, "shell", "ip", "a")

    assert "cni0" in told
    assert f"inet {cluster.pods['p'].status.podIP}/16" in told
    assert inside(cluster, "shell", "hostname") == "worker-1\n"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("[sleep, '60']", ["sleep 60"]),
        ("[sh, -c, 'sleep 60']", ["sleep 60"]),
        ("[sh, -c, 'echo a; sleep 60']", ["sleep 60"]),
        ("[sh, -c, 'trap : TERM; sleep 60']", ["sh -c trap : TERM; sleep 60", "sleep 60"]),
        ("[sh, -c, 'sleep 50 & sleep 60; true']", ["sh -c sleep 50 & sleep 60; true", "sleep 60", "sleep 50"]),
        ("[tail, -f, /dev/null]", ["tail -f /dev/null"]),
    ],
)
def test_scripts_and_what_they_started(command: str, shown: list[str]) -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(pod("p", image="busybox:1.36", container=f"    command: {command}\n"))
    cluster.run(8)

    assert [row[2] for row in rows(cluster, "p")] == [*shown, "ps"]


def test_images_with_bash_print_as_procps_does() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(pod("q", image="debian:12", container="    command: [sleep, infinity]\n"))
    cluster.settle()

    assert cluster.exec("q", "ps", "-ef").stdout.splitlines()[1].split()[:3] == ["root", "1", "0"]
    assert cluster.exec("q", "ps", "aux").stdout.splitlines()[1].endswith("sleep infinity")
    assert cluster.exec("q", "ps").stdout.startswith("    PID TTY")
