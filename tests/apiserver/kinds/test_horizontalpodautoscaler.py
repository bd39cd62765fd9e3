"""Autoscalers: both versions of one object, metrics and behavior."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from k8snb.api.codec import from_dict, to_dict
from k8snb.api.types import autoscaling_v1, autoscaling_v2
from k8snb.apiserver.kinds.horizontalpodautoscaler import to_v1, to_v2
from tests.apiserver.kinds.judge import problems, stored

Tree = dict[str, Any]
TABLES = Path(__file__).parents[2] / "golden" / "api" / "tables"
TARGET: Tree = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}


def recorded(version: str) -> dict[str, Tree]:
    text = (TABLES / f"autoscaling_{version}.horizontalpodautoscalers.json").read_text(encoding="utf-8")
    return {tree["metadata"]["name"]: tree for tree in json.loads(text)["objects"]}


PAIRS = [pytest.param(one, recorded("v2")[name], id=name) for name, one in recorded("v1").items()]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_recorded_pairs_are_converted(first: Tree, second: Tree) -> None:
    old = from_dict(autoscaling_v1.HorizontalPodAutoscaler, first)
    new = from_dict(autoscaling_v2.HorizontalPodAutoscaler, second)

    assert to_dict(to_v1(new)) == to_dict(old)
    assert to_dict(to_v2(old)) == to_dict(new)


def test_behavior_travels_in_an_annotation() -> None:
    rules = autoscaling_v2.HPAScalingRules(
        stabilizationWindowSeconds=5,
        selectPolicy="Min",
        policies=(autoscaling_v2.HPAScalingPolicy(type="Pods", value=1, periodSeconds=15),),
    )
    behavior = autoscaling_v2.HorizontalPodAutoscalerBehavior(scaleDown=rules)
    spec = autoscaling_v2.HorizontalPodAutoscalerSpec(maxReplicas=3, behavior=behavior)

    old = to_v1(autoscaling_v2.HorizontalPodAutoscaler(spec=spec))

    assert old.metadata.annotations == {
        "autoscaling.alpha.kubernetes.io/behavior": '{"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":5,'
        '"SelectPolicy":"Min","Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":15}],"Tolerance":null}}'
    }
    assert to_v2(old).spec.behavior == behavior


def test_an_annotation_that_is_no_json_is_ignored() -> None:
    tree = {"metadata": {"name": "x", "annotations": {"autoscaling.alpha.kubernetes.io/metrics": "{"}}}

    metrics = to_v2(from_dict(autoscaling_v1.HorizontalPodAutoscaler, tree)).spec.metrics

    assert [metric.resource and metric.resource.target.averageUtilization for metric in metrics] == [80]


def test_version_1_shows_the_target() -> None:
    body = {"spec": {"scaleTargetRef": TARGET, "maxReplicas": 3, "targetCPUUtilizationPercentage": 60}}

    made = stored("horizontalpodautoscalers.v1.autoscaling", body)

    assert made["spec"] == {
        "scaleTargetRef": TARGET,
        "minReplicas": 1,
        "maxReplicas": 3,
        "targetCPUUtilizationPercentage": 60,
    }


def metric(**fields: Any) -> Tree:
    return {"spec": {"scaleTargetRef": TARGET, "maxReplicas": 3, "metrics": [fields]}}


CPU: Tree = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(metric(type="Resource", resource=CPU), [], id="good"),
        pytest.param(
            metric(type="Pods", resource=CPU),
            ["spec.metrics[0].pods: Required value: must populate information for the given metric source"],
            id="another source",
        ),
        pytest.param(
            metric(type="ContainerResource", containerResource={**CPU, "container": ""}),
            ["spec.metrics[0].containerResource.container: Required value: must specify a container"],
            id="no container",
        ),
        pytest.param(
            metric(type="External", external={"metric": {"name": "q"}, "target": {"type": "Value"}}),
            [
                (
                    "spec.metrics[0].external.target.averageValue: Required value: must set either a target value for metric"
                    " or a per-pod target"
                )
            ],
            id="external without value",
        ),
        pytest.param(
            {
                "spec": {
                    "scaleTargetRef": {"apiVersion": "v1", "kind": "ReplicationController", "name": "r"},
                    "maxReplicas": 1,
                }
            },
            [],
            id="the one thing in the core group that scales",
        ),
        pytest.param(
            {"spec": {"scaleTargetRef": {**TARGET, "apiVersion": "a/b/c"}, "maxReplicas": 1}},
            ['spec.scaleTargetRef.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
            id="version",
        ),
        pytest.param(
            {
                "spec": {
                    "scaleTargetRef": TARGET,
                    "maxReplicas": 1,
                    "behavior": {"scaleUp": {"stabilizationWindowSeconds": 4000, "selectPolicy": "x"}},
                }
            },
            [
                (
                    "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to"
                    " 3600"
                ),
                'spec.behavior.scaleUp.selectPolicy: Unsupported value: "x": supported values: "Disabled", "Max", "Min"',
            ],
            id="behavior",
        ),
    ],
)
def test_autoscaler(body: Tree, expected: list[str]) -> None:
    assert expected == problems("horizontalpodautoscalers", body)
