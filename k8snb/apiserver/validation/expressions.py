"""CEL expressions in objects: do they parse, are their variables known, is their outcome of the right type?

The texts are those of the CEL compiler.  Types are followed through literals, operators and conversions; whatever
comes from an object counts as dynamic, so a mistake in it shows when the expression runs.  After the first mistake the
compiler's parser goes on and may report more; here it is the first one that is reported.  Expressions with parts of the
language that `k8snb.apiserver.cel` leaves out (messages, optional fields, bytes) are not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from k8snb.apiserver.cel import CelSyntaxError
from k8snb.apiserver.cel.parse import parse
from k8snb.apiserver.validation.field import Path, invalid
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.rule_calls import STRING_LITERALS, undeclared_call

Variables = frozenset[str]
DYNAMIC: Final = "dyn"
_MACROS: Final = (
    "all",
    "exists",
    "exists_one",
    "existsOne",
    "filter",
    "map",
    "transformList",
    "transformMap",
    "sortBy",
)
_TYPES: Final = frozenset(
    ("bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint", "cel", "optional",
     "google", "math", "strings", "sets", "base64", "ip", "cidr", "format", "kubernetes", "Object", "JSONPatch")
)  # fmt: skip
_CONVERSIONS: Final = {
    "bool": "bool", "double": "double", "int": "int", "string": "string", "uint": "uint", "bytes": "bytes",
    "size": "int", "has": "bool", "matches": "bool", "startsWith": "bool", "endsWith": "bool", "contains": "bool",
    "isURL": "bool", "isQuantity": "bool", "isIP": "bool", "isCIDR": "bool", "all": "bool", "exists": "bool",
    "exists_one": "bool", "existsOne": "bool", "filter": "list(dyn)", "lowerAscii": "string", "upperAscii": "string",
    "trim": "string", "indexOf": "int",
}  # fmt: skip
_BEYOND: Final = re.compile(r"""[\w)]\s*\{|\.\s*\?|\[\s*\?|[{,]\s*\?|\b[bB][rR]?""|`|(?:^|[(\[,?:!&|=<>+*/%-])\s*\.""")
_NAME: Final = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|([A-Za-z_][A-Za-z0-9_]*)""")


def compile_error(text: str, variables: Variables, wanted: tuple[str, ...] = ()) -> str:
    """What the compiler says against an expression; "" for a good one.

    ``variables`` are the names that may be used, ``wanted`` the types that the outcome may have (none: any).
    """
    try:
        tree = parse(text)
    except CelSyntaxError as error:
        if _BEYOND.search(STRING_LITERALS.sub('""', text)):
            return ""
        return "compilation failed: " + at(text, error.position, f"Syntax error: {_syntax(text, error)}")
    unknown = next((name for name in _free_names(tree, frozenset()) if name not in variables | _TYPES), None)
    places = [undeclared_call(tree, text, _TYPES), None if unknown is None else (_position(text, unknown), unknown)]
    undeclared = min((place for place in places if place is not None), default=None)
    if undeclared is not None:
        position, name = undeclared
        return "compilation failed: " + at(text, position, f"undeclared reference to '{name}' (in container '')")
    found = type_of(tree)
    if wanted and found not in (*wanted, DYNAMIC):
        return (
            f"must evaluate to {wanted[0]} but got {found}"
            if len(wanted) == 1
            else (f"must evaluate to one of [{' '.join(wanted)}] but got {found}")
        )
    return ""


def expression(text: str, variables: Variables, wanted: tuple[str, ...], path: Path, errors: Errors) -> None:
    """Report what is wrong with an expression."""
    detail = compile_error(text, variables, wanted)
    if detail:
        errors.append(invalid(path, text, detail))


def mentions(text: str, name: str) -> bool:
    """Whether an expression uses a variable."""
    try:
        return name in _free_names(parse(text), frozenset())
    except CelSyntaxError:
        return False


def at(text: str, position: int, detail: str) -> str:
    """A message with the line and a mark under the place, as CEL prints it."""
    before = text[:position]
    line, column = before.count("\n"), position - (before.rfind("\n") + 1)
    shown = text.split("\n")[line].replace("\t", " ")
    return f"ERROR: <input>:{line + 1}:{column + 1}: {detail}\n | {shown}\n | {'.' * column}^"


def _syntax(text: str, error: CelSyntaxError) -> str:
    """Where a name should follow a dot, the compiler's parser has no alternative left."""
    before = text[: error.position].rstrip()
    if before.endswith(".") and "expecting IDENTIFIER" in str(error) and "{" not in str(error):
        token = text[error.position : error.position + 1]
        return f"no viable alternative at input '.{token}'"
    return str(error)


def _position(text: str, name: str) -> int:
    for match in _NAME.finditer(text):
        if match.group(2) == name and not text[: match.start()].rstrip().endswith("."):
            return match.start()
    return 0


def _free_names(node: Any, bound: frozenset[str]) -> Iterator[str]:
    """The variables of a tree that no macro binds, in order."""
    if not isinstance(node, tuple | list):
        return
    if isinstance(node, tuple) and node and node[0] == "name":
        if node[1] not in bound:
            yield node[1]
        return
    if isinstance(node, tuple) and node and node[0] == "method" and node[1] in _MACROS and node[3]:
        yield from _free_names(node[2], bound)
        names = [item[1] for item in node[3][:-1] if item[0] == "name"]
        yield from _free_names(node[3], bound | frozenset(names))
        return
    for item in node:
        yield from _free_names(item, bound)


def type_of(node: Any) -> str:
    """The type of an expression's outcome as CEL names it; ``dyn`` when it depends on the object."""
    kind = node[0]
    if kind == "literal":
        value = node[1]
        if value is None:
            return "null_type"
        return {bool: "bool", int: "int", float: "double", str: "string"}.get(type(value), DYNAMIC)
    if kind in ("or", "and", "not"):
        return "bool"
    if kind == "binary":
        return _binary(node)
    if kind == "negative":
        return type_of(node[1])
    if kind == "if":
        yes, no = type_of(node[2]), type_of(node[3])
        return yes if yes == no else DYNAMIC
    if kind == "list":
        return f"list({_common(node[1])})"
    if kind == "map":
        keys, values = [key for key, _ in node[1]], [value for _, value in node[1]]
        return f"map({_common(keys)}, {_common(values)})"
    if kind in ("call", "method"):
        return _CONVERSIONS.get(node[1], DYNAMIC)
    return DYNAMIC


def _binary(node: Any) -> str:
    if node[1] not in ("+", "-", "*", "/", "%"):
        return "bool"
    one, other = type_of(node[2]), type_of(node[3])
    return one if one != DYNAMIC else other


def _common(items: Any) -> str:
    types = dict.fromkeys(type_of(item) for item in items)
    return next(iter(types)) if len(types) == 1 else DYNAMIC
