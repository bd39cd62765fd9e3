"""What stands behind a Service or an Ingress: the gaps show, in both languages, as data, text and picture."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from k8snb.api.mistakes import BadValue
from k8snb.controllers import IN_TREE
from k8snb.controllers.serviceloadbalancer import ServiceLoadBalancerController
from k8snb.locale import LANGUAGES
from k8snb.notebook import Cluster, Snapshot
from k8snb.views.behind import BROKEN, GOOD, WAITING, BehindView, behind, behind_text
from k8snb.views.behind_svg import MOST, draw_behind
from k8snb.widgets import Behind

PODS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1.27"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: late, labels: {app: web}}
spec:
  containers:
  - name: c
    image: nginx:1.27
    readinessProbe: {httpGet: {path: /never, port: 80}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: stuck, labels: {app: web}}
spec: {nodeSelector: {no: where}, containers: [{name: c, image: "nginx:1.27"}]}
"""


def service(name: str, spec: str) -> str:
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"


SERVICES = "---\n".join(
    (
        service("plain", "selector: {app: web}, ports: [{port: 8000, targetPort: 80}]"),
        service("deaf", "selector: {app: web}, ports: [{port: 80, targetPort: 81}]"),
        service("nobody", "selector: {app: wbe}, ports: [{port: 80}]"),
        service("headless", "clusterIP: None, selector: {app: web}, ports: [{port: 80}]"),
        service("alias", "type: ExternalName, externalName: example.com"),
        service("open", "type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]"),
        service("own", "ports: [{port: 80}]"),
    )
)  # fmt: skip
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: NAME}
spec:
  CLASS
  tls: [{hosts: [shop.example.com], secretName: cert}]
  defaultBackend: {service: {name: plain, port: {number: 8000}}}
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: plain, port: {number: 8000}}}}
      - {path: /deaf, pathType: Prefix, backend: {service: {name: deaf, port: {number: 80}}}}
      - {path: /empty, pathType: Exact, backend: {service: {name: nobody, port: {number: 80}}}}
      - {path: /gone, pathType: Prefix, backend: {service: {name: missing, port: {number: 80}}}}
      - {path: /port, pathType: Prefix, backend: {service: {name: plain, port: {number: 1}}}}
"""


ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: canary}
spec:
  parentRefs: [{name: traefik, namespace: ingress}, {name: nope}]
  hostnames: [new.example.com]
  rules:
  - backendRefs:
    - {name: plain, port: 8000, weight: 3}
    - {name: nobody, port: 80}
    - {name: missing, port: 80, weight: 0}
"""


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    made = Cluster(nodes=2, controllers=[*IN_TREE, ServiceLoadBalancerController()])
    made.apply(PODS)
    made.apply(SERVICES)
    made.install_ingress("nginx", default=False)
    made.install_gateway("traefik")
    made.apply(ROUTE)
    for name, named in (("shop", "ingressClassName: nginx"), ("classless", ""), ("lost", "ingressClassName: ngnix")):
        made.apply(INGRESS.replace("NAME", name).replace("CLASS", named))
    made.settle()
    return made


def seen(cluster: Cluster, what: str) -> BehindView:
    view: BehindView = cluster.behind(what, language="en").view
    return view


def states(view: BehindView, column: str) -> list[tuple[str, str]]:
    return sorted((card.title, card.state) for card in view.column(column))


def broken(view: BehindView) -> set[tuple[str, str]]:
    titles = {card.key: card.title for card in view.cards}
    return {(titles[link.source], titles[link.target]) for link in view.links if not link.ok}


def test_a_pod_that_is_not_ready_gets_no_share(cluster: Cluster) -> None:
    view = seen(cluster, "svc/plain")
    late = f"{cluster.pods['late'].status.podIP}:80"

    assert sorted(link.note for link in view.links if link.note.startswith(("0", "1/"))) == ["0", "1/2", "1/2"]
    assert (late, WAITING) in states(view, "endpoint")
    assert {target for _, target in broken(view)} == {late, "late"}


