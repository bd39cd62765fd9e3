"""Strict decoding of what people and clients write: YAML or JSON, with every problem, where it is, and what was meant.

* :func:`decode_manifests`: a file or a cell as ``kubectl`` reads it (many documents, ``List`` kinds). All problems of
all
  documents are reported together, each with its line.
* :func:`decode_body`: the body of a request as the API server reads it, with the server's own message.
* :func:`decode_object`: a plain tree to an object, for patches.

No input raises anything but :class:`DecodeError`. Bounds: 3 MiB a document (the server's limit of a request), 200
levels.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from k8snb.api import gojson, yaml11
from k8snb.api.advice import advise, yaml_advice
from k8snb.api.gotext import quote
from k8snb.api.schema import plan, type_named
from k8snb.api.scheme import SCHEME, Resource, Scheme
from k8snb.api.typed import Walk, freeze_tree, json_kind, path_parts, path_text
from k8snb.api.unstructured import Unstructured

Mode = Literal["Strict", "Warn", "Ignore"]

_FIND_KIND = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_REGISTRY = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"
#: Versions that the server can still decode but no longer serves, by group.
_RETIRED = {
    "apps": "v1beta1 v1beta2",
    "extensions": "v1beta1",
    "batch": "v1beta1",
    "policy": "v1beta1",
    "autoscaling": "v2beta1 v2beta2",
    "networking.k8s.io": "v1beta1",
    "rbac.authorization.k8s.io": "v1beta1 v1alpha1",
    "storage.k8s.io": "v1beta1 v1alpha1",
    "scheduling.k8s.io": "v1beta1 v1alpha1",
    "coordination.k8s.io": "v1beta1",
    "discovery.k8s.io": "v1beta1",
    "events.k8s.io": "v1beta1",
    "admissionregistration.k8s.io": "v1beta1 v1alpha1",
    "certificates.k8s.io": "v1beta1",
    "node.k8s.io": "v1beta1 v1alpha1",
}


@dataclass(frozen=True)
class Problem:
    """One thing wrong: where (``path`` in the object, ``line`` in the text from 1, ``document`` from 0) and what."""

    path: str
    message: str
    line: int = 0
    document: int = 0

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


class DecodeError(ValueError):
    """What was written cannot be used; ``problems`` are all that is wrong, ``message`` the whole as the server says
    it.
    """

    def __init__(self, message: str, problems: tuple[Problem, ...] = (), source: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems or (Problem("", message),)
        self.source = source

    def _render_traceback_(self) -> list[str]:
        return [f"DecodeError: {self.message}"]


@dataclass(frozen=True)
class Document:
    """One manifest: ``body`` as plain data, the ``line`` it starts at, its number in the file, and lines by path."""

    body: dict[str, Any]
    line: int
    index: int = 0
    source: str = ""
    lines: Any = field(default=None, repr=False, compare=False)

    def line_of(self, path: tuple[str | int, ...]) -> int:
        """Return the line of a field or item, or of the nearest part above it that has one."""
        here, line = self.lines, self.line
        for part in path:
            if isinstance(here, yaml11.YamlMap) and part in here:
                line, here = here.lines.get(str(part), line), here[str(part)]
            elif isinstance(here, yaml11.YamlList) and isinstance(part, int) and part < len(here):
                line, here = here.lines[part], here[part]
            else:
                break
        return line


def decode_manifests(
    source: str | bytes | os.PathLike[str], filename: str = "", scheme: Scheme | None = SCHEME, mode: Mode = "Strict"
) -> list[Document]:
    """Return the manifests in text, bytes or a file (a ``Path``), ``List`` kinds taken apart, empty documents left out.

    ``filename`` is named in messages. Kinds that ``scheme`` knows are checked against their type; unknown fields count
    as problems only in ``Strict`` mode. Kinds it does not know, and everything for ``scheme`` None, are left to the
    server. Raises :class:`DecodeError` with all problems, ``OSError`` for an unreadable file.
    """
    if isinstance(source, os.PathLike):
        filename = filename or str(source)
        source = Path(source).read_bytes()
    if isinstance(source, bytes):
        wide = source.startswith((b"\xff\xfe", b"\xfe\xff"))
        source = source.decode("utf-16" if wide else "utf-8-sig", "replace")
    text = source.removeprefix("\ufeff")
    problems: list[Problem] = []
    documents: list[Document] = []
    for index, (part, line) in enumerate(_parts(text)):
        documents += _document(part, line, index, filename, problems, mode)
    if scheme is not None:
        for document in documents:
            problems += check(document, scheme, mode)
    if problems:
        problems.sort(key=lambda item: item.line)
        head = f"{filename}: " if filename else ""
        raise DecodeError("\n".join(f"{head}{item}" for item in problems), tuple(problems), filename)
    return documents


def check(document: Document, scheme: Scheme = SCHEME, mode: Mode = "Strict") -> list[Problem]:
    """Return what is wrong with a manifest's fields, by the type of its kind; nothing for a kind that is not known."""
    body = document.body
    resource = scheme.find(str(body.get("apiVersion")), str(body.get("kind")))
    if resource is None or issubclass(resource.type, Unstructured):
        return []
    walk = Walk()
    walk.struct(plan(resource.type), body, None)
    found = []
    for item in walk.problems:
        if item.sort == "strict" and mode != "Strict":
            continue
        parts = path_parts(item.path)
        found.append(Problem(path_text(parts), advise(item), document.line_of(parts), document.index))
    return found


