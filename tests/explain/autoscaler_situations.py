"""Situations of autoscalers for ``test_every_fact``."""

from __future__ import annotations

from collections.abc import Iterator

from k8snb.addons import LocalPathStorage
from k8snb.cluster import Cluster
from tests.controllers.test_podautoscaler import HPA, WEB, scaled


def an_autoscaler_under_load() -> Iterator[Cluster]:
    """New, idle, growing fast, at its most, held up, at its least, off."""
    cluster = Cluster(nodes=1)
    cluster.apply(WEB + HPA)
    yield cluster
    cluster.run(16)
    yield cluster
    cluster.run(44)
    cluster.load("deploy/web", cpu="900m")
    cluster.run(16)
    yield cluster
    cluster.run(60)
    yield cluster
    cluster.load("deploy/web", cpu="300m")
    cluster.run(400)
    yield cluster
    cluster.load("deploy/web", cpu="0")
    cluster.run(60)
    yield cluster
    cluster.patch("hpa", "web", {"spec": {"minReplicas": 3}}, patch_type="merge")
    cluster.run(400)
    yield cluster
    cluster.scale("deploy", "web", 0)
    cluster.run(30)
    yield cluster


def autoscalers_that_fail() -> Iterator[Cluster]:
    """No target, no metrics-server, no requests, a metric that nobody serves."""
    yield scaled(HPA)
    yield scaled(addons=[LocalPathStorage])
    yield scaled(WEB.replace("{requests: {cpu: 100m}}", "{}") + HPA)
    resource = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}"
    other = "{type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: 10}}}"
    yield scaled(WEB + HPA.replace(resource, other))


AUTOSCALERS = (an_autoscaler_under_load, autoscalers_that_fail)
