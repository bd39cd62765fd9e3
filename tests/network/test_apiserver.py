"""The Service kubernetes: its endpoints are the API server's, and a pod that calls it is answered by the API server."""

from __future__ import annotations

import json

import pytest

from k8snb.cluster import Cluster

CLIENT = """
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: c, image: curlimages/curl, command: [sleep, infinity]}]}
"""
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    cluster = Cluster(nodes=1, authorization="RBAC")
    cluster.apply(CLIENT)
    cluster.settle()
    return cluster


def test_endpoints_are_written_in_both_forms(cluster: Cluster) -> None:
    old, new = cluster.get("endpoints/kubernetes"), cluster.get("endpointslice/kubernetes")

    assert [(a.ip, p.name, p.port) for s in old.subsets for a in s.addresses for p in s.ports] == [
        ("172.18.255.254", "https", 6443)
    ]
    assert dict(old.metadata.labels) == {"endpointslice.kubernetes.io/skip-mirror": "true"}
    assert (new.addressType, new.endpoints[0].addresses, new.ports[0].port) == ("IPv4", ("172.18.255.254",), 6443)
    assert dict(new.metadata.labels) == {"kubernetes.io/service-name": "kubernetes"}
    assert [e.metadata.name for e in cluster.list("endpointslices", namespace="default")] == ["kubernetes"]


@pytest.mark.parametrize(
    ("url", "status", "word"),
    [
        ("https://kubernetes.default/version", 200, "v1.36"),
        ("https://kubernetes.default.svc.cluster.local/livez", 200, "ok"),
        ("https://kubernetes/", 403, 'forbidden: User "system:anonymous" cannot get path "/"'),
        ("https://10.96.0.1/api/v1/pods", 403, 'cannot list resource "pods"'),
        ("http://kubernetes:443/", 400, "Client sent an HTTP request to an HTTPS server."),
    ],
)
def test_the_api_server_answers_a_pod(cluster: Cluster, url: str, status: int, word: str) -> None:
    answer = cluster.request("pod/client", url)
    said = json.loads(answer.body).get("message", answer.body) if answer.body.startswith("{") else answer.body

    assert answer.status == status
    assert word in said


def test_the_packet_goes_to_the_control_plane_under_the_address_of_its_node(cluster: Cluster) -> None:
    trace = cluster.trace("pod/client", "https://kubernetes.default/version")
    step = next(s for s in trace.steps if s.place == "control-plane")

    assert step.packet is not None
    assert (step.packet.src, step.packet.dst, step.packet.dport) == ("172.18.0.2", "172.18.255.254", 6443)
    assert trace.reply()[-1].code == "received"
    assert [f.id for f in cluster.explain_request("pod/client", "https://kubernetes")][-3:] == [
        "net.chose", "net.answered-api", "net.status",
    ]  # fmt: skip


def test_another_port_of_the_control_plane_is_closed(cluster: Cluster) -> None:
    answer = cluster.request("pod/client", "http://172.18.255.254/")

    assert (answer.error, answer.hops[-1].code) == ("refused", "nothing-listens")


@pytest.mark.parametrize(
    ("options", "code", "stdout", "stderr"),
    [
        ("", 60, "", "curl: (60) SSL certificate problem: unable to get local issuer certificate"),
        ("-k", 0, '"code": 403', ""),
        (f'--cacert {TOKEN}/ca.crt -H "Authorization: Bearer $(cat {TOKEN}/token)"', 0, '"/apis/apps/v1"', ""),
    ],
)
def test_curl_wants_the_clusters_certificate_and_a_token(
    cluster: Cluster, options: str, code: int, stdout: str, stderr: str
) -> None:
    cluster = cluster.fork()
    cluster.apply(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: all}\n"
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n"
        "subjects: [{kind: ServiceAccount, name: default, namespace: default}]\n"
    )
    result = cluster.exec("client", "sh", "-c", f"curl -s -S {options} https://kubernetes.default/")

    assert result.code == code
    assert stdout in result.stdout
    assert stderr in result.stderr


def test_a_policy_may_keep_a_pod_from_the_api_server(cluster: Cluster) -> None:
    cluster = cluster.fork()
    cluster.apply(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: shut}\n"
        "spec: {podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.96.0.0/16}}]}], policyTypes: [Egress]}\n"
    )
    cluster.settle()

    assert cluster.request("pod/client", "https://10.96.0.1/version").error == "timeout"


def test_the_same_in_a_fork_and_in_a_branch(cluster: Cluster) -> None:
    for other in (cluster.fork(), cluster.branch(revision=cluster.revision)):
        answer = other.request("node/worker-1", "https://10.96.0.1/version")

        assert answer.status == 200


def test_a_stopped_api_server_refuses(cluster: Cluster) -> None:
    cluster = cluster.fork()
    cluster.stop_component("kube-apiserver")
    answer = cluster.request("pod/client", "https://10.96.0.1/version")
    cluster.start_component("kube-apiserver")

    assert (answer.error, answer.hops[-1].where) == ("refused", "api")
    assert cluster.request("pod/client", "https://10.96.0.1/version").status == 200


def test_the_service_says_who_stands_behind_it(cluster: Cluster) -> None:
    said = cluster.explain("svc/kubernetes")

    assert [f.id for f in said][-2:] == ["service.no-selector", "service.written"]
    assert "172.18.255.254:6443" in said.text("zh")
