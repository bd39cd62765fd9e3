"""Gateway API: HTTPRoutes as Traefik and Contour serve them."""

from __future__ import annotations

from collections import Counter

import pytest

from k8snb.cluster import Cluster
from k8snb.node.programs.ingress.filters import modified, new_path
from k8snb.node.programs.ingress.gateway import hostnames
from k8snb.node.programs.ingress.route import Route
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


# -- what a rule can ask for, and which one wins

MATCHES = """
  - matches: [{path: {type: PathPrefix, value: /}}]
    backendRefs: [{name: any, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /api}}]
    backendRefs: [{name: api, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /api}, method: POST}]
    backendRefs: [{name: post, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /api}, headers: [{name: Version, value: "2"}]}]
    backendRefs: [{name: two, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /api}, headers: [{name: version, value: "2"}, {name: who, type: RegularExpression, value: "^a"}]}]
    backendRefs: [{name: both, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /api}, queryParams: [{name: q, value: x y}]}]
    backendRefs: [{name: query, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /api/long}}]
    backendRefs: [{name: long, port: 80}]
  - matches: [{path: {type: Exact, value: /api}}]
    backendRefs: [{name: exact, port: 80}]
  - matches: [{path: {type: RegularExpression, value: "/r[0-9]+$"}}, {path: {type: Exact, value: /or}}]
    backendRefs: [{name: regex, port: 80}]
"""
ASKED: dict[str, tuple[str, str, dict[str, str], str]] = {
    "anything": ("GET", "/x", {}, "any"),
    "a longer prefix": ("GET", "/api/x", {}, "api"),
    "the longest prefix, though it wants nothing else": ("POST", "/api/long", {"Version": "2"}, "long"),
    "exact before prefix": ("GET", "/api", {}, "exact"),
    "method before headers": ("POST", "/api/x", {"Version": "2"}, "post"),
    "a header, its name in any case": ("GET", "/api/x", {"VERSION": "2"}, "two"),
    "more headers before fewer": ("GET", "/api/x", {"Version": "2", "Who": "anna"}, "both"),
    "a header with another value": ("GET", "/api/x", {"Version": "3"}, "api"),
    "a query parameter": ("GET", "/api/x?q=x+y&z=1", {}, "query"),
    "headers before query parameters": ("GET", "/api/x?q=x%20y", {"Version": "2"}, "two"),
    "another query parameter": ("GET", "/api/x?q=z", {}, "api"),
    "a regular expression": ("GET", "/r12", {}, "regex"),
    "one of several matches": ("GET", "/or", {}, "regex"),
}
BACKENDS = ("any", "api", "post", "two", "both", "query", "long", "exact", "regex", "other")


def backend(name: str, namespace: str = "default") -> str:
    """A pod that tells its name, and its Service."""
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}
spec: {{containers: [{{name: c, image: "traefik/whoami:v1.11"}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80}}]}}
"""


@pytest.fixture(scope="module")
def base() -> tuple[Cluster, str]:
    """A cluster with Traefik's Gateway and many backends."""
    cluster = Cluster(nodes=2)
    cluster.apply("---".join(backend(name) for name in BACKENDS))
    return cluster, cluster.install_gateway("traefik")


def with_route(base: tuple[Cluster, str], *manifests: str) -> tuple[Cluster, str]:
    """The same with more."""
    cluster = base[0].fork()
    for manifest in manifests:
        cluster.apply(manifest)
        cluster.run(1)
        cluster.settle()
    return cluster, base[1]


@pytest.fixture(scope="module")
def matching(base: tuple[Cluster, str]) -> tuple[Cluster, str]:
    return with_route(base, http_route("traefik", MATCHES))


@pytest.mark.parametrize("case", ASKED)
def test_the_most_specific_match_wins(matching: tuple[Cluster, str], case: str) -> None:
    method, path, headers, expected = ASKED[case]
    cluster, url = matching
    answer = cluster.request("outside", url + path, method=method, headers={"Host": "shop.example", **headers})

    assert answer.body.split()[1] == expected


def test_the_older_route_wins_and_then_the_name(base: tuple[Cluster, str]) -> None:
    rules = "[{{backendRefs: [{{name: {}, port: 80}}]}}]"

    def named(name: str, target: str) -> str:
        return http_route("traefik", rules.format(target)).replace("name: shop}", f"name: {name}}}")

    cluster, url = with_route(base, named("z", "api"), named("a", "any"))
    older = cluster.request("outside", url + "/", headers={"Host": "shop.example"}).body.split()[1]
    cluster, url = with_route(base, f"{named('z', 'api')}---{named('a', 'any')}")
    first = cluster.request("outside", url + "/", headers={"Host": "shop.example"}).body.split()[1]

    assert older == "api"
    assert first == "any"  # both are of the same second


