"""Images made for trying things out: pause, hello-world, echo servers, agnhost and other test images of Kubernetes."""

from __future__ import annotations

from k8snb.api.frozen import FrozenDict
from k8snb.node.app import MEBIBYTE, App, Listener
from k8snb.node.images import MEGABYTE, Image

HELLO = """
Hello from Docker!
This message shows that your installation appears to be working correctly.

To generate this message, Docker took the following steps:
 1. The Docker client contacted the Docker daemon.
 2. The Docker daemon pulled the "hello-world" image from the Docker Hub.
    (amd64)
 3. The Docker daemon created a new container from that image which runs the
    executable that produces the output you are currently reading.
 4. The Docker daemon streamed that output to the Docker client, which sent it
    to your terminal."""
E2E = "registry.k8s.io/e2e-test-images/"


def _server(repository: str, size: float, port: int, behaviour: str, shell: str = "", starts: float = 0.05) -> Image:
    app = App("server", (Listener(port),), behaviour=behaviour, starts=starts, memory=10 * MEBIBYTE)
    return Image(repository, int(size * MEGABYTE), ("server",), programs=(app,), shell=shell)


def _agnhost(repository: str) -> Image:
    app = App("agnhost", (), behaviour="agnhost", memory=12 * MEBIBYTE)
    return Image(repository, 52 * MEGABYTE, ("/agnhost",), ("pause",), (app,), shell="ash")


def _pause(repository: str) -> Image:
    app = App("pause", (), behaviour="silent", memory=MEBIBYTE, stops=0.01)
    return Image(repository, MEGABYTE // 3, ("/pause",), programs=(app,), shell="", user=65535)


IMAGES: tuple[Image, ...] = (
    _pause("registry.k8s.io/pause"),
    _pause("k8s.gcr.io/pause"),
    _pause("registry.k8s.io/e2e-test-images/pause"),
    _pause("docker.io/rancher/mirrored-pause"),
    Image(
        "docker.io/library/hello-world",
        10_000,
        cmd=("/hello",),
        programs=(App("hello", exits=0.05, log=tuple(HELLO.split("\n"))),),
        majors=FrozenDict(),
        shell="",
    ),
    _agnhost(E2E + "agnhost"),
    _agnhost("k8s.gcr.io/e2e-test-images/agnhost"),
    _agnhost("gcr.io/kubernetes-e2e-test-images/agnhost"),
    _server("registry.k8s.io/echoserver", 43, 8080, "echo", "bash"),
    _server("k8s.gcr.io/echoserver", 43, 8080, "echo", "bash"),
    _server("gcr.io/google_containers/echoserver", 43, 8080, "echo", "bash"),
    _server("registry.k8s.io/serve_hostname", 5, 9376, "hostname"),
    _server("gcr.io/google-samples/hello-app", 12, 8080, "hello"),
    _server("us-docker.pkg.dev/google-samples/containers/gke/hello-app", 12, 8080, "hello"),
    _server("gcr.io/google-samples/kubernetes-bootcamp", 75, 8080, "bootcamp", "bash"),
    _server("docker.io/jocatalin/kubernetes-bootcamp", 75, 8080, "bootcamp", "bash"),
    _server("gcr.io/google-samples/node-hello", 240, 8080, "hello", "bash"),
    _server("docker.io/luksa/kubia", 250, 8080, "kubia", "bash"),
    _server("docker.io/ealen/echo-server", 40, 80, "echo", "ash"),
    _server("docker.io/mendhak/http-https-echo", 60, 8080, "echo", "ash"),
    _server("docker.io/traefik/whoami", 3, 80, "whoami"),
    _server("docker.io/containous/whoami", 3, 80, "whoami"),
    _server("docker.io/kennethreitz/httpbin", 190, 80, "echo", "bash"),
    _server("docker.io/stefanprodan/podinfo", 25, 9898, "podinfo", "ash"),
    _server("ghcr.io/stefanprodan/podinfo", 25, 9898, "podinfo", "ash"),
    _server("registry.k8s.io/hpa-example", 170, 80, "hpa", "bash"),
    _server("k8s.gcr.io/hpa-example", 170, 80, "hpa", "bash"),
    Image(
        "docker.io/hashicorp/http-echo",
        4 * MEGABYTE,
        ("/http-echo",),
        (),
        (App("http-echo", (Listener(5678),), behaviour="http-echo", memory=5 * MEBIBYTE),),
        shell="",
    ),
    Image(
        "docker.io/polinux/stress",
        4 * MEGABYTE,
        ("/usr/local/bin/stress",),
        (),
        (App("stress", (), behaviour="stress", memory=MEBIBYTE),),
        shell="ash",
    ),
    Image(
        "registry.k8s.io/liveness",
        2 * MEGABYTE,
        ("/server",),
        (),
        (App("server", (Listener(8080),), behaviour="liveness", memory=4 * MEBIBYTE),),
        shell="",
    ),
    _server("gcr.io/google-samples/gb-frontend", 340, 80, "guestbook", "bash"),
)
