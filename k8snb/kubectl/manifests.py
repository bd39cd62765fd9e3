"""Manifests given with `-f`: standard input, files, directories; read and checked as kubectl does before it sends them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from k8snb.api import gojson, yaml11
from k8snb.api.scheme import Resource, UnknownKind
from k8snb.apiserver.patch.tree import thaw
from k8snb.kubectl.call import Call
from k8snb.kubectl.errors import KubectlError

STDIN = "STDIN"


class Manifest(NamedTuple):
    """An object to be sent: its body with the namespace filled in, and the name of its source."""

    resource: Resource
    body: dict[str, Any]
    source: str

    @property
    def namespace(self) -> str:
        return str((self.body.get("metadata") or {}).get("namespace") or "")

    @property
    def name(self) -> str:
        return str((self.body.get("metadata") or {}).get("name") or "")


def sources(call: Call) -> list[tuple[str, str]]:
    """(name, text) of everything that `-f` names; raises `KubectlError`."""
    if call.flags.get("kustomize"):
        raise KubectlError("kustomization directories (-k) are not supported here; apply the files with -f")
    out: list[tuple[str, str]] = []
    for word in call.flags["filename"]:
        if word == "-":
            out.append((STDIN, call.stdin))
            continue
        if word.startswith(("http://", "https://")):
            raise KubectlError(
                f"unable to read URL {_quoted(word)}: there is no network here; save the file and apply that"
            )
        path = Path(word)
        if not path.exists():
            raise KubectlError(f'the path "{word}" does not exist')
        if path.is_dir():
            found = path.rglob("*") if call.flags.get("recursive") else path.glob("*")
            files = sorted(item for item in found if item.suffix in (".json", ".yaml", ".yml"))
            if not files:
                raise KubectlError(f"error reading [{word}]: recognized file extensions are [.json .yaml .yml]")
            out.extend((str(item), item.read_text()) for item in files)
        else:
            out.append((word, path.read_text()))
    return out


def _quoted(text: str) -> str:
    return f'"{text}"'


def documents(text: str, source: str) -> Iterator[dict[str, Any]]:
    """The objects in a text, lists taken apart; raises `KubectlError`."""
    if text.lstrip()[:1] == "{":
        try:
            trees = [thaw(gojson.loads(text))]
        except gojson.JsonError as error:
            raise KubectlError(f"error parsing {source}: {error}") from None
    else:
        trees = []
        for part, line in yaml11.split(text):
            try:
                trees.append(thaw(yaml11.load(part, line).tree))
            except yaml11.YamlError as error:
                raise KubectlError(
                    f"error parsing {source}: error converting YAML to JSON: {_from_yaml(error)}"
                ) from None
    for tree in trees:
        if tree is None:
            continue
        if not isinstance(tree, dict):
            kind = "string" if isinstance(tree, str) else "array" if isinstance(tree, list) else "number"
            raise KubectlError(
                f"error validating {_quoted(source)}: error validating data: invalid object to validate; "
                f"if you choose to ignore these errors, turn validation off with --validate=false"
                if kind != "string"
                else f"error parsing {source}: json: cannot unmarshal string into Go value of type map[string]interface {{}}"
            )
        if str(tree.get("kind", "")).endswith("List") and isinstance(tree.get("items"), list):
            yield from (item for item in tree["items"] if isinstance(item, dict))
        else:
            yield tree


def _from_yaml(error: yaml11.YamlError) -> str:
    text = str(error)
    return text.removeprefix("error converting YAML to JSON: ")


def load(call: Call, *, validate: bool = False, unknown_first: bool = False) -> list[Manifest]:
    """Every object that `-f` names, in order.

    Objects of unknown kinds are reported (at the end of the command, as kubectl does) and passed over; with `validate`
    a missing kind or apiVersion is an error of validation. Raises `KubectlError`.
    """
    out: list[Manifest] = []
    for source, text in sources(call):
        for body in documents(text, source):
            missing = [name for name in ("apiVersion", "kind") if not body.get(name)]
            if missing and validate:
                said = ", ".join(f"{name} not set" for name in missing)
                said = f"[{said}]" if len(missing) > 1 else said
                raise KubectlError(
                    f"error validating {_quoted(source)}: error validating data: {said}; if you choose to ignore these "
                    "errors, turn validation off with --validate=false"
                )
            if missing:
                shown = json.dumps(body, separators=(",", ":"), sort_keys=True)
                which = "kind" if "kind" in missing else "apiVersion"
                raise KubectlError(
                    f"unable to decode {_quoted(source)}: Object '{which.capitalize()}' is missing in '{shown}'"
                )
            resource = _resource(call, body, source)
            if resource is None:
                continue
            out.append(Manifest(resource, _placed(call, resource, body), source))
    return out


def _resource(call: Call, body: dict[str, Any], source: str) -> Resource | None:
    kind, version = str(body["kind"]), str(body["apiVersion"])
    found = call.client.scheme.find(version, kind)
    if found is not None:
        return found
    metadata = body.get("metadata") or {}
    call.fail(
        KubectlError(
            f"resource mapping not found for name: {_quoted(str(metadata.get('name') or ''))} namespace: "
            f"{_quoted(str(metadata.get('namespace') or ''))} from {_quoted(source)}: no matches for kind "
            f"{_quoted(kind)} in version {_quoted(version)}\nensure CRDs are installed first"
        )
    )
    return None


def _placed(call: Call, resource: Resource, body: dict[str, Any]) -> dict[str, Any]:
    """The body in the namespace in force, unless it names one; raises `KubectlError` when they contradict."""
    if not resource.namespaced:
        return body
    metadata = dict(body.get("metadata") or {})
    given = metadata.get("namespace")
    if given and "namespace" in call.given and given != call.namespace:
        raise KubectlError(
            f'the namespace from the provided object "{given}" does not match the namespace "{call.namespace}". '
            f"You must pass '--namespace={given}' to perform this operation."
        )
    metadata["namespace"] = given or call.namespace
    return {**body, "metadata": metadata}


def require(call: Call, what: str) -> None:
    """Refuse a command without `-f`."""
    if not call.flags.get("filename") and not call.flags.get("kustomize"):
        raise KubectlError(f"must specify one of -f and -k\nSee 'kubectl {what} -h' for help and examples")


__all__ = ["STDIN", "Manifest", "UnknownKind", "documents", "load", "require", "sources"]
