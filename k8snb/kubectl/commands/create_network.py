"""`kubectl create ingress` and `service`."""

from __future__ import annotations

from typing import Any

from k8snb.kubectl.call import Call, Command, Group
from k8snb.kubectl.commands.building import COMMON, MANAGER, Tree, new_object, only_name, pairs
from k8snb.kubectl.commands.make import create
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag


def ingress(call: Call) -> int | None:
    """`create ingress NAME --rule=host/path=service:port[,tls[=secret]]`."""
    name = only_name(call, "ingress")
    spec: Tree = {}
    if call.flag("class"):
        spec["ingressClassName"] = str(call.flag("class"))
    if call.flag("default-backend"):
        spec["defaultBackend"] = {"service": _backend(str(call.flag("default-backend")))}
    rules: dict[str, list[Tree]] = {}
    tls: dict[str, list[str]] = {}
    for word in call.flag("rule"):
        where, _, rest = word.partition("=")
        host, slash, path = where.partition("/")
        target, _, secured = rest.partition(",")
        prefix = path.endswith("*")
        rules.setdefault(host, []).append(
            {
                "path": slash + path.removesuffix("*") if slash else "",
                "pathType": "Prefix" if prefix else "Exact",
                "backend": {"service": _backend(target)},
            }
        )
        if secured.startswith("tls"):
            tls.setdefault(secured.partition("=")[2], []).append(host)
    if not rules and "defaultBackend" not in spec:
        raise KubectlError(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all "
            "traffic) or a list of rules (which catch specific paths)"
        )
    if rules:
        spec["rules"] = [
            {**({"host": host} if host else {}), "http": {"paths": paths}} for host, paths in rules.items()
        ]
    if tls:
        spec["tls"] = [{"hosts": hosts, **({"secretName": secret} if secret else {})} for secret, hosts in tls.items()]
    body = new_object("networking.k8s.io/v1", "Ingress", name, spec=spec)
    if call.flag("annotation"):
        body["metadata"]["annotations"] = pairs(call.flag("annotation"), "annotation")
    create(call, body, MANAGER, failing="failed to create ingress")
    return None


def _backend(text: str) -> Tree:
    name, _, port = text.partition(":")
    return {"name": name, "port": {"number": int(port)} if port.isdecimal() else {"name": port}}


def _service(call: Call, kind: str) -> None:
    name = only_name(call, f"service {kind.lower()}")
    ports = []
    for word in call.flag("tcp"):
        port, _, target = word.partition(":")
        aim: Any = (int(target) if target.isdecimal() else target) if target else int(port)
        ports.append({"name": word.replace(":", "-"), "port": int(port), "targetPort": aim, "protocol": "TCP"})
    if not ports and kind != "ExternalName" and str(call.flags.get("clusterip")) != "None":
        raise KubectlError("at least one tcp port specifier must be provided")
    spec: Tree = {"type": kind, "selector": {"app": name}, "ports": ports}
    if call.flags.get("clusterip"):
        spec["clusterIP"] = str(call.flag("clusterip"))
    if call.flags.get("node-port"):
        for port in spec["ports"]:
            port["nodePort"] = int(call.flag("node-port"))
    if call.flags.get("external-name"):
        spec["externalName"] = str(call.flag("external-name"))
    body = new_object("v1", "Service", name, spec=spec)
    body["metadata"]["labels"] = {"app": name}
    create(call, body, MANAGER, failing=f"failed to create {kind} service")


def service_cluster_ip(call: Call) -> int | None:
    """`create service clusterip NAME --tcp=80`."""
    _service(call, "ClusterIP")
    return None


def service_node_port(call: Call) -> int | None:
    """`create service nodeport NAME --tcp=80`."""
    _service(call, "NodePort")
    return None


def service_load_balancer(call: Call) -> int | None:
    """`create service loadbalancer NAME --tcp=80`."""
    _service(call, "LoadBalancer")
    return None


def service_external_name(call: Call) -> int | None:
    """`create service externalname NAME --external-name=…`."""
    _service(call, "ExternalName")
    return None


_TCP = Flag("tcp", "list")

SERVICE_GROUP = Group(
    "service",
    "Create a Service",
    (
        Command("clusterip", "Inside the cluster", service_cluster_ip, (*COMMON, _TCP, Flag("clusterip", default=""))),
        Command(
            "nodeport", "On every node", service_node_port, (*COMMON, _TCP, Flag("node-port", "number", default=0))
        ),
        Command("loadbalancer", "With a load balancer", service_load_balancer, (*COMMON, _TCP)),
        Command(
            "externalname", "Another name", service_external_name, (*COMMON, _TCP, Flag("external-name", default=""))
        ),
    ),
    ("svc",),
)

NETWORK = (
    SERVICE_GROUP,
    Command(
        "ingress",
        "Create an Ingress",
        ingress,
        (
            *COMMON,
            Flag("rule", "array"),
            Flag("class", default=""),
            Flag("default-backend", default=""),
            Flag("annotation", "array"),
        ),
        ("ing",),
    ),
)