@pytest.mark.parametrize(
    ("listener", "route", "expected"),
    [
        ("", [], ("",)), ("", ["a.example"], ("a.example",)), ("a.example", [], ("a.example",)),
        ("a.example", ["a.example", "b.example"], ("a.example",)), ("*.example", ["a.example", "example"], ("a.example",)),
        ("a.b.example", ["*.example"], ("a.b.example",)), ("*.b.example", ["*.example"], ("*.b.example",)),
        ("*.example", ["*.b.example"], ("*.b.example",)), ("a.example", ["b.example"], ()), ("*.example", ["*.other"], ()),
    ],
)  # fmt: skip
def test_hostnames_that_listener_and_route_share(listener: str, route: list[str], expected: tuple[str, ...]) -> None:
    assert hostnames(listener, route) == expected


@pytest.mark.parametrize(
    ("host", "status"), [("a.example", 200), ("a.b.example", 200), ("example", 404), ("a.other", 404)]
)
def test_a_wildcard_stands_for_one_label_or_more(base: tuple[Cluster, str], host: str, status: int) -> None:
    cluster, url = with_route(base, http_route("traefik", "[{backendRefs: [{name: any, port: 80}]}]", "'*.example'"))

    assert cluster.request("outside", url + "/", headers={"Host": host}).status == status


# -- filters


@pytest.mark.parametrize(
    ("prefix", "path", "change", "expected"),
    [
        # the table of the field replacePrefixMatch
        ("/foo", "/foo/bar", "/xyz", "/xyz/bar"), ("/foo", "/foo/bar", "/xyz/", "/xyz/bar"),
        ("/foo/", "/foo/bar", "/xyz", "/xyz/bar"), ("/foo/", "/foo/bar", "/xyz/", "/xyz/bar"),
        ("/foo", "/foo", "/xyz", "/xyz"), ("/foo", "/foo/bar", "", "/bar"), ("/foo", "/foo/", "", "/"),
        ("/foo", "/foo", "", "/"), ("/foo", "/foo/", "/", "/"), ("/foo", "/foo", "/", "/"),
        ("/foo", "/foo/bar?a=1", "/", "/bar?a=1"),
    ],
)  # fmt: skip
def test_a_prefix_is_replaced(prefix: str, path: str, change: str, expected: str) -> None:
    route = Route("default/r", "", prefix, "PathPrefix", "s", 80)

    assert new_path(route, path, {"type": "ReplacePrefixMatch", "replacePrefixMatch": change}) == expected


def test_headers_are_set_added_and_removed() -> None:
    given = {"My-Header": "foo", "Other": "1", "Gone": "x"}
    change = {
        "set": [{"name": "other", "value": "2"}],
        "add": [{"name": "my-header", "value": "bar,baz"}, {"name": "new", "value": "3"}],
        "remove": ["gone", "missing"],
    }

    assert modified(given, [change]) == {"My-Header": "foo,bar,baz", "other": "2", "new": "3"}


FILTERS = """
  - matches: [{path: {value: /old}}]
    filters: [{type: RequestRedirect, requestRedirect: {scheme: https, hostname: new.example, statusCode: 301, path: {type: ReplacePrefixMatch, replacePrefixMatch: /fresh}}}]
  - matches: [{path: {value: /port}}]
    filters: [{type: RequestRedirect, requestRedirect: {port: 8443, scheme: https}}]
  - matches: [{path: {value: /full}}]
    filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplaceFullPath, replaceFullPath: /all}}}]
  - matches: [{path: {value: /rewrite}}]
    filters:
    - {type: URLRewrite, urlRewrite: {hostname: in.example, path: {type: ReplaceFullPath, replaceFullPath: /inside}}}
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-From, value: gateway}], remove: [Accept]}}
    - {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: X-By, value: gateway}]}}
    backendRefs: [{name: any, port: 80}]
  - matches: [{path: {value: /mirror}}]
    filters: [{type: RequestMirror, requestMirror: {backendRef: {name: other, port: 80}}}]
    backendRefs: [{name: any, port: 80}]
  - matches: [{path: {value: /own}}]
    filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: Auth, name: a}}]
    backendRefs: [{name: any, port: 80}]
  - matches: [{path: {value: /each}}]
    backendRefs:
    - {name: any, port: 80, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-To, value: any}]}}]}
"""


