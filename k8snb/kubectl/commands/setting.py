"""`kubectl set`: image, env, resources, serviceaccount and selector of pod templates."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import Any

from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from k8snb.api.request import MERGE_PATCH, STRATEGIC_MERGE_PATCH
from k8snb.apiserver.patch import threeway
from k8snb.apiserver.patch.metadata import map_type
from k8snb.apiserver.patch.tree import thaw
from k8snb.kubectl import targets
from k8snb.kubectl.call import (
    ALL_NAMESPACES,
    DRY_RUN,
    FILES,
    PRINTING,
    SELECTOR,
    Call,
    Command,
    Group,
    dry_run,
    dry_run_suffix,
)
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.printing import result
from k8snb.kubectl.targets import Found

Tree = dict[str, Any]
Change = Callable[[Tree], None]


def pod_spec(tree: Tree, kind: str) -> Tree:
    """The pod spec inside a workload's tree; raises `KubectlError` for other kinds."""
    here: Any = tree.get("spec")
    if kind == "CronJob":
        here = ((here or {}).get("jobTemplate") or {}).get("spec")
    if kind != "Pod":
        here = ((here or {}).get("template") or {}).get("spec")
    if not isinstance(here, dict):
        raise KubectlError(f"the object is not a pod or does not have a pod template: {kind}")
    return here


def containers(spec: Tree, pattern: str = "*") -> list[Tree]:
    """The containers whose names match a pattern."""
    found = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    return [item for item in found if fnmatch.fnmatchcase(item["name"], pattern)]


def _split(call: Call) -> tuple[list[str], list[str]]:
    """Resources, and the `key=value` (or `key-`) words behind them."""
    at = next((i for i, word in enumerate(call.args) if "=" in word or word.endswith("-")), len(call.args))
    return call.args[:at], call.args[at:]


def _update(call: Call, resources: list[str], done: str, change: Change) -> int | None:
    how = dry_run(call)

    def one(item: Found) -> None:
        before = to_dict(item.object)
        after = thaw(before)
        change(pod_spec(after, item.resource.kind))
        patch = threeway.two_way(before, after, map_type(item.resource.type))
        if not patch:
            return
        obj = item.object
        if how != "client":
            obj = call.client.patch(
                item.resource,
                item.namespace,
                item.name,
                patch,
                STRATEGIC_MERGE_PATCH,
                manager=str(call.flag("field-manager") or "kubectl-set"),
                dry_run=how == "server",
            ).object
        result(call, item.resource, item.name, done + dry_run_suffix(how), obj)

    found = targets.fetch(call, resources, list_all=False)
    for item in found:
        try:
            one(item)
        except APIError as error:
            call.fail(error)
        except KubectlError as error:
            call.fail(error)
    return None


def image(call: Call) -> int | None:
    """`set image deployment/web nginx=nginx:2`."""
    resources, words = _split(call)
    if not words:
        raise usage("set image", "at least one image update is required")
    wanted = {name: value for name, _, value in (word.partition("=") for word in words)}

    def change(spec: Tree) -> None:
        for name, value in wanted.items():
            found = containers(spec, name)
            if not found:
                raise KubectlError(f'unable to find container named "{name}"')
            for container in found:
                container["image"] = value

    return _update(call, resources, "image updated", change)


def env(call: Call) -> int | None:
    """`set env deployment/web KEY=value OTHER-`, or `--list`."""
    resources, words = _split(call)
    if call.flag("list"):
        return _list_env(call, resources)
    if not words and not call.flag("from"):
        raise usage("set env", "at least one environment variable must be provided")
    wanted = {key: value for key, equals, value in (word.partition("=") for word in words) if equals}
    gone = [word[:-1] for word in words if "=" not in word]
    wanted_entries: dict[str, Tree] = {key: {"name": key, "value": value} for key, value in wanted.items()}
    if call.flag("from"):
        wanted_entries |= _from(call)

    def change(spec: Tree) -> None:
        found = [
            item for item in containers(spec, str(call.flag("containers"))) if item in (spec.get("containers") or ())
        ]
        if not found:
            raise KubectlError(f"no containers match {call.flag('containers')}")
        for container in found:
            entries = [item for item in container.get("env") or () if item["name"] not in gone]
            names = [item["name"] for item in entries]
            for key, entry in wanted_entries.items():
                if key in names:
                    if not call.flag("overwrite"):
                        raise KubectlError(
                            f"'{key}' already has a value ({entries[names.index(key)].get('value')}), and --overwrite is false"
                        )
                    entries[names.index(key)] = entry
                else:
                    entries.append(entry)
            if entries or "env" in container:
                container["env"] = entries

    return _update(call, resources, "env updated", change)


