"""Sending a new object that a command has put together: dry runs, reporting, and what kubectl prints of it."""

from __future__ import annotations

from typing import Any

from k8snb.api import yamlout
from k8snb.api.codec import from_dict, to_dict
from k8snb.api.errors import APIError
from k8snb.api.schema import type_named
from k8snb.apiserver.patch.clientside import last_applied
from k8snb.kubectl import printing
from k8snb.kubectl.call import Call, dry_run, dry_run_suffix
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.printing import result
from k8snb.kubectl.targets import Found


def create(call: Call, body: dict[str, Any], manager: str, *, done: str = "created", failing: str = "") -> Any:
    """Create the object (or only show it, for a dry run) and report it.

    `failing` is put before the server's refusal: `failed to create deployment`.
    """
    client = call.client
    resource = client.scheme.find(body["apiVersion"], body["kind"])
    if resource is None:
        raise KubectlError(f'no matches for kind "{body["kind"]}" in version "{body["apiVersion"]}"')
    if resource.namespaced:
        namespace = body["metadata"].get("namespace") or call.namespace
        if "namespace" in call.given:
            body["metadata"]["namespace"] = namespace
    else:
        namespace = ""
    how = dry_run(call)
    if call.flags.get("save-config"):
        body = last_applied(body)
    if how == "client":
        show(call, resource, body, done + dry_run_suffix(how))
        return None
    try:
        made = client.create(resource, namespace, body, manager, dry_run=how == "server", validation=_validation(call))
    except APIError as error:
        if failing:
            raise KubectlError(f"{failing}: {error.message}") from None
        raise
    result(call, resource, made.metadata.name, done + dry_run_suffix(how), made)
    return made


def _validation(call: Call) -> str:
    from k8snb.kubectl.call import field_validation

    return field_validation(call) if "validate" in call.flags else "Strict"


def show(call: Call, resource: Any, body: dict[str, Any], done: str) -> None:
    """Report an object that was not sent: `-o yaml` shows it as Go writes a typed object that was never stored."""
    given, _ = printing.output(call)
    name = body["metadata"].get("name", "")
    if given in ("", "wide", "name"):
        result(call, resource, name, done)
        return
    kind = type_named(body["apiVersion"], body["kind"])
    tree = to_dict(from_dict(kind, body)) if kind is not None else body
    tree = _with_null_times(tree)
    if given == "yaml":
        call.write(yamlout.dump(tree))
    elif given == "json":
        call.write(printing.json_text(tree))
    else:
        obj = from_dict(kind, body)
        printing.show(call, [Found(resource, obj)], single=True)


def _with_null_times(tree: Any) -> Any:
    """As clients before v1.34 print new objects: `creationTimestamp: null` in every metadata."""
    if isinstance(tree, list):
        return [_with_null_times(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    out = {key: _with_null_times(item) for key, item in tree.items()}
    metadata = out.get("metadata")
    if isinstance(metadata, dict) and "creationTimestamp" not in metadata:
        out["metadata"] = {"creationTimestamp": None, **metadata}
    return out
