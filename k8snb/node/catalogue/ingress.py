"""The images of ingress controllers."""

from __future__ import annotations

from k8snb.node.app import MEBIBYTE, App
from k8snb.node.images import MEGABYTE, Image


def _controller(repository: str, size: int, program: str, memory: int) -> Image:
    app = App(program, behaviour="ingress", memory=memory * MEBIBYTE, starts=1.0)
    return Image(repository, size * MEGABYTE, cmd=(program,), programs=(app,), tags=("latest",))


IMAGES: tuple[Image, ...] = (
    _controller("registry.k8s.io/ingress-nginx/controller", 110, "nginx-ingress-controller", 90),
    _controller("ghcr.io/projectcontour/contour", 45, "contour", 60),
    _controller("docker.io/haproxytech/kubernetes-ingress", 50, "haproxy-ingress-controller", 60),
)
