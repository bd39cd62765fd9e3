"""kubectl in the notebook: the commands of everyday work answer as the real one does."""

from __future__ import annotations

import re

import pytest

from k8snb import locale
from k8snb.cluster import Cluster
from k8snb.kubectl import run
from tests.manifests import SHOP


@pytest.fixture(scope="module")
def shop() -> Cluster:
    cluster = Cluster(nodes=3)
    cluster.apply(SHOP)
    cluster.settle()
    return cluster


ANSWERS = [
    pytest.param(
        "get deploy -n shop",
        r"NAME   READY   UP-TO-DATE   AVAILABLE   AGE\nweb    3/3     3            3           \d+s\n",
        id="table",
    ),
    pytest.param("get pods -n shop -o name", r"(pod/web-[a-z0-9]+-[a-z0-9]{5}\n){3}", id="names"),
    pytest.param("get svc web -n shop -o jsonpath={.spec.ports[0].targetPort}", r"http", id="jsonpath"),
    pytest.param(
        "get cm web-config -n shop -o yaml",
        r"(?s)apiVersion: v1\ndata:\n  GREETING: hello\nkind: ConfigMap\nmetadata:\n.*",
        id="yaml",
    ),
    pytest.param(
        "-n shop get rs -l app=web --no-headers",
        r"web-[a-z0-9]+   3     3     3     \d+s\n",
        id="flags before the command",
    ),
    pytest.param(
        "rollout status deployment/web -n shop", r'deployment "web" successfully rolled out\n', id="rollout status"
    ),
    pytest.param(
        "rollout history deployment web -n shop",
        r"deployment\.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n\n",
        id="history",
    ),
    pytest.param(
        "explain pod.spec.nodeName",
        r"(?s)KIND:       Pod\nVERSION:    v1\n\nFIELD: nodeName <string>\n.*",
        id="explain",
    ),
    pytest.param(
        "explain pod.spec.containers.resources.limits",
        r"(?s).*FIELD: limits <map\[string\]Quantity>\n\n\nDESCRIPTION:\n    The most that may be used.*    An amount as a.*",
        id="explain with the type's own words",
    ),
    pytest.param(
        "explain pod.spec.volumes.rbd.image",
        r"(?s).*<the API reference describes it:\n    https://kubernetes.io/docs/reference/kubernetes-api/>.*",
        id="explain what is not described",
    ),
    pytest.param(
        "api-resources --namespaced=false --no-headers",
        r"(?s)componentstatuses +cs +v1 +false +ComponentStatus\n.*nodes +no +v1 +false +Node\n.*",
        id="api-resources",
    ),
    pytest.param(
        "describe deploy web -n shop",
        r"(?s)Name: +web\nNamespace: +shop\n.*Replicas: +3 desired \| 3 updated \| 3 total \| 3 available \| 0 unavailable\n.*Scaled up replica set web-[a-z0-9]+ from 0 to 3\n",
        id="describe deployment",
    ),
    pytest.param(
        "describe pods -l app=web -n shop",
        r"(?s)Name: +web-.*Controlled By:  ReplicaSet/web-.*Successfully assigned shop/web-.*\n",
        id="describe pods",
    ),
    pytest.param(
        "describe node worker-1",
        r"(?s)Name: +worker-1\n.*Lease:\n  HolderIdentity:  worker-1\n.*Non-terminated Pods: +\(1 in total\)\n.*",
        id="describe node",
    ),
    pytest.param(
        "describe svc web -n shop",
        r"(?s).*Endpoints: +10\.244\.\d+\.\d+:80,10\.244\.\d+\.\d+:80,10\.244\.\d+\.\d+:80\n.*",
        id="describe service",
    ),
    pytest.param("logs -l app=web -n shop --tail=1", r"(.*kube-probe/1\.36.*\n){3}", id="logs"),
]


@pytest.mark.parametrize(("line", "expected"), ANSWERS)
def test_answers(shop: Cluster, line: str, expected: str) -> None:
    result = run(shop, line)

    assert (result.stderr, result.exit) == ("", 0)
    assert re.fullmatch(expected, result.stdout), result.stdout


REFUSALS = [
    pytest.param("get pod nosuch", 'Error from server (NotFound): pods "nosuch" not found\n', id="missing object"),
    pytest.param("get foo", 'error: the server doesn\'t have a resource type "foo"\n', id="unknown kind"),
    pytest.param(
        "get pods --bogus", "error: unknown flag: --bogus\nSee 'kubectl get --help' for usage.\n", id="unknown flag"
    ),
    pytest.param(
        "gett pods", 'error: unknown command "gett" for "kubectl"\n\nDid you mean this?\n\tget\n', id="mistyped command"
    ),
    pytest.param(
        "scale deploy web -n shop --replicas=x",
        'error: invalid argument "x" for "--replicas" flag: strconv.ParseInt: parsing "x": invalid syntax\nSee \'kubectl scale --help\' for usage.\n',
        id="bad number",
    ),
    pytest.param("get pods 'unclosed", "error: No closing quotation\n", id="quotes"),
]


@pytest.mark.parametrize(("line", "expected"), REFUSALS)
def test_refusals(shop: Cluster, line: str, expected: str) -> None:
    result = run(shop, line)

    assert (result.stdout, result.stderr, result.exit) == ("", expected, 1)


def test_a_day_of_work(shop: Cluster) -> None:
    cluster = shop.fork()

    def kubectl(line: str, stdin: str = "") -> str:
        result = run(cluster, line, stdin)
        assert result.exit == 0, result.stderr
        return result.stdout

    assert kubectl("apply -f -", SHOP).endswith("deployment.apps/web unchanged\nservice/web unchanged\n")
    assert kubectl("scale deploy/web --replicas=1 -n shop") == "deployment.apps/web scaled\n"
    assert kubectl("set image deploy/web web=nginx:1.28 -n shop") == "deployment.apps/web image updated\n"
    assert "successfully rolled out" in kubectl("rollout status deploy/web -n shop")
    assert kubectl("rollout undo deploy/web -n shop") == "deployment.apps/web rolled back\n"
    assert kubectl("label ns shop team=blue") == "namespace/shop labeled\n"
    assert kubectl("cordon worker-1") == "node/worker-1 cordoned\n"
    assert "drained" in kubectl("drain worker-2 --ignore-daemonsets --force")
    assert kubectl("uncordon worker-1") == "node/worker-1 uncordoned\n"
    assert kubectl("wait --for=condition=Available deploy/web -n shop") == "deployment.apps/web condition met\n"
    cluster.settle()
    pod = kubectl("get pods -n shop -o name").split()[0]
    assert kubectl(f"exec -n shop {pod} -- echo hi") == "hi\n"
    assert kubectl("delete ns shop").startswith('namespace "shop" deleted')
    assert (
        kubectl("get ns -o name")
        == "namespace/default\nnamespace/kube-node-lease\nnamespace/kube-public\nnamespace/kube-system\n"
    )


def test_explain_speaks_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "_chosen", ["zh_CN"])
    found = run(Cluster(nodes=0), "explain deployment.spec.strategy.rollingUpdate").stdout

    assert "maxSurge\t<IntOrString>\n    可以多出几个 Pod，数字或百分比（向上取整）。默认 25%。\n" in found
    assert max(sum(2 if ord(char) > 0x2E80 else 1 for char in line) for line in found.splitlines()) <= 80
