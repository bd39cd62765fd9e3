"""One served cluster for the tests that only look or keep to a namespace of their own, and clients of it."""

from __future__ import annotations

import gc
import ssl
from collections.abc import Iterator

import httpx
import pytest

from k8snb.cluster import Cluster
from k8snb.rest import Serving, serve


def client_of(serving: Serving, token: str | None = None) -> httpx.Client:
    """An HTTP client that trusts the server and shows a token (the administrator's by default, "" for none)."""
    context = ssl.create_default_context(cadata=serving.authority.decode())
    token = serving.token if token is None else token
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=serving.url, verify=context, headers=headers, timeout=60, trust_env=False)


@pytest.fixture(scope="session")
def serving() -> Iterator[Serving]:
    """A cluster of three nodes whose time runs fifty times as fast as the wall clock."""
    with serve(Cluster(nodes=3), speed=50, environ=False) as found:
        yield found


@pytest.fixture(scope="session")
def http(serving: Serving) -> Iterator[httpx.Client]:
    """The administrator's client."""
    with client_of(serving) as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
def all_closed() -> Iterator[None]:
    """What a module's tests leave open is found when they end (as an error), not when the whole run does."""
    yield
    gc.collect()