def _parts(text: str) -> Iterator[tuple[str, int]]:
    for part, line in yaml11.split(text):
        if part.strip():
            yield part, line


def _document(text: str, line: int, index: int, source: str, problems: list[Problem], mode: Mode) -> Iterator[Document]:
    """Yield the objects of one document; what is wrong with it goes to ``problems``."""
    try:
        trees = _json_or_yaml(text, line, index, problems, mode)
    except yaml11.YamlError as error:
        message = str(error).removeprefix("yaml: ")
        # The place is said once, from 1, whatever the parser counts from.
        message = message.partition(": ")[2] if message.startswith("line ") else message
        advice = yaml_advice(text, (error.line or line) - line + 1)
        advice = _moved(advice, line - 1)
        message = f"not valid YAML: {message}{'; ' if advice else ''}{advice}"
        problems.append(Problem("", message, error.line or line, index))
        return
    except gojson.JsonError as error:
        advice = f"; {yaml_advice(text, 1)}" if "{{" in text else ""
        problems.append(Problem("", f"not valid JSON: {error}{advice}", error.line + line - 1, index))
        return
    for tree, lines, first in trees:
        if tree is None:
            continue
        if not isinstance(tree, Mapping):
            found = "a list" if isinstance(tree, list) else f"a {json_kind(tree)}"
            message = f"a manifest is a mapping with apiVersion, kind and metadata; this is {found}"
            problems.append(Problem("", message, first, index))
            continue
        yield from _objects(Document(dict(tree), first, index, source, lines), problems)


def _json_or_yaml(text: str, line: int, index: int, problems: list[Problem], mode: Mode) -> list[tuple[Any, Any, int]]:
    """(tree, the same with lines, first line) of each object of a text.

    What begins with a brace is JSON, or else YAML in braces (``{apiVersion: v1, …}``); when it is neither, what was wrong
    with the JSON is told, as by kubectl.
    """
    wrong: gojson.JsonError | None = None
    if text.lstrip()[:1] == "{":
        try:
            return list(_json_documents(text, line))
        except gojson.JsonError as error:
            wrong = error
    try:
        loaded = yaml11.load(text, line)
    except yaml11.YamlError:
        if wrong is not None:
            raise wrong from None
        raise
    if wrong is not None and isinstance(loaded.tree, Mapping) and loaded.duplicates:
        raise wrong
    if mode == "Strict":
        for where, key in loaded.duplicates:
            problems.append(Problem("", f"key {key} already set in map", where, index))
    return [(loaded.tree, loaded.tree, loaded.line)]


def _json_documents(text: str, line: int) -> Iterator[tuple[Any, Any, int]]:
    """Yield (tree, the same with lines, first line): JSON is nearly YAML, which is how its lines are found."""
    tree = gojson.loads(text)
    if isinstance(tree, gojson.JsonMap):
        raise gojson.JsonError(f"duplicate field {quote(tree.repeated[0])}")
    try:
        loaded = yaml11.load(text, line)
    except yaml11.YamlError:
        yield tree, None, line
    else:
        yield tree, loaded.tree, loaded.line


def _objects(document: Document, problems: list[Problem]) -> Iterator[Document]:
    """Yield a document, or the items of it if it is a list of objects."""
    body = document.body
    kind, items = body.get("kind"), body.get("items")
    for name in ("apiVersion", "kind"):
        value = body.get(name)
        if not isinstance(value, str) or not value:
            said = f"is {quote(str(value))}" if value else "is missing"
            message = f"{name} {said}; every manifest says which kind of object it describes{_looks_like(body, name)}"
            problems.append(Problem(name, message, document.line_of((name,)), document.index))
            return
    if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(items, list):
        yield document
        return
    lines = document.lines.get("items") if isinstance(document.lines, yaml11.YamlMap) else None
    for number, item in enumerate(items):
        line = document.line_of(("items", number))
        if not isinstance(item, Mapping):
            message = f"an item of a list is an object, this is a {json_kind(item)}"
            problems.append(Problem(f"items[{number}]", message, line, document.index))
            continue
        whole = dict(item)
        if kind != "List":
            whole.setdefault("apiVersion", body["apiVersion"])
            whole.setdefault("kind", kind.removesuffix("List"))
        inner = lines[number] if isinstance(lines, yaml11.YamlList) and number < len(lines) else None
        yield from _objects(Document(whole, line, document.index, document.source, inner), problems)


