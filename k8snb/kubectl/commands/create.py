"""`kubectl create -f`, and the group of all `kubectl create TYPE` commands."""

from __future__ import annotations

from k8snb.api.errors import APIError
from k8snb.apiserver.patch.clientside import last_applied
from k8snb.kubectl import manifests
from k8snb.kubectl.call import FILES, SELECTOR, Call, Command, Group, dry_run, dry_run_suffix, field_validation
from k8snb.kubectl.commands.building import COMMON, MANAGER
from k8snb.kubectl.commands.create_access import ACCESS
from k8snb.kubectl.commands.create_config import CONFIG
from k8snb.kubectl.commands.create_network import NETWORK
from k8snb.kubectl.commands.create_workloads import WORKLOADS
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.printing import result


def run(call: Call) -> int | None:
    """Create what files describe."""
    if not call.flag("filename"):
        if call.args:
            raise KubectlError(
                f"Unexpected args: [{' '.join(call.args)}]\nSee 'kubectl create -h' for help and examples"
            )
        raise usage("create", "must specify one of -f and -k")
    how = dry_run(call)
    found = manifests.load(call, validate=field_validation(call) != "Ignore")
    if not found and not call.failed:
        raise KubectlError("no objects passed to create")
    for manifest in found:
        body = last_applied(manifest.body) if call.flag("save-config") else manifest.body
        suffix = dry_run_suffix(how)
        if how == "client":
            result(call, manifest.resource, manifest.name, "created" + suffix)
            continue
        try:
            made = call.client.create(
                manifest.resource,
                manifest.namespace,
                body,
                MANAGER,
                dry_run=how == "server",
                validation=field_validation(call),
            )
        except APIError as error:
            call.fail(error, "" if error.reason == "Invalid" else f'error when creating "{manifest.source}": ')
            continue
        result(call, manifest.resource, made.metadata.name, "created" + suffix, made)
    return None


CREATE = Command(
    "create",
    "Create objects from files or flags",
    run,
    (*FILES, *COMMON, SELECTOR, Flag("edit", "switch", default=False), Flag("raw", default="")),
)

CREATE_GROUP = Group("create", "Create objects from files or flags", (CREATE, *WORKLOADS, *CONFIG, *ACCESS, *NETWORK))
