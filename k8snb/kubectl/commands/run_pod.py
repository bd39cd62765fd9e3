"""`kubectl run` and `kubectl expose`."""

from __future__ import annotations

import json
from typing import Any

from k8snb.api import gojson
from k8snb.api.codec import to_dict
from k8snb.apiserver.patch import merge_patch, strategic
from k8snb.apiserver.patch.metadata import map_type
from k8snb.apiserver.patch.tree import thaw
from k8snb.kubectl import targets
from k8snb.kubectl.call import DRY_RUN, FILES, PRINTING, SELECTOR, Call, Command
from k8snb.kubectl.commands.make import create
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.targets import Found

Tree = dict[str, Any]


def run(call: Call) -> int | None:
    """Run an image in a pod."""
    if not call.args:
        raise usage("run", "NAME is required for run")
    name = call.args[0]
    image = str(call.flag("image"))
    if not image:
        raise KubectlError('required flag(s) "image" not set')
    words = [*call.args[1:], *(call.behind or ())]
    restart = str(call.flag("restart"))
    if restart not in ("Always", "OnFailure", "Never"):
        raise usage("run", f"invalid restart policy: {restart}")
    container: Tree = {"name": name, "image": image}
    if call.flag("env"):
        container["env"] = [dict(zip(("name", "value"), word.split("=", 1), strict=True)) for word in call.flag("env")]
    if words:
        container["command" if call.flag("command") else "args"] = words
    if call.flag("image-pull-policy"):
        container["imagePullPolicy"] = str(call.flag("image-pull-policy"))
    if call.flag("port"):
        container["ports"] = [{"containerPort": int(call.flag("port"))}]
    if call.flag("privileged"):
        container["securityContext"] = {"privileged": True}
    if call.flag("stdin"):
        container |= {"stdin": True, "stdinOnce": True}
    if call.flag("tty"):
        container["tty"] = True
    container["resources"] = {}
    labels = _labels(str(call.flag("labels"))) if call.flag("labels") else {"run": name}
    body: Tree = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [container], "restartPolicy": restart, "dnsPolicy": "ClusterFirst"},
    }
    if call.flag("annotations"):
        body["metadata"]["annotations"] = _labels(",".join(call.flag("annotations")))
    body = _overridden(call, body)
    made = create(call, body, "kubectl-run")
    if call.flag("expose"):
        if not call.flag("port"):
            raise usage("run", "--port must be set when exposing a service")
        port = int(call.flag("port"))
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": port, "targetPort": port, "protocol": "TCP"}]},
        }
        create(call, service, "kubectl-run")
    if made is not None and (call.flag("attach") or call.flag("stdin")):
        return _attach(call, name)
    return None


def _attach(call: Call, name: str) -> int | None:
    """What `-it` and `--rm` show: the pod's output until it ends."""
    client, pods = call.client, call.client.core("pods")

    def ended() -> bool:
        found = client.find(pods, call.namespace, name)
        return found is None or found.status.phase in ("Succeeded", "Failed")

    timeout = float(call.flag("pod-running-timeout") or 60.0)
    client.wait(ended, timeout)
    response = client.send("get", pods, call.namespace, name, subresource="log")
    call.write(response.text or "")
    if call.flag("rm"):
        client.delete(pods, call.namespace, name)
        call.print(f'pod "{name}" deleted')
    return None


def _labels(text: str) -> dict[str, str]:
    out = {}
    for word in text.split(","):
        key, equals, value = word.partition("=")
        if not equals:
            raise KubectlError(f"unexpected label specification: {word}")
        out[key] = value
    return out


def _overridden(call: Call, body: Tree) -> Tree:
    """The object with `--overrides` laid over it."""
    text = str(call.flag("overrides") or "")
    if not text:
        return body
    try:
        patch = thaw(gojson.loads(text))
    except gojson.JsonError as error:
        raise KubectlError(str(error)) from None
    how = str(call.flag("override-type"))
    if how == "strategic":
        resource = call.client.core("pods")
        return strategic.apply(body, patch, map_type(resource.type))
    if how == "json":
        from k8snb.apiserver.patch import json_patch

        changed: Tree = json.loads(json.dumps(json_patch.apply(body, patch)))
        return changed
    return dict(merge_patch.apply(body, patch))


RUN = Command(
    "run",
    "Run an image in a pod",
    run,
    (
        *PRINTING,
        DRY_RUN,
        Flag("image", default=""),
        Flag("image-pull-policy", default=""),
        Flag("labels", short="l", default=""),
        Flag("annotations", "array"),
        Flag("env", "array"),
        Flag("port", default=""),
        Flag("expose", "switch", default=False),
        Flag("restart", default="Always"),
        Flag("command", "switch", default=False),
        Flag("overrides", default=""),
        Flag("override-type", default="merge"),
        Flag("privileged", "switch", default=False),
        Flag("stdin", "switch", short="i", default=False),
        Flag("tty", "switch", short="t", default=False),
        Flag("attach", "switch", default=False),
        Flag("rm", "switch", default=False),
        Flag("quiet", "switch", short="q", default=False),
        Flag("leave-stdin-open", "switch", default=False),
        Flag("pod-running-timeout", "duration", default=60.0),
        Flag("save-config", "switch", default=False),
        Flag("field-manager", default=""),
    ),
)


