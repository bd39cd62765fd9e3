"""What a CustomResourceDefinition defines, as resources: read by the server that serves them and by controllers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.api.scheme import Resource, Subresource

if TYPE_CHECKING:
    from k8snb.api.types.apiextensions_v1 import CustomResourceDefinition, CustomResourceDefinitionVersion

_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_PART = ("get", "patch", "update")


def has_condition(definition: CustomResourceDefinition, name: str) -> bool:
    """Whether a condition of the definition, such as ``Established``, is True."""
    return any(item.type == name and item.status == "True" for item in definition.status.conditions)


def custom_resource(definition: CustomResourceDefinition, version: CustomResourceDefinitionVersion) -> Resource:
    """The resource that one version of a definition adds to a server."""
    spec, names = definition.spec, definition.spec.names
    subresources: dict[str, Subresource] = {}
    given = version.subresources
    if given is not None and given.status is not None:
        subresources["status"] = Subresource("status", spec.group, version.name, names.kind, _PART)
    if given is not None and given.scale is not None:
        subresources["scale"] = Subresource("scale", "autoscaling", "v1", "Scale", _PART)
    return Resource(
        spec.group,
        version.name,
        names.kind,
        names.plural,
        names.singular or names.kind.lower(),
        spec.scope == "Namespaced",
        tuple(names.shortNames),
        tuple(names.categories),
        _VERBS,
        "",
        subresources,
        custom=True,
    )
