"""Deployments, ReplicaSets, DaemonSets, StatefulSets, ReplicationControllers, revisions and templates."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.kinds.manifests import CLAIM_SPEC, change_complaint, complaint, manifest, warnings
from tests.apiserver.rig import Rig

DISK = [{"name": "v", "gcePersistentDisk": {"pdName": "d"}}]
READ_ONLY = (
    "spec.template.spec.volumes[0].gcePersistentDisk.readOnly: Invalid value: false: must be true for replicated pods > 1;"
    " GCE PD can only be mounted on multiple machines if it is read-only"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an"
    " alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)

SPOILED: dict[str, tuple[str, dict[str, Any], str]] = {
    "deployment: empty selector": (
        "deployments",
        {"spec.selector.matchLabels": {}},
        "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
    ),
    "deployment: rolling update of a recreated one": (
        "deployments",
        {"spec.strategy": {"type": "Recreate", "rollingUpdate": {}}},
        "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ),
    "deployment: more than all": (
        "deployments",
        {"spec.strategy": {"rollingUpdate": {"maxUnavailable": "101%"}}},
        'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ),
    "deployment: nothing may move": (
        "deployments",
        {"spec.strategy": {"rollingUpdate": {"maxUnavailable": "0%", "maxSurge": "0%"}}},
        'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
    ),
    "deployment: a disk for two": (
        "deployments",
        {"spec.template.spec.volumes": DISK, "spec.replicas": 2},
        READ_ONLY,
    ),
    "deployment: a disk for one": ("deployments", {"spec.template.spec.volumes": DISK, "spec.replicas": 1}, ""),
    "daemonset: a disk for all nodes": ("daemonsets", {"spec.template.spec.volumes": DISK}, READ_ONLY),
    "daemonset: without a selector": (
        "daemonsets",
        {"spec.selector": None},
        'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    ),
    "daemonset: twice as many": (
        "daemonsets",
        {"spec.updateStrategy": {"rollingUpdate": {"maxSurge": "200%", "maxUnavailable": 0}}},
        'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "200%": must not be greater than 100%',
    ),
    "statefulset: claims are volumes": (
        "statefulsets",
        {
            "spec.volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": CLAIM_SPEC}],
            "spec.template.spec.containers.0.volumeMounts": [{"name": "d", "mountPath": "/d"}],
        },
        "",
    ),
    "statefulset: a volume that nobody has": (
        "statefulsets",
        {"spec.template.spec.containers.0.volumeMounts": [{"name": "d", "mountPath": "/d"}]},
        'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "d"',
    ),
    "statefulset: a name that is no label": (
        "statefulsets",
        {"spec.serviceName": "a.b"},
        'spec.serviceName: Invalid value: "a.b": must not contain dots',
    ),
    "statefulset: no service": ("statefulsets", {"spec.serviceName": ""}, ""),
    "statefulset: pods that end": (
        "statefulsets",
        {"spec.template.spec.activeDeadlineSeconds": 1},
        "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported",
    ),
    "replicationcontroller: nothing to select by": (
        "replicationcontrollers",
        {"spec.selector": {}, "spec.template.metadata": {}},
        "spec.selector: Required value",
    ),
    "replicationcontroller: no template": (
        "replicationcontrollers",
        {"spec.template": None},
        "spec.template: Required value",
    ),
    "podtemplate: no containers": (
        "podtemplates",
        {"template.spec.containers": []},
        "template.spec.containers: Required value",
    ),
    "controllerrevision: nothing kept": (
        "controllerrevisions",
        {"data": None},
        "data: Required value: data is mandatory",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_new_objects(name: str) -> None:
    kind, changes, expected = SPOILED[name]

    assert complaint(kind, changes) == expected


CHANGES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "deployment: status beyond its replicas": (
        "deployments",
        {"status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 2}},
        "status",
        (
            "[status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas,"
            " status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas]"
        ),
    ),
    "statefulset: available but not ready": (
        "statefulsets",
        {"status": {"replicas": 1, "readyReplicas": 0, "availableReplicas": 1}},
        "status",
        "status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas",
    ),
    "statefulset: what may change": (
        "statefulsets",
        {"spec": {"ordinals": {"start": 2}, "revisionHistoryLimit": 3, "minReadySeconds": 3, "replicas": 4}},
        "",
        "",
    ),
    "statefulset: what may not": (
        "statefulsets",
        {"spec": {"podManagementPolicy": "Parallel"}},
        "",
        (
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template',"
            " 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are"
            " forbidden"
        ),
    ),
    "daemonset: below zero": (
        "daemonsets",
        {"status": {"numberReady": -1}},
        "status",
        "status.numberReady: Invalid value: -1: must be greater than or equal to 0",
    ),
    "replicaset: another selector": (
        "replicasets",
        {"spec": {"selector": {"matchLabels": {"b": "c"}}, "template": {"metadata": {"labels": {"b": "c"}}}}},
        "",
        'spec.selector: Invalid value: {"matchLabels":{"app":"a","b":"c"}}: field is immutable',
    ),
    "controllerrevision: other data": (
        "controllerrevisions",
        {"data": {"a": 2}},
        "",
        'data: Invalid value: {"a":2}: field is immutable',
    ),
    "controllerrevision: another number": ("controllerrevisions", {"revision": 2}, "", ""),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_objects(name: str) -> None:
    kind, patch, subresource, expected = CHANGES[name]

    assert change_complaint(kind, patch, subresource=subresource) == expected


GENERATIONS: dict[str, tuple[str, dict[str, Any], int]] = {
    "a label": ("deployments", {"metadata": {"labels": {"a": "b"}}}, 1),
    "an annotation of a deployment": ("deployments", {"metadata": {"annotations": {"a": "b"}}}, 2),
    "an annotation of a replica set": ("replicasets", {"metadata": {"annotations": {"a": "b"}}}, 1),
    "replicas": ("replicasets", {"spec": {"replicas": 3}}, 2),
    "the same replicas": ("replicasets", {"spec": {"replicas": 1}}, 1),
    "a status that is not theirs to set": ("replicasets", {"status": {"replicas": 3}}, 1),
    "a template": ("podtemplates", {"template": {"metadata": {"labels": {"b": "c"}}}}, 2),
}


@pytest.mark.parametrize("name", GENERATIONS)
def test_generation(name: str) -> None:
    kind, patch, expected = GENERATIONS[name]
    rig = Rig()
    rig.create(kind, manifest(kind))

    assert rig.patch(kind, "x", patch).metadata.generation == expected


def test_status_is_dropped_on_creation() -> None:
    created = Rig().create("replicasets", manifest("replicasets", {"status.replicas": 7}))

    assert created.status.replicas == 0


def test_deployment_status_keeps_labels() -> None:
    rig = Rig()
    rig.create("deployments", manifest("deployments"))

    changed = rig.patch("deployments", "x", {"metadata": {"labels": {"a": "b"}}}, subresource="status")

    assert dict(changed.metadata.labels) == {}


def test_daemonset_counts_its_templates() -> None:
    key = "deprecated.daemonset.template.generation"
    rig = Rig()
    created = rig.create("daemonsets", manifest("daemonsets"))
    spec_only = rig.patch("daemonsets", "x", {"spec": {"minReadySeconds": 3}})
    template = rig.patch("daemonsets", "x", {"spec": {"template": {"metadata": {"labels": {"b": "c"}}}}})
    removed = rig.patch("daemonsets", "x", {"metadata": {"annotations": {key: None}}})

    assert [obj.metadata.annotations[key] for obj in (created, spec_only, template, removed)] == ["1", "1", "2", "2"]
    assert [obj.metadata.generation for obj in (created, spec_only, template, removed)] == [1, 2, 3, 3]


WARNINGS: dict[str, tuple[str, dict[str, Any], str, tuple[str, ...]]] = {
    "nothing to say": ("deployments", {}, "x", ()),
    "a name that is no host name": (
        "replicasets",
        {},
        "a.b",
        (
            (
                "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS"
                " label is recommended: [must not contain dots]"
            ),
        ),
    ),
    "a volume that works no more": (
        "deployments",
        {"spec.template.spec.volumes": [{"name": "g", "gitRepo": {"repository": "r"}}]},
        "x",
        ("spec.template.spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",),
    ),
    "a claim of half a byte": (
        "statefulsets",
        {
            "spec.volumeClaimTemplates": [
                {
                    "metadata": {"name": "d"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1500m"}}},
                }
            ]
        },
        "x",
        (
            (
                'spec.volumeClaimTemplates[0].resources.requests[storage]: fractional byte value "1500m" is invalid, must'
                " be an integer"
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_warnings(name: str) -> None:
    kind, changes, called, expected = WARNINGS[name]

    assert warnings(kind, changes, called) == expected


def test_bad_names() -> None:
    assert complaint("statefulsets", {}, name="A") == f'metadata.name: Invalid value: "A": {LABEL}'
