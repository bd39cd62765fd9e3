"""Services of two IP families: what the server fills in, gives, refuses and takes back, with its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from k8snb.api.errors import APIError
from k8snb.cluster import Cluster
from k8snb.verbs import ApplyError

PORTS = [{"port": 80}]


@pytest.fixture(scope="module")
def dual() -> Cluster:
    return Cluster(nodes=0, dual_stack=True)


@pytest.fixture(scope="module")
def single() -> Cluster:
    return Cluster(nodes=0)


def manifest(**spec: Any) -> dict[str, Any]:
    """A Service ``s`` with one port and a selector."""
    whole = {"ports": PORTS, "selector": {"app": "a"}, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"}, "spec": whole}


def made(cluster: Cluster, **spec: Any) -> Any:
    """What the server makes of a Service (in a fork)."""
    other = cluster.fork()
    other.create(manifest(**spec))
    return other.get("svc/s").spec


def refused(cluster: Cluster, body: Mapping[str, Any]) -> list[str]:
    """The causes of the refusal, as ``field: message``."""
    with pytest.raises(ApplyError) as caught:
        cluster.create(body)
    refusal = caught.value.error
    assert isinstance(refusal, APIError)
    details = refusal.status.details
    assert details is not None
    return [f"{cause.field}: {cause.message}" for cause in details.causes]


V4, V6 = ("IPv4",), ("IPv6",)

# name: (spec, policy, families, families of the addresses)
FILLED: dict[str, tuple[dict[str, Any], str, tuple[str, ...], tuple[str, ...]]] = {
    "nothing said": ({}, "SingleStack", V4, V4),
    "prefers both": ({"ipFamilyPolicy": "PreferDualStack"}, "PreferDualStack", V4 + V6, V4 + V6),
    "requires both": ({"ipFamilyPolicy": "RequireDualStack"}, "RequireDualStack", V4 + V6, V4 + V6),
    "IPv6 alone": ({"ipFamilies": ["IPv6"]}, "SingleStack", V6, V6),
    "IPv6 first": ({"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6"]}, "PreferDualStack", V6 + V4, V6 + V4),
    "both families named": ({"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6", "IPv4"]},
                            "RequireDualStack", V6 + V4, V6 + V4),
    "an IPv6 address": ({"clusterIP": "fd00:10:96::7"}, "SingleStack", V6, V6),
    "an IPv4 address, both wanted": ({"clusterIP": "10.96.0.77", "ipFamilyPolicy": "PreferDualStack"},
                                     "PreferDualStack", V4 + V6, V4 + V6),
    "headless": ({"clusterIP": "None"}, "SingleStack", V4, ()),
    "headless, both": ({"clusterIP": "None", "ipFamilyPolicy": "PreferDualStack"}, "PreferDualStack", V4 + V6, ()),
    "headless without a selector": ({"clusterIP": "None", "selector": {}}, "RequireDualStack", V4 + V6, ()),
}  # fmt: skip


@pytest.mark.parametrize("case", FILLED)
def test_policy_families_and_addresses_are_filled_in(dual: Cluster, case: str) -> None:
    spec, policy, families, addresses = FILLED[case]
    found = made(dual, **spec)
    kinds = tuple("IPv6" if ":" in ip else "IPv4" for ip in found.clusterIPs if ip != "None")

    assert (found.ipFamilyPolicy, found.ipFamilies, kinds) == (policy, families, addresses)
    assert found.clusterIP == found.clusterIPs[0]


def test_an_address_that_was_named_is_given(dual: Cluster) -> None:
    assert made(dual, clusterIPs=["fd00:10:96::8", "10.96.0.8"], clusterIP="fd00:10:96::8",
                ipFamilyPolicy="RequireDualStack").clusterIPs == ("fd00:10:96::8", "10.96.0.8")  # fmt: skip


NOT_CONFIGURED = "not configured on this cluster"
OTHER_RANGE = "the provided network does not match the current range"
MUST_BE = "must be 'RequireDualStack' or 'PreferDualStack' when multiple"

# name: (dual-stack cluster, spec, causes)
REFUSED: dict[str, tuple[bool, dict[str, Any], list[str]]] = {
    "both required of one": (False, {"ipFamilyPolicy": "RequireDualStack"}, [
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services']),
    "a family that is not there": (False, {"ipFamilies": ["IPv6"]}, [
        f'spec.ipFamilies[0]: Invalid value: "IPv6": {NOT_CONFIGURED}']),
    "an address of such a family": (False, {"clusterIP": "fd00:10:96::7"}, [
        f'spec.clusterIPs[0]: Invalid value: ["fd00:10:96::7"]: IPv6 is {NOT_CONFIGURED}']),
    "two families, one wanted": (True, {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4", "IPv6"]}, [
        f'spec.ipFamilyPolicy: Invalid value: "SingleStack": {MUST_BE} IP families are specified']),
    "two addresses, nothing said": (True, {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9", "fd00:10:96::9"]}, [
        f'spec.ipFamilyPolicy: Invalid value: "SingleStack": {MUST_BE} cluster IPs are specified']),
    "family and address differ": (True, {"clusterIP": "10.96.0.9", "ipFamilies": ["IPv6"]}, [
        'spec.clusterIPs[0]: Invalid value: "10.96.0.9": expected an IPv6 value as indicated by `ipFamilies[0]`']),
    "twice the same family": (True, {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv4"]}, [
        'spec.ipFamilies[1]: Duplicate value: "IPv4"']),
    "out of the range": (True, {"clusterIP": "fd00:10:97::9"}, [
        f'spec.clusterIPs: Invalid value: ["fd00:10:97::9"]: failed to allocate IP fd00:10:97::9: {OTHER_RANGE}']),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_given_is_refused(single: Cluster, dual: Cluster, case: str) -> None:
    both, spec, causes = REFUSED[case]

    assert refused(dual if both else single, manifest(**spec)) == causes


def test_a_second_address_comes_and_goes_with_the_policy(dual: Cluster) -> None:
    cluster = dual.fork()
    cluster.create(manifest())
    first = cluster.get("svc/s").spec.clusterIP
    cluster.patch("svc/s", {"spec": {"ipFamilyPolicy": "PreferDualStack"}})
    both = cluster.get("svc/s").spec
    claimed = {a.metadata.name: dict(a.metadata.labels) for a in cluster.list("ipaddresses")}

    assert both.clusterIPs[0] == first
    assert both.ipFamilies == ("IPv4", "IPv6")
    assert claimed[both.clusterIPs[1]]["ipaddress.kubernetes.io/ip-family"] == "IPv6"

    cluster.patch("svc/s", {"spec": {"ipFamilyPolicy": "SingleStack"}})
    one = cluster.get("svc/s").spec
    assert (one.clusterIPs, one.ipFamilies) == ((first,), ("IPv4",))
    assert both.clusterIPs[1] not in [a.metadata.name for a in cluster.list("ipaddresses")]


def test_giving_up_an_address_needs_the_policy(dual: Cluster) -> None:
    cluster = dual.fork()
    cluster.create(manifest(ipFamilyPolicy="RequireDualStack"))
    first = cluster.get("svc/s").spec.clusterIP
    with pytest.raises(APIError) as caught:
        cluster.patch("svc/s", {"spec": {"clusterIPs": [first], "ipFamilies": ["IPv4"]}})
    details = caught.value.status.details

    assert details is not None
    assert [c.message for c in details.causes] == [
        "Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary cluster IP",
        "Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary IP family",
    ]


def test_addresses_are_given_back_with_the_type(dual: Cluster) -> None:
    cluster = dual.fork()
    cluster.create(manifest(ipFamilyPolicy="PreferDualStack"))
    cluster.patch("svc/s", {"spec": {"type": "ExternalName", "externalName": "a.example"}})

    assert cluster.get("svc/s").spec.clusterIPs == ()
    assert [a.metadata.name for a in cluster.list("ipaddresses")] == ["10.96.0.1"]


def test_a_preference_does_not_follow_the_cluster() -> None:
    """A Service that only prefers both, made on a single-stack cluster, has one family and keeps it."""
    assert made(Cluster(nodes=0), ipFamilyPolicy="PreferDualStack").ipFamilies == ("IPv4",)
