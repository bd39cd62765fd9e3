"""HorizontalPodAutoscalers: what a metric asks for, what limits it, what is said, and the law of the bounds."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from k8snb.addons import LocalPathStorage
from k8snb.api.frozen import FrozenDict
from k8snb.api.mistakes import BadValue
from k8snb.api.types.autoscaling_v2 import HPAScalingPolicy, HPAScalingRules
from k8snb.api.types.core_v1 import Container, Pod, ResourceRequirements
from k8snb.cluster import Cluster
from k8snb.controllers.podautoscaler import limits
from k8snb.controllers.podautoscaler.replicas import NoCount, Sample, Tolerances, by_average, by_utilization
from k8snb.explain import explain
from k8snb.kubectl import run as kubectl
from k8snb.sim.clock import rfc3339
from tests.controllers import build
from tests.controllers.test_laws import MANAGER

NOW = 1000.0
ANY = Tolerances()


def pod(name: str, cpu: str | None = "100m", *, started: float = 0.0, ready: float | None = 10.0, **more: Any) -> Pod:
    made = build.pod(name, ready=ready, **more)
    asked = FrozenDict({"cpu": cpu}) if cpu is not None else FrozenDict[str, str]()
    parts = (Container(name="c", image="nginx", resources=ResourceRequirements(requests=asked)),)
    status = replace(made.status, startTime=rfc3339(started))
    return replace(made, spec=replace(made.spec, containers=parts), status=status)


def used(*values: int | None, time: float = NOW - 10) -> dict[str, Sample]:
    """Samples of p0, p1, … in millicores; None: not measured."""
    return {f"p{n}": Sample(value, time, 15.0) for n, value in enumerate(values) if value is not None}


def pods(count: int, **fields: Any) -> list[Pod]:
    return [pod(f"p{n}", **fields) for n in range(count)]


NEW: dict[str, Any] = {"started": NOW - 20, "ready": NOW - 5}
UTILIZATION: dict[str, tuple[list[Pod], dict[str, Sample], int, int]] = {
    "up": (pods(3), used(100, 100, 100), 50, 6),
    "down": (pods(4), used(10, 10, 10, 10), 50, 1),
    "within the tolerance": (pods(4), used(54, 54, 54, 54), 50, 4),
    "beyond the tolerance": (pods(4), used(56, 56, 56, 56), 50, 5),
    "one is not measured, up": (pods(3), used(100, 100, None), 50, 4),
    "one is not measured, down": (pods(4), used(10, 10, 10, None), 50, 3),
    "missing ones would turn it": (pods(3), used(40, 40, None), 50, 3),
    "new pods count as idle when scaling up": ([*pods(1), pod("p1", **NEW), pod("p2", **NEW)], used(300, 5, 5), 50, 6),
    "new pods would turn it": ([*pods(1), pod("p1", **NEW), pod("p2", **NEW)], used(90, 5, 5), 50, 3),
    "not ready": ([*pods(2), pod("p2", ready=None)], used(100, 100, 0), 50, 4),
    "pending": ([*pods(2), pod("p2", phase="Pending", ready=None)], used(100, 100), 50, 4),
    "failed ones do not count": ([*pods(2), pod("p2", phase="Failed", ready=None)], used(100, 100, 100), 50, 4),
}  # fmt: skip


@pytest.mark.parametrize("case", UTILIZATION)
def test_replicas_by_utilization(case: str) -> None:
    given_pods, samples, percent, expected = UTILIZATION[case]

    found = by_utilization(len(given_pods), percent, "cpu", given_pods, samples, ANY, NOW)

    assert found.replicas == expected


def test_replicas_by_average_value() -> None:
    found = by_average(3, 50, "cpu", pods(3), used(100, 100, 40), ANY, NOW)

    assert (found.replicas, found.mean, found.percent) == (5, 80, None)


def test_a_tolerance_of_ones_own() -> None:
    strict = by_utilization(4, 50, "cpu", pods(4), used(54, 54, 54, 54), Tolerances(0.0, 0.0), NOW)

    assert strict.replicas == 5


NO_COUNT: dict[str, tuple[list[Pod], dict[str, Sample], str]] = {
    "no pods": ([], used(1), "no pods returned by selector while calculating replica count"),
    "nothing measured": (pods(1), {}, "did not receive metrics for targeted pods (pods might be unready)"),
    "no request": ([pod("p0", None)], used(1), "missing request for cpu in container c of Pod p0"),
}


@pytest.mark.parametrize("case", NO_COUNT)
def test_no_number_of_replicas(case: str) -> None:
    given_pods, samples, message = NO_COUNT[case]

    with pytest.raises(NoCount) as why:
        by_utilization(1, 50, "cpu", given_pods, samples, ANY, NOW)

    assert str(why.value) == message


LIMITED: dict[str, tuple[tuple[int, int, int, int], int, str]] = {
    "within": ((2, 3, 1, 9), 3, "DesiredWithinRange"),
    "most": ((4, 20, 1, 7), 7, "TooManyReplicas"),
    "least": ((4, 0, 2, 7), 2, "TooFewReplicas"),
    "four from one": ((1, 20, 1, 100), 4, "ScaleUpLimit"),
    "twice": ((10, 50, 1, 100), 20, "ScaleUpLimit"),
}


@pytest.mark.parametrize("case", LIMITED)
def test_limits_without_a_behavior(case: str) -> None:
    arguments, replicas, reason = LIMITED[case]

    found = limits.limited(*arguments)

    assert (found.replicas, found.reason) == (replicas, reason)


def rules(*policies: tuple[str, int, int], **more: Any) -> HPAScalingRules:
    made = tuple(HPAScalingPolicy(type=t, value=v, periodSeconds=p) for t, v, p in policies)
    return HPAScalingRules(policies=made, **more)


def test_policies_limit_the_rate() -> None:
    both = rules(("Pods", 4, 60), ("Percent", 10, 60))

    assert limits.up_limit(10, [], [], both, 100.0) == 14
    assert limits.up_limit(14, [(90.0, 4)], [], both, 100.0) == 14
    assert limits.up_limit(14, [(30.0, 4)], [], both, 100.0) == 18
    assert limits.up_limit(10, [], [], replace(both, selectPolicy="Min"), 100.0) == 11
    assert limits.up_limit(10, [], [], replace(both, selectPolicy="Disabled"), 100.0) == 10
    assert limits.down_limit(80, [], [], both, 100.0) == 72
    assert limits.down_limit(80, [], [], replace(both, selectPolicy="Min"), 100.0) == 76
    assert limits.down_limit(72, [], [(80.0, 8)], both, 100.0) == 72


def test_stabilisation_looks_back() -> None:
    recent = [(10.0, 8), (200.0, 3)]

    assert limits.stabilized(2, recent, 300.0)[:2] == (8, "ScaleDownStabilized")
    assert limits.stabilized(2, recent, 320.0)[:2] == (3, "ScaleDownStabilized")
    up, down = rules(stabilizationWindowSeconds=60), rules(stabilizationWindowSeconds=0)
    assert limits.stabilized_with(2, 9, up, down, [(90.0, 4)], 100.0)[:2] == (4, "ScaleUpStabilized")


WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: "nginx:1.27", resources: {requests: {cpu: 100m}}}]
"""
HPA = """---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 1
  maxReplicas: 6
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
"""


