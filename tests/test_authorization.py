"""A cluster with RBAC: every component at work under its own user, and users who may do what roles grant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from k8snb.api.errors import APIError
from k8snb.api.mistakes import BadType, BadValue
from k8snb.api.request import Request, RequestOptions, UserInfo
from k8snb.api.types.core_v1 import ConfigMap, PersistentVolume, PersistentVolumeClaim, Secret
from k8snb.api.unstructured import Unstructured
from k8snb.apiserver.audit import AuditRecord
from k8snb.apiserver.authz.authorizer import Attributes
from k8snb.client.protocol import After, Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.cluster import Cluster
from k8snb.controllers import IN_TREE
from k8snb.kubectl import run
from tests.manifests import deployment, pod

EVERYTHING = """
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
      - {name: web, image: nginx, envFrom: [{configMapRef: {name: conf}}], volumeMounts: [{name: s, mountPath: /s}]}
      volumes: [{name: s, secret: {secretName: sec}}]
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: conf, namespace: shop}, data: {a: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: unused, namespace: shop}, data: {a: b}}
---
{apiVersion: v1, kind: Secret, metadata: {name: sec, namespace: shop}, stringData: {a: b}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: manual, namespace: shop}, spec: {ports: [{port: 80}]}}
---
apiVersion: v1
kind: Endpoints
metadata: {name: manual, namespace: shop}
subsets: [{addresses: [{ip: 10.9.9.9}], ports: [{port: 80}]}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: redis}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: log, namespace: shop}
spec:
  selector: {matchLabels: {app: log}}
  template:
    metadata: {labels: {app: log}}
    spec: {containers: [{name: log, image: busybox, command: [sleep, "9999"]}]}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: old, namespace: shop}
spec:
  replicas: 2
  selector: {app: old}
  template:
    metadata: {labels: {app: old}}
    spec: {containers: [{name: old, image: busybox, command: [sleep, "9999"]}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: shop}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: once, image: busybox, command: [echo, done]}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: often, namespace: shop}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec: {template: {spec: {restartPolicy: Never, containers: [{name: once, image: busybox, command: [echo, done]}]}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 5
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: db, namespace: shop}
spec: {minAvailable: 1, selector: {matchLabels: {app: db}}}
---
{apiVersion: v1, kind: ResourceQuota, metadata: {name: most, namespace: shop}, spec: {hard: {pods: "50"}}}
"""
DEVELOPER = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: developer, namespace: default}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, list, create, patch]}
- {apiGroups: [""], resources: [pods/log], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: developers, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: developer}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: dev}]
"""


@pytest.fixture(scope="module")
def shop() -> Cluster:
    """A cluster with RBAC and one of everything in the namespace shop; tests that change it fork first."""
    cluster = Cluster(nodes=3, authorization="RBAC")
    cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}")
    cluster.settle()
    cluster.apply(EVERYTHING)
    cluster.settle()
    cluster.run(100)
    return cluster


@pytest.fixture
def access() -> Cluster:
    """A cluster with RBAC and a role for developers."""
    cluster = Cluster(nodes=1, authorization="RBAC")
    cluster.apply(DEVELOPER)
    return cluster


def refusals(cluster: Cluster) -> list[AuditRecord]:
    """Requests of components that the authorizer refused; a namespace that is going refuses new objects with 403, too."""
    return [r for r in cluster.server.audit if r.code == 403 and not (r.verb == "create" and r.namespace == "gone")]


def refused(act: Callable[[], Any]) -> str:
    """The text of the refusal with 403."""
    with pytest.raises(APIError) as caught:
        act()
    assert caught.value.code == 403
    return caught.value.message


