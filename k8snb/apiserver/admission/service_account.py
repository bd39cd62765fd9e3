"""ServiceAccount: every pod runs as a service account and can read its token.

Upstream draws a fresh suffix for the token volume's name per pod. Here the suffix is a function of the pod spec, so that
all pods of a template share one specification in memory and are validated once; nobody depends on the name.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api.codec import to_json
from k8snb.api.types.core_v1 import (
    ConfigMapProjection,
    Container,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    KeyToPath,
    ObjectFieldSelector,
    PodSpec,
    ProjectedVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
    VolumeMount,
    VolumeProjection,
)
from k8snb.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Plugin, is_pod
from k8snb.apiserver.memo import IdentityMemo
from k8snb.sim.ids import SUFFIX_ALPHABET

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Pod
    from k8snb.api.types.core_v1 import ServiceAccount as ServiceAccountObject

VOLUME_PREFIX = "kube-api-access-"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3607
"""Lifetime asked of the token: an hour and a bit, so that the kubelet can tell it from one that a user asked for."""
MIRROR_POD = "kubernetes.io/config.mirror"
_ENFORCE_SECRETS = "kubernetes.io/enforce-mountable-secrets"

_SOURCES = ProjectedVolumeSource(
    sources=(
        VolumeProjection(
            serviceAccountToken=ServiceAccountTokenProjection(path="token", expirationSeconds=TOKEN_SECONDS)
        ),
        VolumeProjection(
            configMap=ConfigMapProjection(name="kube-root-ca.crt", items=(KeyToPath(key="ca.crt", path="ca.crt"),))
        ),
        VolumeProjection(
            downwardAPI=DownwardAPIProjection(
                items=(
                    DownwardAPIVolumeFile(
                        path="namespace",
                        fieldRef=ObjectFieldSelector(apiVersion="v1", fieldPath="metadata.namespace"),
                    ),
                )
            )
        ),
    ),
    defaultMode=0o644,
)
_MEMO: IdentityMemo[PodSpec] = IdentityMemo()


class ServiceAccount(Plugin):
    """Names the account `default`, mounts its token and adds its image pull secrets; a missing account is forbidden."""

    name = "ServiceAccount"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return is_pod(resource) and (
            (operation == CREATE and not subresource) or (operation == UPDATE and subresource == "ephemeralcontainers")
        )

    def admit(self, a: Attributes) -> Any:
        pod: Pod = a.obj
        if a.operation == UPDATE or MIRROR_POD in pod.metadata.annotations:
            return pod
        spec = pod.spec
        account = _account(a, spec.serviceAccountName or "default")
        automount = spec.automountServiceAccountToken
        if automount is None:
            automount = account.automountServiceAccountToken
        variant = "plain"
        if automount is False or account.imagePullSecrets:
            variant = f"{automount}/" + ",".join(item.name or "" for item in account.imagePullSecrets)
        done = _MEMO.get(spec, variant)
        if done is None:
            done = _MEMO.put(spec, _with_account(spec, account, automount is not False), variant)
        return pod if done is spec else replace(pod, spec=done)

    def validate(self, a: Attributes) -> None:
        pod: Pod = a.obj
        spec = pod.spec
        if MIRROR_POD in pod.metadata.annotations and a.operation == CREATE:
            _validate_mirror(a, pod)
            return
        account = _account(a, spec.serviceAccountName or "default")
        if account.metadata.annotations.get(_ENFORCE_SECRETS) == "true":
            _validate_secrets(a, pod, account)


def _account(a: Attributes, name: str) -> ServiceAccountObject:
    found = a.ctx.server.store.get(f"/registry/serviceaccounts/{a.namespace}/{name}")
    if found is None:
        raise a.forbidden(f'error looking up service account {a.namespace}/{name}: serviceaccount "{name}" not found')
    account: ServiceAccountObject = found.value
    return account


def _with_account(spec: PodSpec, account: ServiceAccountObject, automount: bool) -> PodSpec:
    name = spec.serviceAccountName or "default"
    changes: dict[str, Any] = {"serviceAccountName": name, "serviceAccount": name}
    if automount:
        changes |= _with_token(spec)
    if not spec.imagePullSecrets and account.imagePullSecrets:
        changes["imagePullSecrets"] = account.imagePullSecrets
    return replace(spec, **changes)


def _with_token(spec: PodSpec) -> dict[str, Any]:
    own = next((v.name for v in spec.volumes if v.name.startswith(VOLUME_PREFIX)), "")
    name = own or VOLUME_PREFIX + _suffix(spec)
    mount = VolumeMount(name=name, readOnly=True, mountPath=MOUNT_PATH)

    def mounted(containers: tuple[Container, ...]) -> tuple[Container, ...]:
        return tuple(
            c
            if any(m.mountPath == MOUNT_PATH for m in c.volumeMounts)
            else replace(c, volumeMounts=(*c.volumeMounts, mount))
            for c in containers
        )

    init, main = mounted(spec.initContainers), mounted(spec.containers)
    if init == spec.initContainers and main == spec.containers:
        return {}
    changes: dict[str, Any] = {"initContainers": init, "containers": main}
    if not own:
        changes["volumes"] = (*spec.volumes, Volume(name=name, projected=_SOURCES))
    return changes


def _suffix(spec: PodSpec) -> str:
    """Five characters of the alphabet of generated names, from the content of the spec."""
    value = zlib.crc32(to_json(spec))
    characters = []
    for _ in range(5):
        value, index = divmod(value, len(SUFFIX_ALPHABET))
        characters.append(SUFFIX_ALPHABET[index])
    return "".join(characters)


def _validate_mirror(a: Attributes, pod: Pod) -> None:
    if pod.spec.serviceAccountName:
        raise a.forbidden("a mirror pod may not reference service accounts")
    for volume in pod.spec.volumes:
        if volume.secret is not None:
            raise a.forbidden("a mirror pod may not reference secrets")
        if volume.projected is not None and any(s.serviceAccountToken is not None for s in volume.projected.sources):
            raise a.forbidden("a mirror pod may not use ServiceAccountToken volume projections")


def _validate_secrets(a: Attributes, pod: Pod, account: ServiceAccountObject) -> None:
    """With the enforcing annotation a pod may only use the secrets that its account lists."""
    allowed = {item.name for item in account.secrets}
    name = account.metadata.name
    for volume in pod.spec.volumes:
        if volume.secret is not None and volume.secret.secretName not in allowed:
            raise a.forbidden(
                f'volume with secret.secretName="{volume.secret.secretName}" is not allowed because service account '
                f"{name} does not reference that secret"
            )
    for label, containers in (("init container", pod.spec.initContainers), ("container", pod.spec.containers)):
        for container in containers:
            for env in container.env:
                ref = env.valueFrom.secretKeyRef if env.valueFrom is not None else None
                if ref is not None and ref.name not in allowed:
                    raise a.forbidden(
                        f"{label} {container.name} with envVar {env.name} referencing secret.secretName="
                        f'"{ref.name}" is not allowed because service account {name} does not reference that secret'
                    )
            for source in container.envFrom:
                if source.secretRef is not None and source.secretRef.name not in allowed:
                    raise a.forbidden(
                        f"{label} {container.name} with envFrom referencing secret.secretName="
                        f'"{source.secretRef.name}" is not allowed because service account {name} does not reference '
                        "that secret"
                    )
    pull = {item.name for item in account.imagePullSecrets}
    for index, secret in enumerate(pod.spec.imagePullSecrets):
        if secret.name not in pull:
            raise a.forbidden(
                f'imagePullSecrets[{index}].name="{secret.name}" is not allowed because service account {name} does '
                "not reference that imagePullSecret"
            )
