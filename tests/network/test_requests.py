"""Requests that travel names, services and endpoints, and fail where they really would."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from k8snb.api.types.core_v1 import (
    ClientIPConfig,
    ContainerPort,
    HostAlias,
    Pod,
    PodDNSConfig,
    SessionAffinityConfig,
)
from tests.network.world import NetRig, two_webs
from tests.node.builders import container, script, spec


def codes(rig: NetRig, source: str, url: str) -> list[str]:
    """The hops of a request as where:code."""
    return [f"{h.where}:{h.code}" for h in rig.request(source, url).hops]


@pytest.mark.parametrize(
    "url",
    [
        "http://web/", "http://web:80", "web", "http://web.default/", "http://web.default.svc/",
        "http://web.default.svc.cluster.local/", "http://web.default.svc.cluster.local./", "http://10.96.1.1/",
    ],
)  # fmt: skip
def test_every_name_of_a_service_leads_to_a_pod(url: str) -> None:
    rig = two_webs()
    answer = rig.request("pod/client", url)

    assert (answer.status, answer.error) == (200, "")
    assert answer.body.startswith("Hostname: web-")


def test_hops_tell_the_way() -> None:
    rig = two_webs()

    assert codes(rig, "pod/client", "http://web/") == [
        "pod:sends", "dns:resolved", "service:chose", "endpoint:forwarded", "app:answered",
    ]  # fmt: skip


def test_requests_are_spread_over_the_endpoints() -> None:
    rig = two_webs()
    hosts = [rig.request("pod/client", "http://web/").body.split()[1] for _ in range(40)]

    assert 10 <= hosts.count("web-1") <= 30
    assert hosts.count("web-1") + hosts.count("web-2") == 40


def test_same_requests_have_the_same_answers() -> None:
    runs = []
    for _ in range(2):
        rig = two_webs()
        runs.append([rig.request("pod/client", "http://web/").body for _ in range(10)])

    assert runs[0] == runs[1]


def test_session_affinity_keeps_a_client_at_its_endpoint() -> None:
    rig = two_webs()
    config = SessionAffinityConfig(clientIP=ClientIPConfig(timeoutSeconds=60))
    rig.serve("web", clusterIP="10.96.1.1", sessionAffinity="ClientIP", sessionAffinityConfig=config)
    hosts = {rig.request("pod/client", "http://web/").body.split()[1] for _ in range(20)}

    assert len(hosts) == 1


@pytest.mark.parametrize(
    ("source", "url", "error", "last"),
    [
        ("pod/client", "http://nope/", "nxdomain", "dns:nxdomain"),
        ("pod/client", "http://web.other/", "nxdomain", "dns:nxdomain"),
        ("pod/client", "http://web:81/", "timeout", "service:no-such-port"),
        ("pod/client", "http://empty/", "refused", "service:no-endpoints"),
        ("pod/client", "http://wrong/", "refused", "app:nothing-listens"),
        ("pod/client", "http://10.244.9.9/", "timeout", "node:nobody-there"),
        ("pod/client", "http://localhost/", "refused", "app:nothing-listens"),
        ("node/n1", "http://web/", "nxdomain", "dns:nxdomain"),
        ("outside", "http://10.96.1.1/", "timeout", "service:cluster-ip-from-outside"),
        ("outside", "http://10.244.0.2/", "timeout", "node:pod-address-from-outside"),
        ("outside", "http://172.18.0.2:8080/", "refused", "node:nothing-listens"),
    ],
)
def test_failures(source: str, url: str, error: str, last: str) -> None:
    rig = two_webs()
    rig.serve("empty", clusterIP="10.96.1.2")
    rig.serve("wrong", clusterIP="10.96.1.3", target=8080)
    rig.endpoints("wrong", "web-1", port=8080)
    answer = rig.request(source, url)

    assert answer.error == error
    assert f"{answer.hops[-1].where}:{answer.hops[-1].code}" == last
    assert not answer.hops[-1].ok


def test_wrong_target_port_says_where_the_pod_listens() -> None:
    rig = two_webs()
    rig.serve("wrong", clusterIP="10.96.1.3", target=8080)
    rig.endpoints("wrong", "web-1", port=8080)
    answer = rig.request("pod/client", "http://wrong/")

    assert dict(answer.hops[-1].facts) == {"port": "8080", "listens": "80"}
    assert answer.message.startswith("curl: (7) Failed to connect to wrong port 80")


def test_unready_endpoints_get_nothing_and_terminating_ones_only_at_last() -> None:
    rig = two_webs()
    rig.endpoints("web", "web-1", "web-2", ready=False)
    unready = rig.request("pod/client", "http://web/")
    rig.endpoints("web", "web-1", ready=False, terminating=True)
    ending = rig.request("pod/client", "http://web/")

    assert unready.error == "refused"
    assert ending.status == 200


def test_node_port_from_outside() -> None:
    rig = two_webs()
    rig.serve("web", clusterIP="10.96.1.1", type="NodePort", nodePort=30080)

    assert rig.request("outside", "http://172.18.0.2:30080/").status == 200
    assert rig.request("outside", "http://172.18.0.3:30080/").status == 200
    assert codes(rig, "outside", "http://172.18.0.2:30080/")[1:2] == ["nodePort:chose"]


def test_external_traffic_policy_local_needs_an_endpoint_on_the_node() -> None:
    rig = two_webs()
    rig.serve("web", clusterIP="10.96.1.1", type="NodePort", nodePort=30080, externalTrafficPolicy="Local")
    rig.endpoints("web", "web-2")

    assert rig.request("outside", "http://172.18.0.2:30080/").error == "timeout"
    assert rig.request("outside", "http://172.18.0.3:30080/").status == 200


def test_internal_traffic_policy_local() -> None:
    rig = two_webs()
    rig.serve("web", clusterIP="10.96.1.1", internalTrafficPolicy="Local")
    hosts = {rig.request("pod/client", "http://web/").body.split()[1] for _ in range(10)}

    assert hosts == {"web-1"}


@pytest.mark.parametrize("fault", ["stop", "partition"])
def test_dead_and_cut_off_nodes_time_out(fault: str) -> None:
    rig = two_webs()
    rig.endpoints("web", "web-2")
    getattr(rig.pool, fault)("n2")
    answer = rig.request("pod/client", "http://web/")

    assert answer.error == "timeout"
    assert answer.seconds > 100
    assert answer.hops[-1].name == "n2"


def test_pods_of_one_node_reach_each_other_in_a_partition() -> None:
    rig = two_webs()
    rig.pool.partition("n1")

    assert rig.request("pod/client", f"http://{rig.get('web-1').status.podIP}/").status == 200
    assert rig.request("pod/client", "http://web/").hops[-1].code == "no-answer"


def test_headless_service_resolves_to_its_pods() -> None:
    rig = two_webs()
    rig.serve("peers", clusterIP="None")
    rig.endpoints("peers", "web-1", "web-2")
    addresses = rig.network.lookup("pod/client", "peers", rig.runtime.processes["kubelet"].view)

    assert addresses == ("peers.default.svc.cluster.local", ("10.244.0.2", "10.244.1.2"))
    assert rig.request("pod/client", "http://peers/").status == 200


def test_external_name() -> None:
    rig = two_webs()
    rig.serve("far", clusterIP=None, type="ExternalName", externalName="example.com")
    rig.serve("lost", clusterIP=None, type="ExternalName", externalName="db.example.invalid")

    assert rig.request("pod/client", "http://far/").status == 200
    assert rig.request("pod/client", "http://lost/").error == "nxdomain"


def test_host_network_and_host_ports() -> None:
    rig = two_webs()
    rig.pod("host", spec(container("traefik/whoami:v1.11"), hostNetwork=True), node="n2")
    port = container("traefik/whoami:v1.11", ports=(ContainerPort(containerPort=80, hostPort=8088),))
    rig.pod("mapped", spec(port), node="n1")
    rig.run(4)

    assert rig.request("outside", "http://172.18.0.3/").body.startswith("Hostname: n2")
    assert rig.request("outside", "http://172.18.0.2:8088/").body.startswith("Hostname: mapped")


def test_host_aliases_come_first() -> None:
    rig = two_webs()
    pod = rig.get("client")
    alias = HostAlias(ip="10.96.1.1", hostnames=("shop.example",))
    rig.api.put(replace(pod, spec=replace(pod.spec, hostAliases=(alias,))))

    assert rig.request("pod/client", "http://shop.example/").status == 200


@pytest.mark.parametrize(
    ("fields", "name", "found"),
    [
        ({}, "web", True),
        ({"dnsPolicy": "Default"}, "web.default.svc.cluster.local", False),
        ({"dnsPolicy": "None", "dnsConfig": PodDNSConfig(searches=("default.svc.cluster.local",))}, "web", True),
        ({"hostNetwork": True}, "web", False),
        ({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, "web", True),
    ],
)
def test_dns_policy(fields: dict[str, object], name: str, found: bool) -> None:
    rig = two_webs()
    pod = rig.get("client")
    rig.api.put(replace(pod, spec=replace(pod.spec, **fields)))
    _, addresses = rig.network.lookup("pod/client", name, rig.runtime.processes["kubelet"].view)

    assert bool(addresses) is found


def test_pod_with_hostname_in_a_headless_service() -> None:
    rig = two_webs()
    rig.pod("db-0", spec(container("traefik/whoami:v1.11"), hostname="db-0", subdomain="db"))
    rig.run(3)
    rig.serve("db", clusterIP="None")
    rig.endpoints("db", "db-0")

    assert rig.request("pod/client", "http://db-0.db/").body.startswith("Hostname: db-0")
    assert rig.request("pod/client", "http://db-1.db/").error == "nxdomain"


def test_script_calls_a_service_through_the_network() -> None:
    rig = two_webs()
    rig.pod(
        "job", spec(script("wget -qO- http://web/ | head -1; wget -q -O- http://nope; echo $?"), restartPolicy="Never")
    )
    rig.run(5)
    lines = rig.logs("job")

    assert lines[0].startswith("Hostname: web-")
    assert lines[1:] == ["wget: bad address 'nope'", "1"]


def test_script_waits_for_a_service() -> None:
    rig = two_webs()
    text = "until nslookup db; do echo waiting; sleep 2; done"
    rig.pod("app", spec(container("traefik/whoami:v1.11"), initContainers=(script(text, name="init"),)))
    rig.run(10)
    before = rig.get("app").status.phase
    rig.serve("db", clusterIP="10.96.5.5")
    rig.run(10)

    assert before == "Pending"
    assert rig.get("app").status.phase == "Running"


def test_netcat_serves_one_answer_after_the_other() -> None:
    text = 'while true; do printf "HTTP/1.1 200 OK\\r\\n\\r\\nhello from $HOSTNAME\\n" | nc -l -p 8080; done'
    rig = two_webs()
    rig.pod("tiny", spec(script(text)))
    rig.run(4)
    url = f"http://{rig.get('tiny').status.podIP}:8080/"
    bodies = []
    for _ in range(3):
        bodies.append(rig.request("pod/client", url).body)
        rig.run(1)

    assert bodies == ["hello from tiny\n"] * 3


def test_request_can_end_a_program() -> None:
    rig = two_webs()
    rig.pod("net", spec(container("registry.k8s.io/e2e-test-images/agnhost:2.53", args=("netexec",))))
    rig.run(8)
    rig.request("pod/client", f"http://{rig.get('net').status.podIP}:8080/exit?code=3")
    rig.run(3)

    assert rig.get("net").status.containerStatuses[0].restartCount == 1


@pytest.mark.parametrize(
    ("source", "url", "message"),
    [
        ("pod/none", "http://web/", "there is no pod default/none"),
        ("node/none", "http://web/", "there is no node 'none'"),
        ("client", "http://web/", "'client' is not a source"),
        ("pod/client", "gopher://web/", "unknown scheme 'gopher'"),
    ],
)
def test_mistakes_are_explained(source: str, url: str, message: str) -> None:
    rig = two_webs()

    with pytest.raises(ValueError, match=message):
        rig.request(source, url)


def test_pod_object_is_a_source() -> None:
    rig = two_webs()
    pod = rig.get("client")

    assert isinstance(pod, Pod)
    assert rig.network.request(pod, "http://web/", rig.runtime.processes["kubelet"].view).ok


def test_pod_that_does_not_run_cannot_ask() -> None:
    rig = two_webs()
    rig.pod("later", spec(container("nginx:broken")), node="")
    answer = rig.request("pod/later", "http://web/")

    assert (answer.error, answer.hops[-1].code) == ("unreachable", "not-running")
