"""One request through the whole pipeline: what is stored, what is refused, and what a refusal leaves behind."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.codec import to_json
from k8snb.api.errors import APIError
from k8snb.api.request import APPLY_PATCH, Triggers
from k8snb.api.types.core_v1 import ConfigMap
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.store import Change
from tests.apiserver.rig import Rig, config_map, deployment, pod


def test_a_created_object_has_its_system_fields() -> None:
    rig = Rig()
    rig.clock.advance(90)

    made = rig.create("configmaps", config_map("a"))

    meta = made.metadata
    assert (meta.namespace, meta.creationTimestamp) == ("default", "2026-01-01T00:01:30Z")
    assert meta.resourceVersion == str(rig.store.revision)
    assert len(meta.uid) == 36
    assert rig.get("configmaps", "a") is made


def test_what_a_client_may_not_set_is_dropped() -> None:
    rig = Rig()
    body = deployment()
    body["metadata"] |= {"uid": "x", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 9, "selfLink": "/x"}
    body["status"] = {"replicas": 7}

    made = rig.create("deployments", body)

    meta = made.metadata
    assert meta.uid != "x"
    assert (meta.generation, meta.selfLink, meta.creationTimestamp) == (1, None, "2026-01-01T00:00:00Z")
    assert made.status.replicas is None


def test_generated_names_are_the_same_for_the_same_seed() -> None:
    def names() -> list[str]:
        rig = Rig(seed=7)
        for _ in range(3):
            rig.create("configmaps", {"metadata": {"generateName": "cm-"}})
        return rig.names("configmaps")

    first = names()
    assert first == names()
    assert len(set(first)) == 3
    assert all(len(name) == 8 for name in first)


CREATES: dict[str, tuple[Any, str, int, str]] = {
    "taken name": (config_map("taken"), "configmaps", 409, 'configmaps "taken" already exists'),
    "no name": (
        {"metadata": {}},
        "configmaps",
        422,
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ),
    "other namespace in the body": (
        {"metadata": {"name": "x", "namespace": "other"}},
        "configmaps",
        400,
        "the namespace of the provided object does not match the namespace sent on the request",
    ),
    "resourceVersion set": (
        {"metadata": {"name": "x", "resourceVersion": "1"}},
        "configmaps",
        500,
        "resourceVersion should not be set on objects to be created",
    ),
    "kind of another address": (
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}},
        "configmaps",
        400,
        (
            'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): '
            "unknown conversion"
        ),
    ),
    "no service account": (
        pod() | {"spec": {"serviceAccountName": "ghost", "containers": [{"name": "c", "image": "x"}]}},
        "pods",
        403,
        'pods "web" is forbidden: error looking up service account default/ghost: serviceaccount "ghost" not found',
    ),
    "container without a name": (
        pod() | {"spec": {"containers": [{"image": "x"}]}},
        "pods",
        422,
        'Pod "web" is invalid: spec.containers[0].name: Required value',
    ),
}


@pytest.mark.parametrize("case", CREATES)
def test_refused_creates(case: str) -> None:
    body, kind, code, message = CREATES[case]
    rig = Rig()
    rig.create("configmaps", config_map("taken"))

    error = rig.refusal("create", kind, body=body)

    assert (code, message) == (error.code, error.message)


def test_a_missing_namespace_is_not_found() -> None:
    error = Rig().refusal("create", "configmaps", "nowhere", body=config_map("a"))

    assert (error.code, error.message) == (404, 'namespaces "nowhere" not found')


def test_an_object_that_is_going_says_so() -> None:
    rig = Rig()
    body = config_map("a")
    body["metadata"]["finalizers"] = ["example.com/f"]
    rig.create("configmaps", body)
    rig.delete("configmaps", "a")

    error = rig.refusal("create", "configmaps", body=config_map("a"))

    assert error.message == 'object is being deleted: configmaps "a" already exists'


@pytest.mark.parametrize("version", ["0", "x", "-1"])
def test_a_version_that_is_no_revision_counts_as_none_when_an_object_is_created(version: str) -> None:
    rig = Rig()
    body = config_map("a")
    body["metadata"]["resourceVersion"] = version

    assert rig.create("configmaps", body).metadata.resourceVersion == str(rig.store.revision)


def test_a_dry_run_does_not_reach_the_storage_that_refuses_versions() -> None:
    body = config_map("a")
    body["metadata"]["resourceVersion"] = "5"

    assert Rig().create("configmaps", body, dry_run=("All",)).metadata.resourceVersion == "5"


def test_a_stale_update_conflicts() -> None:
    rig = Rig()
    old = rig.create("configmaps", config_map("a"))
    rig.patch("configmaps", "a", {"data": {"a": "2"}})

    error = rig.refusal("update", "configmaps", name="a", body=replace(old, data={"a": "3"}))

    assert error.code == 409
    assert error.message == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


def test_an_update_without_a_version_overwrites() -> None:
    rig = Rig()
    made = rig.create("configmaps", config_map("a"))

    changed = rig.send("update", "configmaps", name="a", body=config_map("a", b="2")).object

    assert dict(changed.data) == {"b": "2"}
    assert changed.metadata.uid == made.metadata.uid
    assert changed.metadata.creationTimestamp == made.metadata.creationTimestamp


def test_an_update_of_another_object_of_that_name_conflicts() -> None:
    rig = Rig()
    rig.create("configmaps", config_map("a"))
    body = config_map("a")
    body["metadata"]["uid"] = "11111111-1111-1111-1111-111111111111"

    error = rig.refusal("update", "configmaps", name="a", body=body)

    assert error.code == 409
    assert "Precondition failed: UID in precondition: 11111111-1111-1111-1111-111111111111" in error.message


def test_an_update_that_changes_nothing_makes_no_revision() -> None:
    rig = Rig()
    made = rig.create("configmaps", config_map("a"))
    before = rig.store.revision

    again = rig.send("update", "configmaps", name="a", body=made).object

    assert again is made
    assert rig.store.revision == before


def test_generation_grows_with_the_spec_only() -> None:
    rig = Rig()
    rig.create("deployments", deployment())

    assert rig.patch("deployments", "web", {"metadata": {"labels": {"a": "b"}}}).metadata.generation == 1
    assert rig.patch("deployments", "web", {"spec": {"replicas": 4}}).metadata.generation == 2
    assert rig.patch("deployments", "web", {"status": {"replicas": 1}}, subresource="status").metadata.generation == 2


def test_the_status_subresource_changes_only_the_status() -> None:
    rig = Rig()
    rig.create("deployments", deployment())

    changed = rig.patch(
        "deployments", "web", {"spec": {"replicas": 9}, "status": {"replicas": 3}}, subresource="status"
    )
    main = rig.patch("deployments", "web", {"status": {"replicas": 5}})

    assert (changed.spec.replicas, changed.status.replicas) == (1, 3)
    assert main.status.replicas == 3


def test_a_dry_run_leaves_nothing_behind() -> None:
    rig = Rig()
    rig.create("configmaps", config_map("a"))
    before = rig.store.revision

    made = rig.send("create", "configmaps", body=config_map("b"), dry_run=("All",)).object
    changed = rig.send("update", "configmaps", name="a", body=config_map("a", x="1"), dry_run=("All",)).object
    rig.delete("configmaps", "a", dry_run=("All",))

    assert made.metadata.uid
    assert dict(changed.data) == {"x": "1"}
    assert rig.store.revision == before


def test_typed_objects_and_bytes_give_the_same_object() -> None:
    typed = Rig().create("configmaps", ConfigMap(metadata=ObjectMeta(name="a"), data={"k": "v"}))  # type: ignore[arg-type]
    text = (
        Rig().send("create", "configmaps", body=b'{"kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"v"}}').object
    )

    assert typed == text


def test_unknown_fields_are_warned_about_refused_or_ignored() -> None:
    rig = Rig()
    body = config_map("a") | {"extra": 1}

    warned = rig.send("create", "configmaps", body=body, field_validation="Warn").warnings
    error = rig.refusal("create", "configmaps", body=body, field_validation="Strict")
    ignored = rig.send(
        "create", "configmaps", body=body | {"metadata": {"name": "b"}}, field_validation="Ignore"
    ).warnings

    assert warned == ('unknown field "extra"',)
    assert 'strict decoding error: unknown field "extra"' in error.message
    assert ignored == ()


def test_every_revision_knows_its_cause() -> None:
    rig = Rig()
    resource = rig.server.scheme.resolve("configmaps")
    from k8snb.api.request import Request

    why = Triggers((3, 4), "default/a", "because", 12)
    rig.server.handle(Request("create", resource, "default", body=config_map("a"), actor="some-controller", cause=why))

    cause = rig.store.change(rig.store.revision, "/registry/configmaps/default/a").cause
    assert (cause.actor, cause.verb, cause.triggers) == ("some-controller", "create", (3, 4))
    assert (cause.key, cause.note, cause.step) == ("default/a", "because", 12)


def test_every_request_leaves_an_audit_record() -> None:
    rig = Rig(audit_limit=3)
    rig.create("configmaps", config_map("a"))
    with pytest.raises(APIError):
        rig.get("configmaps", "b")

    last, before = rig.server.audit[-1], rig.server.audit[-2]
    assert (before.verb, before.resource, before.code) == ("create", "configmaps", 201)
    assert before.revision == before.before + 1
    assert (last.verb, last.name, last.code, last.reason) == ("get", "b", 404, "NotFound")
    assert len(rig.server.audit) == 3
    assert rig.server.audit.count == 4


def test_a_copied_server_goes_its_own_way() -> None:
    rig = Rig()
    rig.create("configmaps", config_map("a"))
    other = copy.deepcopy(rig)

    other.patch("configmaps", "a", {"data": {"a": "2"}})
    other.create("priorityclasses", {"metadata": {"name": "high"}, "value": 5, "globalDefault": True}, "")
    mine, theirs = rig.create("pods", pod()), other.create("pods", pod())

    assert dict(rig.get("configmaps", "a").data) == {"a": "1"}
    assert dict(other.get("configmaps", "a").data) == {"a": "2"}
    assert (mine.spec.priority, theirs.spec.priority) == (0, 5)


def test_nothing_changes_a_stored_object() -> None:
    rig = Rig()
    written: dict[int, bytes] = {}

    def note(change: Change) -> None:
        if change.value is not None:
            written[change.revision] = to_json(change.value)

    rig.store.subscribe(note)
    rig.create("deployments", deployment())
    rig.create("pods", pod(node="n1"))
    rig.patch("deployments", "web", {"spec": {"replicas": 5}, "metadata": {"labels": {"a": "b"}}})
    rig.patch("pods", "web", {"status": {"phase": "Running"}}, subresource="status")
    rig.send(
        "patch",
        "deployments",
        name="web",
        body=deployment(replicas=2),
        content_type=APPLY_PATCH,
        field_manager="m",
        force=True,
    )
    rig.patch("deployments", "web", {"spec": {"replicas": 7}}, subresource="scale")
    rig.delete("pods", "web", grace_period_seconds=0)
    rig.delete("deployments", "web", propagation_policy="Foreground")

    assert len(written) >= 7
    for change in rig.store.changes(min(written)):
        if change.value is not None:
            assert to_json(change.value) == written[change.revision]


def test_pods_of_a_template_share_their_specification() -> None:
    rig = Rig()
    template = rig.create("deployments", deployment()).spec.template
    from k8snb.api.types.core_v1 import Pod

    first, second = (
        rig.create("pods", Pod(metadata=ObjectMeta(name=name), spec=template.spec))  # type: ignore[arg-type]
        for name in ("a", "b")
    )

    assert first.spec is second.spec
    assert first.spec.volumes[-1].name.startswith("kube-api-access-")
