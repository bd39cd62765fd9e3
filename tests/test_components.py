"""Stopping parts of the control plane and of a node: what goes on without them, and that all is well when they are back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from k8snb.api.errors import APIError
from k8snb.apiserver.http.message import HTTPRequest
from k8snb.apiserver.routes import serve
from k8snb.cluster import Cluster
from k8snb.explain import explain
from k8snb.kubectl import run
from tests.manifests import deployment, pod


def service(name: str = "web") -> str:
    """A Service in front of the pods of ``deployment()``."""
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}\n"


CLIENT = pod("client", image="busybox", container="    command: [sleep, '86400']\n")
SERVERS = ("kube-apiserver", "etcd")


@pytest.fixture
def shop() -> Cluster:
    """Three nodes, a Deployment of three behind a Service, and a client."""
    cluster = Cluster(nodes=3)
    cluster.apply(deployment(replicas=3) + "---\n" + service() + "---\n" + CLIENT)
    cluster.settle()
    return cluster


def ready(cluster: Cluster, node: str) -> str:
    """The node's Ready condition."""
    return next(c.status or "" for c in cluster.nodes[node].status.conditions if c.type == "Ready")


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (
            "kube-apiserver",
            "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?\n",
        ),
        ("etcd", "Error from server: etcdserver: request timed out\n"),
    ],
)
def test_kubectl_says_which_server_does_not_answer(shop: Cluster, server: str, told: str) -> None:
    shop.stop_component(server)

    assert run(shop, "get pods").stderr == told
    with pytest.raises(APIError):
        shop.delete("pod/client")
    assert "client" in shop.pods.names


def test_only_requests_that_arrive_are_audited(shop: Cluster) -> None:
    before = shop.server.audit.count
    shop.stop_component("kube-apiserver")
    run(shop, "get pods")
    refused = shop.server.audit.count - before
    shop.start_component("kube-apiserver")
    shop.stop_component("etcd")
    run(shop, "get pods")

    assert (refused, shop.server.audit[-1].code) == (0, 500)


@pytest.mark.parametrize(("server", "code"), [("kube-apiserver", 503), ("etcd", 500)])
def test_clients_over_http_are_answered_with_a_status(shop: Cluster, server: str, code: int) -> None:
    shop.stop_component(server)
    answer = serve(shop.server, HTTPRequest("GET", "/api/v1/namespaces/default/pods"))

    assert answer.code == code
    assert b'"kind":"Status"' in answer.body


def test_without_etcd_it_is_still_known_who_may_do_what() -> None:
    cluster = Cluster(nodes=1, authorization="RBAC")
    cluster.stop_component("etcd")

    with pytest.raises(APIError) as refused:
        len(cluster.as_user("bob").pods)
    assert refused.value.code == 403


@pytest.mark.parametrize("server", SERVERS)
def test_what_runs_goes_on_without_the_server(shop: Cluster, server: str) -> None:
    before = shop.revision
    shop.stop_component(server)
    shop.run(300)
    answer = shop.request("pod/client", "http://web/")
    shop.break_container("client")
    shop.run(5)

    assert (answer.status, shop.revision) == (200, before)
    assert shop.pods["client"].status.containerStatuses[0].restartCount == 0
    shop.start_component(server)
    shop.run(5)
    assert shop.pods["client"].status.containerStatuses[0].restartCount == 1


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("steps", [0, 1, 3, 6, 9, 14])
@pytest.mark.parametrize("outage", [5, 120])
def test_an_outage_in_the_middle_changes_nothing_in_the_end(server: str, steps: int, outage: float) -> None:
    cluster = Cluster(nodes=3)
    cluster.apply(deployment(replicas=3))
    cluster.step(steps)
    cluster.stop_component(server)
    cluster.run(outage)
    cluster.start_component(server)
    cluster.settle()
    cluster.run(60)

    assert [p.status.phase for p in cluster.pods] == ["Running"] * 3
    assert [ready(cluster, n) for n in cluster.nodes.names] == ["True"] * 3
    assert [e for e in cluster.events if e.reason == "NodeNotReady"] == []


def test_a_fork_of_a_cluster_without_api_server_has_none(shop: Cluster) -> None:
    shop.stop_component("kube-apiserver")
    fork = shop.fork()
    fork.start_component("kube-apiserver")

    assert (list(shop.stopped()), list(fork.stopped())) == (["kube-apiserver"], [])


def test_both_servers_must_be_back(shop: Cluster) -> None:
    for name in SERVERS:
        shop.stop_component(name)
    shop.start_component("kube-apiserver")

    assert "timed out" in run(shop, "get pods").stderr
    shop.start_component("etcd")
    assert run(shop, "get pods").stderr == ""


# -- single controllers


def test_a_stopped_controller_leaves_its_work_undone_and_catches_up(shop: Cluster) -> None:
    shop.stop_component("replicaset-controller")
    shop.scale("deployment/web", 5)
    shop.delete(shop.pods.select("app=web")[0])
    shop.settle()
    meanwhile = (len(shop.pods.select("app=web")), shop.replicasets[0].spec.replicas)
    shop.start_component("replicaset-controller")
    shop.settle()

    assert meanwhile == (2, 5)
    assert len(shop.pods.select("app=web")) == 5


def test_a_stopped_controller_stays_so_when_its_process_restarts(shop: Cluster) -> None:
    shop.stop_component("replicaset-controller")
    shop.stop_component("kube-controller-manager")
    shop.start_component("kube-controller-manager")
    shop.scale("deployment/web", 5)
    shop.settle()

    assert len(shop.pods.select("app=web")) == 3
    assert list(shop.stopped()) == ["replicaset-controller"]


