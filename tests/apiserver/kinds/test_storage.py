"""Storage classes, attachments, CSI drivers, nodes and capacities, volume attributes classes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.kinds.judge import changed, problems, stored
from tests.apiserver.rig import Rig

Tree = dict[str, Any]
CLASS: Tree = {"provisioner": "example.com/disk"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, [], id="good"),
        pytest.param(
            {"volumeBindingMode": "Later"},
            ['volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"'],
            id="binding mode",
        ),
        pytest.param(
            {"allowedTopologies": [{"matchLabelExpressions": [{"key": "a", "values": ["x", "x"]}]}]},
            ['allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "x"'],
            id="value twice",
        ),
        pytest.param(
            {"allowedTopologies": [{"matchLabelExpressions": [{"key": "a", "values": ["x"]}]}] * 2},
            ['allowedTopologies[1].matchLabelExpressions: Duplicate value: ""'],
            id="term twice",
        ),
    ],
)
def test_storage_class(fields: Tree, expected: list[str]) -> None:
    assert expected == problems("storageclasses", {**CLASS, **fields})


def test_a_storage_class_is_completed() -> None:
    made = stored("storageclasses", CLASS)

    assert (made["reclaimPolicy"], made["volumeBindingMode"]) == ("Delete", "Immediate")


def test_a_storage_class_may_learn_to_expand() -> None:
    assert changed("storageclasses", CLASS, {"allowVolumeExpansion": True}) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            {"attacher": "a.example.com", "nodeName": "n", "source": {"persistentVolumeName": "v"}}, [], id="ok"
        ),
        pytest.param(
            {"attacher": "", "nodeName": "n", "source": {"persistentVolumeName": ""}},
            [
                "spec.attacher: Required value",
                "spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName",
            ],
            id="empty",
        ),
    ],
)
def test_volume_attachment(spec: Tree, expected: list[str]) -> None:
    found = problems("volumeattachments", {"spec": spec})

    assert expected == found[: len(expected)]
    assert bool(expected) == bool(found)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, [], id="good"),
        pytest.param(
            {"fsGroupPolicy": "Maybe"},
            [
                (
                    'spec.fsGroupPolicy: Unsupported value: "Maybe": supported values: "File", "None",'
                    ' "ReadWriteOnceWithFSType"'
                )
            ],
            id="policy",
        ),
        pytest.param(
            {"tokenRequests": [{"audience": "a", "expirationSeconds": 5}, {"audience": "a"}]},
            [
                (
                    "spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10"
                    " minutes"
                ),
                'spec.tokenRequests[1].audience: Duplicate value: "a"',
            ],
            id="tokens",
        ),
        pytest.param(
            {"volumeLifecycleModes": ["Sometimes"]},
            ['spec.volumeLifecycleModes: Unsupported value: "Sometimes": supported values: "Persistent", "Ephemeral"'],
            id="modes",
        ),
    ],
)
def test_csi_driver(spec: Tree, expected: list[str]) -> None:
    assert expected == problems("csidrivers", {"spec": spec})


def test_drivers_of_a_node_are_named_once() -> None:
    driver = {"name": "a.example.com", "nodeID": "n"}

    assert problems("csinodes", {"spec": {"drivers": [driver, driver]}}) == [
        'spec.drivers[1].name: Duplicate value: "a.example.com"'
    ]


def test_how_many_volumes_a_driver_takes_may_change() -> None:
    driver: Tree = {"name": "a.example.com", "nodeID": "n"}

    assert (
        changed(
            "csinodes",
            {"spec": {"drivers": [driver]}},
            {"spec": {"drivers": [{**driver, "allocatable": {"count": 3}}]}},
        )
        == []
    )


def test_a_capacity_stays_in_its_class() -> None:
    body = {"storageClassName": "fast", "capacity": "1Gi"}

    assert changed("csistoragecapacities", body, {"storageClassName": "slow", "capacity": "2Gi"}) == [
        'storageClassName: Invalid value: "slow": field is immutable'
    ]


def test_a_volume_attributes_class_is_protected_and_fixed() -> None:
    body = {"driverName": "a.example.com", "parameters": {"iops": "1"}}

    made = Rig().create("volumeattributesclasses", {"metadata": {"name": "x"}, **body})

    assert made.metadata.finalizers == ("kubernetes.io/vac-protection",)
    assert changed("volumeattributesclasses", body, {"parameters": {"iops": "2"}}) == [
        "parameters: Forbidden: updates to parameters are forbidden."
    ]
    assert problems("volumeattributesclasses", {"driverName": "a.example.com"}) == [
        "parameters: Required value: must contain at least one key/value pair"
    ]
