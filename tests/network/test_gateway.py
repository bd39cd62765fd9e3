"""Gateway API: HTTPRoutes as Traefik and Contour serve them."""

from __future__ import annotations

from collections import Counter

import pytest

from k8snb.cluster import Cluster
from tests.network.test_ingress import WORLD

SECOND = """
apiVersion: v1
kind: Pod
metadata: {name: new, labels: {app: new}}
spec: {containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Service
metadata: {name: new}
spec: {selector: {app: new}, ports: [{port: 80}]}
"""


def http_route(kind: str, rules: str, hosts: str = "shop.example", namespace: str = "ingress") -> str:
    """An HTTPRoute."""
    return f"""
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: shop}}
spec:
  parentRefs: [{{name: {kind}, namespace: {namespace}}}]
  hostnames: [{hosts}]
  rules: {rules}
"""


CANARY = """
  - matches: [{path: {type: PathPrefix, value: /shop}}]
    backendRefs: [{name: web, port: 80, weight: 3}, {name: new, port: 80, weight: 1}]
  - matches: [{path: {type: Exact, value: /gone}}]
    backendRefs: [{name: gone, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /empty}}]
    backendRefs: [{name: empty, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /beta}, headers: [{name: beta, value: "1"}]}]
    backendRefs: [{name: new, port: 80}]
"""


@pytest.mark.parametrize("kind", ["traefik", "contour"])
def test_routes_paths_and_weights(kind: str) -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(WORLD)
    cluster.apply(SECOND)
    url = cluster.install_gateway(kind)
    cluster.apply(http_route(kind, CANARY))
    cluster.settle()

    def ask(path: str, host: str = "shop.example") -> int:
        return cluster.request("outside", url + path, headers={"Host": host}).status

    assert [ask(p) for p in ("/shop", "/shop/x", "/shopping", "/gone", "/empty", "/beta", "/")] == [
        200,
        200,
        404,
        500,
        503,
        404,
        404,
    ]
    assert ask("/shop", "other.example") == 404
    bodies = [
        cluster.request("outside", url + "/shop", headers={"Host": "shop.example"}).body.split()[1] for _ in range(40)
    ]
    assert Counter(bodies) == {"web": 30, "new": 10}


def test_route_of_another_gateway_is_not_served() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(WORLD)
    url = cluster.install_gateway("traefik")
    cluster.apply(http_route("other", "[{backendRefs: [{name: web, port: 80}]}]"))
    cluster.settle()

    assert cluster.request("outside", url + "/", headers={"Host": "shop.example"}).status == 404


def test_controller_without_gateway_api() -> None:
    with pytest.raises(
        ValueError, match="nginx does not know the Gateway API here: those that do are traefik, contour"
    ):
        Cluster(nodes=1).install_gateway("nginx")