def test_starting_a_controller_twice_does_nothing_more(shop: Cluster) -> None:
    shop.start_component("replicaset-controller")
    shop.stop_component("replicaset-controller")
    shop.start_component("replicaset-controller")
    shop.start_component("replicaset-controller")
    shop.scale("deployment/web", 4)
    shop.settle()

    assert len(shop.pods.select("app=web")) == 4


@pytest.mark.parametrize("steps", range(1, 12))
def test_a_controller_may_be_stopped_in_the_middle_of_its_work(steps: int) -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=3))
    cluster.step(steps)
    cluster.stop_component("replicaset-controller")
    cluster.run(10)
    cluster.start_component("replicaset-controller")
    cluster.settle()

    assert [p.status.phase for p in cluster.pods] == ["Running"] * 3


def test_a_name_that_is_none_is_answered_with_close_ones(shop: Cluster) -> None:
    with pytest.raises(ValueError, match="did you mean replicaset-controller"):
        shop.stop_component("replicaset-controler")


# -- nodes


def test_a_stopped_kubelet_lets_containers_go_on_until_the_control_plane_gives_up(shop: Cluster) -> None:
    victim = shop.pods.select("app=web")[0]
    node = victim.spec.nodeName or ""
    shop.stop_kubelet(node)
    begun = shop.now
    shop.run(until=lambda c: ready(c, node) != "True")
    silent = shop.now - begun
    answered = shop.request("node/worker-1", f"http://{victim.status.podIP}/").status
    shop.run(until=lambda c: c.pods[victim.metadata.name].metadata.deletionTimestamp is not None)
    evicted = shop.now - begun

    assert (ready(shop, node), answered) == ("Unknown", 200)
    assert (
        40 <= silent <= 60
    )  # a grace period of 50 s since the last heartbeat, which is up to 10 s old; a look each 5 s
    assert 300 <= evicted - silent <= 315  # tolerationSeconds 300, from the taint on
    shop.run(60)
    assert victim.metadata.name in shop.pods.names  # nobody can confirm that it has ended
    shop.start_kubelet(node)
    shop.run(60)
    assert victim.metadata.name not in shop.pods.names
    assert ready(shop, node) == "True"


def test_a_kubelet_does_not_start_on_a_machine_that_is_off(shop: Cluster) -> None:
    shop.break_node("worker-1")

    with pytest.raises(ValueError, match="mend_node"):
        shop.start_kubelet("worker-1")


def answers(cluster: Cluster) -> set[int]:
    """What the client is answered by the Service in many tries; 0 where nobody answers."""
    return {cluster.request("pod/client", "http://web/", timeout=1).status for _ in range(24)}


@pytest.mark.parametrize("mode", ["iptables", "ipvs", "nftables", "userspace"])
def test_a_stopped_kube_proxy_leaves_its_rules_as_they_were(mode: str) -> None:
    cluster = Cluster(nodes=3, proxy_mode=mode)
    cluster.apply(deployment(replicas=3) + "---\n" + service() + "---\n" + CLIENT)
    cluster.settle()
    node = cluster.pods["client"].spec.nodeName or ""
    before = cluster.proxy_rules(node)
    cluster.stop_proxy(node)
    going_on = answers(cluster)
    cluster.scale("deployment/web", 1)
    cluster.settle()
    stale = answers(cluster)
    same = cluster.proxy_rules(node).partition("\n")[2] == before.partition("\n")[2]  # the first line has a time
    cluster.start_proxy(node)

    expected = ({0}, {0}) if mode == "userspace" else ({200}, {0, 200})  # there kube-proxy itself carries the bytes
    assert (going_on, stale, same) == (*expected, True)
    assert answers(cluster) == {200}
    assert (cluster.proxy_rules(node) == before) == (mode == "userspace")  # there rules know no endpoints


def test_a_service_that_a_stopped_kube_proxy_never_heard_of(shop: Cluster) -> None:
    node = shop.pods["client"].spec.nodeName or ""
    shop.stop_proxy(node)
    shop.apply(service("late"))
    shop.settle()
    fork = shop.fork()
    fork.start_proxy(node)

    assert shop.request("pod/client", "http://late/", timeout=1).error == "timeout"
    assert fork.request("pod/client", "http://late/").status == 200


def test_a_machine_that_boots_has_a_kube_proxy_again(shop: Cluster) -> None:
    node = shop.pods["client"].spec.nodeName or ""
    shop.stop_proxy(node)
    shop.break_node(node)
    shop.mend_node(node)
    shop.apply(service("late"))
    shop.run(60)

    assert shop.request(f"node/{node}", f"http://{shop.services['late'].spec.clusterIP}/").status == 200


# -- why


EXPLAINED: dict[str, tuple[str, Callable[[Cluster], object], str]] = {
    "api server": ("kube-apiserver", lambda c: None, "pod/client"),
    "scheduler": ("kube-scheduler", lambda c: c.apply(pod("late")), "pod/late"),
    "controller": ("replicaset-controller", lambda c: c.scale("deployment/web", 5), "deploy/web"),
    "manager": ("kube-controller-manager", lambda c: c.scale("deployment/web", 5), "deploy/web"),
    "endpoints": ("endpointslice-controller", lambda c: None, "service/web"),
}


@pytest.mark.parametrize(("name", "change", "what"), EXPLAINED.values(), ids=list(EXPLAINED))
def test_explanations_name_the_stopped_component(
    shop: Cluster, name: str, change: Callable[[Cluster], object], what: str
) -> None:
    shop.stop_component(name)
    change(shop)
    told = explain(shop, what)

    assert [f.values["name"] for f in told if f.id == "component.stopped"] == [name]
    shop.start_component(name)
    assert [f for f in explain(shop, what) if f.id == "component.stopped"] == []
