"""The programs of the built-in images: what they answer, need and do, and that nothing that is said to them breaks them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import ConfigMap, ConfigMapVolumeSource, EnvVar, Volume, VolumeMount
from k8snb.api.types.meta_v1 import ObjectMeta
from tests.network.world import NetRig
from tests.node.builders import container, script, spec, state

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"


def served(image: str, **fields: Any) -> NetRig:
    """A rig with a pod of the image and a client."""
    rig = NetRig(images=("busybox:1.36",))
    rig.pod("p", spec(container(image, **fields)))
    rig.pod("client", spec(script("sleep 100000")))
    rig.run(25)
    return rig


def get(rig: NetRig, path: str = "/", port: int = 80, scheme: str = "http", **fields: Any) -> str:
    answer = rig.request("pod/client", f"{scheme}://{rig.get('p').status.podIP}:{port}{path}", **fields)
    return answer.error or f"{answer.status} {answer.body}".strip()


@pytest.mark.parametrize(
    ("image", "fields", "path", "port", "expected"),
    [
        ("httpd:2.4", {}, "/", 80, "200 <html><body><h1>It works!</h1></body></html>"),
        ("httpd:2.4", {}, "/none", 80, "404 <html>"),
        ("gcr.io/google-samples/hello-app:1.0", {}, "/", 8080, "200 Hello, world!\nVersion: 1.0.0\nHostname: p"),
        ("gcr.io/google-samples/hello-app:2.0", {}, "/", 8080, "200 Hello, world!\nVersion: 2.0.0\nHostname: p"),
        (
            "gcr.io/google-samples/kubernetes-bootcamp:v1",
            {},
            "/",
            8080,
            "200 Hello Kubernetes bootcamp! | Running on: p | v=1",
        ),
        ("luksa/kubia", {}, "/", 8080, "200 You've hit p"),
        ("hashicorp/http-echo", {"args": ("-text=hi", "-listen=:8080")}, "/", 8080, "200 hi"),
        ("traefik/whoami", {}, "/", 80, "200 Hostname: p"),
        (AGNHOST, {"args": ("netexec", "--http-port=8088")}, "/hostname", 8088, "200 p"),
        (AGNHOST, {"args": ("serve-hostname",)}, "/", 9376, "200 p"),
        ("stefanprodan/podinfo:6.7.0", {}, "/healthz", 9898, '200 {"status":"OK"}'),
        ("nginx:1.27", {}, "/", 80, "200 <!DOCTYPE html>"),
        ("mysql:8.0", {"env": (EnvVar(name="MYSQL_ROOT_PASSWORD", value="x"),)}, "/", 3306, "reset"),
        ("redis:7", {}, "/", 6379, "reset"),
        ("shop/frontend:1", {}, "/", 8080, "200 hello from p"),
        ("python:3.12", {"command": ("python", "-m", "http.server", "8000")}, "/", 8000, "200 <!DOCTYPE HTML>"),
    ],
)
def test_answers(image: str, fields: dict[str, Any], path: str, port: int, expected: str) -> None:
    assert get(served(image, **fields), path, port).startswith(expected)


def test_key_value_store() -> None:
    rig = served("redis:7")
    commands = ("PING", "SET a 1", "INCR a", "GET a", "GET none", "DEL a", "NOPE")
    replies = [get(rig, "", 6379, "tcp", body=c) for c in commands]

    assert replies == [
        "200 +PONG", "200 +OK", "200 :2", "200 $1\r\n2", "200 $-1", "200 :1", "200 -ERR unknown command 'NOPE'",
    ]  # fmt: skip


def test_redis_client_in_a_pod() -> None:
    rig = served("redis:7")
    rig.serve("db", port=6379, target=6379, clusterIP="10.96.3.3")
    rig.endpoints("db", "p", port=6379)
    result = rig.pool.exec(
        rig.get("client"), "c", ("sh", "-c", "redis-cli -h db set k v; redis-cli -h db get k"), rig.clock.now
    )

    assert result.stdout == "OK\nv\n"


def test_liveness_demo_turns_sick_after_ten_seconds() -> None:
    rig = NetRig(images=("busybox:1.36",))
    rig.pod("p", spec(container(AGNHOST, args=("liveness",))))
    rig.pod("client", spec(script("sleep 100000")))
    rig.run(7)
    early = get(rig, "/healthz", 8080)
    rig.run(15)

    assert early == "200 ok"
    assert get(rig, "/healthz", 8080).startswith("500 error: ")


def test_pi_of_the_documentation() -> None:
    rig = NetRig()
    command = ("perl", "-Mbignum=bpi", "-wle", "print bpi(2000)")
    rig.pod("p", spec(container("perl:5.34.0", command=command), restartPolicy="Never"))
    rig.run(40)

    assert rig.get("p").status.phase == "Succeeded"
    assert rig.logs()[0].startswith("3.14159265358979")


def test_hello_world_says_its_piece_and_ends() -> None:
    rig = NetRig()
    rig.pod("p", spec(container("hello-world"), restartPolicy="Never"))
    rig.run(5)

    assert rig.get("p").status.phase == "Succeeded"
    assert "Hello from Docker!" in rig.logs()


def test_proxy_passes_requests_on_and_says_when_it_cannot() -> None:
    rig = NetRig(images=("nginx:1.27", "traefik/whoami", "busybox:1.36"))
    conf = "server { listen 80; location /api/ { proxy_pass http://backend:80/; } location / { return 204; } }"
    rig.api.put(
        ConfigMap(metadata=ObjectMeta(name="conf", namespace="default"), data=FrozenDict({"default.conf": conf}))
    )
    rig.pod("backend", spec(container("traefik/whoami")))
    rig.pod("client", spec(script("sleep 100000")))
    rig.run(3)
    rig.serve("backend", clusterIP="10.96.2.2")
    volume = Volume(name="conf", configMap=ConfigMapVolumeSource(name="conf"))
    mount = VolumeMount(name="conf", mountPath="/etc/nginx/conf.d")
    rig.pod("p", spec(container(volumeMounts=(mount,)), volumes=(volume,)))
    rig.run(3)
    broken = get(rig, "/api/x")
    rig.endpoints("backend", "backend")

    assert broken.startswith("502 ")
    assert get(rig, "/api/x").startswith("200 Hostname: backend\nIP: ")
    assert "GET /x HTTP/1.1" in get(rig, "/api/x")
    assert get(rig, "/") == "204"


def test_proxy_to_a_host_that_does_not_exist_does_not_start() -> None:
    rig = NetRig(images=("nginx:1.27",))
    conf = "server { listen 80; location / { proxy_pass http://nowhere; } }"
    rig.api.put(
        ConfigMap(metadata=ObjectMeta(name="conf", namespace="default"), data=FrozenDict({"default.conf": conf}))
    )
    volume = Volume(name="conf", configMap=ConfigMapVolumeSource(name="conf"))
    mount = VolumeMount(name="conf", mountPath="/etc/nginx/conf.d")
    rig.pod("p", spec(container(volumeMounts=(mount,)), volumes=(volume,)))
    rig.run(6)

    assert state(rig.get("p")) == "CrashLoopBackOff"
    assert 'host not found in upstream "nowhere"' in rig.logs()[-1]


def test_own_image_with_answers_of_every_form() -> None:
    rig = NetRig(images=("busybox:1.36",))
    rig.pool.images.add(
        "shop/web:1.0",
        listens=8080,
        answers={
            "/": "hello", "/teapot": 418, "/both": (201, "made"), "/ask": lambda request, process: f"you asked {request.path}",
            "/bad": lambda request, process: 1 / 0,
        },
    )  # fmt: skip
    rig.pod("p", spec(container("shop/web:1.0")))
    rig.pod("client", spec(script("sleep 100000")))
    rig.run(5)

    assert [get(rig, path, 8080) for path in ("/", "/teapot", "/both", "/ask", "/none")] == [
        "200 hello", "418 418", "201 made", "200 you asked /ask", "404 404 page not found",
    ]  # fmt: skip
    assert get(rig, "/bad", 8080) == "500 ZeroDivisionError: division by zero"


def test_invalid_arguments_end_a_program() -> None:
    rig = NetRig()
    rig.pod("p", spec(container(AGNHOST, args=("netexec", "--http-port=abc"))))
    rig.run(10)

    assert state(rig.get("p")) == "CrashLoopBackOff"
    assert "invalid arguments" in rig.logs()[0]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.sampled_from(
            [
                "server", "{", "}", ";", "listen", "80;", "8080;", "127.0.0.1:81;", "location", "/", "= /x", "~ ^/a", "return", "200",
                '"text";', "proxy_pass", "http://web;", "http://$host;", "root", "/srv;", "alias", "#c\n", "upstream", "u", "'", '"',
            ]
        ),
        max_size=20,
    )
)  # fmt: skip
def test_any_configuration_is_taken_or_refused(words: list[str]) -> None:
    rig = NetRig(images=("nginx:1.27", "busybox:1.36"))
    text = FrozenDict({"default.conf": " ".join(words)})
    rig.api.put(ConfigMap(metadata=ObjectMeta(name="conf", namespace="default"), data=text))
    volume = Volume(name="conf", configMap=ConfigMapVolumeSource(name="conf"))
    mount = VolumeMount(name="conf", mountPath="/etc/nginx/conf.d")
    rig.pod("p", spec(container(volumeMounts=(mount,)), volumes=(volume,)))
    rig.pod("client", spec(script("sleep 100000")))
    rig.run(3)
    for port in (80, 8080, 81):
        get(rig, "/x", port)

    assert rig.get("p").status.phase == "Running"
