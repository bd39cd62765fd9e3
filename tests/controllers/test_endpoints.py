"""Endpoints, EndpointSlices and mirrors: pure functions from Services and pods."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import (
    Container,
    ContainerPort,
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    Pod,
    Service,
    ServicePort,
    ServiceSpec,
)
from k8snb.client.calls import Create, Delete, Update
from k8snb.client.testing import drive, static_view
from k8snb.controllers.endpoints import CAPACITY, OVER_CAPACITY, EndpointsController, desired, repack, truncate
from k8snb.controllers.endpointslice import SLICES, EndpointSliceController, endpoint_of, plan_family
from k8snb.controllers.endpointslicemirroring import EndpointSliceMirroringController
from k8snb.controllers.servicepods import keys_of_services, port_number
from tests.controllers.build import WEB, meta, node, pod

HTTP = ServicePort(name="http", port=80, targetPort=8080, protocol="TCP")


def service(*ports: ServicePort, **fields: object) -> Service:
    spec = {"selector": WEB, "clusterIP": "10.96.0.10", "ipFamilies": ("IPv4",), **fields}
    return Service(metadata=meta("web"), spec=ServiceSpec(ports=ports or (HTTP,), **spec))  # type: ignore[arg-type]


def address(number: int) -> EndpointAddress:
    return EndpointAddress(ip=f"10.0.0.{number}")


def port(name: str, number: int = 80) -> EndpointPort:
    return EndpointPort(name=name, port=number)


def test_ports_with_the_same_addresses_share_a_subset() -> None:
    one, two = (address(1), True), (address(2), False)

    found = repack({port("a"): [one, two], port("b"): [two, one], port("c"): [one]})

    assert found == (
        EndpointSubset(addresses=(one[0],), notReadyAddresses=(two[0],), ports=(port("a"), port("b"))),
        EndpointSubset(addresses=(one[0],), ports=(port("c"),)),
    )


def many(ready: int, unready: int) -> tuple[EndpointSubset, ...]:
    return (
        EndpointSubset(
            addresses=tuple(address(n) for n in range(ready)),
            notReadyAddresses=tuple(address(n) for n in range(unready)),
        ),
    )


@pytest.mark.parametrize(
    ("ready", "unready", "expected"),
    [
        (10, 10, (10, 10, False)),
        (CAPACITY, 0, (CAPACITY, 0, False)),
        (900, 200, (900, 100, True)),
        (1200, 50, (1000, 0, True)),
    ],
)
def test_truncate(ready: int, unready: int, expected: tuple[int, int, bool]) -> None:
    (subset,), cut = truncate(many(ready, unready))

    assert expected == (len(subset.addresses), len(subset.notReadyAddresses), cut)


def test_truncated_endpoints_say_so_and_are_left_alone_afterwards() -> None:
    pods = [pod(f"p{n}", ip=f"10.1.{n // 250}.{n % 250}") for n in range(CAPACITY + 1)]

    first = desired(service(), pods, None)

    assert first is not None
    assert first.metadata.annotations[OVER_CAPACITY] == "truncated"
    assert desired(service(), pods, first) is None


@pytest.mark.parametrize(
    ("found", "publish", "ready", "unready"),
    [
        (pod("a"), False, 1, 0),
        (pod("a", ready=None), False, 0, 1),
        (pod("a", ready=None), True, 1, 0),
        (pod("a", ip=None), False, 0, 0),
        (pod("a", phase="Failed"), False, 0, 0),
        (pod("a", deletionTimestamp="2026-01-01T00:00:00Z"), False, 0, 0),
        (pod("a", deletionTimestamp="2026-01-01T00:00:00Z"), True, 1, 0),
    ],
)
def test_which_pods_are_in_endpoints(found: Pod, publish: bool, ready: int, unready: int) -> None:
    made = desired(service(publishNotReadyAddresses=publish or None), [found], None)

    assert made is not None
    subset = made.subsets[0] if made.subsets else EndpointSubset()
    assert (ready, unready) == (len(subset.addresses), len(subset.notReadyAddresses))


def test_named_ports_are_found_by_name_and_protocol() -> None:
    ports = (
        ContainerPort(name="dns", containerPort=5353, protocol="TCP"),
        ContainerPort(name="dns", containerPort=53, protocol="UDP"),
    )
    found = pod("a")
    found = replace(found, spec=replace(found.spec, containers=(Container(name="c", ports=ports),)))

    assert port_number(found, ServicePort(port=1, targetPort="dns", protocol="UDP")) == 53
    assert port_number(found, ServicePort(port=1, targetPort="dns")) == 5353
    assert port_number(found, ServicePort(port=1, targetPort="http")) is None
    assert port_number(found, ServicePort(port=1, targetPort=8080)) == 8080


@pytest.mark.parametrize(
    ("found", "publish", "expected"),
    [
        (pod("a"), False, (True, True, False)),
        (pod("a", ready=None), False, (False, False, False)),
        (pod("a", ready=None), True, (True, False, False)),
        (pod("a", deletionTimestamp="2026-01-01T00:00:00Z"), False, (False, True, True)),
    ],
)
def test_conditions_of_an_endpoint(found: Pod, publish: bool, expected: tuple[bool, bool, bool]) -> None:
    made = endpoint_of(found, node(), service(publishNotReadyAddresses=publish or None), "IPv4")

    assert made is not None
    assert expected == (made.conditions.ready, made.conditions.serving, made.conditions.terminating)


@pytest.mark.parametrize(
    ("wish", "zones", "nodes"),
    [("PreferClose", ["a"], []), ("PreferSameZone", ["a"], []), ("PreferSameNode", ["a"], ["node-0"])],
)
def test_hints_follow_the_traffic_distribution(wish: str, zones: list[str], nodes: list[str]) -> None:
    there = node(labels={"topology.kubernetes.io/zone": "a"})

    made = endpoint_of(pod("a"), there, service(trafficDistribution=wish), "IPv4")

    hints = made.hints if made is not None else None
    assert hints is not None
    assert (zones, nodes) == ([z.name for z in hints.forZones], [n.name for n in hints.forNodes])


def test_no_hints_without_a_wish() -> None:
    made = endpoint_of(pod("a"), node(labels={"topology.kubernetes.io/zone": "a"}), service(), "IPv4")

    assert made is not None
    assert made.hints is None


def test_more_than_a_hundred_pods_need_another_slice() -> None:
    pods = [pod(f"p{n}", ip=f"10.1.0.{n}") for n in range(150)]
    view = static_view([node(), *pods], 0.0)

    plan, errors = plan_family(service(), pods, [], "IPv4", view)

    assert [len(s.endpoints) for s in plan.create] == [100, 50]
    assert errors == []


def test_a_pod_on_an_unknown_node_is_left_out_and_tried_again() -> None:
    lost = pod("a", node="gone")

    plan, errors = plan_family(service(), [lost], [], "IPv4", static_view([node(), lost], 0.0))

    assert [s.endpoints for s in plan.create] == [()]
    assert errors[0].message == "skipping Pod a for Service default/web: Node gone Not Found"


def test_without_a_service_its_endpoints_go() -> None:
    left = Endpoints(metadata=meta("web"))

    calls, _ = drive(EndpointsController(), "default/web", static_view([left], 0.0), lambda _: None)

    assert [type(call) for call in calls] == [Delete]


@pytest.mark.parametrize("fields", [{"type": "ExternalName"}, {"selector": FrozenDict()}])
def test_services_that_have_no_endpoints_of_their_own(fields: dict[str, object]) -> None:
    view = static_view([service(**fields), pod("a"), node()], 0.0, [SLICES])

    assert drive(EndpointsController(), "default/web", view) == ([], None)
    assert drive(EndpointSliceController(), "default/web", view) == ([], None)


def test_hand_written_endpoints_are_mirrored_once() -> None:
    subset = EndpointSubset(addresses=(address(1), address(1)), notReadyAddresses=(address(2),), ports=(port("", 80),))
    own = Endpoints(metadata=meta("web"), subsets=(subset,))
    controller = EndpointSliceMirroringController()
    bare = service(selector=FrozenDict())

    calls, _ = drive(controller, "default/web", static_view([bare, own], 0.0, [SLICES]))

    assert [type(call) for call in calls] == [Create]
    assert isinstance(calls[0], Create)
    made = calls[0].obj
    assert len(made.endpoints) == 2  # type: ignore[attr-defined]
    named = replace(made, metadata=replace(made.metadata, name="web-x"))
    assert drive(controller, "default/web", static_view([bare, own, named], 0.0, [SLICES])) == ([], None)
    changed = replace(own, subsets=(replace(subset, addresses=(address(3),)),))
    calls, _ = drive(controller, "default/web", static_view([bare, changed, named], 0.0, [SLICES]))
    assert [type(call) for call in calls] == [Update]
    calls, _ = drive(controller, "default/web", static_view([service(), own, named], 0.0, [SLICES]), lambda _: None)
    assert [type(call) for call in calls] == [Delete]


def test_only_changes_that_endpoints_show_wake_a_service() -> None:
    view = static_view([service()], 0.0)
    before = pod("a", ip=None)
    running = pod("a")

    assert list(keys_of_services(None, before, view)) == []
    assert list(keys_of_services(before, running, view)) == ["default/web"]
    assert list(keys_of_services(running, replace(running), view)) == []
    assert list(keys_of_services(running, pod("a", labels=FrozenDict({"app": "x"})), view)) == ["default/web"]
    assert list(keys_of_services(running, None, view)) == ["default/web"]
