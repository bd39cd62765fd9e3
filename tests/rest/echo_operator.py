"""A kopf operator for tests: for every Echo it keeps a ConfigMap with the same message, and says so in the status."""

from __future__ import annotations

import base64
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import kopf
import yaml
from kubernetes import client, config


@kopf.on.login()
def login(**_: Any) -> kopf.ConnectionInfo:
    """The credentials of the kubeconfig."""
    content = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    folder = Path(tempfile.mkdtemp())

    def file(name: str, data: str) -> str:
        path = folder / name
        path.write_bytes(base64.b64decode(data))
        return str(path)

    return kopf.ConnectionInfo(
        server=cluster["server"],
        ca_path=file("ca", cluster["certificate-authority-data"]),
        certificate_path=file("crt", user["client-certificate-data"]),
        private_key_path=file("key", user["client-key-data"]),
    )


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """No events into the cluster: the tests look at objects."""
    settings.posting.level = logging.ERROR
    settings.watching.server_timeout = 60


@kopf.on.create("stable.example.com", "v1", "echoes")
@kopf.on.update("stable.example.com", "v1", "echoes")
def keep(spec: kopf.Spec, name: str, namespace: str | None, patch: kopf.Patch, **_: Any) -> None:
    """Write the ConfigMap."""
    load: Any = config.load_kube_config
    load()
    core: Any = client.CoreV1Api()
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"message": spec["message"]},
    }
    kopf.adopt(body)
    try:
        core.create_namespaced_config_map(namespace, body)
    except client.ApiException as error:
        if error.status != 409:
            raise
        core.patch_namespaced_config_map(name, namespace, {"data": body["data"]})
    patch.status["said"] = spec["message"]


if __name__ == "__main__":
    kopf.run(standalone=True, namespace=sys.argv[1])
