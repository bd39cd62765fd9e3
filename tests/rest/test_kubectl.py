"""Real kubectl, every version that is on this machine, through a session of everyday work on a served cluster."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from k8snb.rest import Serving

CLOUD_SDK = Path("/usr/lib/google-cloud-sdk/bin")
VERSIONS = tuple(f"1.{minor}" for minor in range(27, 34))
WEBSOCKETS = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "true", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "true"}
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: REPLICAS
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: nginx}]}
"""
TWO, THREE = WEB.replace("REPLICAS", "2"), WEB.replace("REPLICAS", "3")
CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    additionalPrinterColumns: [{name: Spec, type: string, jsonPath: .spec.cronSpec}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            description: When and what to run.
            properties: {cronSpec: {type: string}, replicas: {type: integer}}
          status: {type: object, properties: {replicas: {type: integer}}}
"""
TAB = 'apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: {name: mine}\nspec: {cronSpec: "* * * * */5", replicas: 1}\n'

Step = tuple[str, str, int, str]
SHORT: tuple[Step, ...] = (
    ("apply -f -", TWO, 0, r"deployment.apps/web created"),
    ("diff -f -", THREE, 1, r"(?s)-  replicas: 2.*\+  replicas: 3"),
    ("rollout status deployment/web --timeout=60s", "", 0, r"successfully rolled out"),
    ("get deployment web -o wide", "", 0, r"web +2/2 +2 +2 +.*nginx +nginx +app=web"),
    ("explain deployment.spec.replicas", "", 0, r"FIELD: replicas <integer>"),
    ("delete deployment web", "", 0, r'deployment.apps "web" deleted'),
)
LONG: tuple[Step, ...] = (
    *SHORT[:-1],
    ("apply -f -", THREE, 0, r"deployment.apps/web configured"),
    ("create configmap settings --from-literal=a=b", "", 0, r"configmap/settings created"),
    ("create configmap settings --from-literal=a=b", "", 1, r'configmaps "settings" already exists'),
    ("delete configmap settings", "", 0, r'configmap "settings" deleted'),
    ("get --raw /version", "", 0, r'"gitVersion":"v1.36.2"'),
    ("create -f -", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndataa: {}\n", 1, r'unknown field "dataa"'),
    ("apply --server-side -f -", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\n", 0, r"serverside-applied"),
    ("label deployment web tier=front", "", 0, r"labeled"),
    ("annotate deployment web note=x", "", 0, r"annotated"),
    ('patch deployment web -p {"spec":{"paused":false}}', "", 0, r"patched"),
    ("scale deployment web --replicas=1", "", 0, r"scaled"),
    ("set image deployment/web nginx=nginx:1.27", "", 0, r"image updated"),
    ("rollout status deployment/web --timeout=60s", "", 0, r"successfully rolled out"),
    ("rollout history deployment/web", "", 0, r"(?m)^2 +<none>"),
    ("rollout undo deployment/web", "", 0, r"rolled back"),
    ("expose deployment web --port=80", "", 0, r"service/web exposed"),
    ("get endpointslices", "", 0, r"IPv4 +80"),
    ("run one --image=nginx --labels=app=one", "", 0, r"pod/one created"),
    ("wait --for=condition=Ready pod/one --timeout=60s", "", 0, r"condition met"),
    ("get pods -o wide -l app=one", "", 0, r"one +1/1 +Running +0 +\S+ +10\.244\.\d+\.\d+ +worker-\d"),
    ("describe pod one", "", 0, r"(?s)Image: +nginx\n.*Successfully assigned"),
    ("logs one", "", 0, r"start worker processes"),
    ("exec one -- hostname", "", 0, r"^one\n$"),
    ("exec one -- sh -c 'exit 3'", "", 3, r"exit code 3"),
    ("exec -i one -- sh -c 'cat > /tmp/x; cat /tmp/x'", "typed\n", 0, r"typed"),
    ("exec -i one -- sh", "cd /etc\npwd\nX=5\necho $((X+1))\nexit 4\n", 4, r"/etc\n6\n"),
    ("exec one -- nothing", "", 1, r'exec: "nothing": executable file not found'),
    ("events --for=pod/one", "", 0, r"Pulled"),
    ("top nodes", "", 0, r"worker-1 +\d+m +\d+% +\d+Mi +\d+%"),
    ("top pod one", "", 0, r"one +\d+m +8Mi"),
    ("auth can-i create pods", "", 0, r"yes"),
    ("create token default", "", 0, r"^ey[\w.-]+$"),
    ("run hello --image=busybox --restart=Never -- echo hi", "", 0, r"pod/hello created"),
    ("wait --for=jsonpath={.status.phase}=Succeeded pod/hello --timeout=60s", "", 0, r"condition met"),
    ("logs hello", "", 0, r"hi"),
    ("apply -f -", CRD, 0, r"crontabs.stable.example.com created"),
    ("wait --for=condition=Established crd/crontabs.stable.example.com --timeout=60s", "", 0, r"condition met"),
    ("apply -f -", TAB, 0, r"crontab.stable.example.com/mine created"),
    ("get ct", "", 0, r"(?s)NAME +SPEC\nmine +\* \* \* \* \*/5"),
    ("scale crontab mine --replicas=3", "", 0, r"scaled"),
    ("explain crontab.spec", "", 0, r"When and what to run"),
    ("delete crd crontabs.stable.example.com", "", 0, r"deleted"),
    ("taint node worker-1 a=b:NoSchedule", "", 0, r"tainted"),
    ("taint node worker-1 a-", "", 0, r"untainted"),
    ("cordon worker-1", "", 0, r"cordoned"),
    ("drain worker-1 --ignore-daemonsets --force --pod-selector=app=one", "", 0, r"drained"),
    ("uncordon worker-1", "", 0, r"uncordoned"),
    ("get all", "", 0, r"deployment.apps/web"),
    ("delete deployment web --wait=false", "", 0, r"deleted"),
)


class Kubectl:
    """One version of kubectl in a namespace and a home of its own."""

    def __init__(self, binary: str, serving: Serving, namespace: str, home: Path) -> None:
        self.command = [binary, "--kubeconfig", str(serving.kubeconfig), "-n", namespace]
        self.environ = {**os.environ, **WEBSOCKETS, "HOME": str(home)}

    def run(self, words: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it."""
        return subprocess.run(
            [*self.command, *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environ,
            check=False,
        )

    def start(self, words: list[str]) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            [*self.command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=self.environ,
        )  # fmt: skip


def binary_of(version: str) -> str:
    """The path of a version; skips the test when it is not on this machine."""
    path = CLOUD_SDK / f"kubectl.{version}"
    if not path.exists():
        pytest.skip(f"kubectl {version} is not on this machine ({path})")
    return str(path)


def newest() -> str:
    """Any kubectl that speaks WebSocket; skips the test when there is none."""
    for version in reversed(VERSIONS[2:]):
        path = CLOUD_SDK / f"kubectl.{version}"
        if path.exists():
            return str(path)
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("there is no kubectl on this machine")
    return found


def words_of(line: str) -> list[str]:
    """A command line as words."""
    return [word.strip("'") for word in re.findall(r"'[^']*'|\S+", line)]


def in_namespace(serving: Serving, binary: str, name: str, home: Path) -> Kubectl:
    """kubectl in a new namespace that has its ServiceAccount."""
    kubectl = Kubectl(binary, serving, name, home)
    made = kubectl.run(["create", "namespace", name])
    assert made.returncode == 0, made.stderr
    deadline = time.monotonic() + 30
    while kubectl.run(["get", "serviceaccount", "default"]).returncode and time.monotonic() < deadline:
        time.sleep(0.1)
    return kubectl


@pytest.mark.parametrize("version", VERSIONS)
def test_everyday_work(serving: Serving, version: str, tmp_path: Path) -> None:
    kubectl = in_namespace(serving, binary_of(version), f"v{version.replace('.', '-')}", tmp_path)

    for line, stdin, code, expected in LONG if version == VERSIONS[-1] else SHORT:
        done = kubectl.run(words_of(line), stdin)
        said = f"$ kubectl {line}\n{done.stdout}{done.stderr}"
        assert code == done.returncode, said
        assert re.search(expected, done.stdout + done.stderr), said


@pytest.fixture
def kubectl(serving: Serving, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kubectl]:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-")
    found = in_namespace(serving, newest(), name, tmp_path)
    yield found
    found.run(["delete", "namespace", name, "--wait=false"])


def test_an_older_kubectl_is_told_why_exec_does_not_work(serving: Serving, tmp_path: Path) -> None:
    kubectl = in_namespace(serving, binary_of("1.27"), "spdy", tmp_path)
    kubectl.run(["run", "one", "--image=nginx"])
    kubectl.run(["wait", "--for=condition=Ready", "pod/one", "--timeout=60s"])
    done = kubectl.run(["exec", "one", "--", "hostname"])

    assert done.returncode == 1
    assert "speaks WebSocket for exec" in done.stderr


def test_a_log_is_followed_until_the_container_ends(kubectl: Kubectl) -> None:
    script = "for i in 1 2 3; do echo line $i; sleep 20; done"
    kubectl.run(["run", "talker", "--image=busybox", "--restart=Never", "--", "sh", "-c", script])
    kubectl.run(["wait", "--for=condition=Ready", "pod/talker", "--timeout=60s"])
    done = kubectl.run(["logs", "-f", "talker"])

    assert (done.returncode, done.stdout) == (0, "line 1\nline 2\nline 3\n")


def test_a_watch_shows_what_happens(kubectl: Kubectl) -> None:
    watching = kubectl.start(["get", "pods", "-w", "--output-watch-events"])
    time.sleep(0.5)
    kubectl.run(["run", "one", "--image=nginx"])
    kubectl.run(["wait", "--for=condition=Ready", "pod/one", "--timeout=60s"])
    kubectl.run(["delete", "pod", "one"])
    time.sleep(0.5)
    watching.terminate()
    said, _ = watching.communicate(timeout=30)

    assert [re.findall(r"(?m)^([A-Z]+) +one", said)[at] for at in (0, -1)] == ["ADDED", "DELETED"]
    assert re.search(r"MODIFIED +one +1/1 +Running", said)


def test_ports_are_forwarded(kubectl: Kubectl) -> None:
    kubectl.run(["run", "web", "--image=nginx"])
    kubectl.run(["wait", "--for=condition=Ready", "pod/web", "--timeout=60s"])
    forwarding = kubectl.start(["port-forward", "pod/web", ":80"])
    assert forwarding.stdout is not None
    line = forwarding.stdout.readline()
    found = re.search(r"127\.0\.0\.1:(\d+) -> 80", line)
    assert found, line
    with httpx.Client(base_url=f"http://127.0.0.1:{found[1]}", trust_env=False, timeout=30) as client:
        pages = [client.get("/") for _ in range(3)]
        missing = client.get("/nothing")
    forwarding.terminate()
    forwarding.communicate(timeout=30)

    assert [page.status_code for page in pages] == [200] * 3
    assert "Welcome to nginx!" in pages[0].text
    assert missing.status_code == 404
    assert kubectl.run(["logs", "web"]).stdout.count('"GET / HTTP/1.1" 200') == 3


def test_a_port_where_nobody_listens_is_told(kubectl: Kubectl) -> None:
    kubectl.run(["run", "web", "--image=nginx"])
    kubectl.run(["wait", "--for=condition=Ready", "pod/web", "--timeout=60s"])
    forwarding = kubectl.start(["port-forward", "pod/web", ":81"])
    assert forwarding.stdout is not None
    found = re.search(r"127\.0\.0\.1:(\d+) -> 81", forwarding.stdout.readline())
    assert found
    with pytest.raises(httpx.HTTPError), httpx.Client(trust_env=False, timeout=30) as client:
        client.get(f"http://127.0.0.1:{found[1]}/")
    forwarding.terminate()
    said, _ = forwarding.communicate(timeout=30)

    assert "127.0.0.1:81: connect: connection refused" in said


def test_a_pod_is_run_talked_with_and_removed(kubectl: Kubectl) -> None:
    words = ["run", "shell", "--image=busybox", "-i", "--rm", "--restart=Never", "--", "sh"]
    done = kubectl.run(words, "echo hello $HOME\nexit 3\n")

    assert done.returncode == 3, done.stderr
    assert "hello /root" in done.stdout
    assert 'pod "shell" deleted' in done.stdout + done.stderr


def test_a_terminal_echoes_and_prompts(kubectl: Kubectl) -> None:
    """`script` gives kubectl a terminal of its own."""
    script = shutil.which("script")
    if script is None:
        pytest.skip("there is no `script` on this machine to make a terminal")
    kubectl.run(["run", "web", "--image=nginx"])
    kubectl.run(["wait", "--for=condition=Ready", "pod/web", "--timeout=60s"])
    command = " ".join([*kubectl.command, "exec", "-it", "web", "--", "bash"])
    done = subprocess.run(
        [script, "-qc", command, "/dev/null"], input="echo $((40+2))\rfalse\rexit 5\r", capture_output=True, text=True,
        timeout=120, env=kubectl.environ, check=False,
    )  # fmt: skip

    assert "root@web:/# " in done.stdout
    assert "42" in done.stdout
    assert "exit code 5" in done.stdout


def test_debug_adds_an_ephemeral_container(kubectl: Kubectl) -> None:
    kubectl.run(["run", "web", "--image=nginx"])
    kubectl.run(["wait", "--for=condition=Ready", "pod/web", "--timeout=60s"])
    done = kubectl.run(
        ["debug", "web", "--image=busybox", "--container=dbg", "--profile=general", "--", "sleep", "1000"]
    )
    shown: Any = kubectl.run(["get", "pod", "web", "-o", "jsonpath={.spec.ephemeralContainers[*].name}"]).stdout

    assert (done.returncode, shown) == (0, "dbg"), done.stderr


def test_files_are_copied_both_ways(kubectl: Kubectl, tmp_path: Path) -> None:
    content = bytes(range(256)) * 200
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "bytes").write_bytes(content)
    kubectl.run(["run", "one", "--image=nginx"])
    kubectl.run(["wait", "--for=condition=Ready", "pod/one", "--timeout=60s"])
    there = kubectl.run(["cp", str(folder), "one:/srv/"])
    back = kubectl.run(["cp", "one:/srv/folder/bytes", str(tmp_path / "back")])
    missing = kubectl.run(["cp", "one:/srv/nothing", str(tmp_path / "nothing")])

    assert (there.returncode, back.returncode) == (0, 0), there.stderr + back.stderr
    assert (tmp_path / "back").read_bytes() == content
    assert "tar: /srv/nothing: Cannot stat: No such file or directory" in missing.stdout + missing.stderr


def test_the_proxy_is_asked(kubectl: Kubectl) -> None:
    kubectl.run(["run", "one", "--image=nginx", "--port=80", "--expose"])
    kubectl.run(["wait", "--for=condition=Ready", "pod/one", "--timeout=60s"])
    root = f"/api/v1/namespaces/{kubectl.command[-1]}"
    answers = [kubectl.run(["get", "--raw", f"{root}/{path}"]) for path in ("pods/one/proxy", "services/one/proxy/")]
    closed = kubectl.run(["get", "--raw", f"{root}/pods/one:81/proxy/"])

    assert all("Welcome to nginx!" in answer.stdout for answer in answers), [answer.stderr for answer in answers]
    assert "(ServiceUnavailable): error trying to reach service: dial tcp" in closed.stderr