def test_every_component_may_do_its_work(shop: Cluster) -> None:
    cluster = shop.fork()
    assert cluster.get("deployment/shop/web").status.availableReplicas == 3
    cluster.patch(
        "deployment/shop/web",
        {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:1.26"}]}}}},
    )
    cluster.patch("statefulset/shop/db", {"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}})
    cluster.patch("daemonset/shop/log", {"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}})
    cluster.settle()
    cluster.break_node("worker-1")
    cluster.run(900)
    cluster.remove_node("worker-1")
    cluster.run(120)
    cluster.delete("deployment/shop/web", propagation="Foreground")
    cluster.delete("statefulset/shop/db", propagation="Orphan")
    cluster.run(120)

    assert refusals(cluster) == []
    assert [d.metadata.name for d in cluster.deployments] == []
    assert sorted(p.metadata.labels["app"] for p in cluster.pods.namespace("shop") if "app" in p.metadata.labels) == [
        "db", "db", "log", "log", "old", "old",
    ]  # fmt: skip


def test_a_namespace_goes_with_all_that_is_in_it() -> None:
    cluster = Cluster(nodes=2, authorization="RBAC")
    cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: gone}")
    cluster.settle()
    cluster.apply(deployment("web"), namespace="gone")
    cluster.settle()
    cluster.delete("namespace/gone")
    cluster.settle()

    assert refusals(cluster) == []
    assert [n.metadata.name for n in cluster.namespaces if n.metadata.name == "gone"] == []


def test_components_act_as_their_real_users(shop: Cluster) -> None:
    users = {(r.actor, r.user) for r in shop.server.audit}

    assert {
        ("kube-scheduler", "system:kube-scheduler"),
        ("kubelet/worker-1", "system:node:worker-1"),
        ("deployment-controller", "system:serviceaccount:kube-system:deployment-controller"),
        ("daemonset-controller", "system:serviceaccount:kube-system:daemon-set-controller"),
        ("node-controller", "system:serviceaccount:kube-system:node-controller"),
        ("kube-apiserver", "system:apiserver"),
    } <= users
    assert "system:masters" not in shop.gateway.user("deployment-controller").groups


def lists(cluster: Cluster) -> Iterator[tuple[str, Attributes]]:
    """(process, question) for every list and watch by which the processes fill their caches."""
    alone = (Secret, ConfigMap, PersistentVolume, PersistentVolumeClaim)
    for name, process in cluster.runtime.processes.items():
        for kind in process.interests:
            if kind is Unstructured:  # every custom resource: whoever watches them may watch everything
                continue
            resource = cluster.scheme.of(kind)
            user = UserInfo(f"system:{name}", groups=("system:authenticated",))
            workers = [cluster.runtime.workers[worker] for worker in process.workers]
            if workers[0].account:  # an addon, which acts as its ServiceAccount in all it does
                user = cluster.gateway.user(workers[0].name)
            fields = object_name = namespace = ""
            if name == "kubelet":
                user = cluster.gateway.user("kubelet/worker-1")
                fields = "spec.nodeName=worker-1" if resource.plural == "pods" else ""
                object_name = "worker-1" if resource.plural == "nodes" else ""
                if kind in alone or resource.plural == "leases":  # a kubelet reads these one by one, by name
                    continue
            for verb in ("list", "watch"):
                yield name, Attributes(
                    user, verb, resource.group, resource.version, resource.plural, "", namespace, object_name,
                    field_selector=fields,
                )  # fmt: skip


def test_caches_are_filled_with_lists_that_the_roles_allow(shop: Cluster) -> None:
    asked = list(lists(shop))

    assert len(asked) > 30
    assert [(p, a.verb, a.resource) for p, a in asked if not shop.server.authorizer.authorize(a).allowed] == []


class Namer(Controller):
    """A controller of a class: labels every ConfigMap."""

    name = "namer"
    watches = (Watch(ConfigMap, own_key),)

    def reconcile(self, key: str, view: View) -> Reconcile:
        from k8snb.client.calls import Patch

        found = view.lookup(ConfigMap, key)
        if found is not None and not found.metadata.labels:
            out = yield Patch(
                ConfigMap,
                found.metadata.namespace or "",
                found.metadata.name or "",
                {"metadata": {"labels": {"a": "b"}}},
            )
            if isinstance(out, APIError):
                raise out
        return After(5.0)


def test_a_controller_of_ones_own_needs_a_role() -> None:
    cluster = Cluster(nodes=1, controllers=[*IN_TREE, Namer()], authorization="RBAC")
    cluster.run(10)
    assert {r.user for r in refusals(cluster)} == {"system:serviceaccount:kube-system:namer"}

    run(cluster, "create clusterrole namer --verb=patch --resource=configmaps")
    run(cluster, "create clusterrolebinding namer --clusterrole=namer --serviceaccount=kube-system:namer")
    before = len(refusals(cluster))
    cluster.run(2000)
    assert len(refusals(cluster)) == before
    assert {tuple(c.metadata.labels.items()) for c in cluster.configmaps} == {(("a", "b"),)}


def test_roles_that_gather_rules_follow_their_parts() -> None:
    cluster = Cluster(nodes=0, authorization="RBAC")
    assert [c for c in cluster.history if c.cause.actor == "clusterrole-aggregation-controller"] == []
    cluster.apply("""
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: widgets, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}}
rules: [{apiGroups: [example.com], resources: [widgets], verbs: [get]}]
""")
    cluster.settle()

    for name in ("view", "edit", "admin"):
        role = cluster.get("clusterrole", name)
        assert [r for r in role.rules if r.resources == ("widgets",)] == list(
            cluster.get("clusterrole", "widgets").rules
        )
        stored = cluster.store.get(cluster.scheme.of(role).key("", name))
        assert stored is not None
        managers = {m.name for m in cluster.server.managed_fields.of(stored)}
        assert "clusterrole-aggregation-controller" in managers


# -- users


def test_who_has_no_role_may_not_do_anything(access: Cluster) -> None:
    bob = access.as_user("bob")
    cannot = 'pods "x" is forbidden: User "bob" cannot'
    where = 'in API group "" in the namespace "default"'

    assert (
        refused(lambda: len(bob.pods))
        == 'pods is forbidden: User "bob" cannot list resource "pods" in API group "" at the cluster scope'
    )
    assert refused(lambda: bob.get("pod/x")) == f'{cannot} get resource "pods" {where}'
    assert refused(lambda: bob.delete("pod/x")) == f'{cannot} delete resource "pods" {where}'
    assert refused(lambda: bob.patch("pod/x", {"a": 1})) == f'{cannot} patch resource "pods" {where}'
    assert refused(lambda: bob.evict("x")) == f'{cannot} create resource "pods/eviction" {where}'
    assert refused(lambda: bob.logs("x")) == f'{cannot} get resource "pods/log" {where}'
    assert refused(lambda: bob.exec("x", "ls")) == f'{cannot} create resource "pods/exec" {where}'
    assert refused(lambda: bob.scale("deployment/web", 2)) == (
        'deployments.apps "web" is forbidden: User "bob" cannot update resource "deployments/scale" in API group "apps" in '
        'the namespace "default"'
    )
    with pytest.raises(Exception, match='pods "a" is forbidden: User "bob" cannot get resource "pods"'):
        bob.apply(pod("a"))


def test_groups_carry_roles(access: Cluster) -> None:
    bob = access.as_user("bob", groups=["dev"])
    bob.apply(pod("a"))
    access.settle()

    assert bob.get("pod/a").status.phase == "Running"
    assert bob.creator("pod/a") == "bob"
    assert [p.metadata.name for p in bob.list("pods", namespace="default")] == ["a"]
    assert "start" in bob.logs("a")
    assert refused(lambda: bob.exec("a", "ls")).startswith(
        'pods "a" is forbidden: User "bob" cannot create resource "pods/exec"'
    )
    assert [bob.can("create", "pods"), bob.can("delete", "pods"), bob.can("get", "pods/log"), bob.can("list", "pods", None)] == [
        True, False, True, False,
    ]  # fmt: skip
    assert run(access, "get pods --as bob --as-group dev -o name").stdout == "pod/a\n"
    assert run(access, "get pods --as bob").stderr == (
        'Error from server (Forbidden): pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"\n'
    )
    assert repr(bob).endswith("as bob, groups dev, system:authenticated>")


def test_a_service_account_is_a_user_of_its_groups(access: Cluster) -> None:
    run(access, "create rolebinding robots --role=developer --group=system:serviceaccounts:default")
    robot = access.as_user("system:serviceaccount:default:default")

    assert robot.user.groups == ("system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated")
    assert len(robot.list("pods", namespace="default")) == 0
    assert run(access, "auth can-i list pods --as system:serviceaccount:default:default").stdout == "yes\n"


def test_nobody_grants_what_they_do_not_hold(access: Cluster) -> None:
    run(access, "create clusterrole granter --verb=create,get --resource=rolebindings.rbac.authorization.k8s.io")
    run(access, "create clusterrolebinding granter --clusterrole=granter --user=eve")

    said = run(access, "create rolebinding eve --clusterrole=admin --user=eve --as eve").stderr
    assert (
        'user "eve" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:'
        in said
    )


def test_a_put_or_an_apply_that_creates_needs_create(access: Cluster) -> None:
    run(access, "create role patcher --verb=patch,update --resource=configmaps,leases.coordination.k8s.io")
    run(access, "create rolebinding patcher --role=patcher --user=ann")
    ann = access.as_user("ann")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}
    request = Request(
        "patch", access.resource("configmaps"), "default", "c", "", body, "application/apply-patch+yaml",
        RequestOptions(field_manager="m"), ann.user,
    )  # fmt: skip

    assert refused(lambda: access.handle(request)) == 'configmaps "c" is forbidden: '


def test_a_kubelet_reads_what_its_pods_refer_to(shop: Cluster) -> None:
    def ask(verb: str, plural: str, name: str, namespace: str = "shop", sub: str = "", **more: Any) -> str:
        resource = shop.resource(plural)
        user = shop.gateway.user("kubelet/worker-1")
        decision = shop.server.authorizer.authorize(
            Attributes(user, verb, resource.group, "v1", resource.plural, sub, namespace, name, **more)
        )
        return "yes" if decision.allowed else decision.reason or "no"

    own = [p.metadata.name for p in shop.pods.namespace("shop") if p.spec.nodeName == "worker-1"]
    other = [p.metadata.name for p in shop.pods.namespace("shop") if p.spec.nodeName == "worker-2"]
    nothing = "no relationship found between node 'worker-1' and this object"
    for question, answer in [
        (("get", "secrets", "sec"), "yes"),
        (("watch", "configmaps", "conf"), "yes"),
        (("get", "configmaps", "unused"), nothing),
        (("list", "secrets", ""), "No Object name found"),
        (("get", "secrets", "sec", ""), "can only read namespaced object of this type"),
        (("update", "secrets", "sec"), "can only read resources of this type"),
        (("create", "serviceaccounts", "default", "shop", "token"), "yes"),
        (("create", "serviceaccounts", "other", "shop", "token"), nothing),
        (("get", "pods", own[0]), "yes"),
        (("get", "pods", other[0]), nothing),
        (("list", "pods", "", ""), "can only list/watch pods with spec.nodeName field selector"),
        (("update", "pods", own[0], "shop", "status"), "yes"),
        (("get", "nodes", "worker-1", ""), "yes"),
        (("get", "nodes", "worker-2", ""), "node 'worker-1' cannot read 'worker-2', only its own Node object"),
        (("list", "nodes", "", ""), "node 'worker-1' cannot read all nodes, only its own Node object"),
        (("delete", "nodes", "worker-1", ""), "no"),
        (("update", "leases", "worker-1", "kube-node-lease"), "yes"),
        (("update", "leases", "worker-2", "kube-node-lease"), "can only access node lease with the same name as the requesting node"),
        (("get", "leases", "worker-1", "shop"), 'can only access leases in the "kube-node-lease" system namespace'),
        (("get", "persistentvolumeclaims", "data"), nothing),
        (("list", "services", "", ""), "yes"),
        (("delete", "services", "web"), "no"),
    ]:  # fmt: skip
        assert (question, ask(*question)) == (question, answer)
    assert ask("list", "pods", "", "", field_selector="spec.nodeName=worker-1") == "yes"
    text = refused(
        lambda: shop.server.handle(
            Request("get", shop.resource("secrets"), "shop", "none", user=shop.gateway.user("kubelet/worker-1"))
        )
    )
    assert text == (
        'secrets "none" is forbidden: User "system:node:worker-1" cannot get resource "secrets" in API group "" in the '
        f'namespace "shop": {nothing}'
    )


# -- the switch


def test_a_file_keeps_its_mode(tmp_path: Any) -> None:
    with Cluster(nodes=1, path=tmp_path / "c.db", authorization="RBAC") as cluster:
        revision = cluster.revision
    with Cluster(path=tmp_path / "c.db") as cluster:
        assert (cluster.authorization, cluster.revision) == ("RBAC", revision)
        assert refused(lambda: len(cluster.as_user("bob").pods)).startswith("pods is forbidden")
    with pytest.raises(BadValue, match="made with authorization='RBAC'"):
        Cluster(path=tmp_path / "c.db", authorization="AlwaysAllow")


def test_without_rbac_everybody_may_do_everything() -> None:
    cluster = Cluster(nodes=1)
    bob = cluster.as_user("bob")
    bob.apply(pod("a"))
    cluster.settle()

    assert (bob.get("pod/a").status.phase, len(cluster.clusterroles)) == ("Running", 0)
    assert "start" in bob.logs("a")
    assert bob.can("delete", "nodes")


def test_a_fork_is_asked_on_its_own() -> None:
    cluster = Cluster(nodes=1, authorization="RBAC")
    fork = cluster.fork()
    fork.apply(DEVELOPER)

    assert len(fork.as_user("bob", ["dev"]).list("pods", namespace="default")) == 0
    assert refused(lambda: len(cluster.as_user("bob", ["dev"]).list("pods", namespace="default")))


@pytest.mark.parametrize(
    ("act", "kind", "text"),
    [
        (lambda: Cluster(nodes=0, authorization="rbac"), BadValue, "did you mean RBAC?"),
        (
            lambda: Cluster(nodes=0, authorization=True),  # type: ignore[arg-type]
            BadValue,
            "authorization is True: give one of AlwaysAllow, RBAC",
        ),
        (lambda: Cluster(nodes=0).as_user(""), BadValue, "which user?"),
        (lambda: Cluster(nodes=0).as_user(7), BadType, "7 is no user name"),  # type: ignore[arg-type]
        (lambda: Cluster(nodes=0).as_user("bob", "dev"), BadType, "give a list of names"),
    ],
)
def test_mistakes_are_told(act: Callable[[], Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text.replace("?", r"\?").replace("(", r"\(")):
        act()
