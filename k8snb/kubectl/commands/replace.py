"""`kubectl replace` and `kubectl diff`."""

from __future__ import annotations

import difflib
from typing import Any

from k8snb.api import yamlout
from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from k8snb.api.request import APPLY_PATCH, RequestOptions
from k8snb.apiserver.patch.clientside import LAST_APPLIED, last_applied, threeway_patch
from k8snb.kubectl import manifests
from k8snb.kubectl.call import (
    DRY_RUN,
    FILES,
    PRINTING,
    SELECTOR,
    VALIDATE,
    Call,
    Command,
    dry_run,
    dry_run_suffix,
    field_validation,
)
from k8snb.kubectl.commands.apply import MANAGER
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.manifests import Manifest
from k8snb.kubectl.printing import result
from k8snb.kubectl.targets import qualified


def replace(call: Call) -> int | None:
    """Put whole objects; with `--force` delete and create them."""
    manifests.require(call, "replace")
    found = manifests.load(call, validate=field_validation(call) != "Ignore")
    if not found and not call.failed:
        raise KubectlError("no objects passed to replace")
    if call.flag("force"):
        return _force(call, found)
    how = dry_run(call)
    for manifest in found:
        try:
            _replace(call, manifest, how)
        except APIError as error:
            call.fail(error, "" if error.reason == "Invalid" else f'error when replacing "{manifest.source}": ')
    return None


def _replace(call: Call, manifest: Manifest, how: str) -> None:
    resource = manifest.resource
    current = call.client.get(resource, manifest.namespace, manifest.name)
    annotations = manifest.body["metadata"].get("annotations") or {}
    saved = call.flag("save-config") or LAST_APPLIED in annotations  # what was applied before is forgotten otherwise
    body = last_applied(manifest.body) if saved else dict(manifest.body)
    if how == "client":
        result(call, resource, manifest.name, "replaced" + dry_run_suffix(how))
        return
    metadata = dict(body["metadata"])
    metadata.setdefault("resourceVersion", current.metadata.resourceVersion)
    options = RequestOptions(
        field_manager="kubectl-replace",
        field_validation=field_validation(call),
        dry_run=("All",) if how == "server" else (),
    )
    obj = call.client.send(
        "update", resource, manifest.namespace, manifest.name, body={**body, "metadata": metadata}, options=options
    ).object
    result(call, resource, manifest.name, "replaced" + dry_run_suffix(how), obj)


def _force(call: Call, found: list[Manifest]) -> int | None:
    grace = int(call.flag("grace-period"))
    for manifest in found:
        resource = manifest.resource
        try:
            call.client.delete(resource, manifest.namespace, manifest.name, grace=grace if grace >= 0 else None)
        except APIError as error:
            if error.reason != "NotFound":
                raise
            continue
        call.print(f'{qualified(resource)} "{manifest.name}" deleted')

    def gone() -> bool:
        return all(call.client.find(item.resource, item.namespace, item.name) is None for item in found)

    timeout = float(call.flag("timeout") or 0) or None
    if not call.client.wait(gone, timeout):
        raise KubectlError("timed out waiting for the condition")
    for manifest in found:
        obj = call.client.create(
            manifest.resource, manifest.namespace, manifest.body, "kubectl-replace", validation=field_validation(call)
        )
        result(call, manifest.resource, manifest.name, "replaced", obj)
    return None


REPLACE = Command(
    "replace",
    "Replace objects",
    replace,
    (
        *FILES,
        *PRINTING,
        DRY_RUN,
        VALIDATE,
        Flag("force", "switch", default=False),
        Flag("cascade", default="background", bare="background"),
        Flag("grace-period", "number", default=-1),
        Flag("timeout", "duration", default=0.0),
        Flag("wait", "switch", default=False),
        Flag("save-config", "switch", default=False),
        Flag("subresource", default=""),
        Flag("raw", default=""),
    ),
)


def diff(call: Call) -> int | None:
    """Show what an apply would change; exit code 1 when it would change something."""
    manifests.require(call, "diff")
    texts = dict(_diff(call, manifest) for manifest in manifests.load(call))
    call.write("".join(texts[name] for name in sorted(texts)))  # two folders are compared, file by file
    return 1 if any(texts.values()) else 0


def _diff(call: Call, manifest: Manifest) -> tuple[str, str]:
    """The name of an object's file, and what differs in it."""
    resource, client = manifest.resource, call.client
    current = client.find(resource, manifest.namespace, manifest.name)
    if call.flag("server-side"):
        merged = client.patch(
            resource, manifest.namespace, manifest.name, manifest.body, APPLY_PATCH, manager="kubectl", dry_run=True,
            force=bool(call.flag("force-conflicts")),
        ).object  # fmt: skip
    elif current is None:
        merged = client.create(resource, manifest.namespace, manifest.body, MANAGER, dry_run=True)
    else:
        live = to_dict(current)
        applied = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
        patch, media_type = threeway_patch(resource, applied, last_applied(manifest.body), live)
        patch.get("metadata", {}).get("annotations", {}).pop(LAST_APPLIED, None)
        merged = client.patch(
            resource, manifest.namespace, manifest.name, patch, media_type, manager=MANAGER, dry_run=True
        ).object
    version = f"{resource.group}.{resource.version}" if resource.group else resource.version
    name = f"{version}.{resource.kind}.{manifest.namespace}.{manifest.name}"
    before, after = _text(current), _text(merged)
    lines = list(
        difflib.unified_diff(
            before, after, f"/tmp/LIVE-0000000000/{name}", f"/tmp/MERGED-0000000000/{name}", "2026-01-01", "2026-01-01"
        )
    )
    if not lines:
        return name, ""
    head = f"diff -u -N /tmp/LIVE-0000000000/{name} /tmp/MERGED-0000000000/{name}\n"
    return name, head + "".join(_hunk(line) for line in lines)


def _hunk(line: str) -> str:
    """GNU diff writes `@@ -0,0 +1,3 @@` where Python writes the same; only the end of the line may be missing."""
    return line if line.endswith("\n") else line + "\n"


def _text(obj: Any) -> list[str]:
    if obj is None:
        return []
    tree = to_dict(obj)
    tree["metadata"].pop("managedFields", None)
    if tree["metadata"].get("resourceVersion"):
        tree["metadata"].pop("resourceVersion") if not tree["metadata"].get("uid") else None
    return yamlout.dump(tree).splitlines(keepends=True)


DIFF = Command(
    "diff",
    "Show what an apply would change",
    diff,
    (
        *FILES,
        SELECTOR,
        Flag("server-side", "switch", default=False),
        Flag("force-conflicts", "switch", default=False),
        Flag("field-manager", default=""),
        Flag("prune", "switch", default=False),
    ),
)
