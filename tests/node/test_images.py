"""The catalogue: what references stand for, what exists, what a registry refuses and in which words."""

from __future__ import annotations

import pytest

from k8snb.node.backoff import go_duration
from k8snb.node.catalogue import IN_TREE
from k8snb.node.images import Catalogue, PullError
from k8snb.node.references import parse


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.25", "docker.io/library/nginx:1.25"),
        ("bitnami/redis:7", "docker.io/bitnami/redis:7"),
        ("ghcr.io/a/b:v1", "ghcr.io/a/b:v1"),
        ("localhost:5000/x", "localhost:5000/x:latest"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
        ("nginx@sha256:" + "a" * 64, "docker.io/library/nginx@sha256:" + "a" * 64),
    ],
)
def test_references(text: str, name: str) -> None:
    found = parse(text)

    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("text", ["Nginx", "nginx:", "", "a b", "nginx:1:2", "-x"])
def test_malformed_references(text: str) -> None:
    assert parse(text) is None


def why(catalogue: Catalogue, image: str) -> str:
    """Empty when the image can be pulled, else the end of the error."""
    try:
        catalogue.resolve(image)
    except PullError as error:
        return str(error).rpartition('": ')[2]
    return ""


@pytest.mark.parametrize(
    "image",
    [
        "nginx", "nginx:1.14.2", "nginx:1.27-alpine", "nginx:1.25.3-alpine-slim", "nginx:alpine", "nginx:stable-alpine3.20-perl",
        "httpd:2.4", "busybox:1.28", "busybox:1.36.1-glibc", "alpine:3.19", "redis:7-alpine", "mysql:8.0", "mysql:5.7",
        "postgres:16-alpine", "mongo:7.0", "ubuntu:22.04", "ubuntu:noble", "debian:bookworm-slim", "python:3.12-slim-bookworm",
        "node:20-alpine", "golang:1.23", "openjdk:17-jdk-slim", "wordpress:6.5-apache", "tomcat:10.1-jdk17", "hello-world",
        "registry.k8s.io/pause:3.10", "registry.k8s.io/e2e-test-images/agnhost:2.53", "curlimages/curl:8.9.1", "shop/web:1.0",
        "ghcr.io/someone/service:v2.3.4", "quay.io/org/app:abc123", "gcr.io/google-samples/hello-app:1.0", "perl:5.34.0",
    ],
)  # fmt: skip
def test_images_that_exist(image: str) -> None:
    assert why(Catalogue(IN_TREE), image) == ""


@pytest.mark.parametrize(
    ("image", "end"),
    [
        ("nginx:1.161", "docker.io/library/nginx:1.161: not found"),
        ("nginx:1.91", "docker.io/library/nginx:1.91: not found"),
        ("nginx:broken", "docker.io/library/nginx:broken: not found"),
        ("nginx:1.27-alpne", "docker.io/library/nginx:1.27-alpne: not found"),
        ("nginx:lastest", "docker.io/library/nginx:lastest: not found"),
        ("busybox:nonexistent", "docker.io/library/busybox:nonexistent: not found"),
        ("redis:99", "docker.io/library/redis:99: not found"),
        ("shop/web:does-not-exist", "docker.io/shop/web:does-not-exist: not found"),
        ("ngnix", "server message: insufficient_scope: authorization failed"),
        ("ngnix:1.25", "server message: insufficient_scope: authorization failed"),
        ("ghcr.io/org/private-app:1", "server message: insufficient_scope: authorization failed"),
        ("registry.example.com/app:1", "dial tcp: lookup registry.example.com: no such host"),
        ("localhost:5000/app", "dial tcp 127.0.0.1:5000: connect: connection refused"),
    ],
)
def test_images_that_do_not(image: str, end: str) -> None:
    assert end in why(Catalogue(IN_TREE), image)


def test_whole_message_is_containerds() -> None:
    catalogue = Catalogue(IN_TREE)

    with pytest.raises(PullError) as error:
        catalogue.resolve("nginx:1.161")
    assert str(error.value) == (
        'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/nginx:1.161": '
        'failed to resolve reference "docker.io/library/nginx:1.161": docker.io/library/nginx:1.161: not found'
    )


def test_breaking_and_mending() -> None:
    catalogue = Catalogue(IN_TREE)
    catalogue.broken("nginx:1.27")
    exact = [why(catalogue, i) == "" for i in ("nginx:1.27", "nginx:1.26")]
    catalogue.mended("nginx:1.27")
    catalogue.broken("redis")
    whole = [why(catalogue, i) == "" for i in ("nginx:1.27", "redis:7", "redis")]
    catalogue.mended("nginx:broken")

    assert exact == [False, True]
    assert whole == [True, False, False]
    assert why(catalogue, "nginx:broken") == ""


def test_own_image_in_a_line() -> None:
    catalogue = Catalogue(IN_TREE)
    image = catalogue.add("shop/web:1.0", listens=8080, answers={"/": "hello"}, starts=5, size=120)

    assert catalogue.resolve("shop/web:1.0") is image
    assert (image.size, image.programs[0].starts, image.programs[0].listens[0].port) == (120_000_000, 5, 8080)
    with pytest.raises(ValueError, match="is not an image reference"):
        catalogue.add("Shop/Web")


def test_every_entry_is_sound() -> None:
    for image in IN_TREE:
        reference = parse(image.repository)
        assert reference is not None
        assert reference.repository == image.repository
        assert image.size > 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.612, "612ms"),
        (3.38, "3.38s"),
        (10.0, "10s"),
        (62.5, "1m2.5s"),
        (300.0, "5m0s"),
        (3600.0, "1h0m0s"),
    ],
)
def test_durations_as_go_writes_them(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text
