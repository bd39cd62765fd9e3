"""What a user does to a cluster: apply, create, patch, scale, delete, evict; each a request like anybody else's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from k8snb.api.codec import to_dict
from k8snb.api.decode import DecodeError, decode_manifests
from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.request import (
    ADMIN,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_MERGE_PATCH,
    Request,
    RequestOptions,
    Response,
    UserInfo,
)
from k8snb.api.scheme import Resource
from k8snb.api.types.autoscaling_v1 import Scale, ScaleSpec
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.types.policy_v1 import Eviction
from k8snb.apiserver.patch.clientside import LAST_APPLIED, last_applied, threeway_patch
from k8snb.world import World

PATCH_TYPES = {"merge": MERGE_PATCH, "strategic": STRATEGIC_MERGE_PATCH, "json": JSON_PATCH}
CONFLICT_RETRIES = 5
"""How often apply re-reads an object that changed under it (kubectl ``maxPatchRetry``)."""


class Applied(msgspec.Struct, frozen=True):
    """What became of one object of a manifest: ``result`` is created, configured or unchanged."""

    object: Any
    result: str

    def __repr__(self) -> str:
        obj = self.object
        group = obj.apiVersion.rpartition("/")[0]
        return f"{obj.kind.lower()}{'.' + group if group else ''}/{obj.metadata.name} {self.result}"


class Results(tuple[Applied, ...]):
    """The results of one ``apply``, in the order of the manifest."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))


class ApplyError(Exception):
    """The server refused an object of a manifest; says which, and what was applied before it."""

    def __init__(self, what: str, where: str, error: APIError, done: tuple[Applied, ...], left: int) -> None:
        self.error = error
        self.applied = done
        lines = [f"{what} ({where}): {error.message}"]
        if done:
            lines.append("Applied before it: " + "; ".join(map(repr, done)) + ".")
        if left:
            lines.append(f"Not tried: {left} object{'s' if left > 1 else ''} after it. Mend this one and apply again.")
        super().__init__("\n".join(lines))

    def _render_traceback_(self) -> list[str]:
        return [f"ApplyError: {self}"]


Source = "str | Path | Object | Mapping[str, Any] | Iterable[Any]"


