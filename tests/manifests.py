"""Manifests that several tests use, as people write them."""

from __future__ import annotations

SHOP = """apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web-config, namespace: shop}
data: {GREETING: hello}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        ports: [{name: http, containerPort: 80}]
        envFrom: [{configMapRef: {name: web-config}}]
        readinessProbe: {httpGet: {path: /, port: http}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
"""


def deployment(name: str = "web", replicas: int = 2, image: str = "nginx:1.27", pod: str = "") -> str:
    """A Deployment in the namespace default; ``pod`` is more YAML of the pod spec, indented by six."""
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - {{name: {name}, image: "{image}"}}
{pod}"""


def pod(name: str, image: str = "nginx:1.27", container: str = "", spec: str = "") -> str:
    """A pod of one container; ``container`` is more of it indented by four, ``spec`` more of the pod spec by two."""
    return f"""apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
{spec}  containers:
  - name: {name}
    image: "{image}"
{container}"""