def expose(call: Call) -> int | None:
    """Make a Service for an object."""
    for item in targets.fetch(call, list_all=False):
        body = service_for(call, item)
        create(call, body, "kubectl-expose", done="exposed")
    return None


def service_for(call: Call, item: Found) -> Tree:
    """The Service that `kubectl expose` makes of an object; raises `KubectlError`."""
    tree = to_dict(item.object)
    kind = item.resource.kind
    chosen = _labels(str(call.flag("selector"))) if call.flag("selector") else _selector(tree, kind, item)
    found = _ports(tree, kind)
    protocols = {str(port.get("port") or port.get("containerPort")): port.get("protocol", "TCP") for port in found}
    given = str(call.flag("port") or "")
    if not given:
        given = ",".join(str(port.get("port") or port.get("containerPort")) for port in found)
        if not given:
            raise usage("expose", "couldn't find port via --port flag or introspection")
    numbers = given.split(",")
    ports: list[Tree] = []
    for number in numbers:
        port: Tree = {"port": int(number), "protocol": str(call.flag("protocol") or protocols.get(number, "TCP"))}
        aim = str(call.flag("target-port") or call.flag("container-port") or number)
        port["targetPort"] = int(aim) if aim.isdecimal() else aim
        if len(numbers) > 1:
            port["name"] = f"port-{numbers.index(number) + 1}"
        ports.append(port)
    spec: Tree = {"ports": ports, "selector": chosen}
    if call.flag("type"):
        spec["type"] = str(call.flag("type"))
    for flag, field in (
        ("cluster-ip", "clusterIP"),
        ("load-balancer-ip", "loadBalancerIP"),
        ("session-affinity", "sessionAffinity"),
    ):
        if call.flag(flag):
            spec[field] = str(call.flag(flag))
    if call.flag("external-ip"):
        spec["externalIPs"] = [str(call.flag("external-ip"))]
    labels = _labels(str(call.flag("labels"))) if call.flag("labels") else dict(item.object.metadata.labels)
    name = str(call.flag("name") or item.name)[:63].rstrip("-")
    metadata: Tree = {"name": name}
    if labels:
        metadata["labels"] = labels
    body: Tree = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    if call.flag("overrides"):
        body = dict(merge_patch.apply(body, thaw(gojson.loads(str(call.flag("overrides"))))))
    return body


def _selector(tree: Tree, kind: str, item: Found) -> dict[str, str]:
    spec = tree.get("spec") or {}
    if kind == "Pod":
        labels = tree["metadata"].get("labels") or {}
        if not labels:
            raise KubectlError(
                "couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and cannot be exposed"
            )
        return dict(labels)
    if kind in ("Service", "ReplicationController"):
        found = spec.get("selector") or {}
        if not found:
            raise KubectlError(
                f"couldn't retrieve selectors via --selector flag or introspection: the {kind.lower()} has no pod selector set"
            )
        return dict(found)
    if kind in ("Deployment", "ReplicaSet"):
        selector = spec.get("selector") or {}
        if selector.get("matchExpressions"):
            raise KubectlError(
                "couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions - \""
                + str(selector["matchExpressions"])
                + '" to map-based selector format'
            )
        return dict(selector.get("matchLabels") or {})
    raise KubectlError(
        f"cannot expose a {kind}.{item.resource.group}" if item.resource.group else f"cannot expose a {kind}"
    )


def _ports(tree: Tree, kind: str) -> list[Tree]:
    spec = tree.get("spec") or {}
    if kind == "Service":
        return list(spec.get("ports") or ())
    pod = spec if kind == "Pod" else (spec.get("template") or {}).get("spec") or {}
    return [port for container in pod.get("containers") or () for port in container.get("ports") or ()]


EXPOSE = Command(
    "expose",
    "Make a Service for an object",
    expose,
    (
        *FILES,
        *PRINTING,
        DRY_RUN,
        SELECTOR,
        Flag("port", default=""),
        Flag("target-port", default=""),
        Flag("container-port", default=""),
        Flag("protocol", default=""),
        Flag("name", default=""),
        Flag("type", default=""),
        Flag("labels", default=""),
        Flag("external-ip", default=""),
        Flag("cluster-ip", default=""),
        Flag("load-balancer-ip", default=""),
        Flag("session-affinity", default=""),
        Flag("overrides", default=""),
        Flag("save-config", "switch", default=False),
        Flag("field-manager", default=""),
    ),
)
