"""The images of a cluster's own parts."""

from __future__ import annotations

from k8snb.api.frozen import FrozenDict
from k8snb.node.app import MEBIBYTE, App, Listener
from k8snb.node.images import MEGABYTE, Image

METRICS = "# HELP coredns_build_info A metric with a constant '1' value.\n# TYPE coredns_build_info gauge\n"


def _coredns(repository: str) -> Image:
    app = App(
        "coredns",
        (Listener(53, "udp"), Listener(9153), Listener(8080), Listener(8181)),
        answers=FrozenDict({"/health": "OK", "/ready": "OK", "/metrics": METRICS}),
        starts=0.2,
        memory=20 * MEBIBYTE,
        stops=5.0,
        log=(".:53", "CoreDNS-1.13.1"),
    )
    return Image(
        repository, 24 * MEGABYTE, ("/coredns",), programs=(app,), shell="", user=65532, tags=("latest",), workdir="/"
    )


IMAGES: tuple[Image, ...] = (_coredns("registry.k8s.io/coredns/coredns"), _coredns("docker.io/coredns/coredns"))
