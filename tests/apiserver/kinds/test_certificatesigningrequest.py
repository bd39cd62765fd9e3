"""Certificate signing requests: who asks, who decides, and the certificate."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from k8snb.api.request import UserInfo
from tests.apiserver.kinds.judge import causes, problems
from tests.apiserver.rig import Rig

Tree = dict[str, Any]
KIND = "certificatesigningrequests"


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes((tag, len(content))) + content


def pem(name: str, content: bytes) -> str:
    body = base64.b64encode(content).decode()
    return base64.b64encode(f"-----BEGIN {name}-----\n{body}\n-----END {name}-----\n".encode()).decode()


SIGNED = der(0x30, der(0x30, b"\x02\x01\x00"), der(0x30, b"\x05\x00"), der(0x03, b"\x00\x01"))
REQUEST = pem("CERTIFICATE REQUEST", SIGNED)
GOOD: Tree = {"request": REQUEST, "signerName": "example.com/signer", "usages": ["client auth"]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(GOOD, [], id="good"),
        pytest.param(
            {**GOOD, "request": pem("CERTIFICATE", SIGNED)},
            [
                f'spec.request: Invalid value: "{pem("CERTIFICATE", SIGNED)}": PEM block type must be CERTIFICATE REQUEST'
            ],
            id="another block",
        ),
        pytest.param({**GOOD, "usages": []}, ["spec.usages: Required value: usages must be provided"], id="no usages"),
        pytest.param(
            {**GOOD, "usages": ["client auth", "client auth"]},
            ['spec.usages[1]: Duplicate value: "client auth"'],
            id="usage twice",
        ),
        pytest.param(
            {**GOOD, "signerName": "kubernetes.io/legacy-unknown"},
            [
                (
                    'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via'
                    " this API version"
                )
            ],
            id="legacy signer",
        ),
        pytest.param(
            {**GOOD, "signerName": "local/signer"},
            [
                'spec.signerName: Invalid value: "local": should be a domain with at least two segments separated by dots'
            ],
            id="signer without a domain",
        ),
        pytest.param(
            {**GOOD, "expirationSeconds": 599},
            [
                "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)"
            ],
            id="too short",
        ),
    ],
)
def test_request(spec: Tree, expected: list[str]) -> None:
    assert expected == problems(KIND, {"spec": spec})


def test_the_server_says_who_asks() -> None:
    user = UserInfo("jane", "7", ("dev",), {"scope": ("a",)})
    body = {"metadata": {"name": "x"}, "spec": {**GOOD, "username": "root", "groups": ["system:masters"]}}

    spec = Rig().send("create", KIND, body=body, user=user).object.spec

    assert (spec.username, spec.uid, spec.groups, dict(spec.extra)) == ("jane", "7", ("dev",), {"scope": ("a",)})


def decided(rig: Rig, kind: str, subresource: str = "approval") -> Any:
    conditions = [{"type": kind, "status": "True", "reason": "R", "message": "m"}]
    return rig.patch(KIND, "x", {"status": {"conditions": conditions}}, subresource=subresource)


def made() -> Rig:
    rig = Rig()
    rig.create(KIND, {"metadata": {"name": "x"}, "spec": GOOD})
    return rig


def test_an_approval_is_dated_and_stays() -> None:
    rig = made()
    rig.clock.advance(60)

    condition = decided(rig, "Approved").status.conditions[0]

    assert (condition.type, condition.lastUpdateTime) == ("Approved", "2026-01-01T00:01:00Z")
    merge = "application/merge-patch+json"
    refused = rig.refusal("patch", KIND, "", "x", "approval", {"status": {"conditions": []}}, merge)
    assert causes(refused) == [
        'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
    ]


def test_only_the_approval_subresource_approves() -> None:
    rig = made()
    body = {"status": {"conditions": [{"type": "Approved", "status": "True"}]}}

    refused = rig.refusal("patch", KIND, "", "x", "status", body, "application/merge-patch+json")

    assert causes(refused) == ['status.conditions: Forbidden: updates may not add a condition of type "Approved"']


def test_a_certificate_comes_once() -> None:
    rig = made()
    first, second = pem("CERTIFICATE", SIGNED), pem("CERTIFICATE", der(0x30, *[der(0x30)] * 2, der(0x03, b"\x00")))
    rig.patch(KIND, "x", {"status": {"certificate": first}}, subresource="status")

    body = {"status": {"certificate": second}}
    refused = rig.refusal("patch", KIND, "", "x", "status", body, "application/merge-patch+json")

    assert causes(refused) == ["status.certificate: Forbidden: updates may not modify existing certificate content"]
