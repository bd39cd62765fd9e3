"""Output formats: tables, yaml, json, name, jsonpath, go-template and custom-columns.

`show` prints objects in the format of `-o`; tables (the default and wide) are made by `tables` from the server's own
rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from k8snb.api import yamlout
from k8snb.api.codec import to_dict
from k8snb.api.scheme import Resource
from k8snb.apiserver.tables import Row, Table, jsonpath
from k8snb.apiserver.tables import table as make_table
from k8snb.kubectl import gotemplate, tabs
from k8snb.kubectl.call import Call
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.targets import Found, qualified

FORMATS = (
    "custom-columns, custom-columns-file, go-template, go-template-file, json, jsonpath, jsonpath-as-json, "
    "jsonpath-file, name, template, templatefile, wide, yaml"
)


def tree_of(call: Call, found: Found) -> dict[str, Any]:
    """An object as it is printed: JSON builtins, managedFields only when asked for."""
    tree = to_dict(found.object)
    if call.flags.get("show-managed-fields"):
        server = call.client.cluster.server
        stored = server.store.get(found.resource.key(found.namespace, found.name))
        if stored is not None:
            tree = to_dict(server.managed_fields.shown(stored, found.object))
    else:
        tree.get("metadata", {}).pop("managedFields", None)
    return tree


def output(call: Call) -> tuple[str, str]:
    """The format and its argument (a template or columns); checked before anything is read. Raises `KubectlError`."""
    given = str(call.flags.get("output") or "")
    template = str(call.flags.get("template") or "")
    if not given and template:
        given = "go-template"
    name, equals, argument = given.partition("=")
    if name in ("jsonpath", "go-template", "template", "jsonpath-as-json", "custom-columns") and not equals:
        argument = template
    return name, argument


def check(name: str, argument: str, formats: str = FORMATS) -> None:
    """Refuse a format that does not exist or a template that cannot be read."""
    known = ("", "wide", "yaml", "json", "name", "jsonpath", "jsonpath-as-json", "jsonpath-file", "custom-columns",
             "custom-columns-file", "go-template", "go-template-file", "template", "templatefile")  # fmt: skip
    if name not in known:
        raise KubectlError(
            f'unable to match a printer suitable for the output format "{name}", allowed formats are: {formats.replace(", ", ",")}'
        )
    if name in ("jsonpath", "jsonpath-as-json"):
        if not argument:
            raise KubectlError("template format specified but no template given")
        _jsonpath(argument)
    if name in ("go-template", "template") and not argument:
        raise KubectlError("template format specified but no template given")
    if name == "custom-columns" and not argument:
        raise KubectlError("custom-columns format specified but no custom columns given")


def _jsonpath(template: str) -> tuple[jsonpath.Node, ...]:
    try:
        return jsonpath.parse(template)
    except jsonpath.JSONPathError as error:
        raise KubectlError(f"error parsing jsonpath {template}, {error}") from None


def show(call: Call, found: Sequence[Found], *, single: bool) -> None:
    """Print objects in the asked format (not a table); several become a List. Raises `KubectlError`."""
    name, argument = output(call)
    check(name, argument)
    if name == "name":
        for item in found:
            call.print(item.label)
        return
    trees = [tree_of(call, item) for item in found]
    if name in ("custom-columns", "custom-columns-file"):
        if name == "custom-columns-file":
            argument = _columns_file(argument)
        _custom_columns(call, trees, argument)
        return
    whole: Any = trees[0] if single and len(trees) == 1 else _list(trees)
    if name == "yaml":
        call.write(yamlout.dump(whole))
    elif name == "json":
        call.write(json_text(whole))
    elif name in ("jsonpath", "jsonpath-file", "jsonpath-as-json"):
        if name == "jsonpath-file":
            argument = Path(argument).read_text()
        _show_jsonpath(call, whole, argument, name == "jsonpath-as-json")
    else:
        if name in ("go-template-file", "templatefile"):
            argument = Path(argument).read_text()
        try:
            call.write(gotemplate.render(argument, whole))
        except gotemplate.TemplateError as error:
            raise KubectlError(f"error parsing template {argument}, {error}") from None


def _list(trees: list[dict[str, Any]]) -> dict[str, Any]:
    return {"apiVersion": "v1", "items": trees, "kind": "List", "metadata": {"resourceVersion": ""}}


def json_text(tree: Any) -> str:
    """JSON as kubectl prints it: four spaces, keys sorted, `<`, `>` and `&` escaped."""
    text = json.dumps(tree, indent=4, ensure_ascii=False, sort_keys=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"


def _show_jsonpath(call: Call, whole: Any, template: str, as_json: bool) -> None:
    nodes = _jsonpath(template)
    missing = bool(call.flags.get("allow-missing-template-keys", True))
    try:
        if as_json:
            values = [value for part in jsonpath.find(nodes, whole, missing=missing) for value in part]
            call.write(json_text(values))
        else:
            call.write(jsonpath.render(nodes, whole, missing=missing))
    except jsonpath.JSONPathError as error:
        raise KubectlError(f'error executing jsonpath "{template}": Error executing template: {error}.') from None


def _columns_file(name: str) -> str:
    lines = Path(name).read_text().splitlines()
    heads, paths = lines[0].split(), lines[1].split()
    return ",".join(f"{head}:{path}" for head, path in zip(heads, paths, strict=True))


def _custom_columns(call: Call, trees: list[dict[str, Any]], spec: str) -> None:
    heads, paths = [], []
    for part in _outside_brackets(spec):
        head, colon, path = part.partition(":")
        if not colon:
            raise KubectlError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        heads.append(head)
        try:
            paths.append(jsonpath.parse(jsonpath.relaxed(path)))
        except jsonpath.JSONPathError as error:
            raise KubectlError(str(error)) from None
    rows = [] if call.flags.get("no-headers") else [heads]
    for tree in trees:
        row = []
        for nodes in paths:
            try:
                values = [value for part in jsonpath.find(nodes, tree) for value in part]
            except jsonpath.JSONPathError:
                values = []
            row.append(",".join(_cell(value) for value in values) or "<none>")
        rows.append(row)
    call.write(tabs.table(rows))


def _outside_brackets(spec: str) -> list[str]:
    """Parts between commas, except commas inside brackets."""
    out, part, depth = [], "", 0
    for char in spec:
        depth += (char in "[(") - (char in "])")
        if char == "," and not depth:
            out.append(part)
            part = ""
        else:
            part += char
    return [*out, part]


def _cell(value: Any) -> str:
    """A value in a custom column: `map[a:1]` for objects, as Go prints them."""
    from k8snb.api.gotext import plain

    return "<none>" if value is None else plain(value)


# -- tables


def server_table(call: Call, resource: Resource, objects: Sequence[Any]) -> Table:
    """The server's table of some objects."""
    return make_table(resource, objects, call.client.now, declared_columns(call, resource))


