"""What a KubeSchedulerConfiguration makes of the profiles, and what is wrong in one."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.scheduler import Scheduler
from k8snb.scheduler.config import Configuration, ConfigurationError
from k8snb.scheduler.profile import Profile
from k8snb.sim.ids import Ids
from tests.scheduler.world import World, node, pod


def profile(plugins: dict[str, Any]) -> Profile:
    return Scheduler.configured(Ids(0), {"profiles": [{"plugins": plugins}]}).profiles["default-scheduler"]


def names(plugins: Any) -> list[str]:
    return [plugin.name for plugin in plugins]


def test_without_anything_it_is_the_default_profile() -> None:
    made = Scheduler.configured(Ids(0), {})
    default = Scheduler(Ids(0))
    for point in ("filter", "score", "post_filter", "pre_enqueue", "reserve", "bind"):
        assert names(getattr(default.profiles["default-scheduler"], point)) == names(
            getattr(made.profiles["default-scheduler"], point)
        )
    assert made.backoff == (1.0, 10.0)


@pytest.mark.parametrize(
    ("plugins", "point", "expected"),
    [
        pytest.param({"score": {"disabled": [{"name": "*"}]}}, "score", [], id="everything off at one point"),
        pytest.param(
            {"score": {"disabled": [{"name": "*"}], "enabled": [{"name": "ImageLocality", "weight": 5}]}},
            "score",
            ["ImageLocality"],
            id="one left",
        ),
        pytest.param(
            {
                "multiPoint": {
                    "disabled": [{"name": "*"}],
                    "enabled": [{"name": n} for n in ("PrioritySort", "DefaultBinder")],
                }
            },
            "filter",
            [],
            id="nothing but queue and binder",
        ),
        pytest.param(
            {"postFilter": {"disabled": [{"name": "DefaultPreemption"}]}},
            "post_filter",
            ["DynamicResources"],
            id="no preemption",
        ),
        pytest.param(
            {
                "multiPoint": {
                    "disabled": [{"name": "*"}],
                    "enabled": [{"name": n} for n in ("PrioritySort", "DefaultBinder")],
                },
                "filter": {"enabled": [{"name": "NodePorts"}, {"name": "NodeName"}]},
            },
            "filter",
            ["NodePorts", "NodeName"],
            id="in the order given",
        ),
    ],
)
def test_plugin_sets(plugins: dict[str, Any], point: str, expected: list[str]) -> None:
    assert expected == names(getattr(profile(plugins), point))


def test_weights() -> None:
    made = profile(
        {
            "multiPoint": {"enabled": [{"name": "NodeResourcesFit", "weight": 20}]},
            "score": {"enabled": [{"name": "ImageLocality", "weight": 7}]},
        }
    )

    assert (made.weight("NodeResourcesFit"), made.weight("ImageLocality"), made.weight("TaintToleration")) == (20, 7, 3)


def test_two_profiles() -> None:
    config = {"profiles": [{"schedulerName": "default-scheduler"}, {"schedulerName": "packer"}]}
    world = World(Scheduler.configured(Ids(0), config))
    world.create(node("n1"), pod("a"), pod("b", schedulerName="packer"))
    world.settle()

    assert world.nodes_of() == {"a": "n1", "b": "n1"}
    assert world.events("b", "Scheduled")[0].reportingComponent == "packer"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"profile": []}, "profile: unknown field"),
        ({"profiles": [{"plugins": {"filters": {}}}]}, "profiles[0].plugins.filters: unknown field"),
        (
            {"profiles": [{"plugins": {"filter": {"enabled": [{"name": "Nope"}]}}}]},
            'profiles[0].plugins.filter.enabled[0].name: Not found: "Nope": there is no such plugin',
        ),
        ({"profiles": [{}, {}]}, 'profiles[1].schedulerName: Duplicate value: "default-scheduler"'),
        ({"extenders": [{"urlPrefix": "http://x"}]}, "extenders: webhooks are not modelled"),
        ({"percentageOfNodesToScore": 101}, "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"),
        ({"podInitialBackoffSeconds": 20}, "must be greater than or equal to podInitialBackoffSeconds"),
        (
            {
                "profiles": [
                    {"pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "Best"}}}]}
                ]
            },
            "profiles[0].pluginConfig[0].args.scoringStrategy.type: Unsupported value: 'Best'",
        ),
        (
            {"profiles": [{"pluginConfig": [{"name": "NodeName", "args": {}}]}]},
            'profiles[0].pluginConfig[0].name: Invalid value: "NodeName": the plugin takes no arguments',
        ),
    ],
)
def test_what_is_wrong(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Configuration(config)

    assert message in str(caught.value)
