"""The images that a cluster can pull: a catalogue entry each, and the true errors for those that it cannot.

Well-known images are built in (``k8snb.node.catalogue``). Any other image of a public registry is taken to hold a
plausible program that listens where its container says. A class adds its own in a line::

    cluster.images.add("shop/web:1.0", listens=8080, answers={"/": "hello", "/healthz": 200}, starts=5)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from k8snb.api.frozen import EMPTY, FrozenDict
from k8snb.node.app import App, Listener
from k8snb.node.references import Reference, parse

MEGABYTE = 1_000_000
PUBLIC = ("docker.io", "registry.k8s.io", "k8s.gcr.io", "quay.io", "ghcr.io", "gcr.io", "mcr.microsoft.com", "public.ecr.aws",
          "registry.access.redhat.com", "docker.elastic.co", "mirror.gcr.io", "us-docker.pkg.dev", "registry.gitlab.com")  # fmt: skip
"""Registries that can be reached and serve images to everybody."""
NO_SUCH_TAG = re.compile(
    r"(?:^|[-_./])(?:broken|missing|invalid|typo|wrong|bogus|unknown|bad|fake|no-?such\w*|not-?found|non-?exist\w*|not-?exist\w*)"
    r"(?:$|[-_./])|does-?not-?exist"
)
"""Tags (and repositories) that teaching material uses for images that are not there."""
_VERSION = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.\d+)*(?:\+\S+)?")
_SUFFIXES = frozenset((
    "alpine", "slim", "bookworm", "bullseye", "trixie", "buster", "stretch", "jessie", "perl", "otel", "debian", "ubuntu",
    "jammy", "noble", "focal", "glibc", "musl", "uclibc", "jdk", "jre", "fpm", "apache", "cli", "management", "rc", "beta",
    "alpha", "m", "ga", "oss", "lts", "temurin", "openjdk", "hotspot", "headless", "onbuild", "zts", "php", "fips", "bci",
    "ubi", "ol", "oraclelinux", "windowsservercore", "nanoserver", "distroless", "nonroot", "debug", "unprivileged", "amd",
    "arm", "linux",
))  # fmt: skip
"""Words that may follow a version in a tag of an official image."""


class Image(msgspec.Struct, frozen=True, gc=False):
    """A catalogue entry.

    ``size`` is what has to be pulled, in bytes; ``entrypoint`` and ``cmd`` are as in a Dockerfile; ``programs`` are the
    long-running programs it contains, by the name they are started with. ``shell`` names its shell (empty: it has none);
    with it come all commands that ``k8snb.node.shell`` knows. ``majors`` maps the major versions that exist to their
    highest minor (empty: any tag exists), ``tags`` are the tags that are no versions. ``files`` are the files of its file
    system that matter. A ``generic`` image runs whatever it is told to.
    """

    repository: str
    size: int = 50 * MEGABYTE
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    programs: tuple[App, ...] = ()
    shell: str = "bash"
    majors: Mapping[int, int] = EMPTY
    tags: tuple[str, ...] = ("latest",)
    env: Mapping[str, str] = EMPTY
    files: Mapping[str, str] = EMPTY
    workdir: str = "/"
    user: int = 0
    stop_signal: str = "SIGTERM"
    generic: bool = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Image:
        return self

    def program(self, name: str) -> App | None:
        """The program that is started by a name, if the image has it."""
        for app in self.programs:
            if app.name == name:
                return app
        return None

    def has_tag(self, tag: str) -> bool:
        """Whether the registry has that tag."""
        if NO_SUCH_TAG.search(tag):
            return False
        if not self.majors:
            return True
        head, _, rest = tag.partition("-")
        words = rest.split("-") if rest else []
        version = _VERSION.fullmatch(head)
        if version is not None:
            major, minor = int(version[1]), int(version[2] or 0)
            if major not in self.majors or minor > self.majors[major]:
                return False
        elif head not in self.tags and head.rstrip("0123456789.") not in {"alpine", "slim"}:
            return False
        return all(w in self.tags or w.rstrip("0123456789.") in _SUFFIXES or _VERSION.fullmatch(w) for w in words)


class PullError(Exception):
    """Why an image cannot be pulled, in containerd's words."""


