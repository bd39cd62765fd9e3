"""ConfigMaps, Secrets, ServiceAccounts."""

from __future__ import annotations

import base64
from typing import Any

from k8snb.kubectl.describe.page import Page


def config_map(page: Page, obj: Any) -> None:
    """A ConfigMap with its whole text."""
    page.head(obj)
    page.line("\nData\n====")
    for key, value in obj.data.items():
        page.line(f"{key}:\n----\n{value}\n")
    page.line("\nBinaryData\n====")
    for key in obj.binaryData:
        page.line(f"{key}: {_bytes(obj.binaryData[key])}")
    page.line("")
    page.events(obj)


def secret(page: Page, obj: Any) -> None:
    """A Secret: sizes, not values."""
    page.head(obj)
    page.line(f"\nType:\t{obj.type or ''}")
    page.line("\nData\n====")
    for key, value in obj.data.items():
        if obj.type == "kubernetes.io/service-account-token" and key == "token":
            page.line(f"{key}:\t{base64.b64decode(value).decode(errors='replace')}")
        else:
            page.line(f"{key}:\t{_bytes(value)}")


def _bytes(value: Any) -> str:
    size = len(value) if isinstance(value, bytes) else len(base64.b64decode(value))
    return f"{size} bytes"


def service_account(page: Page, obj: Any) -> None:
    """A ServiceAccount, with the token secrets made for it."""
    client = page.client
    page.head(obj)
    tokens = [
        item.metadata.name
        for item in client.list(client.core("secrets"), obj.metadata.namespace)
        if item.type == "kubernetes.io/service-account-token"
        and item.metadata.annotations.get("kubernetes.io/service-account.name") == obj.metadata.name
    ]
    page.column("Image pull secrets", [item.name for item in obj.imagePullSecrets])
    page.column("Mountable secrets", [item.name for item in obj.secrets])
    page.column("Tokens", tokens)
    page.events(obj)
