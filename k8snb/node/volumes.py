"""The volumes of a pod: what is in them, what they miss, and when their contents are brought up to date.

Contents come from ConfigMaps, Secrets, the downward API and service account tokens; emptyDir and claims start empty and
keep what is written. A volume of a kind that only a storage driver could fill (nfs, csi and so on) is an empty directory
that all pods with the same source share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from k8snb.api.types.core_v1 import ConfigMap, KeyToPath, PersistentVolume, PersistentVolumeClaim, Pod, Secret
from k8snb.api.types.core_v1 import Volume as Spec
from k8snb.client.view import View
from k8snb.node.downward import field_value, resource_value
from k8snb.node.files import Store
from k8snb.node.secrets import plain

if TYPE_CHECKING:
    from k8snb.node.pod import PodWorker


class MountError(Exception):
    """Why a volume cannot be set up, as the FailedMount event words it."""


TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6Ims4c25iIn0"
"""The header part of every made-up service account token."""


def mount_all(worker: PodWorker, view: View) -> dict[str, Store]:
    """The contents of all volumes of a pod; raises ``MountError`` for the first that cannot be set up."""
    stores: dict[str, Store] = {}
    for volume in worker.pod.spec.volumes:
        stores[volume.name] = _mount(worker, volume, view)
    return stores


def matter(pod: Pod) -> bool:
    """Whether a pod mounts more than its service account token, which is filled in only when somebody looks."""
    return any(not v.name.startswith("kube-api-access-") for v in pod.spec.volumes)


def check(worker: PodWorker, view: View) -> None:
    """Raise ``MountError`` when a volume refers to something that is not there; cheap, nothing is read."""
    pod = worker.pod
    namespace = pod.metadata.namespace or ""
    for volume in pod.spec.volumes:
        if volume.emptyDir is not None:
            continue
        if volume.projected is not None:
            for source in volume.projected.sources:
                if source.configMap is not None and not source.configMap.optional:
                    _need(
                        view.get(ConfigMap, namespace, source.configMap.name),
                        volume.name,
                        "configmap",
                        source.configMap.name,
                    )
                elif source.secret is not None and not source.secret.optional:
                    _need(view.get(Secret, namespace, source.secret.name), volume.name, "secret", source.secret.name)
        elif volume.configMap is not None:
            if not volume.configMap.optional:
                _need(
                    view.get(ConfigMap, namespace, volume.configMap.name),
                    volume.name,
                    "configmap",
                    volume.configMap.name,
                )
        elif volume.secret is not None:
            if not volume.secret.optional:
                _need(
                    view.get(Secret, namespace, volume.secret.secretName),
                    volume.name,
                    "secret",
                    volume.secret.secretName,
                )
        elif volume.persistentVolumeClaim is not None:
            claim = view.get(PersistentVolumeClaim, namespace, volume.persistentVolumeClaim.claimName)
            name = volume.persistentVolumeClaim.claimName
            if claim is None:
                raise MountError(
                    f'MountVolume.SetUp failed for volume "{volume.name}" : persistentvolumeclaim "{name}" not found'
                )


def _need(found: object, volume: str, sort: str, name: str | None) -> None:
    if found is None:
        raise MountError(f'MountVolume.SetUp failed for volume "{volume}" : {sort} "{name}" not found')


def refers_to(pod: Any, kind: str, name: str) -> bool:
    """Whether a pod mounts that ConfigMap (``kind`` configMap) or Secret (``secret``)."""
    for volume in pod.spec.volumes:
        if kind == "configMap" and volume.configMap is not None and volume.configMap.name == name:
            return True
        if kind == "secret" and volume.secret is not None and volume.secret.secretName == name:
            return True
        if volume.projected is not None:
            for source in volume.projected.sources:
                part = source.configMap if kind == "configMap" else source.secret
                if part is not None and part.name == name:
                    return True
    return False


def refresh(worker: PodWorker, view: View) -> None:
    """Bring mounted ConfigMaps, Secrets and downward API files up to date, in place; missing sources keep their files."""
    if worker.stores is None:
        return
    for volume in worker.pod.spec.volumes:
        if (
            volume.configMap is None
            and volume.secret is None
            and volume.projected is None
            and volume.downwardAPI is None
        ):
            continue
        try:
            fresh = _mount(worker, volume, view)
        except MountError:
            continue
        store = worker.stores[volume.name]
        if store != fresh:
            store.clear()
            store.update(fresh)


def _mount(worker: PodWorker, volume: Spec, view: View) -> Store:
    namespace = worker.pod.metadata.namespace or ""
    if volume.emptyDir is not None:
        return {}
    if volume.configMap is not None:
        source = volume.configMap
        return _config_map(view, namespace, source.name, source.items, source.optional, volume.name)
    if volume.secret is not None:
        secret = volume.secret
        return _secret(view, namespace, secret.secretName, secret.items, secret.optional, volume.name)
    if volume.downwardAPI is not None:
        return _downward(worker, volume.downwardAPI.items)
    if volume.projected is not None:
        merged: Store = {}
        for part in volume.projected.sources:
            if part.serviceAccountToken is not None:
                merged[part.serviceAccountToken.path] = _token(worker, part.serviceAccountToken.audience)
            if part.configMap is not None:
                merged.update(
                    _config_map(
                        view, namespace, part.configMap.name, part.configMap.items, part.configMap.optional, volume.name
                    )
                )
            if part.secret is not None:
                merged.update(
                    _secret(view, namespace, part.secret.name, part.secret.items, part.secret.optional, volume.name)
                )
            if part.downwardAPI is not None:
                merged.update(_downward(worker, part.downwardAPI.items))
        return merged
    if volume.hostPath is not None:
        return worker.agent.disk(f"hostPath/{volume.hostPath.path}")
    if volume.persistentVolumeClaim is not None:
        return _claimed(worker, volume.persistentVolumeClaim.claimName, view)
    if volume.ephemeral is not None:
        return _claimed(worker, f"{worker.pod.metadata.name}-{volume.name}", view)
    if volume.nfs is not None:
        return worker.agent.shared(f"nfs/{volume.nfs.server}{volume.nfs.path}")
    return worker.agent.shared(f"volume/{namespace}/{worker.pod.metadata.name}/{volume.name}")


def _claimed(worker: PodWorker, name: str, view: View) -> Store:
    """What is on the volume of a claim: a folder of the node, or of the network by the volume's own name."""
    namespace = worker.pod.metadata.namespace or ""
    claim = view.get(PersistentVolumeClaim, namespace, name)
    volume = view.get(PersistentVolume, None, claim.spec.volumeName) if claim is not None else None
    if volume is None:
        return worker.agent.shared(f"claim/{namespace}/{name}")
    spec = volume.spec
    if spec.hostPath is not None:
        return worker.agent.disk(f"hostPath/{spec.hostPath.path}")
    if spec.local is not None:
        return worker.agent.disk(f"hostPath/{spec.local.path}")
    if spec.nfs is not None:
        return worker.agent.shared(f"nfs/{spec.nfs.server}{spec.nfs.path}")
    return worker.agent.shared(f"volume/{volume.metadata.uid}")


