"""Probes: when they ask, what they count, what they change and what they say."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.types.core_v1 import (
    ContainerPort,
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    Probe,
    TCPSocketAction,
)
from tests.node.builders import NodeRig, container, ready, script, spec, state


def http(path: str = "/", port: int | str = 80, **fields: Any) -> Probe:
    """A probe with the API server's defaults unless given."""
    return _probe(httpGet=HTTPGetAction(path=path, port=port, scheme="HTTP"), **fields)


def tcp(port: int | str, **fields: Any) -> Probe:
    return _probe(tcpSocket=TCPSocketAction(port=port), **fields)


def command(*words: str, **fields: Any) -> Probe:
    return _probe(exec=ExecAction(command=words), **fields)


def _probe(**fields: Any) -> Probe:
    defaults = {"periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}
    return Probe(**{**defaults, **fields})


def ready_at(rig: NodeRig, pod: str = "p") -> float | None:
    """Seconds from the pod's creation until it was Ready."""
    written = rig.statuses(pod)
    return next((round(t - written[0][0], 3) for t, o in written if ready(o) == "True"), None)


def rig_with(images: tuple[str, ...] = ("nginx:1.27", "busybox:1.36")) -> NodeRig:
    return NodeRig(images=images)


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        (http(periodSeconds=1), 1.0),
        (http(periodSeconds=5), 5.0),
        (http(), 10.0),
        (http(periodSeconds=2, initialDelaySeconds=7), 8.0),
        (http(periodSeconds=2, successThreshold=3), 6.0),
        (http(port="web", periodSeconds=1), 1.0),
        (tcp(80, periodSeconds=1), 1.0),
        (tcp("web", periodSeconds=1), 1.0),
        (command("cat", "/etc/nginx/nginx.conf", periodSeconds=1), 1.0),
        (http("/nothing-here", periodSeconds=1), None),
        (http(port=8080, periodSeconds=1), None),
        (command("cat", "/nothing", periodSeconds=1), None),
    ],
)
def test_readiness_comes_with_a_tick_of_the_pod_worker(probe: Probe, expected: float | None) -> None:
    rig = rig_with()
    rig.pod("p", spec(container(readinessProbe=probe, ports=(ContainerPort(name="web", containerPort=80),))))
    rig.run(30)

    assert ready_at(rig) == expected


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        (http("/nothing-here"), "Readiness probe failed: HTTP probe failed with statuscode: 404"),
        (
            http(port=8080),
            'Readiness probe failed: Get "http://10.244.0.2:8080/": dial tcp 10.244.0.2:8080: connect: connection refused',
        ),
        (tcp(81), "Readiness probe failed: dial tcp 10.244.0.2:81: connect: connection refused"),
        (
            command("cat", "/tmp/healthy"),
            "Readiness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n",
        ),
        (
            command("sleep", "5"),
            'Readiness probe failed: command timed out: "sleep 5" timed out after 1s',
        ),
    ],
)
def test_failing_probe_says_why(probe: Probe, message: str) -> None:
    rig = rig_with()
    rig.pod("p", spec(container(readinessProbe=replace(probe, periodSeconds=2))))
    rig.run(5)

    assert rig.messages("p", "Unhealthy")[:1] == [message]


def test_hanging_server_times_out() -> None:
    rig = rig_with()
    rig.pod("p", spec(container(readinessProbe=http(periodSeconds=2, failureThreshold=1))))
    rig.run(5)
    rig.pool.disturb(rig.get("p"), "c", "hang")
    rig.run(5)

    assert ready(rig.get("p")) == "False"
    assert rig.messages("p", "Unhealthy")[0] == (
        'Readiness probe failed: Get "http://10.244.0.2:80/": context deadline exceeded '
        "(Client.Timeout exceeded while awaiting headers)"
    )


def test_readiness_is_lost_after_the_threshold_and_comes_back() -> None:
    rig = rig_with()
    rig.pod("p", spec(container(readinessProbe=http(periodSeconds=1, failureThreshold=3))))
    rig.run(5)
    rig.pool.disturb(rig.get("p"), "c", "unhealthy")
    rig.run(2.5)
    still = ready(rig.get("p"))
    rig.run(1)
    lost = rig.get("p")
    rig.pool.disturb(rig.get("p"), "c")
    rig.run(2)

    assert still == "True"
    assert ready(lost) == "False"
    assert state(lost) == "running"
    assert ready(rig.get("p")) == "True"
    assert rig.messages("p", "Unhealthy") == ["Readiness probe failed: HTTP probe failed with statuscode: 500"] * 3


def test_liveness_kills_and_restarts() -> None:
    rig = rig_with()
    rig.pod("p", spec(container(livenessProbe=http(periodSeconds=2, failureThreshold=3))))
    rig.run(5)
    rig.pool.disturb(rig.get("p"), "c", "unhealthy")
    rig.run(10)
    status = rig.get("p").status.containerStatuses[0]

    assert rig.messages("p", "Killing") == ["Container c failed liveness probe, will be restarted"]
    assert status.restartCount == 1
    assert status.lastState.terminated is not None
    assert status.lastState.terminated.exitCode == 0  # nginx ends gracefully on SIGQUIT
    assert state(rig.get("p")) == "running"


