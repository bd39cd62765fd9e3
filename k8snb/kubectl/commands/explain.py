"""`kubectl explain`: the fields of a kind with their types.

Names, types, enums and which fields are required are those of the API. The descriptions are this project's own
(``k8snb.api.about``), in the reader's language; where there is none, a line says where the API reference is. Definitions of
custom resources bring their own descriptions, and those are shown.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any, NamedTuple
from unicodedata import east_asian_width

from k8snb import locale
from k8snb.api.about import REFERENCE, described, leaf
from k8snb.api.codec import to_dict
from k8snb.api.schema import FieldPlan, Shape, plan
from k8snb.api.scheme import Resource
from k8snb.kubectl.call import Call, Command
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag

_DESCRIPTION = "<no description>"
SHOWN_VALUES = 4
"""Values of an enum that are named in a list of fields."""


class Part(NamedTuple):
    """A field or a type: what it is called, its type as printed, its fields, and what is said of it."""

    type: str
    about: str
    fields: dict[str, Field]


class Field(NamedTuple):
    """A field as it is listed; `open` gives its `Part`."""

    name: str
    type: str
    required: bool
    enum: tuple[str, ...]
    about: str
    source: Any


def run(call: Call) -> int | None:
    """Explain a kind or one of its fields."""
    if len(call.args) != 1:
        raise usage(
            "explain",
            'You must specify the type of resource to explain. Use "kubectl api-resources" for a complete list of supported resources.\n'
            if not call.args
            else "We accept only this format: explain RESOURCE\n",
        )
    if call.flag("output") not in ("plaintext", "plaintext-openapiv2"):
        raise KubectlError(f'unable to match a printer suitable for the output format "{call.flag("output")}"')
    name, *path = _path(call, call.args[0])
    try:
        resource = call.client.kind(name)
    except KubectlError as error:
        raise KubectlError(str(error) + "\n", bare=True) from None
    resource = _version(call, resource)
    _heading(call, resource)
    part = _top(call, resource)
    here: Field | None = None
    for word in path:
        field = part.fields.get(word)
        if field is None:
            raise KubectlError(f'field "{word}" does not exist')
        here, part = field, _open(field)
    if here is not None:
        call.write(f"FIELD: {here.name} <{here.type}>\n\n")
        if here.enum:
            call.write("ENUM:\n" + "".join(f"    {value}\n" for value in here.enum) + "\n")
        call.write("\n")
    about = part.about or locale.text("kubectl.not-described", url=REFERENCE) if here is None else _of_field(here, part)
    call.write("DESCRIPTION:\n" + _wrapped(about, 4) + "    \n")
    if part.fields:
        call.write("FIELDS:\n")
        _fields(call, part, 1, bool(call.flag("recursive")), {})
    call.write("\n")
    return None


def _path(call: Call, text: str) -> list[str]:
    """The resource (which may have a group in its name) and the fields below it."""
    words = text.split(".")
    for at in range(len(words), 0, -1):
        name = ".".join(words[:at])
        try:
            call.client.kind(name)
        except KubectlError:
            continue
        return [name, *words[at:]]
    return words


def _version(call: Call, resource: Resource) -> Resource:
    wanted = str(call.flag("api-version"))
    if not wanted or wanted == resource.api_version:
        return resource
    for other in call.client.scheme.resources:
        if (other.plural, other.api_version) == (resource.plural, wanted):
            return other
    raise KubectlError(f'couldn\'t find resource for "{wanted}, Kind={resource.kind}"')


def _heading(call: Call, resource: Resource) -> None:
    if resource.group:
        call.write(f"GROUP:      {resource.group}\n")
    call.write(f"KIND:       {resource.kind}\nVERSION:    {resource.version}\n\n")


def _top(call: Call, resource: Resource) -> Part:
    if resource.custom:
        definitions = call.client.core("customresourcedefinitions")
        found = call.client.find(definitions, "", f"{resource.plural}.{resource.group}")
        version = next((item for item in found.spec.versions if item.name == resource.version), None) if found else None
        tree = to_dict(version) if version is not None else {}
        schema = dict((tree.get("schema") or {}).get("openAPIV3Schema") or {})
        part = _custom(schema)
        own = _typed(resource.type)
        return (
            part._replace(
                fields={
                    **{key: own.fields[key] for key in ("apiVersion", "kind", "metadata") if key in own.fields},
                    **part.fields,
                }
            )
            if own.fields
            else part
        )
    return _typed(resource.type)


# -- built-in types


def _typed(kind: type[Any]) -> Part:
    try:
        types = plan(kind)
    except TypeError:
        return Part("Object", "", {})
    fields = {name: _field(kind, field) for name, field in sorted(types.fields.items())}
    return Part(types.name, described(kind, "", _language()), fields)


def _language() -> str:
    return locale.current().partition("_")[0]


def _of_field(field: Field, part: Part) -> str:
    """What is said of a field, and then of its type."""
    own = "" if field.about == locale.text("kubectl.not-described", url=REFERENCE) else field.about
    found = "\n".join(dict.fromkeys(text for text in (own, part.about) if text))
    return found or field.about


def _field(kind: type[Any], field: FieldPlan) -> Field:
    enum = () if field.shape.kind == "list" else tuple(sorted(field.enum))
    told = "FieldsV1" if field.name == "fieldsV1" else _type(field.shape)
    about = described(kind, field.name, _language()) or locale.text("kubectl.not-described", url=REFERENCE)
    return Field(field.name, told, field.required, enum, about, field.shape)


_NAMES = {
    "string": "string",
    "bytes": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "quantity": "Quantity",
    "intorstring": "IntOrString",
    "time": "string",
    "microtime": "string",
    "raw": "Object",
}

_LEAVES = {"quantity": "Quantity", "intorstring": "IntOrString", "time": "Time", "microtime": "MicroTime"}


def _type(shape: Shape) -> str:
    if shape.kind == "list" and shape.elem is not None:
        return f"[]{_type(shape.elem)}"
    if shape.kind == "map" and shape.elem is not None:
        return f"map[string]{_type(shape.elem)}"
    if shape.kind == "struct":
        return shape.name
    return _NAMES.get(shape.kind, shape.kind)


def _open(field: Field) -> Part:
    if isinstance(field.source, Shape):
        shape = field.source
        while shape.kind in ("list", "map") and shape.elem is not None:
            shape = shape.elem
        if shape.kind == "struct":
            return _typed(shape.type)
        return Part(field.type, leaf(_LEAVES.get(shape.kind, ""), _language()), {})
    return _custom(field.source)


# -- custom resources


def _custom(schema: dict[str, Any]) -> Part:
    while schema.get("type") == "array" or (schema.get("additionalProperties") and not schema.get("properties")):
        inner = schema.get("items") if schema.get("type") == "array" else schema.get("additionalProperties")
        if not isinstance(inner, dict):
            break
        schema = inner
    required = schema.get("required") or ()
    fields = {}
    for name, part in sorted((schema.get("properties") or {}).items()):
        enum = tuple(str(value) for value in part.get("enum") or ())
        about = str(part.get("description") or _DESCRIPTION)
        fields[name] = Field(name, _custom_type(part), name in required, enum, about, part)
    return Part("Object", str(schema.get("description") or _DESCRIPTION), fields)


def _custom_type(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"[]{_custom_type(schema.get('items') or {})}"
    if kind == "object" or kind is None:
        extra = schema.get("additionalProperties")
        return f"map[string]{_custom_type(extra)}" if isinstance(extra, dict) else "Object"
    return str(kind)


# -- text


def _wrapped(text: str, indent: int) -> str:
    pad = " " * indent
    lines = []
    for line in text.splitlines() or [""]:
        lines += _lines(line, 80 - indent) if _wide(line) else textwrap.wrap(line, 80 - indent, **_WHOLE) or [""]
    return "".join(f"{pad}{line}\n" for line in lines)


_WHOLE: Any = {"break_long_words": False, "break_on_hyphens": False}


def _wide(text: str) -> int:
    """How many characters of a text take two columns."""
    return sum(1 for char in text if east_asian_width(char) in "WF")


def _lines(text: str, width: int) -> list[str]:
    """Chinese text in lines: between any two of its characters, but not inside a Latin word nor before a full stop."""
    lines, line, used = [], "", 0
    for piece in _PIECES.findall(text):
        size = len(piece) + _wide(piece)
        if used + len(piece.rstrip()) + _wide(piece) > width and line:
            lines.append(line.rstrip())
            line, used, piece = "", 0, piece.lstrip()
            size = len(piece) + _wide(piece)
        line, used = line + piece, used + size
    return [*lines, line.rstrip()]


_PIECES = re.compile(r"(?:[!-~]+|[^!-~\s])[，。；：、！？）》”]*\s*|\s+")


def _fields(call: Call, part: Part, level: int, deep: bool, above: dict[str, None]) -> None:
    pad = "  " * level
    for field in part.fields.values():
        required = " -required-" if field.required else ""
        call.write(f"{pad}{field.name}\t<{field.type}>{required}\n")
        if field.enum:
            shown = [value or '""' for value in field.enum[:SHOWN_VALUES]]
            more = ", ...." if len(field.enum) > SHOWN_VALUES else ""
            call.write(f"{pad}enum: {', '.join(shown)}{more}\n")
        if deep:
            inner = _open(field)
            if inner.fields and inner.type not in above:
                _fields(call, inner, level + 1, deep, {**above, inner.type: None} if inner.type != "Object" else above)
        else:
            call.write(_wrapped(field.about, 2 * level + 2) + "\n")


EXPLAIN = Command(
    "explain",
    "List the fields of a kind",
    run,
    (
        Flag("api-version", default=""),
        Flag("recursive", "switch", default=False),
        Flag("output", default="plaintext"),
    ),
)
