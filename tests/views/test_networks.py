"""The three networks as a picture: every address is in its network, in all ways of joining nodes and in both languages."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from xml.etree import ElementTree

import pytest

from k8snb.locale import LANGUAGES
from k8snb.notebook import Cluster
from k8snb.views.networks import NetworksView, join_words, networks_text, networks_view
from k8snb.views.networks_svg import GUESTS, NODES, draw_networks

WORLD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1.27"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent}
spec: {hostNetwork: true, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stuck}
spec: {nodeSelector: {no: where}, containers: [{name: c, image: busybox}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
"""


def made(nodes: int = 2, cni: str = "vxlan") -> Cluster:
    cluster = Cluster(nodes=nodes, cni=cni)
    cluster.apply(WORLD)
    cluster.settle()
    return cluster


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return made()


@pytest.fixture(scope="module")
def view(cluster: Cluster) -> NetworksView:
    return networks_view(cluster)


def test_every_address_lies_in_its_network(view: NetworksView) -> None:
    for host in view.hosts:
        assert ip_address(host.address) in ip_network(view.node_range)
        assert ip_network(host.cidr).subnet_of(ip_network(view.pod_range))  # type: ignore[arg-type]
        for guest in host.guests:
            inside = ip_network(host.cidr if guest.device else f"{host.address}/32")
            assert ip_address(guest.address) in inside
    assert all(ip_address(vip.address) in ip_network(view.service_range) for vip in view.vips)


def test_what_has_no_address_of_its_own_is_left_out(view: NetworksView) -> None:
    guests = {guest.name: guest for host in view.hosts for guest in host.guests}

    assert len(guests) == 4
    assert "stuck" not in guests
    assert guests["agent"].device == ""
    assert [vip.name for vip in view.vips] == ["kubernetes", "web"]


@pytest.mark.parametrize(
    ("cni", "bridge", "overlay", "mtu"),
    [
        ("vxlan", "cni0 10.244.0.1", "flannel.1", 1450),
        ("bridge", "cni0 10.244.0.1", "", 1500),
        ("routed", "", "", 1500),
        ("kubenet", "cbr0 10.244.0.1", "", 1500),
    ],
)
def test_nodes_are_joined_as_the_plugin_does_it(cni: str, bridge: str, overlay: str, mtu: int) -> None:
    view = networks_view(made(cni=cni))

    assert (view.hosts[0].bridge, view.hosts[0].overlay, view.mtu) == (bridge, overlay, mtu)
    assert str(mtu) in join_words(view, "zh")
    ElementTree.fromstring(draw_networks(view, "zh"))


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize("projector", [False, True])
def test_picture_and_text_have_every_address(view: NetworksView, language: str, projector: bool) -> None:
    drawn = " ".join(ElementTree.fromstring(draw_networks(view, language, projector=projector)).itertext())
    told = networks_text(view, language)
    addresses = [vip.address for vip in view.vips]
    for host in view.hosts:
        addresses += [host.address, *(guest.address for guest in host.guests)]

    assert [a for a in addresses if a not in drawn or a not in told] == []


def test_what_is_too_much_is_counted() -> None:
    cluster = made(NODES + 2)
    cluster.scale("deployment", "web", (NODES + 2) * (GUESTS + 2))
    cluster.settle()
    view = networks_view(cluster)
    drawn = draw_networks(view, "en")

    assert drawn.count('data-key="Pod/') == NODES * GUESTS + sum(
        g.name == "agent" for h in view.hosts[:NODES] for g in h.guests
    )
    assert len(view.hosts) == NODES + 2


def test_a_click_on_a_pod_tells_why(cluster: Cluster) -> None:
    stage = cluster.networks(language="en").stage

    stage.select("Pod/default/agent")

    assert stage.detail["title"] == "Pod default/agent"
    assert 'data-ref="Pod/default/agent" aria-pressed="true"' in stage.frame["svg"]


def test_with_two_ip_families_both_addresses_are_told() -> None:
    cluster = Cluster(nodes=1, dual_stack=True)
    cluster.apply(WORLD)
    cluster.settle()
    told = networks_text(networks_view(cluster), "en")
    own = [address.ip for pod in cluster.pods if pod.status.podIPs for address in pod.status.podIPs]

    assert sum(":" in str(address) for address in own) >= 3
    assert [address for address in own if str(address) not in told] == []