def test_a_pod_without_an_address_is_no_endpoint(cluster: Cluster) -> None:
    view = seen(cluster, "svc/plain")

    assert ("stuck", BROKEN) in states(view, "pod")
    assert len(view.column("endpoint")) == len(view.column("pod")) - 1 == 3


def test_a_target_port_that_nobody_opens_breaks_after_the_endpoints(cluster: Cluster) -> None:
    view = seen(cluster, "svc/deaf")
    pods = {pod.metadata.name for pod in cluster.pods.select("app=web")} - {"stuck"}

    assert {target for _, target in broken(view)} >= pods
    assert [state for _, state in states(view, "address")] == [GOOD]


def test_a_selector_that_matches_nothing_leaves_the_address_without_endpoints(cluster: Cluster) -> None:
    view = seen(cluster, "svc/nobody")

    assert states(view, "endpoint") == [("no endpoint", BROKEN)]
    assert [state for _, state in states(view, "address")] == [BROKEN]
    assert view.column("pod") == ()


def test_a_headless_service_has_no_address_but_endpoints(cluster: Cluster) -> None:
    view = seen(cluster, "svc/headless")

    assert [card.title for card in view.column("address")] == ["None (headless)"]
    assert len([link for link in view.links if link.source == "address/none" and link.ok]) == 2


def test_an_alias_is_a_name_for_a_name(cluster: Cluster) -> None:
    view = seen(cluster, "svc/alias")

    assert [(link.source, link.target) for link in view.links] == [("name/dns", "address/outside")]
    assert [card.title for card in view.column("address")] == ["example.com"]


def test_a_service_without_a_selector_says_so(cluster: Cluster) -> None:
    assert seen(cluster, "svc/own").column("name")[0].lines[-1] == "no selector"


def test_the_ways_in_from_outside_are_there_with_their_policy(cluster: Cluster) -> None:
    balancer = cluster.services["open"].status.loadBalancer.ingress[0].ip
    view = seen(cluster, "svc/open")
    kinds = {card.title: card.lines[0] for card in view.column("address")}

    assert kinds == {
        f"{cluster.services['open'].spec.clusterIP}:80": "ClusterIP",
        "any node:30080": "NodePort · Local",
        f"{balancer}:80": "LoadBalancer · Local",
    }


def test_each_rule_of_an_ingress_leads_as_far_as_it_really_does(cluster: Cluster) -> None:
    view = seen(cluster, "ingress/shop")

    assert states(view, "controller") == [("nginx", GOOD)]
    assert states(view, "service") == [
        ("deaf:80", GOOD),
        ("missing", BROKEN),
        ("nobody:80", BROKEN),
        ("plain", BROKEN),
        ("plain:8000", GOOD),
    ]
    deaf = [card for card in view.column("endpoint") if card.title.endswith(":81")]
    assert sorted(card.state for card in deaf) == [BROKEN, BROKEN, WAITING]
    assert ("shop.example.com /gone", "missing") in broken(view)


@pytest.mark.parametrize(("name", "title"), [("classless", "no class"), ("lost", "ngnix")])
def test_without_a_class_nobody_acts_on_the_rules(cluster: Cluster, name: str, title: str) -> None:
    view = seen(cluster, f"ingress/{name}")

    assert states(view, "controller") == [(title, BROKEN)]
    assert not [link for link in view.links if link.source.startswith("controller") and link.ok]


