"""Whole objects inside custom resources (`x-kubernetes-embedded-resource`): their version, kind and metadata.

Of the metadata, names, labels and annotations are judged; those of the wrong types are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from k8snb.api.codec import from_dict
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, invalid, required
from k8snb.apiserver.validation.metadata import Errors, object_meta

Schema = Mapping[str, Any]


def embedded_errors(tree: Mapping[str, Any], schema: Schema) -> Errors:
    """What is wrong with the objects embedded anywhere in a tree (whose own head is judged elsewhere)."""
    errors: Errors = []
    for key, value in tree.items():
        inner = (schema.get("properties") or {}).get(key)
        if isinstance(inner, Mapping):
            for found, path in _embedded(value, inner, Path(key)):
                _judge(found, path, errors)
    return errors


def _embedded(value: Any, schema: Schema, path: Path) -> Iterator[tuple[Mapping[str, Any], Path]]:
    if isinstance(value, Mapping):
        if schema.get("x-kubernetes-embedded-resource"):
            yield value, path
        properties, more = schema.get("properties") or {}, schema.get("additionalProperties")
        for key, item in value.items():
            if key in properties:
                yield from _embedded(item, properties[key], path / key)
            elif isinstance(more, Mapping):
                yield from _embedded(item, more, path[key])
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from _embedded(item, schema["items"], path[index])


def _judge(value: Mapping[str, Any], path: Path, errors: Errors) -> None:
    for name in ("apiVersion", "kind"):
        text = value.get(name)
        if name not in value:
            errors.append(required(path / name))
        elif not isinstance(text, str):
            errors.append(invalid(path / name, text, "must be a string"))
        elif not text:
            errors.append(invalid(path / name, text, "must not be empty"))
        elif name == "apiVersion" and text.count("/") > 1:
            errors.append(invalid(path / name, text, f"unexpected GroupVersion string: {text}"))
        elif name == "kind" and (messages := names.dns_1035_label(text.lower())):
            detail = "may have mixed case, but should otherwise match: " + ",".join(messages)
            errors.append(invalid(path / name, text, detail))
    meta = from_dict(ObjectMeta, _readable(value.get("metadata")))
    named = replace(meta, name=meta.name or "fakename")
    object_meta(named, bool(meta.namespace), names.path_segment, errors, path / "metadata", kube=False)


def _readable(meta: Any) -> dict[str, Any]:
    """Names, labels and annotations, as far as they are texts."""
    if not isinstance(meta, Mapping):
        return {}
    found = {name: meta[name] for name in ("name", "generateName", "namespace") if isinstance(meta.get(name), str)}
    for name in ("labels", "annotations"):
        pairs = meta.get(name)
        if isinstance(pairs, Mapping) and all(isinstance(text, str) for text in pairs.values()):
            found[name] = dict(pairs)
    return found
