"""What a user does to a cluster: apply, create, patch, scale, delete, evict; each a request like anybody else's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from k8snb.api.codec import to_dict
from k8snb.api.decode import DecodeError, Document, decode_manifests
from k8snb.api.errors import APIError
from k8snb.api.mistakes import BadType, BadValue, Mistake, NoSuchFile
from k8snb.api.object import Object
from k8snb.api.quantity import QuantityError
from k8snb.api.quantity import parse as parse_quantity
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
from k8snb.api.scheme import Resource, UnknownKind
from k8snb.api.types.autoscaling_v1 import Scale, ScaleSpec
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.types.policy_v1 import Eviction
from k8snb.apiserver.patch.clientside import LAST_APPLIED, last_applied, threeway_patch
from k8snb.collection import Collection
from k8snb.world import World

PATCH_TYPES = {"merge": MERGE_PATCH, "strategic": STRATEGIC_MERGE_PATCH, "json": JSON_PATCH}
SUFFIXES = (".yaml", ".yml", ".json")
"""What the files of manifests end with."""
SHOWN = 5
"""Objects that are named when many were applied before one was refused."""
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


class ApplyError(Mistake):
    """The server refused an object of a manifest; says which, and what was applied before it."""

    def __init__(
        self, what: str, where: str, error: APIError | UnknownKind, done: tuple[Applied, ...], left: int
    ) -> None:
        self.error = error
        self.applied = done
        lines = [f"{what} ({where}): {error}", *_lines_of(where, error)]
        if done:
            more = f" and {len(done) - SHOWN} more" if len(done) > SHOWN else ""
            lines.append("Applied before it: " + "; ".join(map(repr, done[:SHOWN])) + more + ".")
        if left:
            lines.append(f"Not tried: {left} object{'s' if left > 1 else ''} after it. Mend this one and apply again.")
        super().__init__("\n".join(lines))


class Place(str):
    """Where a manifest stands, in words; ``document`` knows the line of each of its fields."""

    __slots__ = ("document",)
    document: Document

    def __new__(cls, text: str, document: Document) -> Place:
        made = super().__new__(cls, text)
        made.document = document
        return made


_STEP = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


def _lines_of(where: str, error: APIError | UnknownKind) -> list[str]:
    """The lines of the fields that the server complains of, when the manifest was text."""
    causes = error.causes if isinstance(error, APIError) else ()
    if not isinstance(where, Place) or not causes:
        return []
    found: dict[str, int] = {}
    for cause in causes:
        path = tuple(int(i) if i.isdigit() else i or name for i, name in _STEP.findall(cause.field))
        if path:
            found[cause.field] = where.document.line_of(path)
    return [f"See {', '.join(f'line {line} ({field})' for field, line in found.items())}."] if found else []


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
        return Results(self._each(read(source), lambda body: self._apply_one(body, namespace)))

    def create(self, source: Any, namespace: str = "default") -> Any:
        """Create what a manifest describes; the object, or a list when there are several. Refused when it is there."""
        created = self._each(read(source), lambda body: self._create_one(body, namespace))
        return created[0].object if len(created) == 1 else [one.object for one in created]

    def _each(
        self, source: Iterable[tuple[Mapping[str, Any], str]], act: Callable[[Mapping[str, Any]], Applied]
    ) -> tuple[Applied, ...]:
        """Do one thing with each manifest; the first refusal ends it, and tells what was done and what is left."""
        manifests = list(source)
        if not manifests:
            raise BadValue("there is nothing to apply: no object is described")
        done: list[Applied] = []
        for i, (body, where) in enumerate(manifests):
            try:
                done.append(act(body))
            except (APIError, UnknownKind) as error:
                what = f"{body.get('kind', 'object')} {_metadata(body).get('name', '')!r}"
                raise ApplyError(what, where, error, tuple(done), len(manifests) - i - 1) from None
        return tuple(done)

    def _apply_one(self, body: Mapping[str, Any], namespace: str) -> Applied:
        resource = self.scheme.for_manifest(body)
        meta = _metadata(body)
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

    def _create_one(self, body: Mapping[str, Any], namespace: str) -> Applied:
        resource = self.scheme.for_manifest(body)
        where = (_metadata(body).get("namespace") or namespace) if resource.namespaced else ""
        made = self._send("create", resource, where, "", body, field_manager="k8snb", field_validation="Strict")
        return Applied(made, "created")

    def patch(
        self,
        kind: str | Object,
        name: Any = None,
        body: Any = None,
        namespace: str | None = None,
        *,
        patch_type: str = "",
        subresource: str = "",
    ) -> Any:
        """Patch an object: ``patch("deployment", "web", {...})`` or ``patch("deployment/web", {...})``.

        ``patch_type`` is strategic (default for built-in kinds), merge or json (a list of operations).
        """
        if body is None and not isinstance(name, str):
            name, body = None, name
        resource, where, short = self.target(kind, name, namespace)
        if not isinstance(body, Mapping | list):
            raise BadType(
                f"the patch is {body!r}: give a mapping such as {{'spec': {{'replicas': 2}}}}, or a list of operations"
            )
        patch_type = patch_type or ("json" if isinstance(body, list) else "merge" if resource.custom else "strategic")
        if patch_type not in PATCH_TYPES:
            raise BadValue(f"patch type {patch_type!r} is unknown: use one of {', '.join(PATCH_TYPES)}")
        return self._on(
            "patch", resource, where, short, body,
            subresource=subresource, content_type=PATCH_TYPES[patch_type], field_manager="kubectl-patch",
        )  # fmt: skip

    def scale(
        self,
        kind: str | Object,
        name: str | int | None = None,
        replicas: int | None = None,
        namespace: str | None = None,
    ) -> Any:
        """Set ``spec.replicas``: ``scale("deployment", "web", 5)`` or ``scale("deployment/web", 5)``; returns the object."""
        if replicas is None and not isinstance(name, str):
            name, replicas = None, name
        resource, where, short = self.target(kind, name, namespace)
        if isinstance(replicas, bool) or not isinstance(replicas, int):
            raise BadType(
                f"replicas is {replicas!r}: give a whole number, as in scale('{resource.singular}/{short}', 5)"
            )
        body = Scale(metadata=ObjectMeta(name=short, namespace=where), spec=ScaleSpec(replicas=replicas))
        self._on("update", resource, where, short, body, subresource="scale", field_manager="kubectl")
        return self.find(resource, where, short)

    def load(
        self,
        target: str | Object,
        name: str | None = None,
        namespace: str | None = None,
        *,
        cpu: str | None = None,
        memory: str | None = None,
        each: bool = False,
    ) -> None:
        """Put load on a workload, Service or pod: ``load("deploy/web", cpu="900m")`` is shared by its ready pods.

        With ``each`` every pod uses that much. ``cpu="0"`` takes the load away. The load is kept as an annotation and shows
        in ``kubectl top`` and to HorizontalPodAutoscalers when metrics-server looks next (every 15 s).
        """
        resource, where, short = self.target(target, name, namespace)
        given = {"cpu": cpu, "memory": memory}
        for what, amount in given.items():
            if amount is not None and not (isinstance(amount, str) and _is_amount(amount)):
                raise BadValue(
                    f"{what} is {amount!r}: give an amount as in a manifest, such as cpu='300m' or memory='64Mi'"
                )
        if cpu is None and memory is None:
            raise BadValue(f"which load on {resource.singular}/{short}? Give cpu='300m' or memory='64Mi'")
        prefix = "load.k8snb.io/each-" if each else "load.k8snb.io/"
        annotations = {
            f"{prefix}{what}": None if amount in ("0", "") else amount
            for what, amount in given.items()
            if amount is not None
        }
        body = {"metadata": {"annotations": annotations}}
        self._on(
            "patch", resource, where, short, body, content_type=PATCH_TYPES["merge"], field_manager="kubectl-annotate"
        )

    def delete(
        self,
        kind: str | Object,
        name: str | None = None,
        namespace: str | None = None,
        *,
        propagation: str | None = None,
        grace: int | None = None,
    ) -> Any:
        """Delete an object: ``delete("pod", "web-1")``, ``delete("pod/web-1")`` or the object itself.

        ``propagation`` is Background, Foreground or Orphan; ``grace`` the grace period in seconds.
        """
        resource, where, short = self.target(kind, name, namespace)
        if grace is not None and (isinstance(grace, bool) or not isinstance(grace, int)):
            raise BadType(f"grace is {grace!r}: give a whole number of seconds")
        return self._on("delete", resource, where, short, propagation_policy=propagation, grace_period_seconds=grace)

    def evict(self, pod: str | Object, namespace: str | None = None) -> None:
        """Delete a pod through the eviction API, which PodDisruptionBudgets may refuse (429)."""
        if isinstance(pod, str) and not pod.startswith("pod/"):
            pod = f"pod/{pod}"
        resource, where, name = self.target(pod, None, namespace)
        body = Eviction(metadata=ObjectMeta(name=name, namespace=where))
        self._on("create", resource, where, name, body, subresource="eviction")

    def _on(self, verb: str, resource: Resource, namespace: str, name: str, body: Any = None, **options: Any) -> Any:
        """A request about one object; when there is none of that name, those that come close are named."""
        try:
            return self._send(verb, resource, namespace, name, body, **options)
        except APIError as error:
            if error.reason == "NotFound" and self.find(resource, namespace, name) is None:
                raise Collection(self, resource, namespace or None).missing(name) from None
            raise


def _is_amount(text: str) -> bool:
    try:
        return parse_quantity(text).nanos >= 0
    except QuantityError:
        return False


def read(source: Any) -> Iterable[tuple[Mapping[str, Any], str]]:
    """The manifests of a source and where each stands (file and line); raises ``DecodeError`` or ``FileNotFoundError``."""
    if isinstance(source, Object):
        return [(to_dict(source), "an object")]
    if isinstance(source, Mapping):
        if not source.get("kind") or not source.get("apiVersion"):
            known = ", ".join(map(str, list(source)[:5])) or "nothing"
            raise BadValue(f"a mapping needs apiVersion and kind to be an object; this one has {known}")
        return [(source, "a mapping")]
    if isinstance(source, Path) or (isinstance(source, str) and _is_path(source)):
        return _read_path(Path(source))
    if isinstance(source, (str, bytes)):
        return [(document.body, Place(f"line {document.line}", document)) for document in decode_manifests(source)]
    if isinstance(source, Iterable):
        return [pair for item in source for pair in read(item)]
    raise BadType(
        f"cannot apply {_short(source)}: give YAML or JSON text, the path of a file, an object, a mapping, or a list of these"
    )


def _metadata(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata of a manifest; empty when it is no mapping, which the server will refuse."""
    found = body.get("metadata")
    return found if isinstance(found, Mapping) else {}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _is_path(text: str) -> bool:
    """Whether a text is meant as a path: one line that is neither JSON nor YAML's ``key: value``."""
    if not text.strip() or "\n" in text or text.lstrip().startswith(("{", "[")):
        return False
    drive = re.match(r"[A-Za-z]:[\\/]", text)
    return text.endswith(SUFFIXES) or drive is not None or ":" not in text


def _read_path(path: Path) -> list[tuple[Mapping[str, Any], str]]:
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES)
        if not files:
            raise NoSuchFile(f"{path}: the folder has no .yaml, .yml or .json file")
        return [pair for file in files for pair in _read_path(file)]
    if not path.is_file():
        raise NoSuchFile(f"{path}: there is no such file (the current folder is {Path.cwd()}){_no_file(str(path))}")
    documents = decode_manifests(path.read_bytes(), str(path))
    return [(document.body, Place(f"{path}, line {document.line}", document)) for document in documents]


def _no_file(text: str) -> str:
    """What a text that names no file may have been meant as."""
    if re.match(r"https?:/", text):
        return "; an address is not loaded: download the file and apply it"
    if re.match(r"[$%! ]*kubectl ", text):
        return "; this is a command: in a notebook write %kubectl … in a cell of its own"
    if text.startswith("<"):
        return "; this is a web page, not a manifest"
    return ""


__all__ = ["Applied", "ApplyError", "DecodeError", "Results", "Verbs", "read"]
