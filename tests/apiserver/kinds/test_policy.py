"""Pod disruption budgets: names, conditions of their status; and kinds that judge a changed object twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.kinds.manifests import GOOD, change_complaint, complaint
from tests.apiserver.rig import Rig, Tree

GOOD_CONDITION: Tree = {
    "type": "DisruptionAllowed",
    "status": "True",
    "reason": "SufficientPods",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
REASON = (
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or"
    " '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or"
    " 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')"
)

NAMES: dict[str, tuple[str, dict[str, Any], str]] = {
    "letters that other kinds refuse": ("Web_Budget", {}, ""),
    "a per cent sign": ("a%b", {}, "metadata.name: Invalid value: \"a%b\": may not contain '%'"),
    "the spec comes first": (
        "a%b",
        {"spec.minAvailable": -1},
        "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0",
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_budget_has_to_fit_into_a_url(name: str) -> None:
    given, changes, expected = NAMES[name]

    assert complaint("poddisruptionbudgets", changes, given) == expected


CONDITIONS: dict[str, tuple[list[Tree], str]] = {
    "as it should be": ([GOOD_CONDITION], ""),
    "several reasons": ([{**GOOD_CONDITION, "reason": "A1,B:C_"}], ""),
    "nothing but a type": (
        [{"type": "A"}],
        (
            '[status.conditions[0].status: Unsupported value: "": supported values: "False", "True", "Unknown",'
            " status.conditions[0].lastTransitionTime: Required value: must be set, status.conditions[0].reason: Required"
            " value: must be set]"
        ),
    ),
    "a type twice": (
        [GOOD_CONDITION, GOOD_CONDITION],
        'status.conditions[1].type: Duplicate value: "DisruptionAllowed"',
    ),
    "a sentence for a reason": (
        [{**GOOD_CONDITION, "reason": "too few"}],
        f'status.conditions[0].reason: Invalid value: "too few": {REASON}',
    ),
    "too long": (
        [{**GOOD_CONDITION, "reason": "a" * 1025, "message": "ä" * 16385, "observedGeneration": -1}],
        (
            "[status.conditions[0].observedGeneration: Invalid value: -1: must be greater than or equal to zero,"
            " status.conditions[0].reason: Too long: may not be more than 1024 bytes, status.conditions[0].message: Too long:"
            " may not be more than 32768 bytes]"
        ),
    ),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_of_a_budget(name: str) -> None:
    given, expected = CONDITIONS[name]

    patch = {"status": {"conditions": given}}

    assert change_complaint("poddisruptionbudgets", patch, subresource="status") == expected


RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
# Kind, manifest, patch, and the fields of the causes.
REPEATED: dict[str, tuple[str, Tree, Tree, list[str]]] = {
    "a replica set": (
        "replicasets",
        GOOD["replicasets"],
        {"spec": {"replicas": -1}},
        ["spec.replicas", "spec.replicas"],
    ),
    "a deployment, once": ("deployments", GOOD["deployments"], {"spec": {"replicas": -1}}, ["spec.replicas"]),
    "a role": (
        "roles",
        {"rules": RULES},
        {"rules": [{"verbs": []}]},
        ["rules[0].verbs", "rules[0].apiGroups", "rules[0].resources"] * 2,
    ),
    "a binding to another role": (
        "rolebindings",
        {"roleRef": ROLE, "subjects": []},
        {"roleRef": {"name": "other"}},
        ["roleRef"],
    ),
    "a binding of nobody": (
        "rolebindings",
        {"roleRef": ROLE, "subjects": []},
        {"subjects": [{"kind": "ServiceAccount", "name": ""}]},
        ["subjects[0].name", "subjects[0].name"],
    ),
    "a volume": (
        "persistentvolumes",
        GOOD["persistentvolumes"],
        {"spec": {"accessModes": []}},
        ["spec.accessModes", "spec.accessModes"],
    ),
    "a claim": (
        "persistentvolumeclaims",
        GOOD["persistentvolumeclaims"],
        {"spec": {"resources": {"requests": {"storage": "0"}}}},
        ["spec.resources[storage]", "spec.resources[storage]", "spec", "spec.resources.requests.storage"],
    ),
    "a storage class": (
        "storageclasses",
        {"provisioner": "a.example.com"},
        {"reclaimPolicy": "Recycle"},
        ["reclaimPolicy", "reclaimPolicy"],
    ),
}


@pytest.mark.parametrize("name", REPEATED)
def test_kinds_that_are_judged_as_new_and_as_changed_list_causes_twice(name: str) -> None:
    kind, body, patch, expected = REPEATED[name]
    rig = Rig()
    rig.create(kind, {**body, "metadata": {"name": "x"}})

    error = rig.refusal("patch", kind, name="x", body=patch, content_type="application/merge-patch+json")

    assert error.status.details is not None
    assert [cause.field for cause in error.status.details.causes] == expected