def test_a_route_shows_its_gateways_and_the_weights_of_its_backends(cluster: Cluster) -> None:
    view = seen(cluster, "httproute/canary")
    titles = {card.key: card.title for card in view.cards}
    shares = {(titles[link.source], titles[link.target]): link.note for link in view.links if "/4" in link.note}

    assert states(view, "controller") == [("nope", BROKEN), ("traefik", GOOD)]
    assert shares == {
        ("new.example.com /", "plain:8000"): "3/4",
        ("new.example.com /", "nobody:80"): "1/4",
        ("new.example.com /", "missing"): "0/4",
    }
    assert states(view, "service") == [("missing", BROKEN), ("nobody:80", BROKEN), ("plain:8000", GOOD)]


@pytest.mark.parametrize(
    "what", ["svc/plain", "svc/deaf", "svc/nobody", "svc/headless", "svc/alias", "ingress/shop", "httproute/canary"]
)
@pytest.mark.parametrize("language", list(LANGUAGES))
def test_picture_and_text_tell_every_card(cluster: Cluster, what: str, language: str) -> None:
    view = cluster.behind(what, language=language).view
    told = behind_text(view, language)

    for projector in (False, True):
        drawn = draw_behind(view, language, projector=projector)
        ElementTree.fromstring(drawn)
        assert [card.key for card in view.cards if f'data-key="{card.key}"' not in drawn] == []
    assert [card.title for card in view.cards if card.title not in told] == []


def test_a_click_on_a_card_tells_why(cluster: Cluster) -> None:
    stage = cluster.behind("svc/nobody", language="en").stage
    assert isinstance(stage, Behind)

    stage.select("Service/default/nobody")

    assert stage.detail["title"] == "Service default/nobody"
    assert stage.describe("endpoint/none") == {}


def test_the_stage_changes_its_language(cluster: Cluster) -> None:
    stage = cluster.behind("svc/plain", language="en").stage

    stage.speak("zh")

    assert stage.frame["spoken"].startswith("Service default/plain（ClusterIP）背后有什么")


def test_a_past_moment_shows_what_stood_behind_then(cluster: Cluster) -> None:
    before = cluster.revision
    other = cluster.fork()
    other.delete("service", "plain")

    past = other.at(before)
    assert isinstance(past, Snapshot)
    view = past.behind("svc/plain", language="en").view

    assert states(view, "endpoint") == states(seen(cluster, "svc/plain"), "endpoint")
    assert not any("listens" in line for card in view.cards for line in card.lines)


def test_only_services_and_ingresses_have_something_behind_them(cluster: Cluster) -> None:
    with pytest.raises(BadValue, match="svc/NAME, ingress/NAME or httproute/NAME"):
        behind(cluster, cluster.pods["late"])


def test_an_address_leads_only_to_endpoints_of_its_family() -> None:
    cluster = Cluster(nodes=1, dual_stack=True)
    cluster.apply(PODS)
    cluster.apply(service("both", "ipFamilyPolicy: PreferDualStack, selector: {app: web}, ports: [{port: 80}]"))
    cluster.settle()
    view = seen(cluster, "svc/both")
    ways = {(link.source.partition("/")[2].startswith("["), link.target.partition("/")[2].startswith("["))
            for link in view.links if link.source.startswith("address/") and link.target.startswith("endpoint/")}  # fmt: skip

    assert all(source is target for source, target in ways)
    assert {link.note for link in view.links if link.source.startswith("address/")} == {"1/2", "0"}


def test_of_many_endpoints_those_that_get_no_traffic_are_drawn_first() -> None:
    cluster = Cluster(nodes=4)
    cluster.apply(PODS.replace("replicas: 2", f"replicas: {3 * MOST}"))
    cluster.apply(service("plain", "selector: {app: web}, ports: [{port: 80}]"))
    cluster.settle()
    view = seen(cluster, "svc/plain")
    drawn = draw_behind(view, "en")

    assert len(view.column("endpoint")) == 3 * MOST + 1
    assert drawn.count('data-key="endpoint/') == drawn.count('data-key="pod/') == MOST
    assert f'data-key="endpoint/{cluster.pods["late"].status.podIP}:80"' in drawn
    assert f"{2 * MOST + 1}" in drawn
