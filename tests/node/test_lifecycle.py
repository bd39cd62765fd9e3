"""How pods come up, crash, back off and end: phases, states, events and their times."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import (
    Container,
    ContainerRestartRule,
    ContainerRestartRuleOnExitCodes,
    PodSpec,
    ResourceRequirements,
)
from tests.node.builders import NodeRig, container, ready, script, spec, state


def timeline(rig: NodeRig, pod: str = "p") -> list[tuple[float, str | None, str]]:
    """Every written status as (seconds since the pod was created, phase, first container's state)."""
    written = rig.statuses(pod)
    begin = written[0][0]
    return [
        (round(t - begin, 3), o.status.phase, state(o) if o.status.containerStatuses else "")
        for t, o in written
        if o.status.phase
    ]


def test_plain_pod_needs_two_status_writes() -> None:
    rig = NodeRig(images=("nginx:1.27",))
    rig.pod("p", spec())
    rig.run(30)

    assert timeline(rig) == [(0.0, "Pending", "ContainerCreating"), (1.0, "Running", "running")]
    assert rig.reasons("p") == ["Pulled", "Created", "Started"]
    assert rig.messages("p", "Pulled") == [
        'Container image "nginx:1.27" already present on machine and can be accessed by the pod'
    ]


def test_running_pod_shows_what_a_kubelet_shows() -> None:
    rig = NodeRig()
    rig.pod("p", spec())
    rig.run(10)
    pod = rig.get("p")
    status = pod.status.containerStatuses[0]

    assert [c.type for c in pod.status.conditions] == [
        "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled",
    ]  # fmt: skip
    assert [c.observedGeneration for c in pod.status.conditions] == [1] * 5
    assert status.image == "docker.io/library/nginx:1.27"
    assert status.imageID.startswith("docker.io/library/nginx@sha256:")
    assert (status.containerID or "").startswith("containerd://")
    assert (status.ready, status.started, status.restartCount) == (True, True, 0)
    assert pod.status.podIP == "10.244.0.2"
    assert pod.status.hostIP == "172.18.0.2"
    assert pod.status.startTime == "2026-01-01T00:00:01Z"


def test_pull_takes_time_by_size_and_is_reported() -> None:
    rig = NodeRig()
    rig.pod("p", spec())
    rig.run(30)

    assert rig.reasons("p") == ["Pulling", "Pulled", "Created", "Started"]
    assert rig.messages("p", "Pulled") == [
        'Successfully pulled image "nginx:1.27" in 3.38s (3.38s including waiting). Image size: 72000000 bytes.'
    ]


def test_pulls_of_a_node_are_one_after_the_other() -> None:
    rig = NodeRig()
    rig.pod("a", spec())
    rig.pod("b", spec(container("redis:7")))
    rig.run(30)

    assert rig.messages("b", "Pulled") == [
        'Successfully pulled image "redis:7" in 2.58s (5.96s including waiting). Image size: 52000000 bytes.'
    ]


@pytest.mark.parametrize(
    ("image", "policy", "reasons"),
    [
        ("nginx:1.27", "Always", ["Pulling", "Pulled", "Created", "Started"]),
        ("nginx:1.27", "IfNotPresent", ["Pulled", "Created", "Started"]),
        ("nginx:1.27", "Never", ["Pulled", "Created", "Started"]),
    ],
)
def test_pull_policy_of_an_image_that_is_there(image: str, policy: str, reasons: list[str]) -> None:
    rig = NodeRig(images=("nginx:1.27",))
    rig.pod("p", spec(container(image, imagePullPolicy=policy)))
    rig.run(10)

    assert rig.reasons("p") == reasons


def test_never_pull() -> None:
    rig = NodeRig()
    rig.pod("p", spec(container(imagePullPolicy="Never")))
    rig.run(5)
    waiting = rig.get("p").status.containerStatuses[0].state.waiting

    assert waiting is not None
    assert waiting.reason == "ErrImageNeverPull"
    assert waiting.message == 'Container image "nginx:1.27" is not present with pull policy of Never'
    assert rig.reasons("p") == ["ErrImageNeverPull", "Failed"]


def test_image_pull_back_off_doubles() -> None:
    rig = NodeRig()
    rig.pod("p", spec(container("nginx:broken")))
    rig.run(400)
    pulls = [round(t - 1.3, 1) for t, e in rig.api.events if e.reason == "Pulling"]
    gaps = [round(b - a - 0.8) for a, b in itertools.pairwise(pulls)]
    waiting = rig.get("p").status.containerStatuses[0].state.waiting

    assert gaps == [10, 20, 40, 80, 160]
    assert waiting is not None
    assert waiting.reason == "ImagePullBackOff"
    assert waiting.message == (
        'Back-off pulling image "nginx:broken": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack '
        'image "docker.io/library/nginx:broken": failed to resolve reference "docker.io/library/nginx:broken": '
        "docker.io/library/nginx:broken: not found"
    )
    assert rig.reasons("p")[:6] == ["Pulling", "Failed", "Failed", "BackOff", "Failed", "Pulling"]
    assert rig.messages("p", "Failed")[1:3] == ["Error: ErrImagePull", "Error: ImagePullBackOff"]


def test_mended_image_lets_the_pod_start() -> None:
    rig = NodeRig()
    rig.pool.break_image("nginx:1.27")
    rig.pod("p", spec())
    rig.run(5)
    broken = state(rig.get("p"))
    rig.pool.mend_image("nginx:1.27")
    rig.run(30)

    assert broken == "ImagePullBackOff"
    assert state(rig.get("p")) == "running"


def test_crash_loop_back_off_doubles_up_to_five_minutes() -> None:
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("p", spec(script("exit 1")))
    rig.run(2000)
    starts = [t for t, e in rig.api.events if e.reason == "Started"]
    gaps = [round(b - a) for a, b in itertools.pairwise(starts)]
    waiting = rig.get("p").status.containerStatuses[0].state.waiting

    assert gaps[:8] == [1, 10, 20, 40, 80, 160, 300, 300]
    assert waiting is not None
    assert waiting.reason == "CrashLoopBackOff"
    assert waiting.message == f"back-off 5m0s restarting failed container=c pod=p_default({rig.get('p').metadata.uid})"
    assert rig.messages("p", "BackOff")[0] == (
        f"Back-off restarting failed container c in pod p_default({rig.get('p').metadata.uid})"
    )


def test_crash_shows_the_error_then_the_back_off() -> None:
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("p", spec(script("exit 3")))
    rig.run(8)

    assert [s for _, _, s in timeline(rig)] == ["ContainerCreating", "Error 3", "Error 3", "CrashLoopBackOff"]
    last = rig.get("p").status.containerStatuses[0]
    assert last.restartCount == 1
    assert last.lastState.terminated is not None
    assert last.lastState.terminated.exitCode == 3


def test_back_off_is_forgotten_after_ten_minutes_of_running() -> None:
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("p", spec(script("sleep 700; exit 1")))
    rig.run(3000)
    starts = [t for t, e in rig.api.events if e.reason == "Started"]
    gaps = [round(b - a) for a, b in itertools.pairwise(starts)]

    assert gaps == [701, 701, 701, 701]


@pytest.mark.parametrize(
    ("policy", "text", "phase", "restarts", "shown"),
    [
        ("Never", "exit 0", "Succeeded", 0, "Completed 0"),
        ("Never", "exit 4", "Failed", 0, "Error 4"),
        ("OnFailure", "exit 0", "Succeeded", 0, "Completed 0"),
        ("OnFailure", "exit 1", "Running", 1, "CrashLoopBackOff"),
        ("Always", "exit 0", "Running", 1, "CrashLoopBackOff"),
        ("Never", "kill -9 1; sleep 9", "Failed", 0, "Error 137"),
    ],
)
def test_restart_policy(policy: str, text: str, phase: str, restarts: int, shown: str) -> None:
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("p", spec(script(text), restartPolicy=policy))
    rig.run(8)
    pod = rig.get("p")

    assert (pod.status.phase, pod.status.containerStatuses[0].restartCount, state(pod)) == (phase, restarts, shown)


def test_restart_rules_of_a_container() -> None:
    rule = ContainerRestartRule(
        action="Restart", exitCodes=ContainerRestartRuleOnExitCodes(operator="In", values=(42,))
    )
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("again", spec(script("exit 42", restartPolicyRules=(rule,), restartPolicy="Never"), restartPolicy="Never"))
    rig.pod("over", spec(script("exit 41", restartPolicyRules=(rule,), restartPolicy="Never"), restartPolicy="Never"))
    rig.run(8)

    assert rig.get("again").status.containerStatuses[0].restartCount == 1
    assert rig.get("over").status.phase == "Failed"


def test_finished_pod_has_completed_conditions() -> None:
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("p", spec(script("true"), restartPolicy="Never"))
    rig.run(5)
    found = {c.type: (c.status, c.reason) for c in rig.get("p").status.conditions}

    assert found == {
        "PodReadyToStartContainers": ("False", None),
        "Initialized": ("True", "PodCompleted"),
        "Ready": ("False", "PodCompleted"),
        "ContainersReady": ("False", "PodCompleted"),
        "PodScheduled": ("True", None),
    }


INIT = PodSpec(
    initContainers=(script("sleep 2", name="one"), script("sleep 3", name="two")),
    containers=(container(),),
    restartPolicy="Always",
)


def test_init_containers_run_one_after_the_other() -> None:
    rig = NodeRig(images=("busybox:1.36", "nginx:1.27"))
    rig.pod("p", INIT)
    rig.run(2.5)
    early = rig.get("p")
    rig.run(10)
    late = rig.get("p")
    initialized = next(c for c in early.status.conditions if c.type == "Initialized")

    assert (initialized.status, initialized.reason) == ("False", "ContainersNotInitialized")
    assert initialized.message == "containers with incomplete status: [one two]"
    assert state(early) == "PodInitializing"
    assert [s.ready for s in late.status.initContainerStatuses] == [True, True]
    assert (late.status.phase, ready(late)) == ("Running", "True")
    assert rig.reasons("p").count("Started") == 3


@pytest.mark.parametrize(("policy", "phase"), [("Never", "Failed"), ("Always", "Pending")])
def test_failing_init_container(policy: str, phase: str) -> None:
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("p", spec(container(), initContainers=(script("exit 1", name="i"),), restartPolicy=policy))
    rig.run(8)
    pod = rig.get("p")

    assert pod.status.phase == phase
    assert "nginx" not in str(rig.messages("p", "Pulling"))


def test_sidecar_starts_first_and_ends_last() -> None:
    sidecar = script("trap 'exit 0' TERM; while true; do sleep 1; done", name="side", restartPolicy="Always")
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("p", spec(script("sleep 4"), initContainers=(sidecar,), restartPolicy="Never"))
    rig.run(4)
    running = rig.get("p")
    rig.run(10)
    done = rig.get("p")

    assert running.status.phase == "Running"
    assert [s.started for s in running.status.initContainerStatuses] == [True]
    assert done.status.phase == "Succeeded"
    assert done.status.initContainerStatuses[0].state.terminated is not None
    assert [e.message for _, e in rig.api.events if e.reason == "Killing"] == ["Stopping container side"]


def test_containers_of_a_pod_start_in_order() -> None:
    rig = NodeRig()
    rig.pod("p", spec(container("nginx:1.27", "a"), container("redis:7", "b")))
    rig.run(4.8)
    first = rig.get("p")
    rig.run(10)

    assert [state(first, i) for i in (0, 1)] == ["ContainerCreating", "ContainerCreating"]
    assert [state(rig.get("p"), i) for i in (0, 1)] == ["running", "running"]
    assert rig.reasons("p") == ["Pulling", "Pulled", "Created", "Started"] * 2


def test_command_that_is_not_there() -> None:
    rig = NodeRig(images=("nginx:1.27",))
    rig.pod("p", spec(container(command=("/no/such", "thing"))))
    rig.run(1.5)
    waiting = rig.get("p").status.containerStatuses[0].state
    rig.run(20)
    pod = rig.get("p")
    last = pod.status.containerStatuses[0].lastState.terminated

    assert waiting.terminated is None or waiting.terminated.reason == "StartError"
    assert state(pod) == "CrashLoopBackOff"
    assert last is not None
    assert (last.reason, last.exitCode) == ("StartError", 128)
    assert 'exec: "/no/such": stat /no/such: no such file or directory' in rig.messages("p", "Failed")[0]


def test_memory_limit_kills() -> None:
    hungry = container(
        "polinux/stress",
        command=("stress",),
        args=("--vm", "1", "--vm-bytes", "250M", "--vm-hang", "1"),
        resources=ResourceRequirements(limits=FrozenDict({"memory": "100Mi"})),
    )
    rig = NodeRig()
    rig.pod("p", spec(hungry))
    rig.run(8)
    status = rig.get("p").status.containerStatuses[0]
    ended = status.lastState.terminated or status.state.terminated

    assert ended is not None
    assert (ended.reason, ended.exitCode) == ("OOMKilled", 137)


def test_memory_within_the_limit_is_fine() -> None:
    rig = NodeRig()
    limits = ResourceRequirements(limits=FrozenDict({"memory": "64Mi"}))
    rig.pod("p", spec(container(resources=limits)))
    rig.run(30)

    assert state(rig.get("p")) == "running"
    assert rig.get("p").status.containerStatuses[0].resources == limits


def test_active_deadline() -> None:
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("p", spec(script("trap 'exit 9' TERM; while true; do sleep 1; done"), activeDeadlineSeconds=5))
    rig.run(20)
    pod = rig.get("p")

    assert (pod.status.phase, pod.status.reason) == ("Failed", "DeadlineExceeded")
    assert pod.status.message == "Pod was active on the node longer than the specified deadline"
    assert state(pod) == "Error 9"
    assert "DeadlineExceeded" in rig.reasons("p")


def test_termination_message() -> None:
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("p", spec(script("echo why > /dev/termination-log; exit 2"), restartPolicy="Never"))
    rig.pod(
        "q",
        spec(
            script("echo last words; exit 2", terminationMessagePolicy="FallbackToLogsOnError"), restartPolicy="Never"
        ),
    )
    rig.run(5)
    ended = [rig.get(n).status.containerStatuses[0].state.terminated for n in "pq"]

    assert [e.message for e in ended if e is not None] == ["why\n", "last words\n"]


def test_logs_are_kept_per_instance() -> None:
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("p", spec(script("echo hello $HOSTNAME; exit 1")))
    rig.run(4)

    assert rig.logs() == ["hello p"]
    assert rig.logs(previous=True) == ["hello p"]


def test_database_without_password_says_so() -> None:
    rig = NodeRig()
    rig.pod("p", spec(container("mysql:8.0")))
    rig.run(15)

    assert state(rig.get("p")) == "CrashLoopBackOff"
    assert any("MYSQL_ROOT_PASSWORD" in line for line in rig.logs())


def test_shell_without_a_terminal_ends_at_once() -> None:
    rig = NodeRig()
    rig.pod("p", spec(container("busybox:1.36")))
    rig.run(10)

    assert state(rig.get("p")) == "CrashLoopBackOff"
    last = rig.get("p").status.containerStatuses[0].lastState.terminated
    assert last is not None
    assert (last.reason, last.exitCode) == ("Completed", 0)


def test_removed_pod_frees_its_address() -> None:
    rig = NodeRig(images=("nginx:1.27",))
    for n in range(3):
        rig.pod(f"p{n}", spec())
    rig.run(3)
    rig.api.remove(type(rig.get("p1")), "default/p1")
    rig.run(1)

    assert sorted(rig.network.ipam.owner) == ["10.244.0.2", "10.244.0.4"]


def test_host_network_pod_has_the_nodes_address() -> None:
    rig = NodeRig(images=("nginx:1.27",))
    rig.pod("p", spec(hostNetwork=True))
    rig.run(3)

    assert rig.get("p").status.podIP == rig.get("p").status.hostIP == "172.18.0.2"


def test_same_pod_same_ids() -> None:
    ids = []
    for _ in range(2):
        rig = NodeRig(images=("nginx:1.27",))
        rig.pod("p", spec())
        rig.run(3)
        ids.append(rig.get("p").status.containerStatuses[0].containerID)

    assert ids[0] == ids[1]


def test_unbound_pod_is_left_alone() -> None:
    rig = NodeRig()
    rig.pod("p", spec(), node="")
    rig.run(5)

    assert rig.get("p").status.phase is None


@pytest.mark.parametrize(
    ("fields", "reason", "message"),
    [
        (
            {"resources": ResourceRequirements(requests=FrozenDict({"cpu": "8"}))},
            "OutOfcpu",
            "Pod was rejected: Node didn't have enough resource: cpu, requested: 8000, used: 0, capacity: 4000",
        ),
        (
            {"resources": ResourceRequirements(requests=FrozenDict({"memory": "32Gi"}))},
            "OutOfmemory",
            "Pod was rejected: Node didn't have enough resource: memory, requested: 34359738368, used: 0, capacity: 17075011584",
        ),
    ],
)
def test_node_rejects_what_does_not_fit(fields: dict[str, Any], reason: str, message: str) -> None:
    rig = NodeRig()
    rig.pod("p", spec(container(**fields)))
    rig.run(1)
    pod = rig.get("p")

    assert (pod.status.phase, pod.status.reason, pod.status.message) == ("Failed", reason, message)
    assert rig.reasons("p") == [reason]


def test_node_selector_is_checked_by_the_kubelet() -> None:
    rig = NodeRig()
    rig.pod("p", spec(nodeSelector=FrozenDict({"disk": "ssd"})))
    rig.run(1)

    assert rig.get("p").status.reason == "NodeAffinity"


def test_readiness_gate_keeps_ready_false() -> None:
    from k8snb.api.types.core_v1 import PodCondition, PodReadinessGate

    rig = NodeRig(images=("nginx:1.27",))
    rig.pod("p", spec(readinessGates=(PodReadinessGate(conditionType="example.com/lb"),)))
    rig.run(3)
    closed = next(c for c in rig.get("p").status.conditions if c.type == "Ready")
    pod = rig.get("p")
    gate = PodCondition(type="example.com/lb", status="True")
    rig.api.put(replace(pod, status=replace(pod.status, conditions=(*pod.status.conditions, gate))))
    rig.run(1)

    assert (closed.status, closed.reason) == ("False", "ReadinessGatesNotReady")
    assert ready(rig.get("p")) == "True"


def test_disputed_ready_condition_is_written_again() -> None:
    rig = NodeRig(images=("nginx:1.27",))
    rig.pod("p", spec())
    rig.run(3)
    pod = rig.get("p")
    lying = tuple(replace(c, status="False") if c.type == "Ready" else c for c in pod.status.conditions)
    rig.api.put(replace(pod, status=replace(pod.status, conditions=lying)))
    rig.run(1)

    assert ready(rig.get("p")) == "True"


def test_container_defaults_are_not_mutated() -> None:
    box = Container(name="c", image="nginx:1.27", imagePullPolicy="IfNotPresent")
    rig = NodeRig(images=("nginx:1.27",))
    rig.pod("p", spec(box))
    rig.run(3)

    assert rig.get("p").spec.containers[0] is box


def test_changed_image_restarts_the_container() -> None:
    rig = NodeRig(images=("nginx:1.27", "nginx:1.26"))
    rig.pod("p", spec())
    rig.run(3)
    pod = rig.get("p")
    changed = replace(pod.spec, containers=(replace(pod.spec.containers[0], image="nginx:1.26"),))
    rig.api.put(replace(pod, spec=changed))
    rig.run(5)
    status = rig.get("p").status.containerStatuses[0]

    assert (status.image, status.restartCount) == ("docker.io/library/nginx:1.26", 1)
    assert rig.messages("p", "Killing") == ["Container c definition changed, will be restarted"]


def test_corrected_image_ends_the_back_off() -> None:
    rig = NodeRig(images=("nginx:1.27",))
    rig.pod("p", spec(container("nginx:broken")))
    rig.run(5)
    pod = rig.get("p")
    fixed = replace(pod.spec, containers=(replace(pod.spec.containers[0], image="nginx:1.27"),))
    rig.api.put(replace(pod, spec=fixed))
    rig.run(3)

    assert state(rig.get("p")) == "running"


def test_pod_with_a_finalizer_is_asked_for_removal_once() -> None:
    rig = NodeRig(images=("nginx:1.27",))
    rig.pod("p", spec(), finalizers=("example.com/keep",))
    rig.run(3)
    rig.api.keep_finalized = True
    rig.delete("p")
    rig.run(10)
    rig.api.put(replace(rig.get("p"), metadata=replace(rig.get("p").metadata, labels=FrozenDict({"a": "b"}))))
    rig.run(10)

    assert rig.api.deletions == ["default/p"]