def _from(call: Call) -> dict[str, Tree]:
    """Variables that refer to the keys of a ConfigMap or Secret."""
    kind, _, name = str(call.flag("from")).partition("/")
    resource = call.client.kind(kind)
    found = call.client.get(resource, call.namespace, name)
    source = "configMapKeyRef" if resource.kind == "ConfigMap" else "secretKeyRef"
    prefix = str(call.flag("prefix") or "")
    out = {}
    for key in sorted(found.data):
        variable = prefix + key.upper().replace(".", "_").replace("-", "_")
        out[variable] = {"name": variable, "valueFrom": {source: {"name": name, "key": key}}}
    return out


def _list_env(call: Call, resources: list[str]) -> int | None:
    for item in targets.fetch(call, resources, list_all=False):
        spec = pod_spec(to_dict(item.object), item.resource.kind)
        for container in spec.get("containers") or ():
            call.print(f"# {item.resource.kind} {item.name}, container {container['name']}")
            for entry in container.get("env") or ():
                call.print(_env_line(entry))
    return None


def _env_line(entry: Tree) -> str:
    source = entry.get("valueFrom")
    if not source:
        return f"{entry['name']}={entry.get('value', '')}"
    if "fieldRef" in source:
        what = f"field path {source['fieldRef']['fieldPath']}"
    elif "configMapKeyRef" in source:
        reference = source["configMapKeyRef"]
        what = f"configmap {reference['name']}, key {reference['key']}"
    elif "secretKeyRef" in source:
        reference = source["secretKeyRef"]
        what = f"secret {reference['name']}, key {reference['key']}"
    else:
        reference = source.get("resourceFieldRef") or {}
        what = f"resource field {reference.get('resource', '')}"
    return f"# {entry['name']} from {what}"


def resources(call: Call) -> int | None:
    """`set resources deployment/web --limits=cpu=1 --requests=…`."""
    limits, requests = _amounts(str(call.flag("limits"))), _amounts(str(call.flag("requests")))
    if not limits and not requests:
        raise usage(
            "set resources", "you must specify an update to requests or limits (in the form of --requests/--limits)"
        )

    def change(spec: Tree) -> None:
        found = [
            item for item in containers(spec, str(call.flag("containers"))) if item in (spec.get("containers") or ())
        ]
        if not found:
            raise KubectlError(f"no containers match {call.flag('containers')}")
        for container in found:
            have = container.setdefault("resources", {})
            for name, amounts in (("limits", limits), ("requests", requests)):
                if amounts:
                    have[name] = {**(have.get(name) or {}), **amounts}

    return _update(call, call.args, "resource requirements updated", change)


def _amounts(text: str) -> dict[str, str]:
    out = {}
    for word in text.split(",") if text else ():
        key, equals, value = word.partition("=")
        if not equals:
            raise KubectlError(f"Invalid argument syntax {word}, expected <resource>=<value>")
        out[key] = value
    return out


def service_account(call: Call) -> int | None:
    """`set serviceaccount deployment/web NAME`."""
    if len(call.args) < 2:
        raise usage("set serviceaccount", "serviceaccount is required")

    def change(spec: Tree) -> None:
        spec["serviceAccountName"] = call.args[-1]
        spec["serviceAccount"] = call.args[-1]

    return _update(call, call.args[:-1], "serviceaccount updated", change)


def selector(call: Call) -> int | None:
    """`set selector service/web app=web`."""
    chosen = {key: value for key, _, value in (part.partition("=") for part in call.args[-1].split(","))}
    for item in targets.fetch(call, call.args[:-1], list_all=False):
        tree = {"spec": {"selector": {**dict.fromkeys(item.object.spec.selector), **chosen}}}
        obj = call.client.patch(
            item.resource, item.namespace, item.name, tree, MERGE_PATCH, manager="kubectl-set"
        ).object
        result(call, item.resource, item.name, "selector updated", obj)
    return None


_FLAGS = (
    *FILES,
    *PRINTING,
    SELECTOR,
    ALL_NAMESPACES,
    DRY_RUN,
    Flag("all", "switch", default=False),
    Flag("field-manager", default=""),
    Flag("local", "switch", default=False),
)
_CONTAINERS = Flag("containers", short="c", default="*")

SET_GROUP = Group(
    "set",
    "Change features of workloads",
    (
        Command("image", "Change images", image, _FLAGS),
        Command(
            "env",
            "Change environment variables",
            env,
            (
                *_FLAGS,
                _CONTAINERS,
                Flag("list", "switch", default=False),
                Flag("from", default=""),
                Flag("prefix", default=""),
                Flag("overwrite", "switch", default=True),
                Flag("env", "array", short="e"),
                Flag("keys", "list"),
                Flag("resolve", "switch", default=False),
            ),
        ),
        Command(
            "resources",
            "Change requests and limits",
            resources,
            (*_FLAGS, _CONTAINERS, Flag("limits", default=""), Flag("requests", default="")),
        ),
        Command("serviceaccount", "Change the service account", service_account, _FLAGS, ("sa",)),
        Command("selector", "Change a Service's selector", selector, (*_FLAGS, Flag("resource-version", default=""))),
    ),
)
