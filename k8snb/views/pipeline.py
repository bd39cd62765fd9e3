"""The API server's pipeline as data: one request to create an object, station by station, and where it ended.

It is really sent, to a fork of the cluster whose admission plugins are watched, so nothing here is a guess and the cluster
itself does not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from k8snb.api.codec import to_dict
from k8snb.api.decode import decode_manifests
from k8snb.api.errors import APIError, etcd_timeout
from k8snb.api.mistakes import BadValue
from k8snb.api.object import Object
from k8snb.api.request import ADMIN, Request, RequestOptions, UserInfo
from k8snb.api.scheme import Resource
from k8snb.apiserver.admission.plugin import Attributes, Plugin
from k8snb.apiserver.authentication import assumed
from k8snb.apiserver.authz.authorizer import Attributes as Access
from k8snb.apiserver.server import APISERVER, ETCD
from k8snb.cluster import Cluster
from k8snb.diff import diff_fields, diff_objects
from k8snb.locale import text
from k8snb.verbs import read

STATIONS = ("authentication", "authorization", "decoding", "mutating", "validation", "validating", "storage", "watch")
OK, REFUSED, NOT_REACHED = "ok", "refused", "not-reached"
SIGNS = {OK: "✓", REFUSED: "✗", NOT_REACHED: "·"}


class Edit(msgspec.Struct, frozen=True):
    """A field that was set or changed: by whom (empty: a default), where, from what, to what."""

    by: str
    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        who = f"{self.by}: " if self.by else ""
        was = f"{_short(self.before)} → " if self.before is not None else ""
        return f"{who}{self.path} = {was}{_short(self.after)}"


class Said(msgspec.Struct, frozen=True):
    """One thing that a station says, as a message with its values."""

    id: str
    values: dict[str, Any] = {}

    def text(self, language: str | None = None) -> str:
        """The sentence."""
        return text(f"pipeline.{self.id}", language, **self.values)


class Station(msgspec.Struct, frozen=True):
    """One station of the way: its verdict, what it has to say, and the fields that it set."""

    id: str
    verdict: str
    said: tuple[Said, ...] = ()
    edits: tuple[Edit, ...] = ()


class PipelineView(msgspec.Struct, frozen=True):
    """The way of a request; ``code`` and ``message`` are the answer, ``stations`` all there are, reached or not."""

    user: str
    verb: str
    object: str
    code: int
    message: str
    stations: tuple[Station, ...]

    @property
    def refused_at(self) -> str:
        """The station that refused it; empty when none did."""
        return next((station.id for station in self.stations if station.verdict == REFUSED), "")

    def station(self, name: str) -> Station:
        """A station by its id."""
        return next(station for station in self.stations if station.id == name)


class _Watched(Plugin):
    """An admission plugin that tells what it did."""

    def __init__(self, plugin: Plugin, notes: _Notes) -> None:
        self.plugin = plugin
        self.notes = notes
        self.name = plugin.name

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return self.plugin.handles(operation, resource, subresource)

    def admit(self, a: Attributes) -> Any:
        notes = self.notes
        if notes.decoded is None:
            notes.decoded = a.obj
        if type(self.plugin).admit is Plugin.admit:
            return a.obj
        notes.mutators.append(self.name)
        notes.at, notes.plugin = "mutating", self.name
        obj = self.plugin.admit(a)
        notes.edits += [Edit(self.name, *edit) for edit in diff_objects(a.obj, obj)]
        notes.at = notes.plugin = ""
        return obj

    def validate(self, a: Attributes) -> None:
        notes = self.notes
        notes.admitted = True
        if type(self.plugin).validate is Plugin.validate:
            return
        notes.validators.append(self.name)
        notes.at, notes.plugin = "validating", self.name
        self.plugin.validate(a)
        notes.at = notes.plugin = ""


class _Notes:
    """What the watched plugins have noted so far."""

    def __init__(self) -> None:
        self.decoded: Any = None
        self.admitted = False
        self.at = ""
        self.plugin = ""
        self.mutators: list[str] = []
        self.validators: list[str] = []
        self.edits: list[Edit] = []


def pipeline(cluster: Cluster, manifest: Any, user: str = "", groups: Iterable[str] = ()) -> PipelineView:
    """The way of a request to create the object of a manifest, as a user (the administrator unless one is named).

    ``BadValue`` when the manifest holds several objects; a manifest with mistakes is refused at its station.
    """
    if isinstance(manifest, str) and "\n" in manifest:  # mistakes in its fields are for the server to find
        bodies: list[Any] = [document.body for document in decode_manifests(manifest, scheme=None)]
    else:
        bodies = [body for body, _ in read(manifest)]
    if len(bodies) != 1:
        raise BadValue(f"a request creates one object, and this manifest has {len(bodies)}: give one of them")
    body = bodies[0]
    who = assumed(UserInfo(user, groups=tuple(groups))) if user else ADMIN
    return _Way(cluster.fork(), body, who).view()


class _Way:
    """Sends the request to a fork and finds out where it ended."""

    def __init__(self, fork: Cluster, body: Mapping[str, Any], user: UserInfo) -> None:
        self.fork = fork
        self.body = body
        self.user = user
        self.notes = _Notes()
        api_version, kind = str(body.get("apiVersion")), str(body.get("kind"))
        found = fork.scheme.find(api_version, kind)
        if found is None:
            raise BadValue(f'no kind "{kind}" is served in version "{api_version}"')
        self.resource = found
        meta = body.get("metadata")
        self.meta: Mapping[str, Any] = meta if isinstance(meta, Mapping) else {}
        self.namespace = str(self.meta.get("namespace") or "default") if found.namespaced else ""

    def view(self) -> PipelineView:
        """Send it, and tell."""
        fork, notes = self.fork, self.notes
        server = fork.server
        server.admission = tuple(_Watched(plugin, notes) for plugin in server.admission)
        server.learn(server.scheme)  # endpoints know their plugins
        before = fork.revision
        queued = {(p.worker, p.key) for p in fork.runtime.pending() if p.state == "ready"}
        request = Request(
            "create", self.resource, self.namespace, "", "", self.body,
            options=RequestOptions(field_validation="Strict"), user=self.user, actor="user",
        )  # fmt: skip
        made: Any = None
        error: APIError | None = None
        at = ""
        silent = ETCD in server.down  # all before the storage goes on from what the server has cached
        server.down.pop(ETCD, None)
        try:
            made = server.handle(request).object
        except APIError as refused:
            error, at = refused, self._ended(refused)
        if silent and at in ("", "storage"):
            error, at = etcd_timeout(), "storage"
        stations = []
        for name in STATIONS:
            reached = not at or STATIONS.index(name) <= STATIONS.index(at)
            if not reached or (error is not None and name == "watch"):
                stations.append(Station(name, NOT_REACHED))
            elif name == at and error is not None:
                stations.append(Station(name, REFUSED, self._refusal(name, error)))
            else:
                stations.append(self._passed(name, made, before, queued))
        title = f"{self.resource.kind} {made.metadata.name if made is not None else self.meta.get('name', '')}".strip()
        code, message = (201, "Created") if error is None else (error.code, error.message)
        return PipelineView(self.user.name, "create", title, code, message, tuple(stations))

    def _ended(self, error: APIError) -> str:
        """Which station an error comes from."""
        server, notes = self.fork.server, self.notes
        if APISERVER in server.down:
            return "authentication"
        if not self._decision().allowed:
            return "authorization"
        if notes.at:
            return notes.at
        if notes.decoded is None:
            return "decoding"
        return "validation" if error.code in (400, 422) else "storage"

    def _decision(self) -> Any:
        resource, authorizer = self.resource, self.fork.server.authorizer
        return authorizer.authorize(
            Access(self.user, "create", resource.group, resource.version, resource.plural, "", self.namespace)
        )

    def _refusal(self, name: str, error: APIError) -> tuple[Said, ...]:
        said = [Said("answer", {"code": error.code, "message": error.message})]
        if name in ("mutating", "validating") and self.notes.plugin:
            said.insert(0, Said("plugin", {"plugin": self.notes.plugin}))
        if name == "authentication":
            said = [Said("nobody-listens", {"message": error.message})]
        return tuple(said)

    def _passed(self, name: str, made: Any, before: int, queued: set[tuple[str, str]]) -> Station:
        notes = self.notes
        said: list[Said] = []
        edits: list[Edit] = []
        if name == "authentication":
            said.append(Said("user", {"user": self.user.name, "groups": ", ".join(self.user.groups) or "-"}))
        elif name == "authorization":
            reason = self._decision().reason
            everybody = self.fork.server.authorizer.allows_everything
            said.append(
                Said("always") if everybody else Said("allowed", {"reason": reason}) if reason else Said("masters")
            )
        elif name == "decoding":
            edits = [Edit("", *edit) for edit in self._defaults() if edit[1] is None]
            said.append(Said("defaults", {"count": len(edits)}))
        elif name == "mutating":
            edits = notes.edits
            by = sorted({edit.by for edit in edits}, key=notes.mutators.index)
            said.append(Said("mutated", {"asked": len(notes.mutators), "plugins": ", ".join(by) or "-"}))
        elif name == "validation":
            said.append(Said("valid"))
        elif name == "validating":
            said.append(Said("validated", {"plugins": ", ".join(notes.validators) or "-"}))
        elif name == "storage":
            key = self.fork.scheme.of(made).key(made.metadata.namespace, made.metadata.name)
            said.append(Said("stored", {"key": key, "revision": made.metadata.resourceVersion or before}))
        else:
            woken = [p for p in self.fork.runtime.pending() if p.state == "ready" and (p.worker, p.key) not in queued]
            said += [Said("woken", {"worker": p.worker, "key": p.key}) for p in woken] or [Said("nobody-woken")]
        return Station(name, OK, tuple(said), tuple(edits))

    def _defaults(self) -> list[tuple[str, Any, Any]]:
        """(path, before, after) of what decoding and defaults made of the manifest."""
        decoded = self.notes.decoded
        if not isinstance(decoded, Object):
            return []
        whole = to_dict(decoded)
        meta = {k: v for k, v in whole.get("metadata", {}).items() if k in self.meta}
        given = {**self.body, "metadata": meta}
        return diff_fields(given, {**whole, "metadata": meta})


def pipeline_title(view: PipelineView, language: str | None = None) -> str:
    """What is asked by whom, and the answer."""
    return text("pipeline.title", language, user=view.user, object=view.object, code=view.code or "–")


def pipeline_text(view: PipelineView, language: str | None = None) -> str:
    """The text twin: one line per station, what it said below."""
    lines = [pipeline_title(view, language)]
    for number, station in enumerate(view.stations, 1):
        name = text(f"pipeline.station.{station.id}", language)
        lines.append(f"  {SIGNS[station.verdict]} {number}. {name}")
        lines += [f"       {said.text(language)}" for said in station.said]
        lines += [f"         + {edit}" for edit in station.edits]
    return "\n".join(lines)


def describe(view: PipelineView, name: str, language: str | None = None) -> dict[str, Any]:
    """What a click on a station shows: what it is for, what it said, each field that it set."""
    station = view.station(name)
    facts = [{"mark": "", "tone": "", "text": text(f"pipeline.about.{name}", language), "when": ""}]
    tone = "problem" if station.verdict == REFUSED else ""
    facts += [
        {"mark": SIGNS[station.verdict], "tone": tone, "text": said.text(language), "when": ""} for said in station.said
    ]
    if station.verdict == NOT_REACHED:
        facts.append({"mark": "·", "tone": "", "text": text("pipeline.not-reached", language), "when": ""})
    tabs: list[dict[str, Any]] = [{"id": "why", "label": text("detail.role", language), "facts": facts}]
    if station.edits:
        tabs.append(
            {
                "id": "fields",
                "label": text("pipeline.fields", language),
                "text": "\n".join(f"+ {edit}" for edit in station.edits),
            }
        )
    return {"title": text(f"pipeline.station.{name}", language), "tabs": tabs}


def _short(value: Any) -> str:
    told = repr(value) if isinstance(value, str) else str(value)
    return told if len(told) <= 60 else told[:59] + "…"
