"""The manifests of an ingress controller: its namespace, its IngressClass, a Deployment and a Service in front of it."""

from __future__ import annotations

from k8snb.api.mistakes import BadValue, did_you_mean
from k8snb.node.programs.ingress import DIALECTS, Dialect
from k8snb.node.programs.ingress.gateway import GROUP

NAMESPACE = "ingress"
"""Controllers share one namespace here, so that several can run side by side."""


def controller(name: str) -> Dialect:
    """A controller by name; ``BadValue`` names those that exist."""
    for known in DIALECTS:
        if known.name == name:
            return known
    names = [d.name for d in DIALECTS]
    raise BadValue(
        f"there is no ingress controller {name!r}{did_you_mean(name, names) or ': known are ' + ', '.join(names)}"
    )


def ingress_manifests(name: str, replicas: int = 1, default: bool = True) -> tuple[str, str]:
    """Two manifests to apply one after the other: the namespace, then the rest (the namespace needs a moment).

    ``default`` makes its class the default one for Ingresses that name none.
    """
    kind = controller(name)
    note = "  annotations: {ingressclass.kubernetes.io/is-default-class: 'true'}\n" if default else ""
    return (
        f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n",
        f"""apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata:
  name: {name}
{note}spec: {{controller: {kind.controller}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: controller
        image: {kind.image}
        ports: [{{name: http, containerPort: 80}}, {{name: https, containerPort: 443}}]
        readinessProbe: {{httpGet: {{path: {"/ping" if name == "traefik" else "/healthz"}, port: 10254}}, periodSeconds: 5}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  type: LoadBalancer
  selector: {{app: {name}}}
  ports: [{{name: http, port: 80, targetPort: http}}, {{name: https, port: 443, targetPort: https}}]
""",
    )


def gateway_manifests(name: str) -> tuple[str, str]:
    """Gateway API for a controller: its CustomResourceDefinitions, then a GatewayClass and a Gateway, both of its name.

    The definitions leave their specs open; the real ones (gateway-api 1.4, standard channel) check them. With them comes
    what the controller must be allowed to do in a cluster with RBAC.
    """
    kind = controller(name)
    if not kind.gateway:
        known = ", ".join(d.name for d in DIALECTS if d.gateway)
        raise BadValue(f"the controller {name} does not know the Gateway API here: those that do are {known}")
    return (
        "---".join(_definition(*k) for k in KINDS),
        f"""apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: {NAMESPACE}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {name}-gateway}}
rules:
- {{apiGroups: [""], resources: [namespaces, services, pods], verbs: [get, list, watch]}}
- {{apiGroups: [{GROUP}], resources: [gatewayclasses, gateways, httproutes, referencegrants], verbs: [get, list, watch]}}
- {{apiGroups: [{GROUP}], resources: [gatewayclasses/status, gateways/status, httproutes/status], verbs: [update, patch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {name}-gateway}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name}-gateway}}
subjects: [{{kind: ServiceAccount, name: {name}, namespace: {NAMESPACE}}}]
---
apiVersion: {GROUP}/v1
kind: GatewayClass
metadata: {{name: {name}}}
spec: {{controllerName: {kind.gateway}}}
---
apiVersion: {GROUP}/v1
kind: Gateway
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  gatewayClassName: {name}
  listeners: [{{name: http, port: 80, protocol: HTTP, allowedRoutes: {{namespaces: {{from: All}}}}}}]
""",
    )


KINDS = (
    ("GatewayClass", "gatewayclasses", "gc", "Cluster", "v1", (
        ("Controller", "string", ".spec.controllerName"),
        ("Accepted", "string", '.status.conditions[?(@.type=="Accepted")].status'),
    )),
    ("Gateway", "gateways", "gtw", "Namespaced", "v1", (
        ("Class", "string", ".spec.gatewayClassName"),
        ("Address", "string", ".status.addresses[*].value"),
        ("Programmed", "string", '.status.conditions[?(@.type=="Programmed")].status'),
    )),
    ("HTTPRoute", "httproutes", "", "Namespaced", "v1", (("Hostnames", "string", ".spec.hostnames"),)),
    ("ReferenceGrant", "referencegrants", "refgrant", "Namespaced", "v1beta1", ()),
)  # fmt: skip
"""Kinds of the Gateway API: kind, plural, short name, scope, version, and the columns that kubectl shows beside the age."""


def _definition(
    kind: str, plural: str, short: str, scope: str, version: str, columns: tuple[tuple[str, str, str], ...]
) -> str:
    shown = [*columns, ("Age", "date", ".metadata.creationTimestamp")]
    printed = ", ".join(f"{{name: {name}, type: {type_}, jsonPath: '{path}'}}" for name, type_, path in shown)
    return f"""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: {plural}.{GROUP}
  annotations: {{api-approved.kubernetes.io: "https://github.com/kubernetes-sigs/gateway-api/pull/3328"}}
spec:
  group: {GROUP}
  scope: {scope}
  names: {{kind: {kind}, plural: {plural}, singular: {kind.lower()}, shortNames: [{short}]}}
  versions:
  - name: {version}
    served: true
    storage: true
    additionalPrinterColumns: [{printed}]
    {"" if kind == "ReferenceGrant" else "subresources: {status: {}}"}
    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"""
