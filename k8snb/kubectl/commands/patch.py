"""`kubectl patch` and, because there is no editor here, what to use instead of `kubectl edit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from k8snb.api import gojson, yaml11
from k8snb.api.request import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from k8snb.apiserver.patch.tree import thaw
from k8snb.kubectl import targets
from k8snb.kubectl.call import DRY_RUN, FILES, PRINTING, Call, Command, dry_run, dry_run_suffix
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.printing import result
from k8snb.kubectl.targets import Found

TYPES = {"json": JSON_PATCH, "merge": MERGE_PATCH, "strategic": STRATEGIC_MERGE_PATCH}


def run(call: Call) -> int | None:
    """Send one patch to each object."""
    if not call.flag("patch") and not call.flag("patch-file"):
        raise usage("patch", "must specify --patch or --patch-file containing the contents of the patch")
    media_type = TYPES.get(str(call.flag("type")).lower())
    if media_type is None:
        raise usage("patch", "--type must be one of [json merge strategic], not " + f'"{call.flag("type")}"')
    text = str(call.flag("patch") or "") or Path(str(call.flag("patch-file"))).read_text()
    body = _body(text)
    how = dry_run(call)

    def change(item: Found) -> None:
        if how == "client":
            result(call, item.resource, item.name, "patched" + dry_run_suffix(how), item.object)
            return
        changed = call.client.patch(
            item.resource,
            item.namespace,
            item.name,
            body,
            media_type,
            manager=str(call.flag("field-manager") or "kubectl-patch"),
            subresource=str(call.flag("subresource") or ""),
            dry_run=how == "server",
        ).object
        done = "patched" if changed != item.object else "patched (no change)"
        result(call, item.resource, item.name, done + dry_run_suffix(how), changed)

    count = targets.each(call, targets.fetch(call, list_all=False), change)
    if not count and not call.failed:
        raise KubectlError("no objects passed to patch")
    return None


def _body(text: str) -> Any:
    try:
        return thaw(gojson.loads(text)) if text.lstrip()[:1] in "{[" else thaw(yaml11.load(text).tree)
    except (gojson.JsonError, yaml11.YamlError) as error:
        raise KubectlError(f"unable to parse {text!r}: {error}".replace("'", '"')) from None


def edit(call: Call) -> int | None:
    """Say what to do instead."""
    raise KubectlError(
        "kubectl edit opens a text editor, which a notebook does not have; use kubectl patch, kubectl set, or change the "
        "manifest and kubectl apply it"
    )


PATCH = Command(
    "patch",
    "Change fields of objects",
    run,
    (
        *FILES,
        *PRINTING,
        DRY_RUN,
        Flag("patch", short="p", default=""),
        Flag("patch-file", default=""),
        Flag("type", default="strategic"),
        Flag("subresource", default=""),
        Flag("field-manager", default=""),
    ),
)

EDIT = Command(
    "edit",
    "Not possible here (there is no editor)",
    edit,
    (*FILES, *PRINTING, Flag("subresource", default=""), Flag("validate", default="strict", bare="strict")),
)
