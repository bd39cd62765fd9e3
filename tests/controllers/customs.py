"""Builders of custom resources: definitions as the server keeps them and as manifests, and objects."""

from __future__ import annotations

from typing import Any

from k8snb.api.types.apiextensions_v1 import (
    CustomResourceDefinition,
    CustomResourceDefinitionCondition,
    CustomResourceDefinitionNames,
    CustomResourceDefinitionSpec,
    CustomResourceDefinitionStatus,
    CustomResourceDefinitionVersion,
)
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.unstructured import Unstructured

GROUP = "api.example.com"


def definition(kind: str = "Widget", *, established: bool = True, namespaced: bool = True) -> CustomResourceDefinition:
    """The definition of a kind in :data:`GROUP` with version v1; the plural is the kind in lower case with an s."""
    plural = f"{kind.lower()}s"
    return CustomResourceDefinition(
        metadata=ObjectMeta(name=f"{plural}.{GROUP}", uid=f"uid-{plural}"),
        spec=CustomResourceDefinitionSpec(
            group=GROUP,
            scope="Namespaced" if namespaced else "Cluster",
            names=CustomResourceDefinitionNames(plural=plural, kind=kind),
            versions=(CustomResourceDefinitionVersion(name="v1", served=True, storage=True),),
        ),
        status=CustomResourceDefinitionStatus(
            conditions=(
                CustomResourceDefinitionCondition(type="Established", status="True" if established else "False"),
            )
        ),
    )


def custom(metadata: ObjectMeta, kind: str = "Widget") -> Unstructured:
    """A custom object in version v1."""
    return Unstructured(apiVersion=f"{GROUP}/v1", kind=kind, metadata=metadata)


def manifest(kind: str = "Widget", *, namespaced: bool = True) -> dict[str, Any]:
    """The same definition as one writes it."""
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if namespaced else "Cluster",
            "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