@pytest.fixture(scope="module")
def filtering(base: tuple[Cluster, str]) -> tuple[Cluster, str]:
    return with_route(base, http_route("traefik", FILTERS))


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/old/x?y=1", 301, "https://new.example/fresh/x?y=1"), ("/port/x", 302, "https://shop.example:8443/port/x"),
        ("/full/x", 302, "http://shop.example/all"),
    ],
)  # fmt: skip
def test_redirects(filtering: tuple[Cluster, str], path: str, status: int, location: str) -> None:
    cluster, url = filtering
    answer = cluster.request("outside", url + path, headers={"Host": "shop.example"})

    assert (answer.status, answer.headers["Location"]) == (status, location)


def test_requests_and_replies_are_changed_on_their_way(filtering: tuple[Cluster, str]) -> None:
    cluster, url = filtering
    rewritten = cluster.request("outside", url + "/rewrite/x", headers={"Host": "shop.example"})
    each = cluster.request("outside", url + "/each", headers={"Host": "shop.example"})

    assert "GET /inside HTTP/1.1\nHost: in.example\n" in rewritten.body
    assert "X-From: gateway" in rewritten.body
    assert "Accept:" not in rewritten.body
    assert rewritten.headers["X-By"] == "gateway"
    assert "X-To: any" in each.body


def test_a_filter_that_nobody_knows_is_not_skipped(filtering: tuple[Cluster, str]) -> None:
    cluster, url = filtering
    explained = cluster.explain_request("outside", url + "/own", headers={"Host": "shop.example"})

    assert cluster.request("outside", url + "/own", headers={"Host": "shop.example"}).status == 500
    assert "net.gateway.filter" in [f.id for f in explained]


def test_a_mirror_answers_nobody(filtering: tuple[Cluster, str]) -> None:
    cluster, url = filtering

    assert cluster.request("outside", url + "/mirror", headers={"Host": "shop.example"}).body.split()[1] == "any"


# -- backends that cannot be used


def test_a_bad_backend_answers_500_for_its_share(base: tuple[Cluster, str]) -> None:
    rules = "[{backendRefs: [{name: any, port: 80, weight: 3}, {name: gone, port: 80, weight: 1}, {name: api, port: 80, weight: 0}]}]"
    cluster, url = with_route(base, http_route("traefik", rules))
    answers = [cluster.request("outside", url + "/", headers={"Host": "shop.example"}).status for _ in range(40)]

    assert Counter(answers) == {200: 30, 500: 10}


def test_another_namespace_needs_a_grant(base: tuple[Cluster, str]) -> None:
    rules = "[{backendRefs: [{name: far, namespace: apart, port: 80}]}]"
    grant = """
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: g, namespace: apart}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}]
  to: [{group: "", kind: Service}]
"""
    space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: apart}\n"
    cluster, url = with_route(base, space, backend("far", "apart"), http_route("traefik", rules))
    before = cluster.request("outside", url + "/", headers={"Host": "shop.example"}).status
    refused = conditions(cluster)["ResolvedRefs"]
    why = [f.id for f in cluster.explain_request("outside", url + "/", headers={"Host": "shop.example"})]
    cluster.apply(grant)
    cluster.settle()
    after = cluster.request("outside", url + "/", headers={"Host": "shop.example"})

    assert (before, refused[:2]) == (500, ("False", "RefNotPermitted"))
    assert "net.gateway.hint.grant" in why
    assert (after.status, after.body.split()[1]) == (200, "far")
    assert conditions(cluster)["ResolvedRefs"][:2] == ("True", "ResolvedRefs")


# -- statuses


def conditions(cluster: Cluster, name: str = "shop") -> dict[str, tuple[str, str, str]]:
    """Type -> status, reason, message of an HTTPRoute at its only parent."""
    (parent,) = cluster.get(f"httproute/{name}").content["status"]["parents"]
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in parent["conditions"]}