def _moved(advice: str, by: int) -> str:
    """Advice about a document's lines as advice about those of its file."""
    return re.sub(r"line (\d+)", lambda match: f"line {int(match.group(1)) + by}", advice) if by else advice


_OTHER_FILES = (
    ({"services"}, "this looks like a file for docker compose, which Kubernetes does not read"),
    ({"resources"}, "this looks like a kustomization: apply what 'kustomize build' prints"),
    ({"replicaCount"}, "these look like the values of a Helm chart: apply what 'helm template' prints"),
    ({"name", "version"}, "this looks like Chart.yaml of a Helm chart: apply what 'helm template' prints"),
)
"""Keys of files that are no manifests, and what to tell about them."""


def _looks_like(body: Mapping[str, Any], name: str) -> str:
    """What a mapping without apiVersion or kind may be."""
    if name in body:
        return ""
    close = next((key for key in body if str(key).lower() == name.lower()), None)
    if close is not None:
        return f"; write {name}, not {close}"
    return next((f"; {told}" for keys, told in _OTHER_FILES if keys <= body.keys()), "")


def decode_object(tree: Any, resource: Resource, mode: Mode = "Strict") -> tuple[Any, list[str]]:
    """Return (object, warnings) of a plain tree for a resource.

    Values are made canonical (quantities, times), Go zeros vanish, nulls are absent. Warnings are the strict errors
    (``unknown field "spec.x"``), none for ``Ignore``; for ``Strict`` they raise. Raises :class:`DecodeError` in the
    words of Go's decoder.
    """
    if gojson.too_deep(tree):
        raise DecodeError("exceeded max depth")
    walk = Walk()
    if issubclass(resource.type, Unstructured):
        obj: Any = _custom(tree, resource, walk)
    else:
        obj = walk.struct(plan(resource.type), tree, None, "", f"{resource.version}.{resource.kind}")
    error = walk.error()
    if error is not None:
        raise DecodeError(error, _problems(walk))
    strict = walk.strict()
    if strict and mode == "Strict":
        raise DecodeError("strict decoding error: " + ", ".join(strict), _problems(walk))
    return obj, [] if mode == "Ignore" else strict


def _problems(walk: Walk) -> tuple[Problem, ...]:
    return tuple(Problem(path_text(path_parts(item.path)), item.message) for item in walk.problems)


def _custom(tree: Any, resource: Resource, walk: Walk) -> Unstructured:
    """Decode an object without a generated type: its metadata is typed, the rest is kept as it is."""
    from k8snb.api.types.meta_v1 import ObjectMeta

    if not isinstance(tree, Mapping):
        if tree is not None:
            walk.mistyped(tree, "map[string]interface {}", None, "")
        tree = {}
    metadata = tree.get("metadata")
    content = {
        str(key): freeze_tree(item) for key, item in tree.items() if key not in ("kind", "apiVersion", "metadata")
    }
    return Unstructured(
        kind=resource.kind,
        apiVersion=resource.api_version,
        metadata=walk.struct(
            plan(ObjectMeta), metadata or {}, (None, "metadata", True), resource.kind, "v1.ObjectMeta"
        ),
        content=freeze_tree(content),
    )