class Catalogue:
    """The images that exist, and those that a fault has taken away.

    Everything in it is plain data or an immutable entry, so a fork has a catalogue of its own.
    """

    def __init__(self, images: Iterable[Image] = ()) -> None:
        self._images: dict[str, Image] = {}
        self._exact: dict[str, Image] = {}
        self._broken: dict[str, bool] = {}
        self._found: dict[str, Image | PullError] = {}
        for image in images:
            self._images[image.repository] = image

    def add(
        self,
        reference: str,
        *,
        listens: int | Iterable[int] = (),
        answers: Mapping[str, Any] | None = None,
        starts: float = 0.0,
        size: float = 50,
        memory: float = 16,
        cpu: int = 1,
        exits: float | None = None,
        code: int = 0,
        ignores_sigterm: bool = False,
        log: str | Iterable[str] = (),
        leak: float = 0.0,
    ) -> Image:
        """Add an image of one's own and return its entry.

        ``listens`` is a port or several (http), ``answers`` maps paths to a text, a status, a (status, text) pair or a
        function of (request, process); ``starts`` is the seconds until it listens, ``size`` and ``memory`` are MB and MiB,
        ``leak`` MiB more per second; ``exits`` lets it end by itself after so many seconds with exit code ``code``.
        ``ValueError`` when the reference is malformed.
        """
        parsed = _parsed(reference)
        ports = (listens,) if isinstance(listens, int) else tuple(listens)
        app = App(
            "app",
            tuple(Listener(port) for port in ports),
            answers=FrozenDict(answers or {}),
            starts=starts,
            memory=int(memory * 1024 * 1024),
            cpu=cpu,
            exits=exits,
            code=code,
            stop_code=None if ignores_sigterm else 0,
            log=(log,) if isinstance(log, str) else tuple(log),
            declared=not ports,
            leak=int(leak * 1024 * 1024),
        )
        image = Image(parsed.repository, int(size * MEGABYTE), ("app",), programs=(app,), generic=True)
        self.put(reference, image)
        return image

    def put(self, reference: str, image: Image) -> None:
        """Add or replace an entry: for one tag when the reference has one, else for the whole repository."""
        parsed = _parsed(reference)
        if ":" in reference.rpartition("/")[2]:
            self._exact[parsed.name] = image
        else:
            self._images[parsed.repository] = image
        self._found.clear()

    def broken(self, reference: str) -> None:
        """Let the registry deny that it has this image (without a tag: any tag of it)."""
        self._broken[_handle(reference)] = True
        self._found.clear()

    def mended(self, reference: str) -> None:
        """Undo ``broken``; also makes an image exist that a teaching tag such as ``:broken`` marks as missing."""
        handle = _handle(reference)
        if self._broken.pop(handle, None) is None:
            self._broken[handle] = False
        self._found.clear()

    def resolve(self, text: str) -> Image:
        """The image that a reference stands for; raises ``PullError`` when the registry would refuse it."""
        found = self._found.get(text)
        if found is None:
            try:
                found = self._resolve(text)
            except PullError as error:
                found = error
            self._found[text] = found
        if isinstance(found, PullError):
            raise found
        return found

    def _resolve(self, text: str) -> Image:
        reference = parse(text)
        if reference is None:
            raise PullError(f"couldn't parse image name {text!r}: invalid reference format")
        verdict = self._broken.get(reference.name, self._broken.get(reference.repository))
        if verdict:
            raise _not_found(reference)
        image = self._exact.get(reference.name)
        if image is not None:
            return image
        image = self._images.get(reference.repository)
        if image is not None:
            if verdict is None and reference.tag and not image.has_tag(reference.tag):
                raise _not_found(reference)
            return image
        if verdict is None:
            if reference.host not in PUBLIC and not reference.host.endswith(
                (".pkg.dev", ".amazonaws.com", ".azurecr.io")
            ):
                raise _unreachable(reference)
            if reference.host == "docker.io" and reference.path.startswith("library/"):
                raise _denied(reference)
            if "private" in reference.path or NO_SUCH_TAG.search(reference.path):
                raise _denied(reference)
            if NO_SUCH_TAG.search(reference.tag):
                raise _not_found(reference)
        return _generic(reference)


def _generic(reference: Reference) -> Image:
    """What an image that nobody knows is taken to be: a service that listens where its container says."""
    app = App("app", declared=True, log=(f"{reference.path.rpartition('/')[2]} started",))
    return Image(reference.repository, 80 * MEGABYTE, ("app",), programs=(app,), generic=True)


def _parsed(text: str) -> Reference:
    parsed = parse(text)
    if parsed is None:
        raise ValueError(f"{text!r} is not an image reference: expected something like shop/web:1.0, in lower case")
    return parsed


def _handle(reference: str) -> str:
    parsed = _parsed(reference)
    has_tag = ":" in reference.rpartition("/")[2] or "@" in reference
    return parsed.name if has_tag else parsed.repository


def _failed(reference: Reference, code: str, why: str) -> PullError:
    name = reference.name
    return PullError(
        f'rpc error: code = {code} desc = failed to pull and unpack image "{name}": '
        f'failed to resolve reference "{name}": {why}'
    )


def _not_found(reference: Reference) -> PullError:
    return _failed(reference, "NotFound", f"{reference.name}: not found")


def _denied(reference: Reference) -> PullError:
    why = (
        "pull access denied, repository does not exist or may require authorization: "
        "server message: insufficient_scope: authorization failed"
    )
    return _failed(reference, "Unknown", why)


def _unreachable(reference: Reference) -> PullError:
    url = f"https://{reference.host}/v2/{reference.path}/manifests/{reference.tag or reference.digest}"
    host = reference.host.partition(":")[0]
    if host == "localhost":
        port = reference.host.partition(":")[2] or "443"
        why = f'failed to do request: Head "{url}": dial tcp 127.0.0.1:{port}: connect: connection refused'
    else:
        why = f'failed to do request: Head "{url}": dial tcp: lookup {host}: no such host'
    return _failed(reference, "Unknown", why)