def test_liveness_example_of_the_documentation() -> None:
    text = "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600"
    probe = command("cat", "/tmp/healthy", initialDelaySeconds=5, periodSeconds=5)
    rig = rig_with()
    rig.pod("p", spec(script(text, livenessProbe=probe)))
    rig.run(35)
    before = rig.get("p").status.containerStatuses[0].restartCount
    rig.run(45)
    status = rig.get("p").status.containerStatuses[0]

    assert before == 0
    assert status.restartCount == 1
    assert status.lastState.terminated is not None
    assert status.lastState.terminated.exitCode == 137  # a shell as process 1 ignores SIGTERM


def test_startup_probe_holds_the_others_back() -> None:
    slow = container(
        "slow:1",
        startupProbe=http("/", 8080, periodSeconds=2, failureThreshold=30),
        livenessProbe=http("/", 8080, periodSeconds=2, failureThreshold=1),
        readinessProbe=http("/", 8080, periodSeconds=2),
    )
    rig = NodeRig()
    rig.pool.images.add("slow:1", listens=8080, answers={"/": "ok"}, starts=15)
    rig.pod("p", spec(slow))
    rig.run(10)
    early = rig.get("p").status.containerStatuses[0]
    rig.run(20)
    late = rig.get("p").status.containerStatuses[0]

    assert (early.started, early.ready, state(rig.get("p"))) == (False, False, "running")
    assert (late.started, late.ready, late.restartCount) == (True, True, 0)


def test_startup_probe_that_never_succeeds_restarts() -> None:
    rig = rig_with()
    rig.pod("p", spec(container(startupProbe=http("/none", periodSeconds=1, failureThreshold=3))))
    rig.run(8)

    assert rig.messages("p", "Killing")[:1] == ["Container c failed startup probe, will be restarted"]
    assert rig.get("p").status.containerStatuses[0].restartCount >= 1


def test_liveness_without_startup_probe_kills_a_slow_starter() -> None:
    rig = NodeRig()
    rig.pool.images.add("slow:1", listens=8080, answers={"/": "ok"}, starts=60)
    rig.pod("p", spec(container("slow:1", livenessProbe=http("/", 8080, periodSeconds=5))))
    rig.run(40)

    assert rig.get("p").status.containerStatuses[0].restartCount >= 1


@pytest.mark.parametrize(("port", "expected"), [(9000, "True"), (9001, "False")])
def test_grpc_probe(port: int, expected: str) -> None:
    from k8snb.node.app import App, Listener
    from k8snb.node.images import Image

    rig = NodeRig()
    app = App("server", (Listener(9000, "grpc"),))
    rig.pool.images.put("docker.io/shop/grpc", Image("docker.io/shop/grpc", 1000, ("server",), programs=(app,)))
    probe = _probe(grpc=GRPCAction(port=port), periodSeconds=1)
    rig.pod("p", spec(container("shop/grpc:1", readinessProbe=probe)))
    rig.run(5)

    assert ready(rig.get("p")) == expected


def test_app_that_listens_on_localhost_is_not_reached() -> None:
    from k8snb.node.app import App, Listener
    from k8snb.node.images import Image

    rig = NodeRig()
    app = App("server", (Listener(8080, bind="127.0.0.1"),))
    rig.pool.images.put("docker.io/shop/web", Image("docker.io/shop/web", 1000, ("server",), programs=(app,)))
    rig.pod("p", spec(container("shop/web:1", readinessProbe=http("/", 8080, periodSeconds=1))))
    rig.run(5)

    assert ready(rig.get("p")) == "False"


def test_new_instance_starts_unready_again() -> None:
    rig = rig_with()
    rig.pod("p", spec(container(readinessProbe=http(periodSeconds=3))))
    rig.run(10)
    rig.pool.crash(rig.get("p"), "c", 1)
    rig.run(1.5)
    after = ready(rig.get("p"))
    rig.run(10)

    assert after == "False"
    assert ready(rig.get("p")) == "True"


def test_probes_keep_a_cluster_busy_only_until_they_have_a_verdict() -> None:
    rig = rig_with()
    rig.pod("good", spec(container(readinessProbe=http(periodSeconds=1))))
    rig.pod("bad", spec(container(readinessProbe=http("/none", periodSeconds=1))))
    rig.run(30)

    assert rig.runtime.queue.next_due(foreground_only=True) is None


@pytest.mark.parametrize(
    ("policy", "restarts", "phase", "message"),
    [
        ("Never", 0, "Succeeded", "Container c failed liveness probe"),
        ("OnFailure", 1, "Running", "Container c failed liveness probe, will be restarted"),
        ("Always", 1, "Running", "Container c failed liveness probe, will be restarted"),
    ],
)
def test_failed_liveness_and_restart_policy(policy: str, restarts: int, phase: str, message: str) -> None:
    rig = rig_with()
    rig.pod(
        "p", spec(container(livenessProbe=http("/none", periodSeconds=2, failureThreshold=2)), restartPolicy=policy)
    )
    rig.run(5.5)
    pod = rig.get("p")

    assert (pod.status.containerStatuses[0].restartCount, pod.status.phase) == (restarts, phase)
    assert rig.messages("p", "Killing")[0] == message


def test_slow_server_fails_its_timeout() -> None:
    rig = rig_with()
    rig.pod("p", spec(container(readinessProbe=http(periodSeconds=2, failureThreshold=1, timeoutSeconds=3))))
    rig.run(5)
    rig.pool.disturb(rig.get("p"), "c", "slow", seconds=2)
    rig.run(5)
    patient = ready(rig.get("p"))
    rig.pool.disturb(rig.get("p"), "c", "slow", seconds=4)
    rig.run(5)

    assert patient == "True"
    assert ready(rig.get("p")) == "False"
