"""ConfigMaps, Secrets, ServiceAccounts, Namespaces: data, types, names, phases."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.apiserver.kinds.manifests import change_complaint, complaint, manifest, warnings
from tests.apiserver.rig import Rig

KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or"
    " 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    " character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
STANDARD = "name is neither a standard finalizer name nor is it fully qualified"
REDACTED = '"<secret contents redacted>"'
MEBIBYTE = 1024 * 1024

SPOILED: dict[str, tuple[str, dict[str, Any], str]] = {
    "configmap: just small enough": ("configmaps", {"data": {"a": "x" * MEBIBYTE}}, ""),
    "configmap: too big": (
        "configmaps",
        {"data": {"a": "x" * MEBIBYTE}, "binaryData": {"b": "MQ=="}},
        "[]: Too long: may not be more than 1048576 bytes",
    ),
    "configmap: a binary key": (
        "configmaps",
        {"binaryData": {"b/c": "MQ=="}},
        f'binaryData[b/c]: Invalid value: "b/c": {KEY}',
    ),
    "secret: too big": (
        "secrets",
        {"stringData": {"a": "x" * (MEBIBYTE + 1)}},
        "data: Too long: may not be more than 1048576 bytes",
    ),
    "secret: an account without its name": (
        "secrets",
        {"type": "kubernetes.io/service-account-token"},
        "metadata.annotations[kubernetes.io/service-account.name]: Required value",
    ),
    "secret: an array where an object should be": (
        "secrets",
        {"type": "kubernetes.io/dockercfg", "stringData": {".dockercfg": "[]"}},
        (
            f"data[.dockercfg]: Invalid value: {REDACTED}: json: cannot unmarshal array into Go value of type"
            " map[string]interface {}"
        ),
    ),
    "secret: nothing where an object should be": (
        "secrets",
        {"type": "kubernetes.io/dockercfg", "stringData": {".dockercfg": ""}},
        f"data[.dockercfg]: Invalid value: {REDACTED}: unexpected end of JSON input",
    ),
    "secret: null is an object": (
        "secrets",
        {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "null"}},
        "",
    ),
    "secret: nobody and nothing": (
        "secrets",
        {"type": "kubernetes.io/basic-auth"},
        "[data[username]: Required value, data[password]: Required value]",
    ),
    "secret: somebody": ("secrets", {"type": "kubernetes.io/basic-auth", "stringData": {"username": ""}}, ""),
    "secret: an empty key": (
        "secrets",
        {"type": "kubernetes.io/ssh-auth", "stringData": {"ssh-privatekey": ""}},
        "data[ssh-privatekey]: Required value",
    ),
    "namespace: finalizers": (
        "namespaces",
        {"spec.finalizers": ["bad one", "example.com/x", "orphan"]},
        (
            f'[spec.finalizers: Invalid value: "bad one": {QUALIFIED}, spec.finalizers: Invalid value: "bad one":'
            f" {STANDARD}]"
        ),
    ),
    "namespace: dots": (
        "namespaces",
        {"metadata.name": "a.b"},
        'metadata.name: Invalid value: "a.b": must not contain dots',
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_new_objects(name: str) -> None:
    kind, changes, expected = SPOILED[name]

    assert complaint(kind, changes) == expected


KEPT = "Forbidden: field is immutable when `immutable` is set"
CHANGES: dict[str, tuple[str, dict[str, Any], dict[str, Any], str, str]] = {
    "configmap: all of it": (
        "configmaps",
        {"immutable": True},
        {"immutable": None, "data": {"a": "2"}, "binaryData": {"b": "MQ=="}},
        "",
        f"[immutable: {KEPT}, data: {KEPT}, binaryData: {KEPT}]",
    ),
    "configmap: its labels": ("configmaps", {"immutable": True}, {"metadata": {"labels": {"a": "b"}}}, "", ""),
    "configmap: becomes immutable": ("configmaps", {}, {"immutable": True, "data": {"a": "2"}}, "", ""),
    "secret: text": ("secrets", {"immutable": True}, {"stringData": {"b": "2"}}, "", f"data: {KEPT}"),
    "secret: another type": (
        "secrets",
        {},
        {"type": "kubernetes.io/tls"},
        "",
        (
            '[type: Invalid value: "kubernetes.io/tls": field is immutable, data[tls.crt]: Required value, data[tls.key]:'
            " Required value]"
        ),
    ),
    "namespace: a phase that does not fit": (
        "namespaces",
        {},
        {"status": {"phase": "Terminating"}},
        "status",
        "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
    ),
    "namespace: finalizing with a strange name": (
        "namespaces",
        {},
        {"spec": {"finalizers": ["x"]}},
        "finalize",
        f'spec.finalizers[0]: Invalid value: "x": {STANDARD}',
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_objects(name: str) -> None:
    kind, made, patch, subresource, expected = CHANGES[name]

    assert change_complaint(kind, patch, made, subresource) == expected


def test_namespace_keeps_its_finalizer() -> None:
    rig = Rig()
    created = rig.create("namespaces", manifest("namespaces", {"spec.finalizers": ["example.com/x"]}))
    updated = rig.patch("namespaces", "x", {"spec": {"finalizers": None}})

    assert created.spec.finalizers == updated.spec.finalizers == ("example.com/x", "kubernetes")
    assert created.status.phase == "Active"
    assert dict(created.metadata.labels) == {"kubernetes.io/metadata.name": "x"}


def test_a_generated_namespace_knows_its_name() -> None:
    created = Rig().create("namespaces", {"metadata": {"generateName": "g-"}})

    assert dict(created.metadata.labels) == {"kubernetes.io/metadata.name": created.metadata.name}


def test_text_overrides_data() -> None:
    changes = {"data": {"a": "b2xk", "b": "a2VwdA=="}, "stringData": {"a": "new"}}

    created = Rig().create("secrets", manifest("secrets", changes))

    assert {key: base64.b64decode(text) for key, text in created.data.items()} == {"a": b"new", "b": b"kept"}
    assert not created.stringData
    assert created.type == "Opaque"


def test_service_accounts_keep_names_of_secrets_only() -> None:
    created = Rig().create(
        "serviceaccounts", manifest("serviceaccounts", {"secrets": [{"name": "s", "kind": "Secret"}]})
    )

    assert [(secret.name, secret.kind) for secret in created.secrets] == [("s", None)]


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMQ==\n-----END CERTIFICATE-----\n"
TLS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "no certificate": ("x", "x", ("tls: failed to find any PEM data in certificate input",)),
    "no key": (CERTIFICATE, "x", ("tls: failed to find any PEM data in key input",)),
    "the certificate again": (
        CERTIFICATE,
        CERTIFICATE,
        ("tls: found a certificate rather than a key in the PEM for the private key",),
    ),
    "something else": (
        CERTIFICATE.replace("CERTIFICATE", "DATA"),
        "x",
        (
            (
                'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following'
                " types: [DATA]"
            ),
        ),
    ),
    "both": (CERTIFICATE, CERTIFICATE.replace("CERTIFICATE", "RSA PRIVATE KEY"), ()),
}


@pytest.mark.parametrize("name", TLS)
def test_tls_warnings(name: str) -> None:
    certificate, key, expected = TLS[name]
    changes = {"type": "kubernetes.io/tls", "stringData": {"tls.crt": certificate, "tls.key": key}}

    assert warnings("secrets", changes) == expected
