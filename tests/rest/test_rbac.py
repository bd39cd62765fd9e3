"""RBAC over HTTPS: users by certificate, refusals in Kubernetes' words, reviews, impersonation, and no way around."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from k8snb.cluster import Cluster
from k8snb.rest import Serving, serve
from tests.rest.conftest import client_of

RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Serving]:
    """A cluster with RBAC."""
    with serve(Cluster(nodes=1, authorization="RBAC"), speed=50, environ=False) as serving:
        yield serving


def as_user(serving: Serving, folder: Path, name: str, groups: tuple[str, ...] = ()) -> httpx.Client:
    """A client with a certificate."""
    user = yaml.safe_load(serving.login(name, groups, folder / f"{name}.config").read_text())["users"][0]["user"]
    pem = folder / f"{name}.pem"
    pem.write_bytes(base64.b64decode(user["client-key-data"]) + base64.b64decode(user["client-certificate-data"]))
    context = ssl.create_default_context(cadata=serving.authority.decode())
    context.load_cert_chain(pem)
    return httpx.Client(base_url=serving.url, verify=context, trust_env=False, timeout=60)


def test_roles_decide(guarded: Serving, tmp_path: Path) -> None:
    role = {
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}],
    }
    binding: dict[str, Any] = {
        "metadata": {"name": "readers"},
        "subjects": [{"kind": "Group", "name": "dev", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "Role", "name": "reader", "apiGroup": "rbac.authorization.k8s.io"},
    }
    pods = "/api/v1/namespaces/default/pods"
    with client_of(guarded) as admin, as_user(guarded, tmp_path, "bob", ("dev",)) as bob:
        before = bob.get(pods)
        admin.post(f"{RBAC}/namespaces/default/roles", json=role).raise_for_status()
        admin.post(f"{RBAC}/namespaces/default/rolebindings", json=binding).raise_for_status()
        after, create, other = bob.get(pods), bob.post(pods, json={}), bob.get("/api/v1/namespaces/kube-system/pods")
        watch = bob.get(f"{pods}?watch=1")
        nobody = bob.get("/openapi/v3").status_code, bob.get("/metrics").status_code
        escalate = bob.get(pods, headers={"Impersonate-User": "admin", "Impersonate-Group": "system:masters"})
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                  "spec": {"resourceAttributes": {"namespace": "default", "verb": "list", "resource": "pods"}}}  # fmt: skip
        allowed = bob.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review).json()["status"]

    message = 'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"'
    assert (403, message) == (before.status_code, before.json()["message"])
    assert tuple(a.status_code for a in (after, create, other, watch, escalate)) == (200, 403, 403, 403, 403)
    assert nobody == (200, 403)
    assert allowed["allowed"]
    assert 'RoleBinding "readers/default" of Role "reader" to Group "dev"' in allowed["reason"]


def test_a_service_account_is_only_itself(guarded: Serving) -> None:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
    with client_of(guarded) as admin:
        answer = admin.post("/api/v1/namespaces/default/serviceaccounts/default/token", json=body).json()
        acting = admin.get("/api/v1/pods", headers={"Impersonate-User": "system:serviceaccount:default:default"})
    with client_of(guarded, answer["status"]["token"]) as client:
        own = client.get("/api/v1/namespaces/default/secrets")

    assert (own.status_code, acting.status_code) == (403, 403)
    assert 'User "system:serviceaccount:default:default" cannot list resource "secrets"' in own.json()["message"]


def test_streams_need_their_own_permission(guarded: Serving, tmp_path: Path) -> None:
    with as_user(guarded, tmp_path, "eve") as eve:
        answer = eve.get(
            "/api/v1/namespaces/default/pods/x/exec?command=ls&stdout=1",
            headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                     "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "v5.channel.k8s.io"},
        )  # fmt: skip

    assert answer.status_code == 403
    assert 'User "eve" cannot' in answer.json()["message"]
    assert "pods/exec" in answer.json()["message"]
