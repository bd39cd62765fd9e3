"""Writes :mod:`k8snb.api.types` from recorded facts of Kubernetes; a tool for developers, never imported by the
product.

    python -m k8snb.api._generate schema.json proto.json podtemplate-types.json DISCOVERY OUTPUT

``schema.json``: types, defaults, enums and merge keys of the OpenAPI document; ``proto.json``: the same fields in Go
struct order; ``DISCOVERY``: the recorded discovery documents; ``podtemplate-types.json``: the Go layout of everything
inside a pod template; :mod:`k8snb.api._gofacts`: what is in none of them. The output depends on nothing else; a test
compares it with what is checked in.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from k8snb.api import _gofacts

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": ("Quantity", "Quantity"),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ("IntOrString", "IntOrString"),
    META + "Time": ("Time", "Time"),
    META + "MicroTime": ("MicroTime", "MicroTime"),
    META + "FieldsV1": ("Json", "FieldsV1"),
    META + "Patch": ("Json", "Patch"),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ("Json", "RawExtension"),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": ("Json", "JSON"),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": (
        "Json",
        "JSONSchemaPropsOrArray",
    ),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": ("Json", "JSONSchemaPropsOrBool"),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": (
        "Json",
        "JSONSchemaPropsOrStringArray",
    ),
}
SCALARS = {
    ("string", ""): ("str", "string"),
    ("string", "byte"): ("str", "[]byte"),
    ("integer", "int32"): ("int", "int32"),
    ("integer", "int64"): ("int", "int64"),
    ("boolean", ""): ("bool", "bool"),
    ("number", "double"): ("float", "float64"),
}
ZERO = {"str": '""', "int": "0", "bool": "False", "float": "0.0", "Quantity": '"0"', "IntOrString": "0"}
#: Custom JSON: raw values whose ``null`` is written (a value type), not left out.
RAW_GO = ("RawExtension", "JSON", "FieldsV1", "Patch")


@dataclass
class Field:
    """One field: its JSON name, the Python line that declares it and the line of facts."""

    json_name: str
    attr: str
    annotation: str
    default: str
    facts: list[str]
    refs: list[tuple[str, str]] = field(default_factory=list)


def module_of(type_name: str) -> str:
    """Return the module of a type: ``io.k8s.api.core.v1.Pod`` is in ``core_v1``."""
    parts = type_name.split(".")
    return f"{parts[-3]}_{parts[-2]}"


def attribute(json_name: str) -> str:
    """Return the Python attribute of a JSON field name."""
    name = json_name.lstrip("$").replace("-", "_")
    return name + "_" if keyword.iskeyword(name) or json_name.startswith("$") else name


def words(table: dict[str, str], key: str) -> list[str]:
    """Return the field names of one entry of a table in :mod:`k8snb.api._gofacts`."""
    return table.get(key, "").split()


class Generator:
    """Holds the recorded facts and writes one module per group version."""

    def __init__(self, schema: dict[str, Any], proto: dict[str, Any], layout: dict[str, Any]) -> None:
        self.types: dict[str, Any] = schema["types"]
        self.proto = proto
        self.layout = layout
        self.constants: dict[str, tuple[str, str]] = {}
        for group_version, kinds in schema["kinds"].items():
            for kind, type_name in kinds.items():
                group, _, version = group_version.rpartition("/")
                own = f"{(group or 'core').split('.')[0]}_{version}" == module_of(type_name)
                if own or type_name in (META + "Status", META + "APIResourceList"):
                    self.constants.setdefault(type_name, (kind, group_version))
        self.structs = [
            n for n, t in self.types.items() if n not in SPECIAL and ("fields" in t or t.get("type") == "object")
        ]
        # The Go layout of one pod-template type, by JSON name, without the inline parts (they are listed at their
        # users).
        self.go_tags: dict[str, dict[str, tuple[str, str]]] = {}
        for name, members in layout.items():
            if isinstance(members, list):
                self.go_tags[name.split(".")[-1]] = dict(self._layout_fields(members))

    def _layout_fields(self, members: list[dict[str, str]]) -> Iterable[tuple[str, tuple[str, str]]]:
        for member in members:
            tag = member["json"].replace(" (embedded)", "")
            if ",inline" in tag:
                yield from self._layout_fields(self.layout[member["type"]])
            elif tag:
                yield tag.split(",")[0], (member["type"], tag)

    def order(self, type_name: str) -> list[str]:
        """Return the JSON field names in Go struct order."""
        message = self.proto.get(type_name, {})
        numbered = list(message.get("fields", {}).items())
        names: list[str] = []
        inline = sorted(message.get("inline", []))
        for json_name, entry in numbered:
            while inline and inline[0][0] < entry[0]:
                names += self.order(inline.pop(0)[1])
            names.append(json_name)
        for _number, inner in inline:
            names += self.order(inner)
        known = self.types[type_name].get("fields", {}) if type_name in self.types else {}
        if type_name not in self.types:
            return names
        head = [n for n in ("kind", "apiVersion") if n in known and n not in names]
        return head + [n for n in names if n in known] + [n for n in known if n not in names and n not in head]

    def shape(self, module: str, entry: dict[str, Any], named: str | None) -> tuple[str, str, list[tuple[str, str]]]:
        """Return (annotation, Go type, referenced structs) of a schema entry."""
        if "ref" in entry:
            if entry["ref"] in SPECIAL:
                annotation, go = SPECIAL[entry["ref"]]
                return annotation, go, []
            other, name = module_of(entry["ref"]), entry["ref"].split(".")[-1]
            return (name if other == module else f"{other}.{name}"), f"{other}.{name}", [(other, name)]
        if "list" in entry:
            annotation, go, refs = self.shape(module, entry["list"], named)
            return f"tuple[{annotation}, ...]", "[]" + go, refs
        if "map" in entry:
            annotation, go, refs = self.shape(module, entry["map"], named)
            return f"Map[str, {annotation}]", "map[string]" + go, refs
        annotation, go = SCALARS[entry["type"], entry.get("format", "")]
        if named:
            go = named if "." in named else "v1." + named
        return annotation, go, []

    def field(self, type_name: str, json_name: str, entry: dict[str, Any]) -> Field:
        """Work out one field."""
        module, cls = module_of(type_name), type_name.rsplit(".", maxsplit=1)[-1]
        key = f"{module}.{cls}"
        tags = self.go_tags.get(cls, {}) if module in ("core_v1", "meta_v1") else {}
        named = _gofacts.NAMED.get(f"{key}.{json_name}")
        special = SPECIAL.get(entry.get("ref", ""))
        struct = "ref" in entry and not special
        default = entry.get("default")
        if json_name in tags:
            go, tag = tags[json_name]
            pointer = go.startswith("*")
            omitted = "omitempty" in tag and (not struct or pointer) and (not special or pointer or "omitzero" in tag)
            bare = go.lstrip("*").removeprefix("[]")
            if isinstance(self.layout.get(bare), str) and not bare.startswith("intstr"):
                named = bare
        else:
            pointer = json_name in words(_gofacts.POINTERS, key) or (struct and default != {})
            value_struct = (struct and not pointer) or (special is not None and not pointer)
            omitted = not (value_struct or json_name in words(_gofacts.ALWAYS, key))
            if omitted and json_name not in words(_gofacts.OMITTED, key):
                collection = "list" in entry or "map" in entry
                zero = (
                    not collection and not struct and not special and default in ("", 0, False) and default is not None
                )
                omitted = not (zero and not pointer) and not (entry.get("required") and (collection or struct))
            if special and special[1] in ("JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool"):
                pointer = omitted = True
        annotation, go, refs = self.shape(module, entry, named)
        declared, value = self._default(annotation, go, struct, pointer, omitted, refs)
        facts = [json_name, ("*" if pointer else "") + go]
        facts += [word for word, on in (("always", not omitted), ("required", bool(entry.get("required")))) if on]
        inner = entry.get("list") or entry.get("map") or entry
        if default not in (None, {}):
            facts.append("default=" + json.dumps(default))
        if "enum" in inner:
            facts.append("enum=" + "|".join(inner["enum"]))
        for label, word in (
            ("patchMergeKey", "key"),
            ("patchStrategy", "strategy"),
            ("listType", "list"),
            ("mapType", "map"),
        ):
            if label in entry:
                facts.append(f"{word}={entry[label]}")
        if "listMapKeys" in entry:
            facts.append("keys=" + ",".join(entry["listMapKeys"]))
        return Field(json_name, attribute(json_name), declared, value, facts, refs)

    @staticmethod
    def _default(  # the facts of one field, all of them
        annotation: str, go: str, struct: bool, pointer: bool, omitted: bool, refs: list[tuple[str, str]]
    ) -> tuple[str, str]:
        """Return the declared annotation and the default expression ('' is None by omission)."""
        if go.startswith("[]") and annotation != "str":
            return annotation, "()" if omitted else "field(default_factory=always(()))"
        if go.startswith("map["):
            return annotation, "EMPTY" if omitted else "field(default_factory=always(EMPTY))"
        if struct and not pointer:
            return annotation, f"field(default_factory=empty({annotation}))"
        if omitted:
            return f"{annotation} | None", "None"
        if pointer or annotation in ("Time", "MicroTime", "Json"):
            return f"{annotation} | None", "field(default_factory=always(None))"
        return annotation, f"field(default_factory=always({ZERO[annotation]}))"

    def write_class(self, type_name: str) -> tuple[str, str, list[tuple[str, str]]]:
        """Return (class source, facts source, referenced structs) of one type."""
        cls = type_name.rsplit(".", maxsplit=1)[-1]
        known = self.types[type_name].get("fields", {})
        fields = [self.field(type_name, name, known[name]) for name in self.order(type_name)]
        base = "Value"
        constant = self.constants.get(type_name)
        if constant and "metadata" in known:
            meta = known["metadata"].get("ref", "")
            base = {
                META + "ObjectMeta": "Object",
                META + "ListMeta": "ListObject" if "items" in known else "Value",
            }.get(meta, "Value")
        lines = [f"class {cls}({base}, frozen=True, kw_only=True):"]
        for item in fields:
            value = item.default
            if constant and item.json_name in ("kind", "apiVersion"):
                text = constant[0] if item.json_name == "kind" else constant[1]
                item.annotation, value = "str", f'field(default_factory=always("{text}"))'
            if item.attr != item.json_name:
                if value.startswith("field("):
                    value = value[:-1] + f', name="{item.json_name}")'
                else:
                    value = f'field(default={value}, name="{item.json_name}")'
            lines.append(f"    {item.attr}: {item.annotation} = {value}")
        if not fields:
            lines.append("    pass")
        head = "@" + self.types[type_name].get("mapType", "")
        rows = [head] + ["\t".join(item.facts) for item in fields]
        facts = f'    "{cls}": (\n' + "".join(f"        {_literal(row)}\n" for row in rows) + "    ),\n"
        return "\n".join(lines), facts, [ref for item in fields for ref in item.refs]

    def modules(self) -> dict[str, str]:
        """Return the source of every module, by file name."""
        by_module: dict[str, list[str]] = {}
        for type_name in self.structs:
            by_module.setdefault(module_of(type_name), []).append(type_name)
        output = {}
        where: list[tuple[str, str]] = []
        for module in sorted(by_module):
            output[f"{module}.py"] = self._module(module, by_module[module])
            where += [(name.split(".")[-1], module) for name in by_module[module]]
        table = "".join(
            f'    "{module}": "{" ".join(n for n, m in sorted(where) if m == module)}",\n'
            for module in sorted(by_module)
        )
        kinds = "".join(
            f'    "{gv}/{kind}": "{module_of(name)}",\n'
            for name, (kind, gv) in sorted(self.constants.items(), key=lambda i: i[1][::-1])
        )
        output["_index.py"] = (
            '"""Which module holds which type (generated by k8snb.api._generate, do not edit)."""\n\n'
            f"MODULES: dict[str, str] = {{\n{table}}}\n\n"
            f"KINDS: dict[str, str] = {{\n{kinds}}}\n"
        )
        return output

    def _module(self, module: str, names: list[str]) -> str:
        written: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
            n.split(".")[-1]: self.write_class(n) for n in names
        }
        done: list[str] = []

        def visit(cls: str, path: tuple[str, ...]) -> None:
            if cls in done or cls in path:
                return
            for other, name in written[cls][2]:
                if other == module:
                    visit(name, (*path, cls))
            done.append(cls)

        for cls in sorted(written):
            visit(cls, ())
        others = sorted({other for item in written.values() for other, _ in item[2] if other != module})
        body = "\n\n\n".join(written[cls][0] for cls in done)
        names_used = [n for n in ("IntOrString", "Json", "Map", "MicroTime", "Quantity", "Time") if _uses(body, n)]
        bases = [n for n in ("ListObject", "Object", "Value") if f"({n}, " in body]
        imports = []
        if "field(" in body:
            imports.append("from msgspec import field\n")
        frozen = [n for n in ("EMPTY", "always", "empty") if _uses(body, n)]
        if frozen:
            imports.append(f"from k8snb.api.frozen import {', '.join(frozen)}")
        imports.append(f"from k8snb.api.object import {', '.join(bases)}")
        if names_used:
            imports.append(f"from k8snb.api.scalars import {', '.join(names_used)}")
        if others:
            imports.append(f"from k8snb.api.types import {', '.join(others)}")
        facts = "".join(written[cls][1] for cls in sorted(written))
        return (
            f'"""Types of {module.replace("_", "/")} (generated by k8snb.api._generate, do not edit)."""\n\n'
            "from __future__ import annotations\n\n" + "\n".join(imports) + f"\n\n\n{body}\n\n\n"
            f"FACTS: dict[str, tuple[str, ...]] = {{\n{facts}}}\n"
        )


def resources_module(discovery: Path) -> str:
    """Return the table of served resources, from the recorded discovery documents, groups in the server's order."""
    groups = json.loads((discovery / "apis.aggregated.json").read_text())["items"]
    order = [("", "v1")] + [(g["metadata"]["name"], v["version"]) for g in groups for v in g["versions"]]
    rows = []
    for group, version in order:
        name = f"apis.{group}.{version}.json" if group else f"api.{version}.json"
        found: dict[str, dict[str, Any]] = {}
        for item in json.loads((discovery / name).read_text())["resources"]:
            plural, _, sub = item["name"].partition("/")
            if not sub:
                found[plural] = {**item, "subresources": []}
                continue
            # A few resources exist only as a subresource of nothing else (none today); a missing parent is a fault
            # here.
            where = (item.get("group", group), item.get("version", version))
            found[plural]["subresources"].append((sub, *where, item["kind"], " ".join(item["verbs"])))
        for plural, item in found.items():
            words = [" ".join(item.get(key, ())) for key in ("shortNames", "categories", "verbs")]
            first = (group, version, item["kind"], plural, item["singularName"], item["namespaced"], *words)
            rows.append((*first, item.get("storageVersionHash", ""), tuple(item["subresources"])))
    body = "".join(f"    {row!r},\n" for row in rows)
    return (
        '"""What the API server serves (generated by k8snb.api._generate, do not edit).\n\n'
        "A row: group, version, kind, plural, singular, namespaced, short names, categories, verbs, storage version"
        " hash,\n"
        'subresources (name, group, version, kind, verbs).\n"""\n\n'
        "RESOURCES: tuple[\n"
        "    tuple[str, str, str, str, str, bool, str, str, str, str, tuple[tuple[str, str, str, str, str], ...]],"
        " ...\n"
        f"] = (\n{body})\n"
    )


