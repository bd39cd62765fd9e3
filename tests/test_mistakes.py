"""What readers do wrong is told in a sentence that says what to do, and nothing of the stack behind it is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from k8snb.cluster import Cluster
from k8snb.controllers import IN_TREE
from k8snb.views.sequence import pod_sequence
from tests.manifests import deployment, pod

CLUSTER: Any = Cluster
Act = Callable[[Any], Any]


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """A settled cluster with a Deployment, a Service and a pod of its own; nothing may change it."""
    made = Cluster(nodes=2)
    made.apply(deployment(replicas=1))
    made.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
    )
    made.apply(pod("lonely"))
    made.settle()
    return made


MISTAKES: dict[str, tuple[Act, str]] = {
    "get: no such object": (lambda c: c.get("pod", "lonley"), 'pods "lonley" not found.*Did you mean lonely?'),
    "get: no such kind": (lambda c: c.get("poood", "x"), 'resource type "poood"; did you mean pods'),
    "get: no name": (lambda c: c.get("pod"), "which pod\\? Give a name"),
    "get: a number": (lambda c: c.get("pod", 5), "5 is no name"),
    "get: not a kind": (lambda c: c.get(5, "x"), "5 is no kind"),
    "get: in another namespace": (lambda c: c.get("pod", "lonely", "kube-system"), "one of that name in namespace default"),
    "list: selector": (lambda c: c.list("pods", selector="a in (b"), "unable to parse"),
    "list: field selector": (lambda c: c.list("pods", field_selector="spec.foo=1"), "field label not supported"),
    "select": (lambda c: c.pods.select("=="), "found '=='"),
    "scale: below zero": (lambda c: c.scale("deploy", "web", -1), "must be greater than or equal to 0"),
    "scale: no such object": (lambda c: c.scale("deploy", "wbe", 1), 'deployments.apps "wbe" not found.*Did you mean web'),
    "scale: a text": (lambda c: c.scale("deploy", "web", "3"), "replicas is '3': give a whole number"),
    "scale: nothing": (lambda c: c.scale("deploy/web"), "replicas is None"),
    "scale: a kind that cannot": (lambda c: c.scale("svc/web", 1), "could not find the requested resource"),
    "patch: no such object": (lambda c: c.patch("deploy/wbe", {}), "Did you mean web"),
    "patch: no body": (lambda c: c.patch("deploy/web"), "the patch is None"),
    "patch: unknown type": (lambda c: c.patch("deploy/web", {}, patch_type="foo"), "patch type 'foo' is unknown"),
    "patch: wrong value": (lambda c: c.patch("deploy/web", {"spec": {"replicas": "x"}}), "replicas"),
    "delete: no such object": (lambda c: c.delete("pod", "lonley"), "Did you mean lonely"),
    "delete: no name": (lambda c: c.delete("pod"), "which pod\\?"),
    "delete: propagation": (lambda c: c.delete("deploy/web", propagation="x"), "Unsupported value"),
    "delete: grace": (lambda c: c.delete("pod/lonely", grace="now"), "grace is 'now'"),
    "evict": (lambda c: c.evict("lonley"), "Did you mean lonely"),
    "break_node": (lambda c: c.break_node("worker-9"), 'nodes "worker-9" not found.*Did you mean'),
    "break_node: a number": (lambda c: c.break_node(1), "1 is no node"),
    "mend_network": (lambda c: c.mend_network("worker-9"), 'nodes "worker-9" not found'),
    "break_container: pod": (lambda c: c.break_container("lonley"), "Did you mean lonely"),
    "break_container: container": (lambda c: c.break_container("lonely", "x"), "has no container 'x': it has lonely"),
    "apply: no such file": (lambda c: c.apply("nowhere.yaml"), "there is no such file"),
    "apply: a word": (lambda c: c.apply("web"), "there is no such file"),
    "apply: nothing": (lambda c: c.apply(""), "nothing to apply"),
    "apply: only comments": (lambda c: c.apply("# nothing\n---\n"), "nothing to apply"),
    "apply: no manifest": (lambda c: c.apply("a: b"), "apiVersion is missing"),
    "apply: broken JSON": (lambda c: c.apply("{"), "not valid JSON"),
    "apply: broken YAML": (lambda c: c.apply("a: b: c\n  d"), "(?i)yaml|mapping"),
    "apply: a number": (lambda c: c.apply(42), "cannot apply 42"),
    "apply: bad name": (lambda c: c.apply(pod("A_b")), "lowercase RFC 1123 subdomain"),
    "apply: unknown kind": (
        lambda c: c.apply("apiVersion: v1\nkind: Poood\nmetadata: {name: x}\n"), "Poood 'x' .line 1.*did you mean",
    ),
    "apply: no such namespace": (lambda c: c.apply(pod("x"), namespace="nope"), 'namespaces "nope" not found'),
    "create: exists": (lambda c: c.create(pod("lonely")), 'pods "lonely" already exists'),
    "at: future revision": (lambda c: c.at(10**6), "there is no revision 1000000: the history reaches from 0 to"),
    "at: negative": (lambda c: c.at(-1), "there is no revision -1"),
    "at: a text": (lambda c: c.at("42"), "revision is '42'"),
    "at: neither": (lambda c: c.at(), "either a revision or a time"),
    "at: no time": (lambda c: c.at(time="noon"), "'noon' is no time"),
    "at: future time": (lambda c: c.at(time=1e9), "time reaches from 0 to"),
    "run: backwards": (lambda c: c.run(-1), "time only moves forward"),
    "run: for ever": (lambda c: c.run(float("inf")), "cannot run inf seconds"),
    "run: how long": (lambda c: c.run(), "run for how long\\?"),
    "run: a text": (lambda c: c.run("10"), "give a number of seconds"),
    "run: no condition": (lambda c: c.run(until=5), "give a condition"),
    "step: below zero": (lambda c: c.step(-1), "cannot make -1 steps"),
    "explain: no such object": (lambda c: c.explain("pod/lonley"), "Did you mean lonely"),
    "explain: no name": (lambda c: c.explain("pod"), "explain what\\?"),
    "explain: a number": (lambda c: c.explain(42), "cannot explain 42"),
    "explain: a language": (lambda c: c.explain("pod/lonely").text("fr"), "use 'zh' or 'en'"),
    "collections: attribute": (lambda c: c.pods.lonley, "no pod named 'lonley': there are"),
    "collections: number": (lambda c: c.pods[99], "there is no pod number 99"),
    "collections: name": (lambda c: c.pods["lonley"], "Did you mean lonely"),
    "collections: neither": (lambda c: c.pods[None], "neither a number nor a name"),
    "no such collection": (lambda c: c.podz, "did you mean pods"),
    "nothing like a collection": (lambda c: c.xyzzy, "named as in kubectl"),
    "request: no such pod": (lambda c: c.request("pod/x", "http://web"), "there is no pod default/x"),
    "request: no source": (lambda c: c.request("x", "http://web"), "'x' is not a source"),
    "request: no such node": (lambda c: c.request("node/x", "http://web"), "there is no node 'x'"),
    "logs: no such pod": (lambda c: c.logs("lonley"), "Did you mean lonely"),
    "logs: no such container": (lambda c: c.logs("lonely", "x"), "has no container 'x'"),
    "logs: no previous": (lambda c: c.logs("lonely", previous=True), "previous terminated container"),
    "exec: no such pod": (lambda c: c.exec("lonley", "ls"), "Did you mean lonely"),
    "add_node: exists": (lambda c: c.add_node("worker-1"), "there is a node worker-1 already"),
    "add_node: bad name": (lambda c: c.add_node("Bad Node"), "a node cannot be called 'Bad Node'"),
    "add_node: no amount": (lambda c: c.add_node("n", cpu="x"), "cpu 'x' is no amount"),
    "add_node: no such field": (lambda c: c.add_node("n", memry="1Gi"), "a node has no 'memry'; did you mean memory"),
    "add_node: no taint": (lambda c: c.add_node("n", taints=["a"]), "'a' is not a taint"),
    "remove_node": (lambda c: c.remove_node("worker-9"), 'nodes "worker-9" not found'),
    "stop_component": (lambda c: c.stop_component("kube-schduler"), "did you mean kube-scheduler"),
    "diff": (lambda c: c.diff(5), "cannot compare a cluster with 5"),
    "history: no such revision": (lambda c: c.history.at(10**6), "there is no 1000000"),
    "history: no such item": (lambda c: c.history[10**6], "there is none at 1000000"),
    "sequence": (lambda c: pod_sequence(c, "lonley"), "Did you mean lonely"),
    "Cluster: negative": (lambda c: CLUSTER(nodes=-1), "cannot have -1 nodes"),
    "Cluster: a text": (lambda c: CLUSTER(nodes="x"), "nodes is 'x': give a number"),
    "Cluster: half a node": (lambda c: CLUSTER(nodes=2.5), "nodes is 2.5"),
    "Cluster: misspelt field": (lambda c: CLUSTER(nodes=[{"nam": "x"}]), "did you mean name"),
    "Cluster: twins": (lambda c: CLUSTER(nodes=["a", "a"]), "two nodes have the name 'a'"),
    "Cluster: seed": (lambda c: CLUSTER(seed="x"), "seed is 'x'"),
    "Cluster: controllers": (lambda c: CLUSTER(controllers=[*IN_TREE, 5]), "5 is no controller"),
    "Cluster: no folder": (lambda c: CLUSTER(path="/no/where/x.db"), "there is no directory /no/where"),
}  # fmt: skip


def rendered(cluster: Cluster, act: Act) -> str:
    """What a notebook shows of the mistake: its sentences, or that there was none, or that it would be a stack."""
    try:
        act(cluster)
    except Exception as error:
        shown: Any = getattr(error, "_render_traceback_", None)
        return f"a stack, for {error!r}" if shown is None else " ".join(shown())
    return "no mistake"


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_a_sentence(cluster: Cluster, name: str) -> None:
    act, words = MISTAKES[name]
    before = (cluster.revision, cluster.now, list(cluster.kubelets.agents))
    told = rendered(cluster, act)

    assert re.search(words, told), told
    assert before == (cluster.revision, cluster.now, list(cluster.kubelets.agents))


def test_ipython_shows_the_sentence_and_no_stack(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]
    shell.user_ns["cluster"] = cluster
    shell.run_cell("cluster.get('pod', 'lonley')")
    shown = "".join(capsys.readouterr())

    assert 'Error from server (NotFound): pods "lonley" not found' in shown
    assert "Did you mean lonely?" in shown
    assert "k8snb/" not in shown


def test_a_folder_without_manifests(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \.yaml, \.yml or \.json file"):
        cluster.apply(tmp_path)


@pytest.mark.parametrize(
    "act",
    [
        lambda c: c.delete("pod/default/lonely"),
        lambda c: c.delete("pod/lonely"),
        lambda c: c.delete(c.get("pod/lonely")),
        lambda c: c.delete("pod", "lonely"),
        lambda c: c.delete("po", "lonely", "default"),
        lambda c: c.evict("pod/lonely"),
        lambda c: c.evict("lonely"),
        lambda c: c.evict(c.pods.lonely),
    ],
)
def test_all_ways_to_name_an_object(cluster: Cluster, act: Act) -> None:
    other = cluster.fork()
    act(other)
    other.settle()

    assert "lonely" not in other.pods.names


@pytest.mark.parametrize(
    "act", [lambda c: c.scale("deploy", "web", 2), lambda c: c.scale("deployment/web", 2),
            lambda c: c.scale(c.deployments.web, 2), lambda c: c.scale("deploy/web", replicas=2),
            lambda c: c.patch("deploy/web", {"spec": {"replicas": 2}}),
            lambda c: c.patch("deploy", "web", [{"op": "replace", "path": "/spec/replicas", "value": 2}])],
)  # fmt: skip
def test_all_ways_to_scale(cluster: Cluster, act: Act) -> None:
    other = cluster.fork()

    assert act(other).spec.replicas == 2
