"""Manifests as people really write them: each mistake is told in words, with its place and what to do; the rest is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from k8snb.cluster import Cluster

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: nginx
        ports:
        - containerPort: 80
"""
SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
    targetPort: 80
"""
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: c\n    image: nginx\n"

MISTAKES: dict[str, tuple[Any, str]] = {
    'tab': (DEPLOYMENT.replace("  replicas","\treplicas"), 'line 6 is indented with a tab'),
    'tab inside': (DEPLOYMENT.replace("      - name: web","\t- name: web"), 'line 16 is indented with a tab'),
    'containers not a list': (POD.replace("  - name: c\n    image: nginx","    name: c\n    image: nginx"), 'line 6: spec.containers: expected a list, found a mapping (name, image); begin each item with'),
    'spec under metadata': (POD.replace("spec:","  spec:"), 'unknown field "metadata.spec"'),
    'extensions/v1beta1': (DEPLOYMENT.replace("apps/v1","extensions/v1beta1"), 'did you mean apiVersion: apps/v1 and kind: Deployment?'),
    'apps/v1beta1': (DEPLOYMENT.replace("apps/v1","apps/v1beta1"), 'apiVersion: apps/v1 and kind: Deployment'),
    'ingress v1beta1': ("apiVersion: networking.k8s.io/v1beta1\nkind: Ingress\nmetadata: {name: a}\nspec: {}\n", 'apiVersion: networking.k8s.io/v1 and kind: Ingress'),
    'cronjob v1beta1': ("apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: a}\nspec: {}\n", 'apiVersion: batch/v1 and kind: CronJob'),
    'psp': ("apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\nmetadata: {name: a}\nspec: {}\n", 'removed in v1.25'),
    'deployment v1': (DEPLOYMENT.replace("apps/v1","v1"), 'apiVersion: apps/v1'),
    'pod apps/v1': (POD.replace("apiVersion: v1","apiVersion: apps/v1"), 'apiVersion: v1 and kind: Pod'),
    'lowercase kind': (DEPLOYMENT.replace("Deployment","deployment"), 'kind: Deployment?'),
    'plural kind': (DEPLOYMENT.replace("Deployment","Deployments"), 'kind: Deployment?'),
    'typo kind': (DEPLOYMENT.replace("Deployment","Deploymnet"), 'kind: Deployment?'),
    'no kind': (DEPLOYMENT.replace("kind: Deployment\n",""), 'kind is missing'),
    'no apiVersion': (DEPLOYMENT.replace("apiVersion: apps/v1\n",""), 'apiVersion is missing'),
    'apiversion lower': (DEPLOYMENT.replace("apiVersion","apiversion"), 'write apiVersion, not apiversion'),
    'no metadata': ("apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: b}]}\n", 'name or generateName is required'),
    'no name': (POD.replace("  name: p\n","  labels: {a: b}\n"), 'name or generateName is required'),
    'no selector': (DEPLOYMENT.replace("  selector:\n    matchLabels:\n      app: web\n",""), '`selector` does not match template `labels`'),
    'label mismatch': (DEPLOYMENT.replace("        app: web\n    spec","        app: wep\n    spec"), 'See line 12 (spec.template.metadata.labels)'),
    'string port': (DEPLOYMENT.replace("containerPort: 80","containerPort: '80'"), 'line 19: spec.template.spec.containers[0].ports[0].containerPort: expected a whole number, found the text'),
    'string replicas': (DEPLOYMENT.replace("replicas: 2",'replicas: "2"'), 'write 2 without quotes'),
    'word port': (DEPLOYMENT.replace("containerPort: 80","containerPort: http"), 'expected a whole number'),
    'float replicas': (DEPLOYMENT.replace("replicas: 2",'replicas: 2.5'), 'found the number 2.5'),
    'negative replicas': (DEPLOYMENT.replace("replicas: 2",'replicas: -2'), 'See line 6 (spec.replicas)'),
    'dup keys': (DEPLOYMENT.replace("  replicas: 2","  replicas: 2\n  replicas: 3"), 'line 7: key "replicas" already set in map'),
    'merge key': ("x: &a {app: web}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {<<: *a}}\n", 'unknown field "x"'),
    'comments only': ("# nothing\n---\n# more\n", 'no object is described'),
    'empty': ("", 'no object is described'),
    'yaml list': ("- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: x}\n", 'this is a list'),
    'unknown kind': ("apiVersion: example.com/v1\nkind: Foo\nmetadata: {name: x}\n", 'example.com/v1/Foo'),
    'kustomization': ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- a.yaml\n", 'kustomize build'),
    'kustomization bare': ("resources:\n- a.yaml\nnamePrefix: x-\n", 'kustomize build'),
    'helm template': (DEPLOYMENT.replace("replicas: 2","replicas: {{ .Values.replicas }}").replace("image: nginx",'image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"'), 'helm template'),
    'helm if': ("{{- if .Values.x }}\n"+POD+"{{- end }}\n", 'helm template'),
    'helm values': ("replicaCount: 1\nimage:\n  repository: nginx\n", 'helm template'),
    'chart.yaml': ("apiVersion: v2\nname: foo\nversion: 0.1.0\n", 'Chart.yaml'),
    'compose': ("version: '3'\nservices:\n  web:\n    image: nginx\n", 'docker compose'),
    'kubeconfig': ("apiVersion: v1\nkind: Config\nclusters: []\n", 'kubeconfig'),
    'kind config': ("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: []\n", 'the tool kind'),
    'jinja': ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ name }}\n", 'render them first'),
    'uppercase name': (POD.replace("name: p","name: MyPod"), 'RFC 1123'),
    'underscore': (POD.replace("name: p","name: my_pod"), 'See line 4 (metadata.name)'),
    'typo field': (POD.replace("image: nginx","imgae: nginx"), 'did you mean image?'),
    'typo imagePullPolicy': (POD.replace("image: nginx","image: nginx\n    imagePullPolice: Always"), 'did you mean imagePullPolicy?'),
    'unquoted env number': (POD.replace("image: nginx","image: nginx\n    env:\n    - name: A\n      value: 5"), 'put it in quotes: "5"'),
    'unquoted env bool': (POD.replace("image: nginx","image: nginx\n    env:\n    - name: A\n      value: yes"), 'YAML reads yes, no, on, off'),
    'annotation number': (POD.replace("  name: p","  name: p\n  annotations: {a: 1}"), 'metadata.annotations.a: expected text'),
    'label bool': (POD.replace("  name: p","  name: p\n  labels: {a: true}"), 'metadata.labels.a: expected text, found true'),
    'memory 512MB': (POD.replace("image: nginx","image: nginx\n    resources: {requests: {memory: 512MB}}"), 'an amount such as 500m, 2 or 1Gi'),
    'cpu 0,5': (POD.replace("image: nginx","image: nginx\n    resources: {requests: {cpu: '0,5'}}"), 'an amount such as'),
    'limits < requests': (POD.replace("image: nginx","image: nginx\n    resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}"), 'must be less than or equal to memory limit'),
    'command string': (POD.replace("image: nginx","image: nginx\n    command: echo hi"), 'expected a list'),
    'service port string': (SERVICE.replace("port: 80","port: '80'",1), 'write 80 without quotes'),
    'nodePort 80': (SERVICE.replace("spec:","spec:\n  type: NodePort").replace("    targetPort: 80","    targetPort: 80\n    nodePort: 80"), 'valid ports is 30000-32767'),
    'service selector matchLabels': (SERVICE.replace("    app: web","    matchLabels:\n      app: web"), 'spec.selector.matchLabels: expected text'),
    'configmap number': ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {port: 8080}\n", 'put it in quotes: "8080"'),
    'configmap nested': ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: {b: c}}\n", 'data.a: expected text, found a mapping'),
    'secret not base64': ("apiVersion: v1\nkind: Secret\nmetadata: {name: c}\ndata: {a: 'hello world'}\n", 'plain text belongs under stringData'),
    'unknown ns': (POD.replace("  name: p","  name: p\n  namespace: nope"), 'namespaces "nope" not found'),
    'cron schedule': ("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {schedule: 'every day', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}\n", 'expected exactly 5 fields'),
    'job restart always': ("apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: a, image: b}]}}}\n", 'valid values: "OnFailure", "Never"'),
    'unclosed quote': (POD.replace("image: nginx",'image: "nginx'), 'the quote in line 8 is not closed'),
    'colon in value': (POD.replace("image: nginx",'image: nginx: 1'), "a value with ': ' in it goes in quotes"),
    'at sign': (POD.replace("image: nginx",'image: @nginx'), 'begins with @ goes in quotes'),
    'percent': (POD.replace("image: nginx",'image: %nginx'), 'begins with % goes in quotes'),
    'star': (POD.replace("image: nginx",'image: *nginx'), 'refers to an anchor'),
    'full-width colon': (POD.replace("image: nginx",'image：nginx'), 'full-width colon'),
    'nbsp': (POD.replace("  - name","\u00a0\u00a0- name"), 'type plain spaces'),
    'zero width': (POD.replace("name: p","name: p\u200b"), 'RFC 1123'),
    'missing file': ("web.yml", 'there is no such file (the current folder is'),
    'url': ("https://k8s.io/examples/pod.yaml", 'download the file'),
    'python dict no kind': ({"metadata":{"name":"a"}}, 'a mapping needs apiVersion and kind'),
    'None': (None, 'cannot apply None'),
    'int': (5, 'cannot apply 5'),
    'binary': (b"\x00\x01\x02\xff", 'control characters'),
    'huge depth': ("a: "+"["*3000, 'exceeded max depth'),
    'html': ("<html><body>404</body></html>", 'a web page'),
    'md fence': ("```yaml\n"+POD+"```\n", 'they belong to Markdown'),
    'kubectl command': ("kubectl apply -f web.yaml", 'write %kubectl'),
    'prompt': ("$ kubectl get pods", 'write %kubectl'),
}  # fmt: skip
"""What is applied, and a part of what is told."""
TAKEN: dict[str, Any] = {
    'indent wrong': DEPLOYMENT.replace("    matchLabels:","   matchLabels:").replace("      app: web\n  template","       app: web\n  template"),
    'generateName': POD.replace("  name: p\n","  generateName: p-\n"),
    'crlf': DEPLOYMENT.replace("\n","\r\n"),
    'bom': "\ufeff"+DEPLOYMENT,
    'bytes bom16': DEPLOYMENT.encode("utf-16"),
    'anchors': DEPLOYMENT.replace("metadata:\n  name: web","metadata: &m\n  name: web").replace("      labels:\n        app: web","      labels: &l\n        app: web"),
    'comments and doc': "# hi\n---\n"+POD+"---\n# end\n---\n",
    'List': "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: l1}\n",
    'json': '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"j"}}',
    'flow yaml': '{apiVersion: v1, kind: ConfigMap, metadata: {name: fl}}',
    'envsubst': POD.replace("nginx","${IMAGE}"),
    'nested list': [[POD]],
    'doc sep text': POD+"--- # next\n"+SERVICE,
}  # fmt: skip
"""Unusual, and right."""


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_manifest_is_told(name: str) -> None:
    source, told = MISTAKES[name]
    cluster = Cluster(nodes=0)
    with pytest.raises(Exception) as caught:  # noqa: PT011  # what matters is how it is shown
        cluster.apply(source)

    shown: Any = getattr(caught.value, "_render_traceback_", None)
    assert shown is not None, repr(caught.value)
    assert told in " ".join(shown())
    assert len(cluster.pods) == len(cluster.deployments) == 0


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_unusual_and_right_is_taken(name: str) -> None:
    assert {result.result for result in Cluster(nodes=0).apply(TAKEN[name])} == {"created"}


def test_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.write_text("# a comment\n---\n" + DEPLOYMENT.replace("replicas: 2", "replicas: -2"), encoding="utf-8")
    with pytest.raises(Exception, match=r"spec\.replicas") as caught:
        Cluster(nodes=0).apply(path)
    assert str(caught.value).startswith(f"Deployment 'web' ({path}, line 3): ")
    assert str(caught.value).endswith("See line 8 (spec.replicas).")

    path.write_text("# a comment\n---\n" + DEPLOYMENT.replace("  replicas", "\treplicas"), encoding="utf-8")
    with pytest.raises(Exception, match="tab") as caught:
        Cluster(nodes=0).apply(path)
    assert str(caught.value) == (
        f"{path}: line 8: not valid YAML: found character that cannot start any token; line 8 is indented with a tab: "
        "YAML wants spaces"
    )


def test_a_large_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "many.yaml"
    text = "---\n".join(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{i}}}\n" for i in range(1000))
    path.write_text(text + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad}\n", encoding="utf-8")
    with pytest.raises(Exception, match="line 4001") as caught:
        Cluster(nodes=0).apply(path)
    assert len(str(caught.value)) < 2000
    assert "and 995 more." in str(caught.value)