STATUSES: dict[str, tuple[str, str, str, str]] = {
    # name: hostnames, parentRef fields, backend, reasons of Accepted and ResolvedRefs
    "well": ("shop.example", "", "name: any, port: 80", "Accepted ResolvedRefs"),
    "no such Service": ("shop.example", "", "name: gone, port: 80", "Accepted BackendNotFound"),
    "no such port": ("shop.example", "", "name: any, port: 81", "Accepted BackendNotFound"),
    "no Service at all": ("shop.example", "", "name: any, kind: Pod, port: 80", "Accepted InvalidKind"),
    "no such listener": ("shop.example", ", sectionName: https", "name: any, port: 80", "NoMatchingParent ResolvedRefs"),
    "no such port of a listener": ("shop.example", ", port: 81", "name: any, port: 80", "NoMatchingParent ResolvedRefs"),
}  # fmt: skip


@pytest.mark.parametrize("case", STATUSES)
def test_a_route_says_what_became_of_it(base: tuple[Cluster, str], case: str) -> None:
    hosts, parent, target, reasons = STATUSES[case]
    manifest = http_route("traefik", f"[{{backendRefs: [{{{target}}}]}}]", hosts, f"ingress{parent}")
    cluster, url = with_route(base, manifest)
    found = conditions(cluster)
    accepted, resolved = reasons.split()

    assert (found["Accepted"][1], found["ResolvedRefs"][1]) == (accepted, resolved)
    assert (found["Accepted"][0] == "True") is (accepted == "Accepted")
    served = cluster.request("outside", url + "/", headers={"Host": "shop.example"}).status
    assert served == (404 if accepted != "Accepted" else 200 if resolved == "ResolvedRefs" else 500)


LISTENERS = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: narrow, namespace: ingress}
spec:
  gatewayClassName: traefik
  listeners:
  - {name: wild, port: 80, protocol: HTTP, hostname: "*.wide.example", allowedRoutes: {namespaces: {from: All}}}
  - {name: own, port: 80, protocol: HTTP, hostname: shop.example}
  - name: chosen
    port: 80
    protocol: HTTP
    hostname: chosen.example
    allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {routes: "yes"}}}}
"""


@pytest.mark.parametrize(
    ("host", "labels", "reason"),
    [
        ("a.wide.example", "", "Accepted"),
        ("other.example", "", "NoMatchingListenerHostname"),
        ("shop.example", "", "NoMatchingListenerHostname"),  # that listener takes routes of its own namespace only
        ("chosen.example", "", "NoMatchingListenerHostname"),
        ("chosen.example", "yes", "Accepted"),
    ],
)
def test_listeners_choose_hostnames_and_namespaces(
    base: tuple[Cluster, str], host: str, labels: str, reason: str
) -> None:
    route = http_route("narrow", "[{backendRefs: [{name: any, port: 80}]}]", host)
    cluster, _ = with_route(base, LISTENERS, route)
    if labels:
        cluster.patch("namespace/default", {"metadata": {"labels": {"routes": labels}}})
        cluster.settle()

    assert conditions(cluster)["Accepted"][1] == reason


def test_a_listener_that_takes_no_routes_from_here(base: tuple[Cluster, str]) -> None:
    route = http_route(
        "narrow", "[{backendRefs: [{name: any, port: 80}]}]", "shop.example", "ingress, sectionName: own"
    )

    assert conditions(with_route(base, LISTENERS, route)[0])["Accepted"][1] == "NotAllowedByListeners"


def test_gateway_and_class_say_that_they_are_taken_care_of(base: tuple[Cluster, str]) -> None:
    cluster, _ = with_route(base, http_route("traefik", "[{backendRefs: [{name: any, port: 80}]}]"))
    gateway = cluster.get("gateway/ingress/traefik").content["status"]
    (listener,) = gateway["listeners"]
    taken = {
        c["type"]: (c["status"], c["reason"])
        for c in cluster.get("gatewayclass/traefik").content["status"]["conditions"]
    }

    assert taken == {"Accepted": ("True", "Accepted")}
    assert {c["type"]: (c["status"], c["reason"]) for c in gateway["conditions"]} == {
        "Accepted": ("True", "Accepted"), "Programmed": ("False", "AddressNotAssigned"),
    }  # fmt: skip
    assert (listener["name"], listener["attachedRoutes"]) == ("http", 1)


def test_the_time_of_a_condition_is_that_of_its_change(base: tuple[Cluster, str]) -> None:
    cluster, _ = with_route(base, http_route("traefik", "[{backendRefs: [{name: late, port: 80}]}]"))

    def times() -> dict[str, str]:
        (parent,) = cluster.get("httproute/shop").content["status"]["parents"]
        return {c["type"]: c["lastTransitionTime"] for c in parent["conditions"]}

    before = times()
    cluster.run(60)
    cluster.apply(backend("late"))
    cluster.settle()

    assert times()["Accepted"] == before["Accepted"]
    assert times()["ResolvedRefs"] > before["ResolvedRefs"]


def test_statuses_are_written_under_rbac_and_after_a_restart() -> None:
    cluster = Cluster(nodes=1, authorization="RBAC")
    cluster.apply(backend("any"))
    cluster.install_gateway("traefik")
    again = cluster.branch(revision=cluster.revision)
    for world in (cluster, again):
        world.apply(http_route("traefik", "[{backendRefs: [{name: any, port: 80}]}]"))
        world.settle()

    assert conditions(cluster)["Accepted"][:2] == ("True", "Accepted")
    assert conditions(again)["Accepted"][:2] == ("True", "Accepted")


def test_nobody_writes_statuses_while_the_controller_is_away(base: tuple[Cluster, str]) -> None:
    cluster = base[0].fork()
    cluster.scale("deployment/traefik", 0, namespace="ingress")
    cluster.settle()
    cluster.apply(http_route("traefik", "[{backendRefs: [{name: any, port: 80}]}]"))
    cluster.settle()

    assert "status" not in cluster.get("httproute/shop").content


def test_what_a_match_wanted_is_told(matching: tuple[Cluster, str]) -> None:
    rules = "[{matches: [{path: {value: /only}, headers: [{name: beta, value: '1'}]}], backendRefs: [{name: any, port: 80}]}]"
    cluster, url = with_route(
        matching, http_route("traefik", rules, "beta.example").replace("name: shop}", "name: beta}")
    )
    said = cluster.explain_request("outside", url + "/only", headers={"Host": "beta.example"})

    assert [f.id for f in said if f.tone in ("problem", "hint")][:2] == [
        "net.gateway.no-match",
        "net.gateway.hint.match",
    ]
    assert "header beta=1" in said.text("en")
    assert "default/beta" in said.text("zh")


def test_matches_and_weights_are_in_the_configuration() -> None:
    rules = """
  - matches: [{path: {value: /a}, method: POST, headers: [{name: v, value: "2"}]}]
    backendRefs: [{name: any, port: 80, weight: 9}, {name: api, port: 80, weight: 1}]
