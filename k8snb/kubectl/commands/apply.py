"""`kubectl apply`: client-side with a three-way patch, or server-side; and `apply view-last-applied`."""

from __future__ import annotations

import json
from typing import Any

from k8snb.api import yamlout
from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from k8snb.api.request import APPLY_PATCH
from k8snb.apiserver.patch.clientside import LAST_APPLIED, last_applied, threeway_patch
from k8snb.kubectl import manifests, printing, targets
from k8snb.kubectl.call import (
    DRY_RUN,
    FILES,
    PRINTING,
    SELECTOR,
    VALIDATE,
    Call,
    Command,
    Group,
    dry_run,
    dry_run_suffix,
    field_validation,
)
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.manifests import Manifest
from k8snb.kubectl.printing import result

MANAGER = "kubectl-client-side-apply"
_CONFLICT_HELP = """\
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"""


def run(call: Call) -> int | None:
    """Apply every manifest in order; errors of one do not stop the others."""
    manifests.require(call, "apply")
    how = dry_run(call)
    server_side = bool(call.flag("server-side"))
    if call.flag("force-conflicts") and not server_side:
        raise KubectlError("--force-conflicts only works with --server-side")
    if server_side and how == "client":
        raise KubectlError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")
    before = len(call.err)
    found = manifests.load(call, validate=field_validation(call) != "Ignore")
    late = call.err[before:]
    del call.err[before:]
    if not found:
        if late:
            call.err.extend(late)
            return 1
        raise KubectlError("no objects passed to apply")
    for manifest in found:
        try:
            if server_side:
                _server_side(call, manifest, how)
            else:
                _client_side(call, manifest, how)
        except (APIError, KubectlError) as error:
            call.fail(error)
    call.err.extend(late)
    return None


def _client_side(call: Call, manifest: Manifest, how: str) -> None:
    client, resource = call.client, manifest.resource
    wanted = last_applied(manifest.body)
    try:
        current = client.find(resource, manifest.namespace, manifest.name)
    except APIError as error:
        raise _retrieving(error, manifest) from None
    validation = field_validation(call)
    suffix = dry_run_suffix(how)
    manager = str(call.flag("field-manager") or MANAGER)
    if current is None:
        if how == "client":
            _report(call, manifest, "created" + suffix, wanted)
            return
        try:
            made = client.create(
                resource, manifest.namespace, wanted, manager, dry_run=how == "server", validation=validation
            )
        except APIError as error:
            raise _creating(error, manifest.source) from None
        _report(call, manifest, "created" + suffix, made)
        return
    live = to_dict(current)
    applied = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    if applied is None:
        client.warn(
            f"resource {resource.plural}/{manifest.name} is missing the {LAST_APPLIED} annotation which is required by "
            "kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl "
            "create --save-config or kubectl apply. The missing annotation will be patched automatically."
        )
    if how == "client":
        _report(call, manifest, "configured" + suffix, wanted)
        return
    patch, media_type = threeway_patch(resource, applied, wanted, live)
    if not patch:
        _report(call, manifest, "unchanged" + suffix, current)
        return
    changed = client.patch(
        resource,
        manifest.namespace,
        manifest.name,
        patch,
        media_type,
        manager=manager,
        dry_run=how == "server",
        validation=validation,
    ).object
    same = changed == current and how != "server"
    _report(call, manifest, ("unchanged" if same else "configured") + suffix, changed)


def _server_side(call: Call, manifest: Manifest, how: str) -> None:
    force = bool(call.flag("force-conflicts"))
    manager = str(call.flag("field-manager") or "kubectl")
    try:
        changed = call.client.patch(
            manifest.resource,
            manifest.namespace,
            manifest.name,
            manifest.body,
            APPLY_PATCH,
            manager=manager,
            dry_run=how == "server",
            validation=field_validation(call),
            force=force,
        ).object
    except APIError as error:
        if error.reason == "Conflict" and error.causes:
            raise KubectlError(f"{error.message}\n{_CONFLICT_HELP}") from None
        raise
    _report(call, manifest, "serverside-applied" + dry_run_suffix(how), changed)


def _creating(error: APIError, source: str) -> APIError:
    """A refused creation with its source, as kubectl adds it to all but lists of invalid fields."""
    if error.reason == "Invalid":
        return error
    return APIError(error.code, error.reason, f'error when creating "{source}": {error.message}', error.details)


def _retrieving(error: APIError, manifest: Manifest) -> APIError:
    resource = manifest.resource
    gvr = f"{resource.group}/{resource.version}, Resource={resource.plural}"
    gvk = f"{resource.group}/{resource.version}, Kind={resource.kind}"
    message = (
        f'error when retrieving current configuration of:\nResource: "{gvr}", GroupVersionKind: "{gvk}"\n'
        f'Name: "{manifest.name}", Namespace: "{manifest.namespace}"\nfrom server for: "{manifest.source}": '
        f"{error.message}"
    )
    return APIError(error.code, error.reason, message, error.details)


def _report(call: Call, manifest: Manifest, done: str, obj: Any) -> None:
    if isinstance(obj, dict):
        given, _ = printing.output(call)
        if given not in ("", "name"):
            call.write(yamlout.dump(obj) if given == "yaml" else printing.json_text(obj))
            return
        obj = None
    result(call, manifest.resource, manifest.name, done, obj)


def view(call: Call) -> int | None:
    """Print the last applied configuration of objects."""
    for item in targets.fetch(call):
        text = item.object.metadata.annotations.get(LAST_APPLIED)
        if text is None:
            raise KubectlError(f"no last-applied-configuration annotation found on resource: {item.name}")
        tree = json.loads(text)
        call.write(printing.json_text(tree) if call.flag("output") == "json" else yamlout.dump(tree))
    return None


APPLY = Command(
    "apply",
    "Make objects be as manifests say",
    run,
    (
        *FILES,
        *PRINTING,
        SELECTOR,
        DRY_RUN,
        VALIDATE,
        Flag("server-side", "switch", default=False),
        Flag("force-conflicts", "switch", default=False),
        Flag("field-manager", default=""),
        Flag("overwrite", "switch", default=True),
        Flag("wait", "switch", default=False),
        Flag("timeout", "duration", default=0.0),
        Flag("grace-period", "number", default=-1),
        Flag("force", "switch", default=False),
    ),
)

VIEW = Command(
    "view-last-applied",
    "Show what was applied last",
    view,
    (*FILES, SELECTOR, Flag("output", short="o", default="yaml"), Flag("all", "switch", default=False)),
)

APPLY_GROUP = Group("apply", "Make objects be as manifests say", (APPLY, VIEW))