def layout_module(layout: dict[str, Any]) -> str:
    """Return the Go layout of a pod template and everything in it: what the pod-template-hash is made of."""
    todo, rows = ["v1.PodTemplateSpec"], {}
    while todo:
        name = todo.pop()
        members = layout.get(name)
        if name in rows or not isinstance(members, list) or name.split(".")[0] not in ("v1",) or name == "v1.Time":
            continue
        row = []
        for member in members:
            tag = member["json"].replace(" (embedded)", "")
            attr = "." if ",inline" in tag else attribute(tag.split(",")[0])
            row.append(f"{member['name']} {member['type']} {attr}")
            todo.append(member["type"].lstrip("*").removeprefix("[]"))
        rows[name] = row
    body = "".join(
        f'    "{name}": (\n' + "".join(f'        "{line}",\n' for line in rows[name]) + "    ),\n"
        for name in sorted(rows)
    )
    return (
        '"""The Go layout of PodTemplateSpec (generated by k8snb.api._generate, do not edit).\n\n'
        "Type: (Go field, Go type, attribute), the attribute of an embedded part that is flat in JSON is a full stop.\n"
        f'"""\n\nLAYOUT: dict[str, tuple[str, ...]] = {{\n{body}}}\n'
    )


def _uses(body: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", body) is not None


def _literal(row: str) -> str:
    text = json.dumps(row, ensure_ascii=False)
    return text + ","


def main(arguments: list[str]) -> None:
    """Write every module into the directory given last."""
    schema, proto, layout = (json.loads(Path(name).read_text()) for name in arguments[:3])
    modules = Generator(schema, proto, layout).modules()
    modules["_podtemplate.py"] = layout_module(layout)
    modules["_resources.py"] = resources_module(Path(arguments[3]))
    for name, source in modules.items():
        (Path(arguments[4]) / name).write_text(source)


if __name__ == "__main__":
    main(sys.argv[1:])