"""
    texts = {}
    for kind in ("traefik", "contour"):
        cluster = Cluster(nodes=1)
        cluster.apply("---".join(backend(name) for name in ("any", "api")))
        cluster.install_gateway(kind)
        cluster.apply(http_route(kind, rules))
        cluster.settle()
        texts[kind] = cluster.ingress_config(kind)

    assert "rule: Host(`shop.example`) && PathPrefix(`/a`) && Method(`POST`) && Header(`v`,`2`)" in texts["traefik"]
    assert "- { name: any-80, weight: 9 }" in texts["traefik"]
    assert '{ name: ":method", exact: "POST" }, { name: "v", exact: "2" }' in texts["contour"]
    assert "{ name: default/any/80, weight: 9 }" in texts["contour"]


@pytest.mark.parametrize(
    ("parent", "backends", "expected"),
    [
        ("traefik", "name: any, port: 80", ["net.gateway.accepted"]),
        ("traefik", "name: gone, port: 80", ["net.gateway.accepted", "net.gateway.refs"]),
        ("nobody", "name: any, port: 80", ["net.gateway.no-parent"]),
        ("strange", "name: any, port: 80", ["net.gateway.unseen"]),
    ],
)
def test_a_route_is_explained(base: tuple[Cluster, str], parent: str, backends: str, expected: list[str]) -> None:
    strange = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: strange, namespace: ingress}
spec: {gatewayClassName: other, listeners: [{name: http, port: 80, protocol: HTTP}]}
"""
    cluster, _ = with_route(base, strange, http_route(parent, f"[{{backendRefs: [{{{backends}}}]}}]"))
    said = cluster.explain("httproute/shop")

    assert [f.id for f in said if f.id.startswith("net.gateway")] == expected
    assert all(said.text(language) for language in ("en", "zh"))


def test_a_route_that_no_listener_takes_is_explained(base: tuple[Cluster, str]) -> None:
    cluster, _ = with_route(base, http_route("traefik", "[]", namespace="ingress, sectionName: none"))

    assert "(NoMatchingParent): No listener of the Gateway has this sectionName and port." in cluster.explain(
        "httproute/shop"
    ).text("en")
