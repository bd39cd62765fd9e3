"""Ingress: which rule takes a request, and how the controllers differ where the API leaves them room."""

from __future__ import annotations

import pytest

from k8snb.cluster import Cluster
from k8snb.node.programs.ingress import DIALECTS
from k8snb.node.programs.ingress.route import Route
from k8snb.node.programs.ingress.rules import find

BY_NAME = {d.name: d for d in DIALECTS}


def route(path: str, sort: str = "Prefix", host: str = "", service: str = "") -> Route:
    """A route whose Service is named after it."""
    return Route("default/i", host, path, sort, service or f"{host}{path}", 80)


PATHS = [
    # rule, request, nginx, traefik
    (("/", "Prefix"), "/anything/at/all", True, True),
    (("/foo", "Exact"), "/foo", True, True),
    (("/foo", "Exact"), "/foo/", False, False),
    (("/foo", "Exact"), "/Foo", False, False),
    (("/foo", "Prefix"), "/foo", True, True),
    (("/foo", "Prefix"), "/foo/", True, True),
    (("/foo/", "Prefix"), "/foo", True, False),
    (("/foo/", "Prefix"), "/foo/bar", True, True),
    (("/foo", "Prefix"), "/foobar", False, True),
    (("/aaa/bb", "Prefix"), "/aaa/bbb", False, True),
    (("/aaa/bbb", "Prefix"), "/aaa/bbb/ccc", True, True),
    (("/foo", "ImplementationSpecific"), "/foo/x", True, True),
]


@pytest.mark.parametrize(("rule", "request_path", "nginx", "traefik"), PATHS)
def test_paths(rule: tuple[str, str], request_path: str, nginx: bool, traefik: bool) -> None:
    """The table of the Ingress documentation; Traefik's prefixes do not end at slashes."""
    routes = [route(*rule)]

    assert (find(routes, "x", request_path, BY_NAME["nginx"])[0] is not None) is nginx
    assert (find(routes, "x", request_path, BY_NAME["traefik"])[0] is not None) is traefik


@pytest.mark.parametrize(
    ("host", "path", "chosen"),
    [
        ("shop.example", "/", "shop.example/"), ("shop.example", "/api/v1", "shop.example/api"),
        ("shop.example", "/api", "shop.example/api exact"), ("SHOP.example:8080", "/", "shop.example/"),
        ("a.wild.example", "/", "*.wild.example/"), ("a.b.wild.example", "/", "/"), ("wild.example", "/", "/"),
        ("other.example", "/", "/"), ("own.wild.example", "/", "own.wild.example/"),
    ],
)  # fmt: skip
def test_most_specific_route_wins(host: str, path: str, chosen: str) -> None:
    from k8snb.node.programs.ingress.rules import _order

    routes = sorted(
        [
            route("/"), route("/", host="*.wild.example"), route("/", host="shop.example"), route("/api", host="shop.example"),
            route("/api", "Exact", "shop.example", "shop.example/api exact"), route("/", host="own.wild.example"),
        ],
        key=_order,
    )  # fmt: skip
    found, _ = find(routes, host, path, BY_NAME["nginx"])

    assert found is not None
    assert found.service == chosen


WORLD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: wrong}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 9999}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Secret
metadata: {name: shop-tls}
type: kubernetes.io/tls
stringData: {tls.crt: cert, tls.key: key}
"""


def paths(*backends: tuple[str, str]) -> str:
    """Paths of a rule, in YAML."""
    return "".join(
        f"\n      - {{path: {path}, pathType: Prefix, backend: {{service: {{name: {service}, port: {{number: 80}}}}}}}}"
        for path, service in backends
    )


def ingress(kind: str, name: str, host: str, *backends: tuple[str, str], more: str = "") -> str:
    """An Ingress of a controller's class."""
    return f"""
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}}}
spec:
  ingressClassName: {kind}{more}
  rules:
  - host: {host}
    http:
      paths:{paths(*backends)}
"""


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    made = Cluster(nodes=2)
    made.apply(WORLD)
    for kind in BY_NAME:
        made.install_ingress(kind, default=False)
        made.apply(
            ingress(
                kind,
                f"shop-{kind}",
                f"{kind}.example",
                ("/web", "web"),
                ("/wrong", "wrong"),
                ("/empty", "empty"),
                ("/gone", "gone"),
            )
        )
        made.apply(
            ingress(
                kind,
                f"safe-{kind}",
                f"safe-{kind}.example",
                ("/", "web"),
                more=f"\n  tls: [{{hosts: [safe-{kind}.example], secretName: shop-tls}}]",
            )
        )
    made.settle()
    return made


def status(cluster: Cluster, kind: str, path: str, host: str = "", tls: bool = False) -> int | str:
    """What a request through a controller comes to: a status, or an error."""
    url = cluster.ingress_url(kind, tls=tls) + path
    answer = cluster.request("outside", url, headers={"Host": host or f"{kind}.example"}, timeout=300.0)
    return answer.error or answer.status


# path: nginx, traefik, contour, haproxy
ANSWERS = {
    "/web": (200, 200, 200, 200),
    "/nothing": (404, 404, 404, 404),
    "/gone": (503, 404, 404, 404),
    "/empty": (503, 404, 503, 503),
    "/wrong": (502, 502, 503, 503),
}


@pytest.mark.parametrize("path", ANSWERS)
def test_controllers_differ(cluster: Cluster, path: str) -> None:
    assert tuple(status(cluster, kind, path) for kind in BY_NAME) == ANSWERS[path]


