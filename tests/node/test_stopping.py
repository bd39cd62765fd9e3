"""Stopping: grace periods, signals, hooks, sidecars, the final status and the removal."""

from __future__ import annotations

import pytest

from k8snb.api.types.core_v1 import (
    ExecAction,
    HTTPGetAction,
    Lifecycle,
    LifecycleHandler,
    PodSpec,
    SleepAction,
)
from tests.node.builders import NodeRig, container, script, spec, state

IMAGES = ("nginx:1.27", "busybox:1.36")


def gone_after(rig: NodeRig, pod: str = "p", grace: int = 30) -> float:
    """Delete the pod and tell how many seconds it took until it was removed."""
    begin = rig.clock.now
    rig.delete(pod, grace)
    rig.run(grace + 20)
    removed = [t for t, key, obj in rig.api.writes if key == f"default/{pod}" and obj is None]
    return round(removed[0] - begin, 3)


def final_exit(rig: NodeRig, pod: str = "p", index: int = 0) -> tuple[str | None, int | None]:
    """Phase and exit code in the last status that was written."""
    last = rig.statuses(pod)[-1][1]
    ended = last.status.containerStatuses[index].state.terminated
    return last.status.phase, ended.exitCode if ended is not None else None


@pytest.mark.parametrize(
    ("pod", "seconds", "final"),
    [
        (spec(), 0.1, ("Succeeded", 0)),
        (spec(script("sleep 1000")), 30.0, ("Failed", 137)),
        (spec(container("busybox:1.36", command=("sleep", "1000"))), 30.0, ("Failed", 137)),
        (spec(script("trap 'exit 0' TERM; while true; do sleep 1; done")), 0.4, ("Succeeded", 0)),
        (spec(script("trap 'echo bye; exit 5' TERM; sleep 1000 & wait")), 0.0, ("Failed", 5)),
        (spec(script("sleep 1000"), shareProcessNamespace=True), 0.0, ("Failed", 143)),
        (spec(script("exec nginx -g 'daemon off;'", "nginx:1.27")), 0.1, ("Succeeded", 0)),
        (spec(script("echo x; nginx -g 'daemon off;'", "nginx:1.27")), 0.1, ("Succeeded", 0)),
    ],
    ids=["nginx", "shell", "sleep", "trap", "trap-and-wait", "shared-pid", "exec", "last-command"],
)
def test_how_long_stopping_takes(pod: PodSpec, seconds: float, final: tuple[str, int]) -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", pod)
    rig.run(4)

    assert gone_after(rig) == seconds
    assert final_exit(rig) == final
    assert rig.messages("p", "Killing") == ["Stopping container c"]


@pytest.mark.parametrize(("grace", "seconds"), [(30, 30.0), (5, 5.0), (1, 2.0)])
def test_grace_period(grace: int, seconds: float) -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(script("sleep 1000")))
    rig.run(4)

    assert gone_after(rig, grace=grace) == seconds


def test_second_delete_shortens_the_grace_period() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(script("sleep 1000")))
    rig.run(4)
    begin = rig.clock.now
    rig.delete("p", 100)
    rig.run(5)
    rig.delete("p", 10)
    rig.run(30)
    removed = [t for t, key, obj in rig.api.writes if key == "default/p" and obj is None]

    assert round(removed[0] - begin, 3) == 15.0


def test_forced_removal_needs_no_kubelet_call() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(script("sleep 1000")))
    rig.run(4)
    writes = len(rig.api.writes)
    rig.api.remove(type(rig.get("p")), "default/p")
    rig.run(5)

    assert len([w for w in rig.api.writes[writes:] if w[1] == "default/p"]) == 1
    assert rig.pool.worker("default", "p") is None


@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        (LifecycleHandler(exec=ExecAction(command=("sleep", "5"))), 5.1),
        (LifecycleHandler(sleep=SleepAction(seconds=7)), 7.1),
        (LifecycleHandler(httpGet=HTTPGetAction(path="/", port=80)), 0.1),
        (LifecycleHandler(exec=ExecAction(command=("sleep", "100"))), 30.1),
    ],
)
def test_pre_stop_hook_comes_before_the_signal(hook: LifecycleHandler, seconds: float) -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(container(lifecycle=Lifecycle(preStop=hook))))
    rig.run(4)

    assert gone_after(rig) == seconds


