"""Containers of a Pod share one network namespace: a port goes to whoever opens it first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.network.world import NetRig
from tests.node.builders import container, spec

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"


def run(*containers: Any, **fields: Any) -> NetRig:
    rig = NetRig(images=("busybox:1.36",))
    rig.pod("p", spec(*containers, **fields))
    rig.run(25)
    return rig


def kept(rig: NetRig, pod: str, name: str) -> bool:
    status = next(s for s in rig.get(pod).status.containerStatuses if s.name == name)
    return status.restartCount == 0 and status.state.running is not None


@pytest.mark.parametrize(
    ("second", "fields", "runs"),
    [
        ("nginx:1.28", {}, False),
        ("httpd:2.4", {}, False),
        ("redis:7", {}, True),
        (AGNHOST, {"args": ("netexec", "--http-port=80")}, False),
        (AGNHOST, {"args": ("netexec", "--http-port=8080")}, True),
    ],
)
def test_the_second_program_on_a_port_ends(second: str, fields: dict[str, Any], runs: bool) -> None:
    rig = run(container("nginx:1.27", name="first"), container(second, name="second", **fields))

    assert kept(rig, "p", "first")
    assert kept(rig, "p", "second") is runs


def test_nginx_tries_five_times_and_says_why() -> None:
    rig = run(container("nginx:1.27", name="first"), container("nginx:1.28", name="second"))
    log = rig.logs("p", "second", previous=True)

    assert log[-6:] == [
        *["nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)"] * 5,
        "nginx: [emerg] still could not bind()",
    ]
    ended = rig.get("p").status.containerStatuses[1].lastState.terminated
    assert ended is not None
    assert ended.exitCode == 1


def test_pods_with_namespaces_of_their_own_do_not_disturb_each_other() -> None:
    rig = run(container("nginx:1.27"))
    rig.pod("q", spec(container("nginx:1.27")))
    rig.run(25)

    assert kept(rig, "q", rig.get("q").spec.containers[0].name)


def test_host_network_pods_of_a_node_share_its_ports() -> None:
    rig = run(container("nginx:1.27"), hostNetwork=True)
    rig.pod("q", spec(container("nginx:1.27"), hostNetwork=True))
    rig.run(25)

    assert not kept(rig, "q", rig.get("q").spec.containers[0].name)


def test_the_port_is_free_again_when_the_first_program_has_ended() -> None:
    rig = run(container("nginx:1.27", name="first"), container("redis:7", name="other"))
    rig.pool.crash(rig.get("p"), "first", 1)
    rig.run(60)

    status = next(s for s in rig.get("p").status.containerStatuses if s.name == "first")
    assert (status.restartCount, status.state.running is not None) == (1, True)