FALLS_THROUGH = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: KIND}
spec:
  ingressClassName: KIND
  rules:
  - host: through.example
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
      - {path: /gone, pathType: Prefix, backend: {service: {name: gone, port: {number: 80}}}}
      - {path: /port, pathType: Prefix, backend: {service: {name: web, port: {number: 81}}}}
      - {path: /name, pathType: Prefix, backend: {service: {name: web, port: {name: nope}}}}
      - {path: /empty, pathType: Prefix, backend: {service: {name: empty, port: {number: 80}}}}
"""


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        # nginx, traefik, contour, haproxy: who leaves a rule out lets the shorter path answer
        ("/gone", (503, 200, 200, 200)), ("/port", (503, 200, 200, 200)), ("/name", (503, 200, 200, 200)),
        ("/empty", (503, 200, 503, 503)),
    ],
)  # fmt: skip
def test_a_rule_that_is_left_out_lets_others_answer(cluster: Cluster, path: str, statuses: tuple[int, ...]) -> None:
    cluster = cluster.fork()
    for kind in BY_NAME:
        cluster.apply(FALLS_THROUGH.replace("KIND", kind))
    cluster.settle()
    told = {
        kind: [
            f.id
            for f in cluster.explain_request(
                "outside", cluster.ingress_url(kind) + path, headers={"Host": "through.example"}
            )
        ]
        for kind in BY_NAME
    }

    assert tuple(status(cluster, kind, path, "through.example") for kind in BY_NAME) == statuses
    for kind, found in zip(BY_NAME, statuses, strict=True):
        assert ("net.ingress.left-out" in told[kind]) is (found == 200)
        assert ("net.ingress.instead" in told[kind]) is (found == 200)


def test_nobody_answers_for_an_unknown_host(cluster: Cluster) -> None:
    assert [status(cluster, kind, "/web", "nobody.example") for kind in BY_NAME] == [404] * 4


def test_program_that_hangs(cluster: Cluster) -> None:
    cluster.kubelets.disturb(cluster.get("pod/web"), "c", "hang")
    try:
        assert [status(cluster, kind, "/web") for kind in BY_NAME] == [504, "timeout", 504, 504]
    finally:
        cluster.kubelets.disturb(cluster.get("pod/web"), "c", "")


def test_tls(cluster: Cluster) -> None:
    """With a host's own certificate; plain HTTP is sent there by those that do so."""
    assert [status(cluster, kind, "/", f"safe-{kind}.example", tls=True) for kind in BY_NAME] == [200] * 4
    assert [status(cluster, kind, "/", f"safe-{kind}.example") for kind in BY_NAME] == [308, 200, 301, 302]
    assert [status(cluster, kind, "/web", tls=True) for kind in BY_NAME] == [200, 200, "reset", 200]


def test_classes_keep_controllers_apart(cluster: Cluster) -> None:
    assert status(cluster, "nginx", "/web", "traefik.example") == 404


def test_generated_configuration(cluster: Cluster) -> None:
    assert "server_name nginx.example;" in cluster.ingress_config("nginx")
    assert 'set $proxy_upstream_name "default-web-80";' in cluster.ingress_config("nginx")
    assert "rule: Host(`traefik.example`) && PathPrefix(`/web`)" in cluster.ingress_config("traefik")
    assert 'path_separated_prefix: "/web"' in cluster.ingress_config("contour")
    assert "use_backend default_web_80 if { hdr(host) -i haproxy.example }" in cluster.ingress_config("haproxy")


def test_pods_behind_a_proxy_see_the_proxy(cluster: Cluster) -> None:
    answer = cluster.request("outside", cluster.ingress_url("nginx") + "/web", headers={"Host": "nginx.example"})
    proxy = next(p for p in cluster.pods if p.metadata.name.startswith("nginx-"))

    assert f"RemoteAddr: {proxy.status.podIP}" in answer.body
    assert "X-Forwarded-For: " in answer.body


def test_nginx_reloads_for_routes_and_not_for_endpoints() -> None:
    made = Cluster(nodes=1)
    made.apply(WORLD)
    made.install_ingress("nginx")
    made.apply(ingress("nginx", "shop", "nginx.example", ("/web", "web")))
    made.settle()
    status(made, "nginx", "/web")
    pod = next(p for p in made.pods if p.metadata.name.startswith("nginx-"))

    def reloads() -> int:
        return made.logs(pod).count("Backend successfully reloaded")

    assert reloads() == 1
    made.delete("pod", "web")
    made.settle()
    assert (status(made, "nginx", "/web"), reloads()) == (503, 1)
    made.apply(ingress("nginx", "more", "more.example", ("/", "web")))
    made.settle()
    status(made, "nginx", "/web")
    assert reloads() == 2


def test_rewrite_and_default_backend() -> None:
    made = Cluster(nodes=1)
    made.apply(WORLD)
    made.install_ingress("nginx")
    made.apply("""
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api
  annotations: {nginx.ingress.kubernetes.io/rewrite-target: "/$2"}
spec:
  defaultBackend: {service: {name: web, port: {name: http}}}
  rules:
  - host: shop.example
    http: {paths: [{path: "/api(/|$)(.*)", pathType: ImplementationSpecific, backend: {service: {name: web, port: {name: http}}}}]}
""")
    made.settle()
    answers = [
        made.request("outside", made.ingress_url() + p, headers={"Host": "shop.example"}).body
        for p in ("/api/v1/x", "/other")
    ]

    assert "GET /v1/x HTTP/1.1" in answers[0]
    assert answers[1].startswith("Hostname: web")