def scaled(text: str = WEB + HPA, **options: Any) -> Cluster:
    cluster = Cluster(nodes=2, **options)
    cluster.apply(text)
    cluster.run(60)
    return cluster


def replicas(cluster: Cluster) -> int:
    found: int = cluster.get("deploy", "web").spec.replicas
    return found


def test_a_deployment_grows_under_load_and_shrinks_afterwards() -> None:
    cluster = scaled()
    before = replicas(cluster)
    cluster.load("deploy/web", cpu="240m")
    cluster.run(120)
    loaded = replicas(cluster)
    cluster.load("deploy/web", cpu="0")
    cluster.run(240)
    held = replicas(cluster)
    why = {fact.id for fact in explain(cluster, "hpa/web")}
    cluster.run(150)

    said = [e.message for e in cluster.list("events.v1.") if e.reason == "SuccessfulRescale"]
    assert (before, loaded, held, replicas(cluster)) == (1, 5, 5, 1)
    assert said[0] == "New size: 4; reason: cpu resource utilization (percentage of request) above target"
    assert said[-1] == "New size: 1; reason: All metrics below target"
    assert "autoscaler.stabilized" in why


def test_what_is_said_while_it_scales() -> None:
    cluster = scaled()
    cluster.load("deploy/web", cpu="900m")
    cluster.run(16)
    first = {fact.id: fact for fact in explain(cluster, "hpa/web")}
    cluster.run(60)
    full = {fact.id for fact in explain(cluster, "hpa/web")}
    conditions = {c.type: (c.status, c.reason) for c in cluster.get("hpa", "web").status.conditions}

    assert first["autoscaler.formula"].values["ratio"] == "18.02"
    assert "autoscaler.rate" in first
    assert "autoscaler.most" in full
    assert conditions == {
        "AbleToScale": ("True", "ReadyForNewScale"),
        "ScalingActive": ("True", "ValidMetricFound"),
        "ScalingLimited": ("True", "TooManyReplicas"),
    }