def _selected(
    data: Mapping[str, str], items: Iterable[KeyToPath], what: str, volume: str, optional: bool | None
) -> Store:
    chosen = tuple(items)
    if not chosen:
        return dict(data)
    store: Store = {}
    for item in chosen:
        if item.key not in data:
            if optional:
                continue
            raise MountError(
                f'MountVolume.SetUp failed for volume "{volume}" : {what}references non-existent config key: {item.key}'
            )
        store[item.path] = data[item.key]
    return store


def _config_map(
    view: View, namespace: str, name: str | None, items: Iterable[KeyToPath], optional: bool | None, volume: str
) -> Store:
    found = view.get(ConfigMap, namespace, name)
    if found is None:
        if optional:
            return {}
        _need(None, volume, "configmap", name)
        return {}
    data = {**found.data, **{k: plain(v) for k, v in found.binaryData.items()}}
    return _selected(data, items, "configmap ", volume, optional)


def _secret(
    view: View, namespace: str, name: str | None, items: Iterable[KeyToPath], optional: bool | None, volume: str
) -> Store:
    found = view.get(Secret, namespace, name)
    if found is None:
        if optional:
            return {}
        _need(None, volume, "secret", name)
        return {}
    return _selected({k: plain(v) for k, v in found.data.items()}, items, "", volume, optional)


def _downward(worker: PodWorker, items: Iterable[Any]) -> Store:
    store: Store = {}
    for item in items:
        if item.fieldRef is not None:
            store[item.path] = field_value(worker, item.fieldRef.fieldPath)
        elif item.resourceFieldRef is not None:
            store[item.path] = resource_value(worker, worker.pod.spec.containers[0], item.resourceFieldRef)
    return store


def _token(worker: PodWorker, audience: str | None) -> str:
    pod = worker.pod
    subject = f"{pod.metadata.namespace}.{pod.spec.serviceAccountName or 'default'}.{audience or 'api'}"
    return f"{TOKEN}.{subject}.{pod.metadata.uid}"
