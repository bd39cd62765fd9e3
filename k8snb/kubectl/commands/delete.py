"""`kubectl delete`: by name, selector or file; waits, letting simulated time pass, until the objects are gone."""

from __future__ import annotations

from k8snb.api.errors import APIError
from k8snb.api.scheme import Resource
from k8snb.kubectl import manifests, targets
from k8snb.kubectl.call import (
    ALL_NAMESPACES,
    DRY_RUN,
    FIELD_SELECTOR,
    FILES,
    SELECTOR,
    Call,
    Command,
    dry_run,
    dry_run_suffix,
)
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.targets import Target, qualified

_AT_ONCE = (
    "Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may "
    "continue to run on the cluster indefinitely."
)
_NOTHING = (
    "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n"
    "   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'"
)

Deleted = tuple[Resource, str, str, str | None]


def run(call: Call) -> int | None:
    """Delete, report, wait."""
    how = dry_run(call)
    grace = int(call.flag("grace-period"))
    force = bool(call.flag("force"))
    if grace == 0 and not force and how == "none" and not call.flag("wait"):
        grace = 1
    if force and grace <= 0:
        grace = 0
    if grace == 0 and force:
        call.client.warn(_AT_ONCE)
    if call.flag("all") and (call.flag("selector") or call.flag("field-selector")):
        raise KubectlError(
            "setting 'all' parameter but found a non empty selector. \nSee 'kubectl delete -h' for help and examples"
        )
    gone: list[Deleted] = []
    for target, source in _chosen(call):
        _delete(call, target, source, grace, force, how, gone)
    if (how == "none" and call.flag("wait") and not force) or (force and grace == 0):
        _wait(call, gone)
    if not gone and not call.failed and not call.flag("filename") and not call.flag("ignore-not-found"):
        call.complain("No resources found\n")
    return None


def _chosen(call: Call) -> list[tuple[Target, str]]:
    """What is to be deleted: (object, file)."""
    if call.flag("filename"):
        found = manifests.load(call)
        return [(Target(item.resource, item.namespace, item.name), item.source) for item in found]
    if not call.args:
        raise KubectlError(_NOTHING)
    out: list[tuple[Target, str]] = []
    for target in targets.parse(call):
        if target.name:
            out.append((target, ""))
            continue
        if not (call.flag("all") or call.flag("selector") or call.flag("field-selector")):
            raise KubectlError("resource(s) were provided, but no name was specified")
        try:
            found_items = targets.read(call, target)
        except APIError as error:
            call.fail(error)
            continue
        out.extend((Target(item.resource, item.namespace, item.name), "") for item in found_items)
    return out


def _delete(call: Call, target: Target, source: str, grace: int, force: bool, how: str, gone: list[Deleted]) -> None:
    resource = target.resource
    suffix = dry_run_suffix(how)
    verb = "force deleted" if force and grace == 0 else "deleted"
    uid = None
    try:
        if how == "client":
            call.client.get(resource, target.namespace, target.name)
        else:
            answer = call.client.delete(
                resource,
                target.namespace,
                target.name,
                grace=grace if grace >= 0 else None,
                propagation=_propagation(call),
                dry_run=how == "server",
            )
            metadata = getattr(answer, "metadata", None)
            uid = getattr(metadata, "uid", None)
    except APIError as error:
        if error.reason == "NotFound" and call.flag("ignore-not-found"):
            return
        if error.reason == "NotFound" and (call.flag("all") or call.flag("selector")):
            return
        call.fail(error, f'error when deleting "{source}": ' if source else "")
        return
    gone.append((resource, target.namespace, target.name, uid))
    if call.flag("output") == "name":
        call.print(f"{qualified(resource)}/{target.name}")
    else:
        call.print(f'{qualified(resource)} "{target.name}" {verb}{suffix}')


def _propagation(call: Call) -> str:
    given = str(call.flag("cascade"))
    found = {"background": "Background", "true": "Background", "foreground": "Foreground", "orphan": "Orphan"}
    found["false"] = "Orphan"
    if given not in found:
        raise KubectlError(f'Invalid cascade value ({given}). Must be "background", "foreground", or "orphan".')
    return found[given]


def _wait(call: Call, gone: list[Deleted]) -> None:
    timeout = float(call.flag("timeout") or 0) or None
    client = call.client

    def all_gone() -> bool:
        for resource, namespace, name, uid in gone:
            found = client.find(resource, namespace, name)
            if found is not None and (uid is None or found.metadata.uid == uid):
                return False
        return True

    if not client.wait(all_gone, timeout):
        left = [item for item in gone if client.find(*item[:3]) is not None]
        raise KubectlError(f"timed out waiting for the condition on {left[0][0].plural}/{left[0][2]}")


DELETE = Command(
    "delete",
    "Delete objects",
    run,
    (
        *FILES,
        SELECTOR,
        FIELD_SELECTOR,
        ALL_NAMESPACES,
        DRY_RUN,
        Flag("output", short="o", default=""),
        Flag("all", "switch", default=False),
        Flag("cascade", default="background", bare="background"),
        Flag("force", "switch", default=False),
        Flag("grace-period", "number", default=-1),
        Flag("ignore-not-found", "switch", default=False),
        Flag("now", "switch", default=False),
        Flag("timeout", "duration", default=0.0),
        Flag("wait", "switch", default=True),
    ),
)
