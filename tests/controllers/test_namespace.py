"""The namespace controller and those that furnish namespaces, driven by hand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import ConfigMap, Namespace, NamespaceSpec, NamespaceStatus, Pod, Secret, ServiceAccount
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Call, Create, Delete, Finalize, Update, UpdateStatus
from k8snb.client.protocol import After
from k8snb.client.testing import drive, static_view
from k8snb.controllers.namespace import NamespaceController, deletable
from k8snb.controllers.rootca import RootCACertPublisher
from k8snb.controllers.serviceaccount import ServiceAccountController
from k8snb.sim.clock import rfc3339
from tests.controllers.build import meta, pod
from tests.controllers.customs import custom, definition

NOW = 1000.0


def terminating(at: float = NOW - 10, finalizers: tuple[str, ...] = ("kubernetes",)) -> Namespace:
    return Namespace(
        metadata=ObjectMeta(name="default", deletionTimestamp=rfc3339(at)),
        spec=NamespaceSpec(finalizers=finalizers),
        status=NamespaceStatus(phase="Terminating"),
    )


def run(*objects: Object) -> tuple[list[Call], After | None]:
    return drive(NamespaceController(), "default", static_view(objects, NOW))


def reasons(calls: list[Call]) -> dict[str, str | None]:
    (namespace,) = [call.obj for call in calls if isinstance(call, UpdateStatus)]
    assert isinstance(namespace, Namespace)
    return {c.type: c.reason for c in namespace.status.conditions if c.status == "True"}


def test_it_waits_five_seconds() -> None:
    assert run(terminating(NOW - 2)) == ([], After(3.0))


def test_an_empty_namespace_loses_its_finalizer() -> None:
    calls, _ = run(terminating(finalizers=("kubernetes", "mine")))

    (done,) = [call.obj for call in calls if isinstance(call, Finalize)]
    assert isinstance(done, Namespace)
    assert done.spec.finalizers == ("mine",)


def test_pods_go_first() -> None:
    calls: list[Call] = []
    view = static_view([terminating(), pod("a"), Secret(metadata=meta("s"))], NOW)

    with pytest.raises(
        APIError, match="unexpected items still remain in namespace: default for gvr: /v1, Resource=pods"
    ):
        drive(NamespaceController(), "default", view, calls.append)

    assert [(call.kind, call.name) for call in calls if isinstance(call, Delete)] == [(Pod, "a")]
    assert reasons(calls) == {
        "NamespaceDeletionContentFailure": "ContentDeletionFailed",
        "NamespaceContentRemaining": "SomeResourcesRemain",
    }


def test_a_graceful_pod_is_waited_for_half_its_grace() -> None:
    slow = pod("a")
    slow = replace(slow, spec=replace(slow.spec, terminationGracePeriodSeconds=30))

    calls, after = run(terminating(), slow)

    assert reasons(calls) == {"NamespaceContentRemaining": "SomeResourcesRemain"}
    assert after == After(16)


def test_finalizers_hold_a_namespace() -> None:
    held = ConfigMap(metadata=meta("held", finalizers=("example.com/hold",), deletionTimestamp=rfc3339(NOW)))

    calls, after = run(terminating(), held)

    assert [type(call) for call in calls] == [UpdateStatus]
    assert reasons(calls) == {
        "NamespaceContentRemaining": "SomeResourcesRemain",
        "NamespaceFinalizersRemaining": "SomeFinalizersRemain",
    }
    assert after == After(8)


def test_every_kind_of_object_is_deleted_once_and_pods_come_first() -> None:
    resources = deletable(static_view([], NOW))

    assert resources[0].plural == "pods"
    assert len({resource.type for resource in resources}) == len(resources)


def test_established_custom_resources_of_namespaces_are_deleted_too() -> None:
    hidden = definition("Ghost", established=False)
    known = static_view([definition(), definition("Cell", namespaced=False), hidden], NOW)

    built_in, all_of_them = deletable(static_view([], NOW)), deletable(known)

    assert [resource.qualified for resource in all_of_them[len(built_in) :]] == ["widgets.api.example.com"]


@pytest.mark.parametrize(
    ("finalizers", "deleting", "deleted", "messages"),
    [
        pytest.param(
            ("example.com/hold",), True, [],
            {
                "NamespaceContentRemaining": "Some resources are remaining: widgets.api.example.com has 1 resource instances",
                "NamespaceFinalizersRemaining": "Some content in the namespace has finalizers remaining: "
                "example.com/hold in 1 resource instances",
            },
            id="held by a finalizer",
        ),
        pytest.param(
            ("example.com/hold",), False, [("Widget", "default", "w")],
            {
                "NamespaceContentRemaining": "Some resources are remaining: widgets.api.example.com has 1 resource instances",
                "NamespaceFinalizersRemaining": "Some content in the namespace has finalizers remaining: "
                "example.com/hold in 1 resource instances",
            },
            id="deleted, then held by a finalizer",
        ),
    ],
)  # fmt: skip
def test_custom_resources_hold_a_namespace(
    finalizers: tuple[str, ...], deleting: bool, deleted: list[tuple[str, ...]], messages: dict[str, str]
) -> None:
    held = custom(meta("w", finalizers=finalizers, deletionTimestamp=rfc3339(NOW) if deleting else None))
    elsewhere = custom(replace(meta("other"), namespace="elsewhere"))

    calls, after = run(terminating(), definition(), held, elsewhere)

    assert [(c.kind.__name__, c.namespace, c.name) for c in calls if isinstance(c, Delete)] == deleted
    (namespace,) = [call.obj for call in calls if isinstance(call, UpdateStatus)]
    assert isinstance(namespace, Namespace)
    assert {c.type: c.message for c in namespace.status.conditions if c.status == "True"} == messages
    assert after == After(8)


def active(phase: str = "Active") -> Namespace:
    return Namespace(metadata=ObjectMeta(name="default"), status=NamespaceStatus(phase=phase))


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ((active(),), [Create]),
        ((active("Terminating"),), []),
        ((), []),
        ((active(), ServiceAccount(metadata=meta("default"))), []),
    ],
)
def test_the_default_account(objects: tuple[Object, ...], expected: list[type[Call]]) -> None:
    calls, _ = drive(ServiceAccountController(), "default", static_view(objects, NOW))

    assert expected == [type(call) for call in calls]


def test_the_root_certificate_is_made_and_repaired() -> None:
    publisher = RootCACertPublisher()

    calls, _ = drive(publisher, "default", static_view([active()], NOW))
    assert [type(call) for call in calls] == [Create]
    assert isinstance(calls[0], Create)
    made = calls[0].obj
    assert isinstance(made, ConfigMap)

    assert drive(publisher, "default", static_view([active(), made], NOW)) == ([], None)
    spoilt = replace(made, data=meta("x").labels)
    calls, _ = drive(publisher, "default", static_view([active(), spoilt], NOW))
    assert [call.obj for call in calls if isinstance(call, Update)] == [made]


def test_a_terminating_namespace_ends_the_attempt() -> None:
    gone = APIError(404, "NotFound", "no namespace")

    assert drive(RootCACertPublisher(), "default", static_view([active()], NOW), lambda _: gone)[1] is None