def test_top_shows_the_load() -> None:
    cluster = scaled(WEB)
    cluster.load("deploy/web", cpu="120m", memory="64Mi")
    cluster.run(16)
    (found,) = cluster.pods
    shown = [kubectl(cluster, line).stdout.splitlines() for line in ("top pods", "top pod --containers", "top nodes")]

    assert [line.split() for line in shown[0]] == [
        ["NAME", "CPU(cores)", "MEMORY(bytes)"],
        [found.metadata.name, "121m", "72Mi"],
    ]
    assert shown[1][1].split() == [found.metadata.name, "c", "121m", "72Mi"]
    assert shown[2][0].split() == ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
    assert sorted(line.split()[1] for line in shown[2][1:]) == ["161m", "40m"]


def test_top_without_metrics_server() -> None:
    cluster = Cluster(nodes=1, addons=())

    assert kubectl(cluster, "top pods").stderr == "error: Metrics API not available\n"


FAILURES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "no metrics-server": (
        WEB + HPA,
        {"addons": [LocalPathStorage]},
        ("the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource "
        "cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get "
        "pods.metrics.k8s.io)"),
        "hint.metrics-server",
    ),
    "no requests": (
        WEB.replace("{requests: {cpu: 100m}}", "{}") + HPA,
        {},
        ("the HPA was unable to compute the replica count: failed to get cpu utilization: missing request for cpu in container "
        "c of Pod "),
        "hint.requests",
    ),
    "pods metric": (
        WEB + HPA.replace("{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}",
                          "{type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: 10}}}"),
        {},
        ("the HPA was unable to compute the replica count: unable to get metric rps: unable to fetch metrics from custom metrics "
        "API: no custom metrics API (custom.metrics.k8s.io) registered"),
        "hint.metrics-adapter",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILURES)
def test_metrics_that_fail(case: str) -> None:
    text, options, message, hint = FAILURES[case]

    cluster = scaled(text, **options)

    active = next(c for c in cluster.get("hpa", "web").status.conditions if c.type == "ScalingActive")
    assert (active.status, active.message[: len(message)]) == ("False", message)
    assert hint in [fact.id for fact in explain(cluster, "hpa/web")]


def test_a_target_that_is_not_there() -> None:
    cluster = scaled(HPA)

    (able,) = cluster.get("hpa", "web").status.conditions
    assert (able.status, able.reason) == ("False", "FailedGetScale")
    assert (
        able.message
        == ('the HPA controller was unable to get the target\'s current scale: deployments.apps/scale "web" not found')
        or 'deployments/scale.apps "web" not found' in able.message
    )


def test_zero_replicas_switch_it_off() -> None:
    cluster = scaled()
    cluster.scale("deploy", "web", 0)
    cluster.run(60)

    assert replicas(cluster) == 0
    assert "autoscaler.disabled" in [fact.id for fact in explain(cluster, "hpa/web")]


def test_a_load_is_given_as_an_amount() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(WEB)

    with pytest.raises(BadValue, match="give an amount"):
        cluster.load("deploy/web", cpu="much")
    with pytest.raises(BadValue, match="which load"):
        cluster.load("deploy/web")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 32))
def test_replicas_stay_within_bounds_and_rates(seed: int) -> None:
    chance = Random(seed)
    least, most = sorted((chance.randrange(1, 4), chance.randrange(1, 8)))
    step = chance.randrange(1, 4)
    behavior = (
        f"  behavior:\n    scaleUp: {{policies: [{{type: Pods, value: {step}, periodSeconds: 30}}]}}\n"
        f"    scaleDown: {{stabilizationWindowSeconds: 0, policies: [{{type: Pods, value: {step}, periodSeconds: 30}}]}}\n"
    )
    hpa = HPA.replace("minReplicas: 1", f"minReplicas: {least}").replace("maxReplicas: 6", f"maxReplicas: {most}")
    cluster = scaled(WEB + hpa + behavior)
    history = [replicas(cluster)]

    for _ in range(12):
        cluster.load("deploy/web", cpu=f"{chance.choice([0, 50, 200, 600])}m")
        if chance.random() < 0.2:
            cluster.runtime.restart(MANAGER)  # which forgets what was done in the last 30 seconds
            history = [replicas(cluster)]
        cluster.run(15)
        history.append(replicas(cluster))
        assert least <= replicas(cluster) <= most
        if len(history) > 2 and history[-1] != history[-2]:  # a policy counts from what there was 30 seconds ago
            start = history[-3]
            assert history[-1] <= start + step if history[-1] > history[-2] else history[-1] >= start - step
