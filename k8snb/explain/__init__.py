"""Causal answers: why does this object exist, and why is it in this state?

One file per question, one registry line per kind. Every answer is a list of facts with the revisions that made them true,
so the text, the picture, a hint and a grader all tell the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k8snb.api.mistakes import BadType, BadValue
from k8snb.api.object import Object
from k8snb.explain.autoscaler import explain_autoscaler
from k8snb.explain.budget import explain_budget
from k8snb.explain.chain import why_it_exists, why_it_is_gone
from k8snb.explain.components import stopped_for
from k8snb.explain.cronjob import explain_cronjob
from k8snb.explain.fact import Explanation, Fact
from k8snb.explain.gateway import explain_route
from k8snb.explain.ingress import explain_ingress
from k8snb.explain.job import explain_job
from k8snb.explain.others import explain_any, explain_namespace, explain_node
from k8snb.explain.pod import explain_pod
from k8snb.explain.quota import explain_quota
from k8snb.explain.service import explain_service
from k8snb.explain.storage import explain_claim, explain_volume
from k8snb.explain.workload import explain_deployment, explain_replicas
from k8snb.world import World

STATE: tuple[tuple[str, Callable[[World, Any], list[Fact]]], ...] = (
    ("Pod", explain_pod),
    ("Deployment", explain_deployment),
    ("ReplicaSet", explain_replicas),
    ("ReplicationController", explain_replicas),
    ("Job", explain_job),
    ("CronJob", explain_cronjob),
    ("Service", explain_service),
    ("Ingress", explain_ingress),
    ("HTTPRoute", explain_route),
    ("PodDisruptionBudget", explain_budget),
    ("ResourceQuota", explain_quota),
    ("PersistentVolumeClaim", explain_claim),
    ("PersistentVolume", explain_volume),
    ("HorizontalPodAutoscaler", explain_autoscaler),
    ("Node", explain_node),
    ("Namespace", explain_namespace),
)
"""Which function explains the state of which kind; all others get ``explain_any``."""

__all__ = ["STATE", "Explanation", "Fact", "explain"]


def explain(world: World, what: str | Any, language: str | None = None) -> Explanation:
    """Explain an object of a world: ``"pod/web-1"``, ``"deploy/web"``, ``"pod/NAMESPACE/NAME"``, or the object itself.

    The facts of its creation come first, then those of its state. An object that is gone is explained by its deletion.
    Raises NotFound for one that never was.
    """
    if isinstance(what, str):
        kind, _, name = what.strip().replace(" ", "/", 1).partition("/")
        if not name:
            raise BadValue(f"explain what? Name a kind and an object, as in 'pod/web-1' (got {what!r})")
        namespace, _, short = name.rpartition("/")
        resource = world.resource(kind)
        namespace, name = namespace or "default", short
    elif not isinstance(what, Object):
        raise BadType(f"cannot explain {what!r}: name a kind and an object, as in 'pod/web-1', or give the object")
    else:
        resource = world.scheme.of(what)
        namespace, name = what.metadata.namespace or "", what.metadata.name or ""
    key = resource.key(namespace if resource.namespaced else "", name)
    obj = world.find(resource, namespace, name)
    told = f"{resource.kind} {namespace}/{name}" if resource.namespaced else f"{resource.kind} {name}"
    if obj is None:
        gone = why_it_is_gone(world, key)
        if not gone:
            world.get(
                kind if isinstance(what, str) else resource.plural, name, namespace
            )  # raises NotFound, with close names
        born = why_it_exists(world, key)
        known = {fact.revision for fact in born}
        return Explanation(told, [*born, *(fact for fact in gone if fact.revision not in known)], language)
    state = dict(STATE).get(resource.kind, explain_any)
    return Explanation(told, [*why_it_exists(world, key), *state(world, obj), *stopped_for(world, obj)], language)
