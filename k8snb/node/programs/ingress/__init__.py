"""Ingress controllers as programs in Pods: they read Ingresses, IngressClasses, Services and EndpointSlices, and proxy HTTP.

``rules`` turns Ingresses into routes and matches a request, ``dialects`` says in what the controllers differ (which is just
where the Ingress API leaves room), ``config`` writes the configuration that each would generate, ``program`` answers.
"""

from k8snb.node.programs.ingress.dialects import DIALECTS, Dialect
from k8snb.node.programs.ingress.program import answer, prepare, route_for

__all__ = ["DIALECTS", "Dialect", "answer", "prepare", "route_for"]
