"""Subresources and reviews: scale, binding, eviction, logs, tokens, and who may do what."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.errors import APIError, not_found
from k8snb.api.request import UserInfo
from k8snb.api.types.core_v1 import Pod
from k8snb.apiserver import tokens
from tests.apiserver.rig import Rig, deployment, pod


def test_scale_reads_and_writes_the_replicas() -> None:
    rig = Rig()
    rig.create("deployments", deployment(replicas=3))

    read = rig.send("get", "deployments", name="web", subresource="scale").object
    written = rig.patch("deployments", "web", {"spec": {"replicas": 0}}, subresource="scale")

    assert (read.spec.replicas, read.status.selector) == (3, "app=web")
    assert written.spec.replicas is None
    assert rig.get("deployments", "web").spec.replicas == 0
    assert rig.get("deployments", "web").metadata.generation == 2


def test_a_scale_below_zero_is_invalid() -> None:
    rig = Rig()
    rig.create("deployments", deployment())

    error = rig.refusal(
        "patch",
        "deployments",
        name="web",
        subresource="scale",
        body={"spec": {"replicas": -1}},
        content_type="application/merge-patch+json",
    )

    assert error.message == (
        'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )


def binding(name: str, node: str) -> dict[str, Any]:
    """A Binding."""
    return {"metadata": {"name": name}, "target": {"kind": "Node", "name": node}}


def test_a_binding_places_a_pod_and_brings_the_topology() -> None:
    rig = Rig()
    labels = {"topology.kubernetes.io/zone": "z1", "other": "x"}
    rig.create("nodes", {"metadata": {"name": "n1", "labels": labels}}, "")
    rig.create("pods", pod())
    rig.clock.advance(3)

    answer = rig.send("create", "pods", name="web", subresource="binding", body=binding("web", "n1"))
    bound = rig.get("pods", "web")

    assert (answer.code, answer.object) == (201, None)
    assert bound.spec.nodeName == "n1"
    assert dict(bound.metadata.labels) == {"topology.kubernetes.io/zone": "z1"}
    assert [(c.type, c.status, c.lastTransitionTime) for c in bound.status.conditions] == [
        ("PodScheduled", "True", "2026-01-01T00:00:03Z")
    ]


def test_bindings_that_are_refused() -> None:
    rig = Rig()
    rig.create("pods", pod("bound", node="n1"))
    rig.create("pods", pod("gated", schedulingGates=[{"name": "example.com/g"}]))

    def refusal(name: str, body: dict[str, Any]) -> str:
        return rig.refusal("create", "pods", name=name, subresource="binding", body=body).message

    assert refusal("bound", binding("bound", "n2")) == (
        'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "n1"'
    )
    assert refusal("gated", binding("gated", "n2")) == (
        'Operation cannot be fulfilled on pods/binding "gated": pod gated has non-empty .spec.schedulingGates'
    )
    assert refusal("ghost", binding("ghost", "n2")) == 'pods "ghost" not found'


def budget(rig: Rig, allowed: int, **spec: Any) -> None:
    """A PodDisruptionBudget for app=a that its controller has looked at."""
    body = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}, **spec}}
    rig.create("poddisruptionbudgets", body)
    status = {"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 1}
    rig.patch("poddisruptionbudgets", "b", {"status": {**status, "expectedPods": 1}}, subresource="status")


def running(rig: Rig, ready: str = "True") -> None:
    """A running pod with the label app=a."""
    body = pod(node="n1")
    body["metadata"]["labels"] = {"app": "a"}
    rig.create("pods", body)
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}
    rig.patch("pods", "web", {"status": status}, subresource="status")


def evict(rig: Rig, **options: Any) -> Any:
    """POST an Eviction."""
    return rig.send("create", "pods", name="web", subresource="eviction", body={"metadata": {"name": "web"}}, **options)


def test_an_eviction_spends_a_disruption_and_deletes() -> None:
    rig = Rig()
    running(rig)
    budget(rig, 1)

    evict(rig)
    gone, left = rig.get("pods", "web"), rig.get("poddisruptionbudgets", "b").status

    assert gone.metadata.deletionGracePeriodSeconds == 30
    assert gone.status.conditions[-1].reason == "EvictionByEvictionAPI"
    assert (left.disruptionsAllowed, list(left.disruptedPods)) == (0, ["web"])


def test_a_budget_that_is_used_up_refuses() -> None:
    rig = Rig()
    running(rig)
    budget(rig, 0)

    with pytest.raises(APIError) as raised:
        evict(rig)

    assert raised.value.code == 429
    assert raised.value.causes[0].message == "The disruption budget b needs 1 healthy pods and has 1 currently"


def test_an_eviction_of_another_pod_is_refused_after_it_has_spent_the_budget() -> None:
    rig = Rig()
    running(rig)
    budget(rig, 1)
    body = {"metadata": {"name": "web"}, "deleteOptions": {"preconditions": {"uid": "other"}}}

    with pytest.raises(APIError) as error:
        rig.send("create", "pods", name="web", subresource="eviction", body=body)

    status = rig.get("poddisruptionbudgets", "b").status
    assert error.value.code == 409
    assert (status.disruptionsAllowed, list(status.disruptedPods)) == (0, ["web"])
    assert [(c.type, c.status, c.reason) for c in status.conditions] == [
        ("DisruptionAllowed", "False", "InsufficientPods")
    ]
    assert rig.get("pods", "web").metadata.deletionTimestamp is None


@pytest.mark.parametrize("where", ["request", "body"])
def test_a_dry_run_of_an_eviction_changes_nothing(where: str) -> None:
    rig = Rig()
    running(rig)
    budget(rig, 1)
    before = rig.store.revision
    body: dict[str, Any] = {"metadata": {"name": "web"}}
    options: dict[str, Any] = {}
    if where == "body":
        body["deleteOptions"] = {"dryRun": ["All"]}
    else:
        options["dry_run"] = ("All",)

    rig.send("create", "pods", name="web", subresource="eviction", body=body, **options)

    assert rig.store.revision == before


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "too few": ({"currentHealthy": 2, "desiredHealthy": 2}, "The disruption budget b needs 2 healthy pods and has 2 currently"),
    "nothing is known": ({"currentHealthy": 2, "desiredHealthy": 0}, "The disruption budget b does not allow evicting pods currently"),
    "failed": (
        {"currentHealthy": 1, "desiredHealthy": 1, "conditions": [("SyncFailed", "found no controllers for pod \"web\"")]},
        'The disruption budget b does not allow evicting pods currently because it failed sync: found no controllers for pod "web"',
    ),
    "another reason": (
        {"currentHealthy": 2, "desiredHealthy": 1, "conditions": [("Maintenance", "not today")]},
        "The disruption budget b does not allow evicting pods currently (Maintenance): not today",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_why_an_eviction_is_refused(case: str) -> None:
    status, message = REFUSALS[case]
    rig = Rig()
    running(rig)
    budget(rig, 0)
    said = [
        {"type": "DisruptionAllowed", "status": "False", "reason": reason, "message": text, "lastTransitionTime": "2026-01-01T00:00:00Z"}
        for reason, text in status.pop("conditions", ())
    ]  # fmt: skip
    rig.patch("poddisruptionbudgets", "b", {"status": {**status, "conditions": said}}, subresource="status")

    error = rig.refusal("create", "pods", name="web", subresource="eviction", body={"metadata": {"name": "web"}})

    assert (error.code, error.message) == (429, "Cannot evict pod as it would violate the pod's disruption budget.")
    assert [(c.reason, c.message) for c in error.causes] == [("DisruptionBudget", message)]


UNHEALTHY: dict[str, tuple[dict[str, Any], bool]] = {
    "enough others are healthy": ({}, True),
    "always": ({"unhealthyPodEvictionPolicy": "AlwaysAllow"}, True),
}


@pytest.mark.parametrize("case", UNHEALTHY)
def test_pods_that_are_not_ready_may_go(case: str) -> None:
    spec, allowed = UNHEALTHY[case]
    rig = Rig()
    running(rig, ready="False")
    budget(rig, 0, **spec)

    evict(rig)

    assert (rig.get("pods", "web").metadata.deletionTimestamp is not None) is allowed


class Logs:
    """A source of logs that prints what it is asked for."""

    def log(self, pod: Pod, container: str, options: dict[str, Any]) -> str:
        """The name of the container, or a refusal."""
        if container == "gone":
            raise not_found("pods", pod.metadata.name or "")
        return f"{container} {options.get('previous', '')}\n"


def test_logs_come_from_the_kubelets() -> None:
    rig = Rig()
    rig.server.logs = Logs()
    rig.create("nodes", {"metadata": {"name": "n1"}}, "")
    rig.create("pods", pod("one", node="n1"))
    two = {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "x"}]}
    rig.create("pods", pod("two", node="n1", **two))

    def log(name: str, **extra: str) -> str | None:
        found: str | None = rig.send("get", "pods", name=name, subresource="log", extra=extra).text
        return found

    assert log("one") == "c \n"
    assert log("two", container="b", previous="true") == "b true\n"
    with pytest.raises(APIError, match=r"choose one of: \[a b\]"):
        log("two")


LOG_OPTIONS: dict[str, tuple[dict[str, str], int, str]] = {
    "below zero": (
        {"tailLines": "-1"},
        422,
        'PodLogOptions "one" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
    ),
    "no number": ({"tailLines": "x"}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
    "no bytes": (
        {"limitBytes": "0"},
        422,
        'PodLogOptions "one" is invalid: limitBytes: Invalid value: 0: must be greater than 0',
    ),
}


@pytest.mark.parametrize("case", LOG_OPTIONS)
def test_bad_log_options(case: str) -> None:
    extra, code, message = LOG_OPTIONS[case]

    error = Rig().refusal("get", "pods", name="one", subresource="log", extra=extra)

    assert (code, message) == (error.code, error.message)


def test_streams_end_where_the_connection_would_begin() -> None:
    rig = Rig()
    rig.create("nodes", {"metadata": {"name": "n1"}}, "")
    rig.create("pods", pod("there", node="n1"))
    rig.create("pods", pod("nowhere"))

    def refusal(name: str, subresource: str, **extra: str) -> str:
        return rig.refusal("get", "pods", name=name, subresource=subresource, extra=extra).message

    assert refusal("nowhere", "exec") == "pod nowhere does not have a host assigned"
    assert refusal("there", "exec") == "you must specify at least 1 of stdin, stdout, stderr"
    assert refusal("there", "exec", stdout="1") == "Upgrade request required"
    assert refusal("there", "portforward") == "Upgrade request required"


def test_a_pod_can_be_bound_through_the_collection_of_bindings() -> None:
    rig = Rig()
    rig.create("pods", pod())

    rig.send("create", "bindings", body=binding("web", "n1"))

    assert rig.get("pods", "web").spec.nodeName == "n1"


def test_a_token_says_who_it_belongs_to_until_it_expires() -> None:
    rig = Rig()

    body = {"spec": {"expirationSeconds": 600}}
    made = rig.send("create", "serviceaccounts", name="default", subresource="token", body=body).object
    reader = rig.server.reader
    user = tokens.user_of(made.status.token, reader, 599)

    assert made.status.expirationTimestamp == "2026-01-01T00:10:00Z"
    assert user is not None
    assert user.name == "system:serviceaccount:default:default"
    assert tokens.user_of(made.status.token, reader, 600) is None
    assert tokens.user_of(made.status.token[:-2] + "xx", reader, 0) is None


def test_everybody_may_do_everything_without_an_authorizer() -> None:
    rig = Rig()
    body = {"spec": {"resourceAttributes": {"verb": "delete", "resource": "nodes"}}}
    user = UserInfo("nobody")

    review = rig.send("create", "selfsubjectaccessreviews", body=body, user=user).object
    whoami = rig.send("create", "selfsubjectreviews", body={}, user=user).object

    assert review.status.allowed
    assert whoami.status.userInfo.username == "nobody"
