"""Several profiles in one scheduler, several schedulers side by side, and configurations as they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from k8snb.api.decode import DecodeError
from k8snb.api.mistakes import BadType, BadValue, NoSuchFile
from k8snb.cluster import Cluster
from k8snb.scheduler.config import ConfigurationError

CONFIG = """apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
percentageOfNodesToScore: 70
profiles:
- schedulerName: default-scheduler
- schedulerName: packer
  percentageOfNodesToScore: 100
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 1}]}
  plugins:
    score:
      disabled: [{name: "*"}]
      enabled: [{name: NodeResourcesFit}]
"""


def pod(name: str, scheduler: str = "", cpu: str = "500m") -> dict[str, Any]:
    spec: dict[str, Any] = {
        "containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}}],
    }
    if scheduler:
        spec["schedulerName"] = scheduler
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def spread(cluster: Cluster, scheduler: str) -> int:
    """On how many nodes three pods of a scheduler end up."""
    for number in range(3):
        cluster.apply(pod(f"{scheduler or 'plain'}-{number}", scheduler))
        cluster.settle()
    return len({p.spec.nodeName for p in cluster.pods if (p.metadata.name or "").startswith(scheduler or "plain")})


@pytest.mark.parametrize("source", ["text", "path", "mapping"])
def test_two_profiles_in_one_scheduler(source: str, tmp_path: Path) -> None:
    path = tmp_path / "scheduler.yaml"
    path.write_text(CONFIG)
    mapping = {
        "profiles": [
            {},
            {
                "schedulerName": "packer",
                "pluginConfig": [
                    {
                        "name": "NodeResourcesFit",
                        "args": {
                            "scoringStrategy": {"type": "MostAllocated", "resources": [{"name": "cpu", "weight": 1}]}
                        },
                    }
                ],
                "plugins": {"score": {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit"}]}},
            },
        ]
    }
    config = {"text": CONFIG, "path": str(path), "mapping": mapping}[source]
    cluster = Cluster(scheduler_config=config)

    assert list(cluster.scheduler.profiles) == ["default-scheduler", "packer"]
    assert (spread(cluster, ""), spread(cluster, "packer")) == (3, 1)
    found = cluster.scheduler.explain("packer-2")
    assert [(c.plugin, c.weight) for c in found.columns if c.weight] == [("NodeResourcesFit", 1)]


def test_two_schedulers_side_by_side() -> None:
    cluster = Cluster(schedulers={"batch": None}, authorization="RBAC")
    cluster.apply([pod("a"), pod("b", "batch")])
    cluster.settle()
    binders = {
        c.value.metadata.name: c.cause.actor
        for c in cluster.history
        if c.value is not None and c.value.kind == "Pod" and c.previous is not None and not c.previous.value.spec.nodeName
        and c.value.spec.nodeName
    }  # fmt: skip
    components = {e.involvedObject.name: e.reportingComponent for e in cluster.events if e.reason == "Scheduled"}

    assert binders == {"a": "kube-scheduler", "b": "batch"}
    assert components == {"a": "default-scheduler", "b": "batch"}
    assert cluster.scheduler.explain("b").source == "recorded"
    cluster.stop_component("batch")
    cluster.apply([pod("c"), pod("d", "batch")])
    cluster.settle()
    assert {p.metadata.name: bool(p.spec.nodeName) for p in cluster.pods} == {
        "a": True,
        "b": True,
        "c": True,
        "d": False,
    }


WRONG = """apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
percentageOfNodesToScore: 170
podInitialBackoffSeconds: "1"
profiles:
- schedulerName: default-scheduler
  plugin: {}
  plugins:
    filter:
      disabled:
      - name: NodePort
- schedulerName: default-scheduler
  pluginConfig:
  - name: NodeName
    args: {}
"""


def test_all_mistakes_are_told_with_path_and_line(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.yaml"
    path.write_text(WRONG)
    with pytest.raises(ConfigurationError) as caught:
        Cluster(scheduler_config=path)

    assert str(caught.value).splitlines() == [
        f"{path}, line {line}"
        for line in (
            "3: percentageOfNodesToScore: Invalid value: 170: not in valid range [0-100]",
            "4: podInitialBackoffSeconds: Invalid value: '1': must be a whole number",
            "7: profiles[0].plugin: unknown field; did you mean plugins or pluginConfig?",
            (
                '11: profiles[0].plugins.filter.disabled[0].name: Not found: "NodePort": there is no such plugin; '
                "did you mean NodePorts?"
            ),
            '14: profiles[1].pluginConfig[0].name: Invalid value: "NodeName": the plugin takes no arguments',
        )
    ]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"scheduler_config": "nowhere.yaml"}, NoSuchFile, "nowhere.yaml: there is no such file"),
        ({"scheduler_config": 7}, BadType, "the scheduler's configuration is 7"),
        ({"scheduler_config": "a: [1"}, DecodeError, "not valid YAML"),
        (
            {"scheduler_config": "apiVersion: v1\nkind: A\n---\napiVersion: v1\nkind: B\n"},
            ConfigurationError,
            "found 2 documents",
        ),
        (
            {"scheduler_config": "apiVersion: kubescheduler.config.k8s.io/v1\nkind: Pod\n"},
            ConfigurationError,
            'line 2: kind: Unsupported value: "Pod"',
        ),
        ({"schedulers": ["batch"]}, BadType, "give a mapping of names"),
        ({"schedulers": {"my batch": None}}, BadValue, "a scheduler cannot be called 'my batch'"),
        ({"scheduler": "batch"}, BadType, "the scheduler is 'batch': give a Scheduler"),
        ({"schedulers": {"kube-scheduler": None}}, BadValue, "a scheduler kube-scheduler already"),
        (
            {"schedulers": {"batch": {"profiles": [{"schedulerName": "default-scheduler"}]}}},
            BadValue,
            "kube-scheduler and batch both have a profile 'default-scheduler'",
        ),
    ],
)
def test_mistakes(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        Cluster(nodes=1, **options)
