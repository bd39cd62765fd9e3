"""What containers see: variables, files, volumes; and what happens when something that they refer to is missing."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import (
    ConfigMap,
    ConfigMapEnvSource,
    ConfigMapKeySelector,
    ConfigMapVolumeSource,
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    HostPathVolumeSource,
    KeyToPath,
    ObjectFieldSelector,
    PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource,
    ResourceFieldSelector,
    ResourceRequirements,
    Secret,
    SecretKeySelector,
    SecretVolumeSource,
    Service,
    ServicePort,
    ServiceSpec,
    Volume,
    VolumeMount,
)
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.node.exec import Result
from tests.node.builders import NodeRig, container, script, spec, state

IMAGES = ("nginx:1.27", "busybox:1.36")


def config(name: str, **data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default"), data=FrozenDict(data))


def secret(name: str, **data: str) -> Secret:
    encoded = {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}
    return Secret(metadata=ObjectMeta(name=name, namespace="default"), data=FrozenDict(encoded))


def var(name: str, value: str | None = None, **source: Any) -> EnvVar:
    return EnvVar(name=name, value=value, valueFrom=EnvVarSource(**source) if source else None)


def run(rig: NodeRig, *command: str, pod: str = "p", name: str = "c") -> Result:
    return rig.pool.exec(rig.get(pod), name, command, rig.clock.now)


def sleeper(**fields: Any):  # type: ignore[no-untyped-def]
    return script("sleep 100000", **fields)


def test_variables_of_every_sort() -> None:
    rig = NodeRig(images=IMAGES)
    rig.api.put(config("cfg", color="blue", size="9"))
    rig.api.put(secret("key", password="s3cret"))
    env = (
        var("PLAIN", "x"),
        var("FROM_PLAIN", "<$(PLAIN)> $$(PLAIN) $(UNKNOWN)"),
        var("COLOR", configMapKeyRef=ConfigMapKeySelector(name="cfg", key="color")),
        var("PASSWORD", secretKeyRef=SecretKeySelector(name="key", key="password")),
        var("MISSING", configMapKeyRef=ConfigMapKeySelector(name="none", key="k", optional=True)),
        var("POD", fieldRef=ObjectFieldSelector(fieldPath="metadata.name")),
        var("IP", fieldRef=ObjectFieldSelector(fieldPath="status.podIP")),
        var("NODE", fieldRef=ObjectFieldSelector(fieldPath="spec.nodeName")),
        var("APP", fieldRef=ObjectFieldSelector(fieldPath="metadata.labels['app']")),
        var("CPU", resourceFieldRef=ResourceFieldSelector(resource="limits.cpu")),
        var("CPU_M", resourceFieldRef=ResourceFieldSelector(resource="limits.cpu", divisor="1m")),
        var("MEM", resourceFieldRef=ResourceFieldSelector(resource="requests.memory", divisor="1Mi")),
    )
    limits = ResourceRequirements(limits=FrozenDict({"cpu": "1500m"}), requests=FrozenDict({"memory": "64Mi"}))
    box = sleeper(
        env=env, envFrom=(EnvFromSource(prefix="CFG_", configMapRef=ConfigMapEnvSource(name="cfg")),), resources=limits
    )
    rig.pod("p", spec(box), labels=FrozenDict({"app": "web"}))
    rig.run(4)
    found = dict(line.partition("=")[::2] for line in run(rig, "env").stdout.splitlines())
    expected = {
        "PLAIN": "x", "FROM_PLAIN": "<x> $(PLAIN) $(UNKNOWN)", "COLOR": "blue", "PASSWORD": "s3cret", "POD": "p",
        "IP": "10.244.0.2", "NODE": "n1", "APP": "web", "CPU": "2", "CPU_M": "1500", "MEM": "64",
        "CFG_color": "blue", "CFG_size": "9", "HOSTNAME": "p",
    }  # fmt: skip

    assert {k: found.get(k) for k in expected} == expected
    assert "MISSING" not in found


@pytest.mark.parametrize("links", [True, False])
def test_service_variables(links: bool) -> None:
    rig = NodeRig(images=IMAGES)
    for name, address in (("kubernetes", "10.96.0.1"), ("my-db", "10.96.7.7")):
        ports = ServiceSpec(clusterIP=address, ports=(ServicePort(name="main", port=5432, protocol="TCP"),))
        rig.api.put(Service(metadata=ObjectMeta(name=name, namespace="default"), spec=ports))
    rig.pod("p", spec(sleeper(), enableServiceLinks=links))
    rig.run(4)
    found = run(rig, "env").stdout.splitlines()

    assert "KUBERNETES_SERVICE_HOST=10.96.0.1" in found
    assert ("MY_DB_SERVICE_PORT_MAIN=5432" in found) is links
    assert ("MY_DB_PORT_5432_TCP_ADDR=10.96.7.7" in found) is links


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"env": (var("X", configMapKeyRef=ConfigMapKeySelector(name="cfg", key="k")),)}, 'configmap "cfg" not found'),
        ({"env": (var("X", secretKeyRef=SecretKeySelector(name="key", key="k")),)}, 'secret "key" not found'),
        ({"envFrom": (EnvFromSource(configMapRef=ConfigMapEnvSource(name="cfg")),)}, 'configmap "cfg" not found'),
        (
            {"env": (var("X", configMapKeyRef=ConfigMapKeySelector(name="there", key="k")),)},
            "couldn't find key k in ConfigMap default/there",
        ),
    ],
)
def test_missing_reference_of_a_variable(fields: dict[str, Any], message: str) -> None:
    rig = NodeRig(images=IMAGES)
    rig.api.put(config("there", other="1"))
    rig.pod("p", spec(container(**fields)))
    rig.run(3)
    waiting = rig.get("p").status.containerStatuses[0].state.waiting

    assert waiting is not None
    assert (waiting.reason, waiting.message) == ("CreateContainerConfigError", message)
    assert rig.messages("p", "Failed")[0] == f"Error: {message}"


def test_pod_starts_once_the_missing_config_map_is_there() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(container(env=(var("X", configMapKeyRef=ConfigMapKeySelector(name="cfg", key="k")),))))
    rig.run(3)
    rig.api.put(config("cfg", k="v"))
    rig.run(15)

    assert state(rig.get("p")) == "running"
    assert rig.get("p").status.containerStatuses[0].restartCount == 0


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        (
            Volume(name="v", configMap=ConfigMapVolumeSource(name="cfg")),
            'MountVolume.SetUp failed for volume "v" : configmap "cfg" not found',
        ),
        (
            Volume(name="v", secret=SecretVolumeSource(secretName="key")),
            'MountVolume.SetUp failed for volume "v" : secret "key" not found',
        ),
        (
            Volume(name="v", configMap=ConfigMapVolumeSource(name="there", items=(KeyToPath(key="nope", path="x"),))),
            'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: nope',
        ),
    ],
)
def test_missing_volume_holds_the_pod_up(volume: Volume, message: str) -> None:
    rig = NodeRig(images=IMAGES)
    rig.api.put(config("there", other="1"))
    rig.pod("p", spec(container(volumeMounts=(VolumeMount(name="v", mountPath="/v"),)), volumes=(volume,)))
    rig.run(10)
    times = [round(t - 1.0, 1) for t, e in rig.api.events if e.reason == "FailedMount"]

    assert state(rig.get("p")) == "ContainerCreating"
    assert rig.messages("p", "FailedMount")[0] == message
    assert times == [0.0, 0.5, 1.5, 3.5, 7.5]


def test_pod_starts_once_its_volume_can_be_mounted() -> None:
    rig = NodeRig(images=IMAGES)
    volume = Volume(name="v", configMap=ConfigMapVolumeSource(name="cfg"))
    rig.pod("p", spec(container(volumeMounts=(VolumeMount(name="v", mountPath="/v"),)), volumes=(volume,)))
    rig.run(5)
    rig.api.put(config("cfg", k="v"))
    rig.run(10)

    assert state(rig.get("p")) == "running"


def mounted(rig: NodeRig, *volumes: Volume, **mounts: VolumeMount) -> None:
    box = sleeper(volumeMounts=tuple(mounts.values()))
    rig.pod("p", spec(box, volumes=volumes))
    rig.run(4)


def test_files_from_config_maps_and_secrets() -> None:
    rig = NodeRig(images=IMAGES)
    rig.api.put(config("cfg", **{"app.conf": "color=blue\n", "other": "x"}))
    rig.api.put(secret("key", password="s3cret"))
    items = ConfigMapVolumeSource(name="cfg", items=(KeyToPath(key="app.conf", path="sub/app.conf"),))
    mounted(
        rig,
        Volume(name="c", configMap=items),
        Volume(name="s", secret=SecretVolumeSource(secretName="key")),
        a=VolumeMount(name="c", mountPath="/etc/app"),
        b=VolumeMount(name="s", mountPath="/etc/key/"),
    )

    assert run(rig, "cat", "/etc/app/sub/app.conf").stdout == "color=blue\n"
    assert run(rig, "cat", "/etc/key/password").stdout == "s3cret"
    assert run(rig, "ls", "/etc/app").stdout == "sub\n"
    assert (
        run(rig, "sh", "-c", "echo x > /etc/key/password").stderr
        == "sh: can't create /etc/key/password: Read-only file system\n"
    )


def test_config_map_changes_arrive_in_volumes_within_a_sync_period_but_not_in_sub_paths() -> None:
    rig = NodeRig(images=IMAGES)
    rig.api.put(config("cfg", k="old"))
    mounted(
        rig,
        Volume(name="c", configMap=ConfigMapVolumeSource(name="cfg")),
        a=VolumeMount(name="c", mountPath="/cfg"),
        b=VolumeMount(name="c", mountPath="/etc/one", subPath="k"),
    )
    run(rig, "cat", "/cfg/k")
    rig.api.put(config("cfg", k="new"))
    rig.run(20)
    early = run(rig, "cat", "/cfg/k").stdout
    rig.run(60)

    assert early == "old"
    assert run(rig, "cat", "/cfg/k").stdout == "new"
    assert run(rig, "cat", "/etc/one").stdout == "old"


def test_downward_files() -> None:
    rig = NodeRig(images=IMAGES)
    files = (
        DownwardAPIVolumeFile(path="labels", fieldRef=ObjectFieldSelector(fieldPath="metadata.labels")),
        DownwardAPIVolumeFile(path="ns", fieldRef=ObjectFieldSelector(fieldPath="metadata.namespace")),
    )
    volume = Volume(name="d", downwardAPI=DownwardAPIVolumeSource(items=files))
    rig.pod(
        "p",
        spec(sleeper(volumeMounts=(VolumeMount(name="d", mountPath="/info"),)), volumes=(volume,)),
        labels=FrozenDict({"b": "2", "a": "1"}),
    )
    rig.run(4)

    assert run(rig, "cat", "/info/labels").stdout == 'a="1"\nb="2"'
    assert run(rig, "cat", "/info/ns").stdout == "default"


def test_empty_directory_is_shared_by_containers_and_survives_restarts() -> None:
    rig = NodeRig(images=IMAGES)
    mount = (VolumeMount(name="d", mountPath="/data"),)
    rig.pod(
        "p",
        spec(
            script("while true; do date +%s >> /data/log; sleep 1; done", name="writer", volumeMounts=mount),
            script("sleep 100000", name="reader", volumeMounts=mount),
            volumes=(Volume(name="d", emptyDir=EmptyDirVolumeSource()),),
        ),
    )
    rig.run(6)
    before = run(rig, "wc", "-l", "/data/log", name="reader").stdout
    rig.pool.crash(rig.get("p"), "writer", 1)
    rig.run(6)
    after = run(rig, "wc", "-l", "/data/log", name="reader").stdout

    assert int(before.split()[0]) >= 4
    assert int(after.split()[0]) > int(before.split()[0]) + 3


def test_own_files_are_lost_on_restart() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec(sleeper()))
    rig.run(4)
    run(rig, "touch", "/tmp/mine")
    rig.pool.crash(rig.get("p"), "c", 1)
    rig.run(5)

    assert run(rig, "ls", "/tmp/mine").code == 1


def test_claims_outlive_pods_and_nodes() -> None:
    rig = NodeRig(2, images=IMAGES)
    rig.api.put(PersistentVolumeClaim(metadata=ObjectMeta(name="data", namespace="default")))
    volume = Volume(name="v", persistentVolumeClaim=PersistentVolumeClaimVolumeSource(claimName="data"))
    box = sleeper(volumeMounts=(VolumeMount(name="v", mountPath="/data"),))
    rig.pod("a", spec(box, volumes=(volume,)))
    rig.run(4)
    run(rig, "sh", "-c", "echo kept > /data/f", pod="a")
    rig.delete("a", 1)
    rig.pod("b", spec(box, volumes=(volume,)), node="n2")
    rig.run(5)

    assert run(rig, "cat", "/data/f", pod="b").stdout == "kept\n"


def test_host_path_belongs_to_the_node() -> None:
    rig = NodeRig(2, images=IMAGES)
    volume = Volume(name="v", hostPath=HostPathVolumeSource(path="/var/data"))
    box = sleeper(volumeMounts=(VolumeMount(name="v", mountPath="/data"),))
    for name, node in (("a", "n1"), ("b", "n1"), ("c", "n2")):
        rig.pod(name, spec(box, volumes=(volume,)), node=node)
    rig.run(5)
    run(rig, "sh", "-c", "echo here > /data/f", pod="a")

    assert run(rig, "cat", "/data/f", pod="b").stdout == "here\n"
    assert run(rig, "cat", "/data/f", pod="c").code == 1


def test_sub_path_of_a_directory() -> None:
    rig = NodeRig(images=IMAGES)
    mounted(
        rig,
        Volume(name="d", emptyDir=EmptyDirVolumeSource()),
        a=VolumeMount(name="d", mountPath="/all"),
        b=VolumeMount(name="d", mountPath="/part", subPath="x"),
    )
    run(rig, "sh", "-c", "echo 1 > /part/f")

    assert run(rig, "cat", "/all/x/f").stdout == "1\n"


def test_script_from_a_config_map_runs() -> None:
    rig = NodeRig(images=IMAGES)
    rig.api.put(config("scripts", **{"run.sh": "#!/bin/sh\necho started with $1\nsleep 1000\n"}))
    volume = Volume(name="s", configMap=ConfigMapVolumeSource(name="scripts", defaultMode=0o755))
    box = container(
        "busybox:1.36", command=("/scripts/run.sh", "one"), volumeMounts=(VolumeMount(name="s", mountPath="/scripts"),)
    )
    rig.pod("p", spec(box, volumes=(volume,)))
    rig.run(4)

    assert rig.logs() == ["started with one"]
    assert state(rig.get("p")) == "running"


def test_nginx_serves_mounted_pages_and_configuration() -> None:
    rig = NodeRig(images=IMAGES)
    rig.api.put(config("page", **{"index.html": "<h1>ours</h1>\n"}))
    rig.api.put(config("conf", **{"default.conf": 'server { listen 8080; location /ping { return 200 "pong\\n"; } }'}))
    box = container(
        volumeMounts=(
            VolumeMount(name="page", mountPath="/usr/share/nginx/html"),
            VolumeMount(name="conf", mountPath="/etc/nginx/conf.d"),
        )
    )
    plain = container(volumeMounts=(VolumeMount(name="page", mountPath="/usr/share/nginx/html"),))
    volumes = (
        Volume(name="page", configMap=ConfigMapVolumeSource(name="page")),
        Volume(name="conf", configMap=ConfigMapVolumeSource(name="conf")),
    )
    rig.pod("p", spec(box, volumes=volumes))
    rig.pod("q", spec(plain, volumes=volumes))
    rig.run(4)
    view = rig.runtime.processes["kubelet"].view

    def get(pod: str, path: str, port: int) -> str:
        answer = rig.network.request("node/n1", f"http://{rig.get(pod).status.podIP}:{port}{path}", view)
        return answer.body or answer.error

    assert get("p", "/ping", 8080) == "pong\n"
    assert get("p", "/ping", 80) == "refused"
    assert get("q", "/", 80) == "<h1>ours</h1>\n"


def test_bad_nginx_configuration_crashes_it() -> None:
    rig = NodeRig(images=IMAGES)
    rig.api.put(config("conf", **{"default.conf": "server { listen 80 \n"}))
    volume = Volume(name="conf", configMap=ConfigMapVolumeSource(name="conf"))
    box = container(volumeMounts=(VolumeMount(name="conf", mountPath="/etc/nginx/conf.d"),))
    rig.pod("p", spec(box, volumes=(volume,)))
    rig.run(8)

    assert state(rig.get("p")) == "CrashLoopBackOff"
    assert any("[emerg]" in line for line in rig.logs())


def test_environment_of_a_pod_is_what_it_was_at_the_start() -> None:
    rig = NodeRig(images=IMAGES)
    rig.api.put(config("cfg", k="old"))
    rig.pod("p", spec(sleeper(env=(var("K", configMapKeyRef=ConfigMapKeySelector(name="cfg", key="k")),))))
    rig.run(4)
    run(rig, "env")
    found = rig.api.objects[(ConfigMap, "default/cfg")]
    rig.api.put(replace(found, data=FrozenDict({"k": "new"})))
    rig.run(100)

    assert run(rig, "printenv", "K").stdout == "old\n"
