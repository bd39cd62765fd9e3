"""Good manifests to start from, ways to spoil them, and what the server says about the result."""

from __future__ import annotations

import copy
import itertools
from typing import Any

from k8snb.api.errors import APIError
from tests.apiserver.rig import Rig, Tree

POD_SPEC: Tree = {"containers": [{"name": "c", "image": "nginx:1.27"}]}
TEMPLATE: Tree = {"metadata": {"labels": {"app": "a"}}, "spec": POD_SPEC}
JOB_TEMPLATE: Tree = {"spec": {**POD_SPEC, "restartPolicy": "Never"}}
SELECTOR: Tree = {"matchLabels": {"app": "a"}}
CLAIM_SPEC: Tree = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}

GOOD: dict[str, Tree] = {
    "pods": {"spec": POD_SPEC},
    "deployments": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "replicasets": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "daemonsets": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "statefulsets": {"spec": {"serviceName": "s", "selector": SELECTOR, "template": TEMPLATE}},
    "replicationcontrollers": {"spec": {"selector": {"app": "a"}, "template": TEMPLATE}},
    "podtemplates": {"template": TEMPLATE},
    "controllerrevisions": {"revision": 1, "data": {"a": 1}},
    "jobs": {"spec": {"template": JOB_TEMPLATE}},
    "cronjobs": {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": JOB_TEMPLATE}}}},
    "services": {"spec": {"ports": [{"port": 80}]}},
    "configmaps": {"data": {"a": "1"}},
    "secrets": {"stringData": {"a": "1"}},
    "serviceaccounts": {},
    "namespaces": {},
    "nodes": {},
    "persistentvolumes": {
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/d"},
        }
    },
    "persistentvolumeclaims": {"spec": CLAIM_SPEC},
    "limitranges": {"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}}]}},
    "resourcequotas": {"spec": {"hard": {"pods": "10"}}},
    "endpoints": {"subsets": [{"addresses": [{"ip": "10.1.1.1"}], "ports": [{"port": 80}]}]},
    "poddisruptionbudgets": {"spec": {"minAvailable": 1, "selector": SELECTOR}},
    "leases": {"spec": {"holderIdentity": "h", "leaseDurationSeconds": 10}},
    "priorityclasses": {"value": 100},
}


def manifest(kind: str, changes: dict[str, Any] | None = None, name: str = "x") -> Tree:
    """A good manifest with the changes made: `{"spec.ports.0.port": 0}`; None removes a field."""
    tree: Tree = copy.deepcopy(GOOD[kind])
    tree.setdefault("metadata", {})["name"] = name
    for path, value in (changes or {}).items():
        _put(tree, path.split("."), value)
    return tree


def _put(tree: Any, steps: list[str], value: Any) -> None:
    for step, following in itertools.pairwise(steps):
        if isinstance(tree, list):
            while len(tree) <= int(step):
                tree.append({})
            tree = tree[int(step)]
        else:
            tree = tree.setdefault(step, [] if following.isdigit() else {})
    last = steps[-1]
    if isinstance(tree, list):
        if int(last) < len(tree):
            tree[int(last)] = value
        else:
            tree.append(value)
    elif value is None:
        tree.pop(last, None)
    else:
        tree[last] = value


def complaint(kind: str, changes: dict[str, Any], name: str = "x", rig: Rig | None = None) -> str:
    """What the server says against the spoiled manifest, without "… is invalid: "; "" when it is accepted."""
    try:
        (rig or Rig()).create(kind, manifest(kind, changes, name))
    except APIError as error:
        return error.message.partition("is invalid: ")[2] or error.message
    return ""


def change_complaint(kind: str, patch: Tree, changes: dict[str, Any] | None = None, subresource: str = "") -> str:
    """What the server says against a merge patch of a good object; "" when it is accepted."""
    rig = Rig()
    rig.create(kind, manifest(kind, changes))
    try:
        rig.patch(kind, "x", patch, subresource=subresource)
    except APIError as error:
        return error.message.partition("is invalid: ")[2] or error.message
    return ""


def warnings(kind: str, changes: dict[str, Any], name: str = "x") -> tuple[str, ...]:
    """The warnings that creating the object gives."""
    answer: tuple[str, ...] = Rig().send("create", kind, body=manifest(kind, changes, name)).warnings
    return answer
