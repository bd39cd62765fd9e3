"""Volumes, claims, nodes, quotas, limits, endpoints: amounts, addresses, and what may change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.kinds.manifests import change_complaint, complaint, manifest, warnings
from tests.apiserver.rig import Rig, Tree

FIXED = (
    "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound"
    " claims\n"
)
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    " character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
IN_SCOPE = "spec.scopeSelector.matchExpressions"

SPOILED: dict[str, tuple[str, dict[str, Any], str]] = {
    "volume: no size": (
        "persistentvolumes",
        {"spec.capacity": {"cpu": "1"}},
        'spec.capacity: Unsupported value: {"cpu":"1"}: supported values: "storage"',
    ),
    "volume: below zero": (
        "persistentvolumes",
        {"spec.capacity": {"storage": "-1"}},
        (
            "[spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity, spec.capacity[storage]: Invalid"
            ' value: "-1": must be greater than zero]'
        ),
    ),
    "volume: local without a node": (
        "persistentvolumes",
        {"spec.hostPath": None, "spec.local": {"path": "/a"}},
        "spec.nodeAffinity: Required value: Local volume requires node affinity",
    ),
    "volume: affinity to nothing": (
        "persistentvolumes",
        {"spec.nodeAffinity": {}},
        "spec.nodeAffinity.required: Required value: must specify required node constraints",
    ),
    "volume: secrets of a driver": (
        "persistentvolumes",
        {
            "spec.hostPath": None,
            "spec.csi": {"driver": "d", "volumeHandle": "h", "nodePublishSecretRef": {"name": "s"}},
        },
        "spec.csi.nodePublishSecretRef.namespace: Required value",
    ),
    "volume: attributes without a driver": (
        "persistentvolumes",
        {"spec.volumeAttributesClassName": "gold"},
        "spec.csi: Required value: has to be specified when using volumeAttributesClassName",
    ),
    "claim: selector": (
        "persistentvolumeclaims",
        {"spec.selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
        "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ),
    "claim: two sources": (
        "persistentvolumeclaims",
        {
            "spec.dataSource": {"kind": "PersistentVolumeClaim", "name": "a"},
            "spec.dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "b"},
        },
        'spec: Invalid value: "spec.dataSource": must match dataSourceRef',
    ),
    "node: two ranges of one family": (
        "nodes",
        {"spec.podCIDRs": ["10.0.0.0/24", "10.1.0.0/24"]},
        'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.1.0.0/24"]: may specify no more than one CIDR for each IP family',
    ),
    "node: two families": ("nodes", {"spec.podCIDRs": ["10.0.0.0/24", "fd00::/64"]}, ""),
    "node: host bits": (
        "nodes",
        {"spec.podCIDR": "10.0.0.1/24"},
        'spec.podCIDRs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length',
    ),
    "node: half a pod": (
        "nodes",
        {"status.capacity": {"pods": "1.5"}, "status.allocatable": {"pods": "1"}},
        'status.capacity.pods: Invalid value: "1500m": must be an integer',
    ),
    "node: features": (
        "nodes",
        {"status.declaredFeatures": ["B", "A", "A"]},
        (
            '[status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically, status.declaredFeatures[2]:'
            ' Duplicate value: "A"]'
        ),
    ),
    "node: a taint twice": (
        "nodes",
        {"spec.taints": [{"key": "a", "effect": "NoExecute"}, {"key": "a", "value": "b", "effect": "NoExecute"}]},
        (
            'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"b","Effect":"NoExecute","TimeAdded":null}: taints must be'
            " unique by key and effect pair"
        ),
    ),
    "quota: half a port": (
        "resourcequotas",
        {"spec.hard": {"services.nodeports": "1.5"}},
        'spec.hard[services.nodeports]: Invalid value: "1500m": must be an integer',
    ),
    "quota: conflicting scopes": (
        "resourcequotas",
        {"spec.scopes": ["Terminating", "NotTerminating"]},
        'spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes',
    ),
    "quota: classes of volumes count claims": (
        "resourcequotas",
        {"spec.hard": {"persistentvolumeclaims": "1"}, "spec.scopes": ["VolumeAttributesClass"]},
        "",
    ),
    "quota: an operator": (
        "resourcequotas",
        {"spec.scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Gt"}]}},
        f'{IN_SCOPE}.operator: Invalid value: "Gt": not a valid selector operator',
    ),
    "quota: values of existence": (
        "resourcequotas",
        {
            "spec.scopeSelector": {
                "matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists", "values": ["x"]}]
            }
        },
        (
            f"{IN_SCOPE}.values: Invalid value: [\"x\"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for"
            " scope selector"
        ),
    ),
    "limits: one kind twice": (
        "limitranges",
        {"spec.limits": [{"type": "Pod"}, {"type": "Pod"}]},
        'spec.limits[1].type: Duplicate value: "Pod"',
    ),
    "limits: devices are not shared": (
        "limitranges",
        {
            "spec.limits": [
                {
                    "type": "Container",
                    "default": {"example.com/gpu": "2"},
                    "defaultRequest": {"example.com/gpu": "1"},
                }
            ]
        },
        (
            'spec.limits[0].defaultRequest[example.com/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest'
            " value 1 in example.com/gpu"
        ),
    ),
    "limits: a ratio out of reach": (
        "limitranges",
        {
            "spec.limits": [
                {"type": "Container", "min": {"cpu": "500m"}, "max": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "3"}}
            ]
        },
        'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000',
    ),
    "endpoints: nobody there": (
        "endpoints",
        {"subsets": [{"ports": [{"port": 80}]}]},
        "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
    ),
    "endpoints: not an address": (
        "endpoints",
        {"subsets": [{"addresses": [{"ip": "x"}]}]},
        (
            '[subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff),'
            ' subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address]'
        ),
    ),
    "endpoints: two ports need names": (
        "endpoints",
        {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 1}, {"port": 0, "name": "b"}]}]},
        (
            "[subsets[0].ports[0].name: Required value, subsets[0].ports[1].port: Invalid value: 0: must be between 1 and 65535,"
            " inclusive]"
        ),
    ),
    "lease: no time at all": (
        "leases",
        {"spec.leaseDurationSeconds": 0},
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
    ),
    "priority: above users": (
        "priorityclasses",
        {"value": 1000000001},
        "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_new_objects(name: str) -> None:
    kind, changes, expected = SPOILED[name]

    assert complaint(kind, changes) == expected


def near(label: str) -> Tree:
    """The affinity of a volume that is reached from one zone, by this label."""
    expression = {"key": label, "operator": "In", "values": ["a"]}
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}


CHANGES: dict[str, tuple[str, dict[str, Any], dict[str, Any], str, str]] = {
    "volume: another path": (
        "persistentvolumes",
        {},
        {"spec": {"hostPath": {"path": "/e"}}},
        "",
        (
            "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n@@ -2,7 +2,7 @@\n"
            '  "GCEPersistentDisk": null,\n  "AWSElasticBlockStore": null,\n  "HostPath": {\n-  "Path": "/d",\n+  "Path": "/e",\n'
            '   "Type": ""\n  },\n  "Glusterfs": null,\n'
        ),
    ),
    "volume: another size": ("persistentvolumes", {}, {"spec": {"capacity": {"storage": "2Gi"}}}, "", ""),
    "volume: a new name for a label": (
        "persistentvolumes",
        {"spec.nodeAffinity": near("failure-domain.beta.kubernetes.io/zone")},
        {"spec": {"nodeAffinity": near("topology.kubernetes.io/zone")}},
        "",
        "",
    ),
    "volume: the old name of a label": (
        "persistentvolumes",
        {"spec.nodeAffinity": near("topology.kubernetes.io/zone")},
        {"spec": {"nodeAffinity": near("failure-domain.beta.kubernetes.io/zone")}},
        "",
        (
            'nodeAffinity: Invalid value: {"Required":{"NodeSelectorTerms":[{"MatchExpressions":[{"Key":'
            '"failure-domain.beta.kubernetes.io/zone","Operator":"In","Values":["a"]}],"MatchFields":null}]}}: field is'
            " immutable, except for updating from beta label to GA"
        ),
    ),
    "claim: its volume": ("persistentvolumeclaims", {}, {"spec": {"volumeName": "pv"}}, "", ""),
    "claim: another volume": (
        "persistentvolumeclaims",
        {"spec.volumeName": "pv"},
        {"spec": {"volumeName": "other"}},
        "",
        (
            f'{FIXED}@@ -9,7 +9,7 @@\n    "storage": "1Gi"\n   }}\n  }},\n- "VolumeName": "pv",\n+ "VolumeName": "other",\n'
            '  "StorageClassName": null,\n  "VolumeMode": "Filesystem",\n  "DataSource": null,\n'
        ),
    ),
    "claim: a class, later": ("persistentvolumeclaims", {}, {"spec": {"storageClassName": "gold"}}, "", ""),
    "claim: what a status may say": (
        "persistentvolumeclaims",
        {},
        {
            "status": {
                "capacity": {"storage": "-1"},
                "allocatedResources": {"cpu": "1"},
                "allocatedResourceStatuses": {"storage": "Odd"},
            }
        },
        "status",
        (
            "[status.capacity[storage]: Invalid value: -1: must be a valid resource quantity, status.allocatedResourceStatuses:"
            ' Unsupported value: "storage": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible",'
            ' "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending", status.allocatedResources: Unsupported value:'
            ' "cpu": supported values: "storage"]'
        ),
    ),
    "node: an address twice": (
        "nodes",
        {},
        {"status": {"addresses": [{"type": "Hostname", "address": "a"}] * 2}},
        "status",
        'status.addresses[1]: Duplicate value: {"Type":"Hostname","Address":"a"}',
    ),
    "node: a range once it has one": (
        "nodes",
        {"spec.podCIDR": "10.0.0.0/24"},
        {"spec": {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]}},
        "",
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    ),
    "node: its first range": ("nodes", {}, {"spec": {"podCIDR": "10.1.0.0/24"}}, "", ""),
    "quota: used": (
        "resourcequotas",
        {},
        {"status": {"hard": {"a b": "1"}, "used": {"pods": "-1"}}},
        "status",
        (
            f'[status.hard[a b]: Invalid value: "a b": {QUALIFIED}, status.hard[a b]: Invalid value: "a b": must be a standard'
            ' resource for quota, status.used[pods]: Invalid value: "-1": must be greater than or equal to 0]'
        ),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_objects(name: str) -> None:
    kind, made, patch, subresource, expected = CHANGES[name]

    assert change_complaint(kind, patch, made, subresource) == expected


def bound_claim(rig: Rig, size: str = "2Gi") -> None:
    """A claim of `size`, bound to a volume of that size."""
    spec = {"spec.resources.requests.storage": size, "spec.volumeName": "pv"}
    rig.create("persistentvolumeclaims", manifest("persistentvolumeclaims", spec))
    status = {"status": {"phase": "Bound", "capacity": {"storage": size}}}
    rig.patch("persistentvolumeclaims", "x", status, subresource="status")


def test_a_bound_claim_does_not_shrink() -> None:
    rig = Rig()
    bound_claim(rig)

    error = rig.refusal(
        "patch",
        "persistentvolumeclaims",
        name="x",
        body={"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
        content_type="application/merge-patch+json",
    )

    assert error.message == (
        'PersistentVolumeClaim "x" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than'
        " status.capacity"
    )


SOURCES: dict[str, tuple[dict[str, Any], tuple[str | None, str | None]]] = {
    "none": ({}, (None, None)),
    "a claim": ({"spec.dataSource": {"kind": "PersistentVolumeClaim", "name": "a"}}, ("a", "a")),
    "a snapshot by reference": (
        {"spec.dataSourceRef": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"}},
        ("s", "s"),
    ),
    "something that only references know": (
        {"spec.dataSource": {"apiGroup": "example.com", "kind": "Thing", "name": "t"}},
        (None, None),
    ),
    "a reference elsewhere": (
        {"spec.dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "a", "namespace": "other"}},
        ("a", "a"),
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_data_sources_stand_in_both_fields(name: str) -> None:
    changes, expected = SOURCES[name]
    spec = Rig().create("persistentvolumeclaims", manifest("persistentvolumeclaims", changes)).spec

    assert tuple(source and source.name for source in (spec.dataSource, spec.dataSourceRef)) == expected


def test_all_of_the_capacity_is_allocatable() -> None:
    node = Rig().create("nodes", manifest("nodes", {"status.capacity": {"cpu": "4", "memory": "8Gi"}}))

    assert dict(node.status.allocatable) == {"cpu": "4", "memory": "8Gi"}


def test_amounts_are_rounded_up_to_thousandths() -> None:
    quota = Rig().create("resourcequotas", manifest("resourcequotas", {"spec.hard": {"cpu": "1.0001"}}))

    assert dict(quota.spec.hard) == {"cpu": "1001m"}


LIMITS: dict[str, tuple[dict[str, Any], dict[str, str], dict[str, str]]] = {
    "the maximum": ({"max": {"cpu": "2"}}, {"cpu": "2"}, {"cpu": "2"}),
    "a default below it": ({"max": {"cpu": "2"}, "default": {"cpu": "1"}}, {"cpu": "1"}, {"cpu": "1"}),
    "a request of its own": (
        {"default": {"cpu": "2"}, "defaultRequest": {"cpu": "1"}},
        {"cpu": "2"},
        {"cpu": "1"},
    ),
    "the minimum": ({"min": {"cpu": "1"}}, {}, {"cpu": "1"}),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_follow_from_each_other(name: str) -> None:
    given, default, request = LIMITS[name]
    made = Rig().create("limitranges", manifest("limitranges", {"spec.limits": [{"type": "Container", **given}]}))
    limit = made.spec.limits[0]

    assert (dict(limit.default), dict(limit.defaultRequest)) == (default, request)


def test_a_limit_range_without_a_name_gets_one() -> None:
    made = Rig().create("limitranges", {"spec": {"limits": []}})

    assert len(made.metadata.name) == 36


WARNINGS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "volume: recycled": (
        "persistentvolumes",
        {"spec.persistentVolumeReclaimPolicy": "Recycle"},
        (
            (
                "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach"
                " is to use dynamic provisioning."
            ),
        ),
    ),
    "claim: half a byte": (
        "persistentvolumeclaims",
        {"spec.resources.requests.storage": "1500m"},
        ('spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',),
    ),
    "node: an old field": (
        "nodes",
        {"spec.externalID": "x"},
        ("spec.externalID: this field is deprecated, and is unused by Kubernetes",),
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_warnings(name: str) -> None:
    kind, changes, expected = WARNINGS[name]

    assert warnings(kind, changes) == expected