def decode_body(
    body: Any, resource: Resource, content_type: str = "application/json", mode: Mode = "Warn", *, type_: Any = None
) -> tuple[Any, list[str]]:
    """Return (object, warnings) of a request's body: bytes or text in JSON or YAML, or a plain tree.

    ``type_`` is the generated type when it is not the resource's own (``DeleteOptions``, ``Eviction``, ``Scale``).
    Raises :class:`DecodeError` whose message is the whole of the server's answer (400 BadRequest).
    """
    kind = resource.kind if type_ is None else type_.__name__
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    yaml = "yaml" in content_type and isinstance(raw, bytes)
    repeated: list[str] = []
    try:
        if yaml:
            loaded = yaml11.load(raw)
            tree = _sorted(loaded.tree)
            repeated = [f"line {line}: key {key} already set in map" for line, key in loaded.duplicates]
        else:
            tree = _parsed(raw) if isinstance(raw, bytes) else raw
            if not isinstance(raw, bytes) and gojson.too_deep(tree):
                raise gojson.JsonError("exceeded max depth")
        given = _group_version_kind(tree)
    except (yaml11.YamlError, gojson.JsonError) as error:
        shown = _summary(raw) if isinstance(raw, bytes) else "<tree>"
        raise DecodeError(f"the object provided is unrecognized (must be of type {kind}): {error} ({shown})") from None
    api_version = given[0] or _api_version(type_, resource)
    version, named = api_version.rpartition("/")[2], given[1] or kind
    prefix = f"{named} in version {quote(version)} cannot be handled as a {kind}: "
    if (api_version, named) != (_api_version(type_, resource), kind):
        _other_kind(api_version, named, resource, kind, prefix)
    walk = Walk()
    if type_ is None and issubclass(resource.type, Unstructured):
        obj: Any = _custom(tree, resource, walk)
    else:
        target = resource.type if type_ is None else type_
        obj = walk.struct(plan(target), tree, None, "", f"v1.{kind}")
    error_text = walk.error()
    if error_text is not None:
        raise DecodeError(prefix + error_text, _problems(walk))
    strict = walk.strict()
    if mode == "Strict" and (repeated or strict):
        parts = ["yaml: unmarshal errors:\n  " + "\n  ".join(repeated)] if repeated else []
        raise DecodeError(f"{prefix}strict decoding error: {', '.join([*parts, *strict])}", _problems(walk))
    return obj, [] if mode == "Ignore" else [*repeated, *strict]


def _api_version(type_: Any, resource: Resource) -> str:
    return resource.api_version if type_ is None else getattr(type_(), "apiVersion", None) or resource.api_version


def _parsed(raw: bytes) -> Any:
    try:
        return gojson.loads(raw)
    except gojson.JsonError as error:
        raise gojson.JsonError(f"couldn't get version/kind; json parse error: {error}") from None


def _group_version_kind(tree: Any) -> tuple[str, str]:
    """Return (apiVersion, kind) that a tree names, ``""`` where it does not."""
    if tree is None:
        return "", ""
    trouble = ""
    if not isinstance(tree, Mapping):
        trouble = f"cannot unmarshal {json_kind(tree)} into Go value of type {_FIND_KIND}"
    else:
        for name in ("apiVersion", "kind"):
            value = tree.get(name)
            if value is not None and not isinstance(value, str):
                trouble = f"cannot unmarshal {json_kind(value)} into Go struct field .{name} of type string"
                break
    if trouble:
        raise gojson.JsonError(f"couldn't get version/kind; json parse error: json: {trouble}")
    api_version = tree.get("apiVersion") or ""
    if api_version.count("/") > 1:
        raise gojson.JsonError(f"unexpected GroupVersion string: {api_version}")
    return api_version, tree.get("kind") or ""


def _other_kind(api_version: str, named: str, resource: Resource, kind: str, prefix: str) -> None:
    """Refuse a body of another kind or version than the address's."""
    group, _, version = api_version.rpartition("/")
    expected = f"the expected API version ({resource.api_version})"
    mismatch = f"the API version in the data ({api_version}) does not match {expected}"
    if named == kind and api_version != resource.api_version and version in _RETIRED.get(group, "").split():
        raise DecodeError(mismatch)
    listed = named in ("List", "Status", "DeleteOptions") or named.endswith("List")
    known = bool(SCHEME.find(api_version, named) or type_named(api_version, named))
    known = known or (listed and bool(SCHEME.served(group, version)))
    if resource.custom or not known:
        known_to = f"no kind {quote(named)} is registered for version {quote(api_version)} in scheme {quote(_REGISTRY)}"
        raise DecodeError(prefix + known_to)
    if named == kind and group != resource.group:
        raise DecodeError(mismatch)
    target = (resource.group or "core").partition(".")[0]
    raise DecodeError(f"{prefix}converting ({version}.{named}) to ({target}.{kind}): unknown conversion")


def _sorted(tree: Any) -> Any:
    """Return a tree with sorted keys: the server turns YAML into JSON by way of a Go map."""
    if isinstance(tree, Mapping):
        return {key: _sorted(tree[key]) for key in sorted(tree)}
    return [_sorted(item) for item in tree] if isinstance(tree, list) else tree


def _summary(data: bytes, length: int = 30) -> str:
    """Return the beginning of a body as the server shows it: JSON as it is, anything else in hexadecimal."""
    if not data:
        return "<empty>"
    more = " ..." if len(data) > length else ""
    if data[:1] == b"{":
        return data[:length].decode("utf-8", "replace") + more
    return data[:length].hex() + more
