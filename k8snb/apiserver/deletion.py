"""Kinds that are deleted in their own way: a namespace turns Terminating, a definition takes its objects with it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.request import Response
from k8snb.api.types.apiextensions_v1 import CustomResourceDefinitionCondition
from k8snb.apiserver.admission.plugin import DELETE, Attributes
from k8snb.apiserver.custom.definitions import CLEANUP
from k8snb.apiserver.registry.create import stamp
from k8snb.apiserver.registry.delete import check_preconditions, with_propagation

if TYPE_CHECKING:
    from k8snb.api.types.apiextensions_v1 import CustomResourceDefinition
    from k8snb.api.types.core_v1 import Namespace
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.store import KeyValue


def delete_namespace(ctx: ServerContext, ep: Endpoint, current: KeyValue) -> Response:
    """Mark the namespace on the first request, do nothing while it has `spec.finalizers`, remove it afterwards."""
    from k8snb.apiserver.verbs import delete_object

    r = ctx.request
    options = r.options
    namespace: Namespace = current.value
    meta = namespace.metadata
    name = meta.name or ""
    for what, wanted, actual in (
        ("UID", options.uid, meta.uid),
        ("ResourceVersion", options.resource_version_precondition, meta.resourceVersion),
    ):
        if wanted is not None and wanted != actual:
            raise errors.conflict(
                "namespaces",
                name,
                f"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {actual}",
            )
    if meta.deletionTimestamp is not None:
        if namespace.spec.finalizers:
            return Response(200, namespace, resource=ep.resource)
        return delete_object(ctx, ep, current)
    a = Attributes(ctx, DELETE, ep.resource, "", name, name, None, namespace)
    mutators, validators = ep.chain(DELETE, "")
    for check in (*mutators, *validators):
        check(a)
    finalizers = with_propagation(meta.finalizers, options)
    marked = replace(
        namespace,
        metadata=replace(meta, deletionTimestamp=ctx.now, finalizers=finalizers),
        status=replace(namespace.status, phase="Terminating"),
    )
    if not options.dry_run:
        marked = ctx.server.store.put(current.key, partial(stamp, marked), current.mod_revision, ctx.cause).value
    code = 202 if options.orphan_dependents is False else 200
    return Response(code, marked, resource=ep.resource)


def delete_definition(ctx: ServerContext, ep: Endpoint, current: KeyValue) -> Response:
    """Mark a CustomResourceDefinition; `k8snb.apiserver.custom.definitions` then deletes its objects and it."""
    from k8snb.apiserver.verbs import delete_object

    definition: CustomResourceDefinition = current.value
    meta = definition.metadata
    if meta.deletionTimestamp is not None or ctx.dry_run:
        return delete_object(ctx, ep, current)
    check_preconditions(ep, definition, ctx.request.options.uid, ctx.request.options.resource_version_precondition)
    finalizers = meta.finalizers if CLEANUP in meta.finalizers else (*meta.finalizers, CLEANUP)
    condition = CustomResourceDefinitionCondition(
        type="Terminating",
        status="True",
        lastTransitionTime=ctx.now,
        reason="InstanceDeletionPending",
        message="CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    )
    conditions = (*(item for item in definition.status.conditions if item.type != "Terminating"), condition)
    marked = replace(
        definition,
        metadata=replace(meta, deletionTimestamp=ctx.now, finalizers=finalizers),
        status=replace(definition.status, conditions=conditions),
    )
    marked = ctx.server.store.put(current.key, partial(stamp, marked), current.mod_revision, ctx.cause).value
    return Response(200, marked, resource=ep.resource)
