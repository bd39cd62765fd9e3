"""The custom resources that a process knows at a moment, and their objects in its cache.

Known are those whose CustomResourceDefinitions are in the view and established. Of several served versions the one that
objects are stored in is taken, else the first one. Owners and calls name groups and kinds; a version never tells two
objects apart.
"""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api.custom import custom_resource, has_condition
from k8snb.api.scheme import Resource
from k8snb.api.types.apiextensions_v1 import CustomResourceDefinition
from k8snb.api.unstructured import Unstructured
from k8snb.client.view import View, custom_key, group_of


def defined(view: View) -> list[Resource]:
    """All custom resources, those of the oldest definition first."""
    return [resource for definition in view.list(CustomResourceDefinition) for resource in of_definition(definition)]


def of_definition(definition: CustomResourceDefinition | None) -> Iterable[Resource]:
    """The resource of a definition; nothing when there is none, it is not established, or no version is served."""
    if definition is None or not has_condition(definition, "Established"):
        return ()
    served = sorted((v for v in definition.spec.versions if v.served), key=lambda version: not version.storage)
    return (custom_resource(definition, served[0]),) if served else ()


def named(view: View, qualified: str) -> Resource | None:
    """The custom resource of a name such as ``widgets.example.com``."""
    return next(iter(of_definition(view.get(CustomResourceDefinition, None, qualified))), None)


def of_kind(view: View, group: str, kind: str) -> Resource | None:
    """The custom resource of a group and kind."""
    for definition in view.list(CustomResourceDefinition):
        if definition.spec.group == group and definition.spec.names.kind == kind:
            for resource in of_definition(definition):
                return resource
    return None


def find(view: View, resource: Resource, namespace: str | None, name: str) -> Unstructured | None:
    """One object of a custom resource; ``namespace`` is ignored for cluster-scoped ones."""
    where = namespace if resource.namespaced else None
    return view.lookup(Unstructured, custom_key(resource.group, resource.kind, where, name))


def objects(view: View, group: str, kind: str, namespace: str | None = None) -> list[Unstructured]:
    """The objects of a group and kind, of all namespaces or of one, oldest first."""
    return [o for o in view.list(Unstructured, namespace) if o.kind == kind and group_of(o.apiVersion) == group]