def test_nginx_quit_as_pre_stop_hook() -> None:
    hook = LifecycleHandler(exec=ExecAction(command=("/usr/sbin/nginx", "-s", "quit")))
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(container(lifecycle=Lifecycle(preStop=hook))))
    rig.run(4)

    assert gone_after(rig) <= 0.3
    assert final_exit(rig) == ("Succeeded", 0)


def test_failing_pre_stop_hook_is_reported_and_stopping_goes_on() -> None:
    hook = LifecycleHandler(exec=ExecAction(command=("false",)))
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(container(lifecycle=Lifecycle(preStop=hook))))
    rig.run(4)

    assert gone_after(rig) == 0.1
    assert rig.messages("p", "FailedPreStopHook") == ["PreStopHook failed"]


def test_post_start_hook_delays_what_follows() -> None:
    hook = LifecycleHandler(exec=ExecAction(command=("sleep", "5")))
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(container(name="a", lifecycle=Lifecycle(postStart=hook)), container(name="b")))
    rig.run(4)
    early = [state(rig.get("p"), i) for i in (0, 1)]
    rig.run(6)

    assert early == ["ContainerCreating", "ContainerCreating"]
    assert [state(rig.get("p"), i) for i in (0, 1)] == ["running", "running"]


def test_post_start_hook_writes_into_the_container() -> None:
    hook = LifecycleHandler(exec=ExecAction(command=("sh", "-c", "echo hi > /usr/share/nginx/html/index.html")))
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(container(lifecycle=Lifecycle(postStart=hook))))
    rig.run(4)
    answer = rig.network.request(
        "node/n1", f"http://{rig.get('p').status.podIP}/", rig.runtime.processes["kubelet"].view
    )

    assert answer.body == "hi\n"


def test_failing_post_start_hook_kills_the_container() -> None:
    hook = LifecycleHandler(exec=ExecAction(command=("false",)))
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(container(lifecycle=Lifecycle(postStart=hook))))
    rig.run(6)

    assert "FailedPostStartHook" in rig.reasons("p")
    assert rig.get("p").status.containerStatuses[0].restartCount >= 1


def test_sidecars_stop_after_the_main_containers_in_reverse_order() -> None:
    trap = "trap 'sleep 1; exit 0' TERM; while true; do sleep 0.5; done"
    sidecars = tuple(script(trap, name=n, restartPolicy="Always") for n in ("s1", "s2"))
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(script(trap), initContainers=sidecars))
    rig.run(10)
    rig.delete("p")
    rig.run(20)

    assert rig.messages("p", "Killing") == ["Stopping container c", "Stopping container s2", "Stopping container s1"]
    assert rig.gone("p")


def test_pending_pod_ends_as_failed() -> None:
    rig = NodeRig()
    rig.pod("p", spec(container("nginx:broken")))
    rig.run(5)

    assert gone_after(rig) == 0.0
    assert final_exit(rig) == ("Failed", 137)


def test_finished_pod_is_removed_at_once() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(script("true"), restartPolicy="Never"))
    rig.run(5)

    assert gone_after(rig) == 0.0


def test_terminating_pod_keeps_its_phase_until_it_ends() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(script("sleep 1000")))
    rig.run(4)
    rig.delete("p")
    rig.run(10)

    assert rig.get("p").status.phase == "Running"
    assert state(rig.get("p")) == "running"


def test_terminating_container_is_not_restarted() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(script("trap 'exit 1' TERM; while true; do sleep 1; done"), script("sleep 1000", name="d")))
    rig.run(4)
    rig.delete("p")
    rig.run(10)

    assert rig.get("p").status.containerStatuses[0].restartCount == 0
    assert len([r for r in rig.reasons("p") if r == "Started"]) == 2
