"""Images that hold a shell and tools: busybox, alpine, the distributions, curl and network tools."""

from __future__ import annotations

from k8snb.api.frozen import FrozenDict
from k8snb.node.images import MEGABYTE, Image

LIBRARY = "docker.io/library/"


def _distribution(
    name: str, size: float, majors: dict[int, int], tags: str, shell: str = "bash", cmd: str = "bash"
) -> Image:
    return Image(
        LIBRARY + name,
        int(size * MEGABYTE),
        cmd=(cmd,),
        shell=shell,
        majors=FrozenDict(majors),
        tags=tuple(tags.split()),
        env=FrozenDict({"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}),
    )


def _tool(repository: str, size: float, entrypoint: tuple[str, ...] = (), cmd: tuple[str, ...] = ("sh",)) -> Image:
    return Image(repository, int(size * MEGABYTE), entrypoint, cmd, shell="ash")


IMAGES: tuple[Image, ...] = (
    _distribution("busybox", 2.2, {1: 37}, "latest stable unstable glibc musl uclibc", "ash", "sh"),
    _distribution("alpine", 3.6, {2: 7, 3: 23}, "latest edge", "ash", "/bin/sh"),
    _distribution(
        "ubuntu",
        29.7,
        {12: 10, 14: 10, 16: 10, 18: 10, 20: 10, 22: 10, 23: 10, 24: 10, 25: 10, 26: 4},
        "latest rolling devel bionic focal jammy noble plucky questing xenial trusty",
    ),
    _distribution(
        "debian",
        48.5,
        {8: 11, 9: 13, 10: 13, 11: 11, 12: 12, 13: 3},
        "latest stable testing sid unstable bookworm bullseye buster trixie forky slim",
    ),
    _distribution("centos", 83.5, {5: 11, 6: 10, 7: 9, 8: 4}, "latest centos7 centos8"),
    _distribution("fedora", 68.0, dict.fromkeys(range(26, 45), 0), "latest rawhide"),
    _distribution("rockylinux", 70.0, {8: 10, 9: 6}, "latest minimal"),
    _distribution("almalinux", 70.0, {8: 10, 9: 7, 10: 1}, "latest minimal"),
    _distribution("amazonlinux", 61.0, {1: 0, 2: 0, 2018: 3, 2023: 9}, "latest"),
    _distribution("oraclelinux", 80.0, {7: 9, 8: 10, 9: 6}, "latest slim"),
    _distribution("archlinux", 160.0, {}, "latest base"),
    _distribution("bash", 6.0, {3: 2, 4: 4, 5: 3}, "latest devel"),
    _tool("docker.io/curlimages/curl", 7.0, ("/entrypoint.sh", "curl"), ()),
    _tool("docker.io/appropriate/curl", 5.0, ("curl",), ()),
    _tool("docker.io/radial/busyboxplus", 4.0),
    _tool("docker.io/nicolaka/netshoot", 180.0, (), ("zsh",)),
    _tool("docker.io/praqma/network-multitool", 18.0, ("/docker-entrypoint.sh",), ("sleep", "infinity")),
    _tool("docker.io/wbitt/network-multitool", 25.0, ("/docker-entrypoint.sh",), ("sleep", "infinity")),
    _tool("docker.io/tutum/dnsutils", 60.0),
    _tool("docker.io/infoblox/dnstools", 10.0),
    _tool("docker.io/bitnami/kubectl", 60.0, ("kubectl",), ("--help",)),
    _tool("docker.io/giantswarm/tiny-tools", 6.0),
    _tool("registry.k8s.io/e2e-test-images/jessie-dnsutils", 112.0),
    _tool("registry.k8s.io/e2e-test-images/busybox", 2.2),
    _tool("registry.k8s.io/busybox", 1.3),
    _tool("k8s.gcr.io/busybox", 1.3),
    _tool("gcr.io/google-containers/busybox", 1.3),
    _tool("gcr.io/google_containers/busybox", 1.3),
    _tool("quay.io/prometheus/busybox", 2.2),
)