class Verbs(World):
    """The writing side of a cluster."""

    user: UserInfo = ADMIN
    actor: str = "user"

    def handle(self, request: Request) -> Response:
        """Send a request through the API server's pipeline."""
        raise TypeError(f"{type(self).__name__} must say where requests go")

    def _send(
        self,
        verb: str,
        resource: Resource,
        namespace: str = "",
        name: str = "",
        body: Any = None,
        *,
        subresource: str = "",
        content_type: str = "application/json",
        **options: Any,
    ) -> Any:
        return self.handle(
            Request(
                verb,
                resource,
                namespace if resource.namespaced else "",
                name,
                subresource,
                body,
                content_type=content_type,
                options=RequestOptions(**options),
                user=self.user,
                actor=self.actor,
            )
        ).object

    def apply(self, source: Any, namespace: str = "default") -> Results:
        """Create or change what a manifest describes, as ``kubectl apply`` does.

        ``source`` is YAML or JSON text (several documents and ``List`` are fine), the path of a file or folder, an object,
        a mapping, or a list of these. Every document is read and checked before the first is sent; ``DecodeError`` names
        all problems with path and line, ``ApplyError`` the object that the server refused.
        """
        manifests = list(read(source))
        done: list[Applied] = []
        for i, (body, where) in enumerate(manifests):
            try:
                done.append(self._apply_one(body, namespace))
            except APIError as error:
                what = f"{body.get('kind', 'object')} {(body.get('metadata') or {}).get('name', '')!r}"
                raise ApplyError(what, where, error, tuple(done), len(manifests) - i - 1) from None
        return Results(done)

    def _apply_one(self, body: Mapping[str, Any], namespace: str) -> Applied:
        resource = self.scheme.for_manifest(body)
        meta = body.get("metadata") or {}
        where = (meta.get("namespace") or namespace) if resource.namespaced else ""
        wanted = {**body, "metadata": {**meta, **({"namespace": where} if where else {})}}
        wanted = last_applied(wanted)
        manager = "kubectl-client-side-apply"
        current = self.find(resource, where, meta.get("name") or "")
        if current is None:
            created = self._send(
                "create", resource, where, "", wanted, field_manager=manager, field_validation="Strict"
            )
            return Applied(created, "created")
        for attempt in range(CONFLICT_RETRIES):
            live = to_dict(current)
            patch, patch_type = threeway_patch(
                resource, (live["metadata"].get("annotations") or {}).get(LAST_APPLIED), wanted, live
            )
            if not patch:
                return Applied(current, "unchanged")
            try:
                changed = self._send(
                    "patch",
                    resource,
                    where,
                    meta["name"],
                    patch,
                    content_type=patch_type,
                    field_manager=manager,
                    field_validation="Strict",
                )
            except APIError as error:
                current = self.find(resource, where, meta["name"])
                if error.reason != "Conflict" or current is None or attempt == CONFLICT_RETRIES - 1:
                    raise
            else:
                return Applied(changed, "configured" if changed != current else "unchanged")
        raise AssertionError("unreachable: the last attempt returns or raises")

    def create(self, source: Any, namespace: str = "default") -> Any:
        """Create what a manifest describes; the object, or a list when there are several. AlreadyExists when it is there."""
        created = []
        for body, _ in read(source):
            resource = self.scheme.for_manifest(body)
            where = ((body.get("metadata") or {}).get("namespace") or namespace) if resource.namespaced else ""
            created.append(
                self._send("create", resource, where, "", body, field_manager="k8snb", field_validation="Strict")
            )
        return created[0] if len(created) == 1 else created

    def patch(
        self,
        kind: str,
        name: str,
        body: Any,
        namespace: str = "default",
        *,
        patch_type: str = "",
        subresource: str = "",
    ) -> Any:
        """Patch an object; ``patch_type`` is strategic (default for built-in kinds), merge or json."""
        resource = self.resource(kind)
        patch_type = patch_type or ("merge" if resource.custom else "strategic")
        if patch_type not in PATCH_TYPES:
            raise ValueError(f"patch type {patch_type!r} is unknown: use one of {', '.join(PATCH_TYPES)}")
        return self._send(
            "patch",
            resource,
            namespace,
            name,
            body,
            subresource=subresource,
            content_type=PATCH_TYPES[patch_type],
            field_manager="kubectl-patch",
        )

    def scale(self, kind: str, name: str, replicas: int, namespace: str = "default") -> Any:
        """Set ``spec.replicas`` through the scale subresource; returns the object."""
        resource = self.resource(kind)
        body = Scale(metadata=ObjectMeta(name=name, namespace=namespace), spec=ScaleSpec(replicas=replicas))
        self._send("update", resource, namespace, name, body, subresource="scale", field_manager="kubectl")
        return self.get(kind, name, namespace)

    def delete(
        self,
        kind: str,
        name: str | None = None,
        namespace: str = "default",
        *,
        propagation: str | None = None,
        grace: int | None = None,
    ) -> Any:
        """Delete an object: ``delete("pod", "web-1")`` or ``delete("pod/web-1")``.

        ``propagation`` is Background, Foreground or Orphan; ``grace`` the grace period in seconds.
        """
        if name is None:
            kind, _, name = kind.partition("/")
        resource = self.resource(kind)
        return self._send(
            "delete",
            resource,
            namespace,
            name,
            propagation_policy=propagation,
            grace_period_seconds=grace,
        )

    def evict(self, pod: str, namespace: str = "default") -> None:
        """Delete a pod through the eviction API, which PodDisruptionBudgets may refuse (429)."""
        name = pod.removeprefix("pod/")
        body = Eviction(metadata=ObjectMeta(name=name, namespace=namespace))
        self._send("create", self.resource("pods"), namespace, name, body, subresource="eviction")


def read(source: Any) -> Iterable[tuple[Mapping[str, Any], str]]:
    """The manifests of a source and where each stands (file and line); raises ``DecodeError`` or ``FileNotFoundError``."""
    if isinstance(source, Object):
        return [(to_dict(source), "an object")]
    if isinstance(source, Mapping):
        return [(source, "a mapping")]
    if isinstance(source, Path) or (isinstance(source, str) and _is_path(source)):
        return _read_path(Path(source))
    if isinstance(source, (str, bytes)):
        return [(document.body, f"line {document.line}") for document in decode_manifests(source)]
    if isinstance(source, Iterable):
        return [pair for item in source for pair in read(item)]
    raise TypeError(
        f"cannot apply a {type(source).__name__}: give YAML or JSON text, the path of a file, an object, a mapping, or a list of these"
    )


def _is_path(text: str) -> bool:
    return (
        "\n" not in text
        and ":" not in text.removeprefix(text[:2] if text[1:2] == ":" else "")
        and not text.lstrip().startswith("{")
    )


def _read_path(path: Path) -> list[tuple[Mapping[str, Any], str]]:
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix in (".yaml", ".yml", ".json"))
        if not files:
            raise FileNotFoundError(f"{path}: the folder has no .yaml, .yml or .json file")
        return [pair for file in files for pair in _read_path(file)]
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file (the current folder is {Path.cwd()})")
    documents = decode_manifests(path.read_bytes(), str(path))
    return [(document.body, f"{path}, line {document.line}") for document in documents]


__all__ = ["Applied", "ApplyError", "DecodeError", "Results", "Verbs", "read"]