def declared_columns(call: Call, resource: Resource) -> list[dict[str, Any]] | None:
    """The printer columns of a custom resource's definition; None for built-in kinds."""
    if not resource.custom:
        return None
    definitions = call.client.core("customresourcedefinitions")
    found = call.client.find(definitions, "", f"{resource.plural}.{resource.group}")
    for version in found.spec.versions if found is not None else ():
        if version.name == resource.version:
            return [to_dict(column) for column in version.additionalPrinterColumns]
    return []


def rows_text(
    call: Call, table: Table, *, kind: str = "", namespaces: bool = False, heads: bool = True, event: str = ""
) -> str:
    """A table as text, with the columns that the flags ask for.

    `kind` goes before names (`pod/`), `namespaces` adds the NAMESPACE column, `event` the EVENT column of a watch.
    """
    wide = str(call.flags.get("output") or "") == "wide"
    shown = [at for at, column in enumerate(table.columns) if not column.priority or wide]
    name_at = next((at for at, column in enumerate(table.columns) if column.format == "name"), -1)
    extra = [str(label) for label in call.flags.get("label-columns") or ()]
    labels = bool(call.flags.get("show-labels"))
    head = [table.columns[at].name.upper() for at in shown]
    head += [label.rpartition("/")[2].upper() for label in extra] + (["LABELS"] if labels else [])
    lines = []
    if heads and not call.flags.get("no-headers"):
        lines.append([*(["EVENT"] if event else []), *(["NAMESPACE"] if namespaces else []), *head])
    for row in table.rows:
        lines.append(_line(row, shown, name_at, kind, extra, labels, namespaces, event))
    return tabs.table(lines)


def _line(
    row: Row, shown: list[int], name_at: int, kind: str, extra: list[str], labels: bool, namespaces: bool, event: str
) -> list[str]:
    metadata = row.object.metadata
    cells = []
    for at in shown:
        value = row.cells[at] if at < len(row.cells) else ""
        text = "<none>" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        cells.append(f"{kind}/{text}" if kind and at == name_at else text.partition("\n")[0])
    cells += [metadata.labels.get(label, "") for label in extra]
    if labels:
        cells.append(",".join(f"{key}={metadata.labels[key]}" for key in sorted(metadata.labels)) or "<none>")
    return [*([event] if event else []), *([metadata.namespace or ""] if namespaces else []), *cells]


def result(call: Call, resource: Resource, name: str, done: str, obj: Any = None) -> None:
    """Report what was done to an object: `pod/web created`, or the object itself for `-o`."""
    given, _ = output(call)
    if given in ("", "wide"):
        call.print(f"{qualified(resource)}/{name} {done}")
    elif given == "name":
        call.print(f"{qualified(resource)}/{name}")
    else:
        show(call, [Found(resource, obj)], single=True)
