"""CoreDNS as kubeadm installs it: the Service kube-dns at 10.96.0.10 and two Pods of its own behind it.

With it a question for a name is traffic like any other: it goes to the Service, a NetworkPolicy may stop it, and without
ready Pods nobody answers. (In a cluster without the Service kube-dns the nodes' own resolver is taken to answer always.)
The answers follow from the API's objects as the standard Corefile has it; an edited Corefile changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from k8snb.addons.addon import Addon
from k8snb.api import yaml11
from k8snb.api.codec import from_dict
from k8snb.api.object import Object

IMAGE: Final = "registry.k8s.io/coredns/coredns:v1.13.1"
REPLICAS: Final = 2
"""kubeadm's number."""
ADDRESS: Final = "10.96.0.10"
"""The tenth address of the Service range."""

MANIFESTS: Final = f"""
apiVersion: v1
kind: ServiceAccount
metadata: {{name: coredns, namespace: kube-system}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: coredns, namespace: kube-system}}
data:
  Corefile: |
    .:53 {{
        errors
        health {{
           lameduck 5s
        }}
        ready
        kubernetes cluster.local in-addr.arpa ip6.arpa {{
           pods insecure
           fallthrough in-addr.arpa ip6.arpa
           ttl 30
        }}
        prometheus :9153
        forward . /etc/resolv.conf {{
           max_concurrent 1000
        }}
        cache 30 {{
           disable success cluster.local
           disable denial cluster.local
        }}
        loop
        reload
        loadbalance
    }}
---
apiVersion: v1
kind: Service
metadata:
  name: kube-dns
  namespace: kube-system
  labels: {{k8s-app: kube-dns, kubernetes.io/cluster-service: "true", kubernetes.io/name: CoreDNS}}
  annotations: {{prometheus.io/port: "9153", prometheus.io/scrape: "true"}}
spec:
  clusterIP: {ADDRESS}
  selector: {{k8s-app: kube-dns}}
  ports:
  - {{name: dns, port: 53, protocol: UDP, targetPort: 53}}
  - {{name: dns-tcp, port: 53, protocol: TCP, targetPort: 53}}
  - {{name: metrics, port: 9153, protocol: TCP, targetPort: 9153}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: coredns, namespace: kube-system, labels: {{k8s-app: kube-dns}}}}
spec:
  replicas: {REPLICAS}
  strategy: {{type: RollingUpdate, rollingUpdate: {{maxUnavailable: 1}}}}
  selector: {{matchLabels: {{k8s-app: kube-dns}}}}
  template:
    metadata: {{labels: {{k8s-app: kube-dns}}}}
    spec:
      priorityClassName: system-cluster-critical
      serviceAccountName: coredns
      nodeSelector: {{kubernetes.io/os: linux}}
      dnsPolicy: Default
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 100
            podAffinityTerm:
              topologyKey: kubernetes.io/hostname
              labelSelector: {{matchExpressions: [{{key: k8s-app, operator: In, values: [kube-dns]}}]}}
      tolerations:
      - {{key: CriticalAddonsOnly, operator: Exists}}
      - {{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}}
      volumes:
      - {{name: config-volume, configMap: {{name: coredns, items: [{{key: Corefile, path: Corefile}}]}}}}
      containers:
      - name: coredns
        image: {IMAGE}
        imagePullPolicy: IfNotPresent
        args: [-conf, /etc/coredns/Corefile]
        resources: {{limits: {{memory: 170Mi}}, requests: {{cpu: 100m, memory: 70Mi}}}}
        volumeMounts: [{{name: config-volume, mountPath: /etc/coredns, readOnly: true}}]
        ports:
        - {{containerPort: 53, name: dns, protocol: UDP}}
        - {{containerPort: 53, name: dns-tcp, protocol: TCP}}
        - {{containerPort: 9153, name: metrics, protocol: TCP}}
        - {{containerPort: 8080, name: liveness-probe, protocol: TCP}}
        - {{containerPort: 8181, name: readiness-probe, protocol: TCP}}
        livenessProbe:
          httpGet: {{path: /health, port: liveness-probe, scheme: HTTP}}
          initialDelaySeconds: 60
          timeoutSeconds: 5
          successThreshold: 1
          failureThreshold: 5
        readinessProbe:
          httpGet: {{path: /ready, port: readiness-probe, scheme: HTTP}}
        securityContext:
          allowPrivilegeEscalation: false
          capabilities: {{add: [NET_BIND_SERVICE], drop: [ALL]}}
          readOnlyRootFilesystem: true
"""
"""What kubeadm's phase ``addon coredns`` applies, apart from its access."""

ACCESS: Final = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "system:coredns"}
rules:
- {apiGroups: [""], resources: [endpoints, services, pods, namespaces], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: "system:coredns"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:coredns"}
subjects: [{kind: ServiceAccount, name: coredns, namespace: kube-system}]
"""


def _objects(text: str) -> Iterable[Object]:
    for part, _ in yaml11.split(text):
        yield from_dict(None, yaml11.load(part).tree)


class CoreDNS(Addon):
    """The cluster's DNS server as Pods: ``Cluster(addons=[*ADDONS, CoreDNS])``."""

    name = "coredns"

    def objects(self) -> Iterable[Object]:
        """Its configuration, Service and Deployment."""
        return _objects(MANIFESTS)

    def access(self) -> Iterable[Object]:
        """What it may read."""
        return _objects(ACCESS)
