"""What ``k8snb doctor`` looks at: one function per check, each yields what it found.

A check yields ``(state, id, values)``: ``ok``, ``note`` (something optional is not there), ``warn`` (works, but less well) or
``fail`` (has to be mended). The catalogue has a message ``doctor.ID`` and, for warn and fail, ``doctor.ID.mend``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from k8snb._version import __version__

OLDEST_PYTHON = (3, 11)
OLDEST_KUBECTL = 27
"""The oldest kubectl (1.27) with which a served cluster was tried."""
EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "anywidget", "jupyterlab-slideshow")
"""JupyterLab's extensions that live pictures and slides need."""
PATIENCE = 60
"""Seconds that a kernel may take to start (a first start on a slow disk takes half of it)."""
ANSWERS = 10
"""Seconds that a program may take to say its version."""
PORTS = range(8888, 8908)
"""Ports that JupyterLab tries, in order."""
ROOM = 200 << 20
"""Free bytes that a course's folder should have: the exercises, and some exported chapters."""

Found = tuple[str, str, dict[str, Any]]


class Setting(NamedTuple):
    """What is examined: the folder of the reader's chapters."""

    folder: Path


class Finding(NamedTuple):
    """What one check found."""

    check: str
    state: str
    id: str
    values: dict[str, Any]


def python(_: Setting) -> Iterator[Found]:
    """The interpreter's version."""
    values = {"version": ".".join(map(str, sys.version_info[:3])), "place": sys.executable}
    yield ("ok", "python", values) if sys.version_info >= OLDEST_PYTHON else ("fail", "python-old", values)


def packages(_: Setting) -> Iterator[Found]:
    """The packages that k8snb needs, in versions that it can use."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(line) for line in metadata.requires("k8snb") or []]
    except metadata.PackageNotFoundError:
        yield "warn", "not-installed", {"place": str(Path(__file__).resolve().parents[1])}
        return
    troubled = 0
    needed = [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]
    for requirement in needed:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            troubled += 1
            yield "fail", "package-missing", {"name": requirement.name, "wanted": str(requirement)}
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            troubled += 1
            yield "fail", "package-old", {"name": requirement.name, "version": version, "wanted": str(requirement)}
    if not troubled:
        yield "ok", "packages", {"count": len(needed), "version": __version__}


def front_end(_: Setting) -> Iterator[Found]:
    """JupyterLab's extensions: there, and not disabled."""
    from jupyter_core.paths import jupyter_path
    from jupyterlab_server.config import get_federated_extensions, get_page_config

    places = jupyter_path("labextensions")
    there = get_federated_extensions(places)
    disabled = get_page_config(places).get("disabledExtensions", {})
    names = {name for name, off in disabled.items() if off} if isinstance(disabled, dict) else set(disabled)
    troubled = False
    for name in EXTENSIONS:
        if name not in there:
            troubled = True
            yield "fail", "extension-missing", {"name": name, "package": _package(name)}
        elif any(name == off or off.startswith(f"{name}:") for off in names):
            troubled = True
            yield "fail", "extension-disabled", {"name": name}
    if not troubled:
        yield "ok", "front-end", {"version": metadata.version("jupyterlab")}


def _package(extension: str) -> str:
    return {"@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets"}.get(extension, extension)


def kernel(_: Setting) -> Iterator[Found]:
    """The kernel that notebooks are opened with: of this environment, and able to import k8snb."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        argv = KernelSpecManager().get_kernel_spec("python3").argv
    except NoSuchKernel:
        yield "fail", "kernel-missing", {}
        return
    here = Path(sys.executable)
    own = {"python", f"python{sys.version_info.major}", f"python{sys.version_info.major}.{sys.version_info.minor}"}
    # Jupyter starts its own Python where a kernel asks for a bare one, whatever PATH says.
    runs = str(here) if argv[0] in own else shutil.which(argv[0]) or argv[0]
    if Path(runs).name.startswith("python") and Path(runs).parent.resolve() != here.parent.resolve():
        yield "fail", "kernel-foreign", {"place": runs, "here": str(here)}
        return
    said = _asked_kernel()
    if said == __version__:
        yield "ok", "kernel", {"place": runs}
    else:
        yield "fail", "kernel-fails", {"error": said or "?"}


def _asked_kernel() -> str:
    """What a kernel prints as the version of k8snb, or what went wrong."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(
        kernel_name="python3", startup_timeout=PATIENCE, extra_arguments=["--IPKernelApp.log_level=CRITICAL"]
    )
    said: list[str] = []

    def heard(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            said.append(content["text"])
        elif message["msg_type"] == "error":
            said.append(f"{content['ename']}: {content['evalue']}")

    try:
        client.execute_interactive(
            "import k8snb, k8snb.widgets; print(k8snb.__version__, end='')", timeout=PATIENCE, output_hook=heard
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return "".join(said).strip()


def loopback(_: Setting) -> Iterator[Found]:
    """The loopback interface carries a connection, and JupyterLab will find a free port."""
    try:
        with socket.socket() as server, socket.socket() as client:
            server.bind(("127.0.0.1", 0))
            server.listen(1)
            client.settimeout(ANSWERS)
            client.connect(server.getsockname())
    except OSError as error:
        yield "fail", "loopback-closed", {"error": error.strerror or str(error)}
        return
    free = next((port for port in PORTS if _free(port)), None)
    if free is None:
        yield "warn", "ports-taken", {"first": PORTS[0], "last": PORTS[-1]}
    else:
        yield "ok", "loopback", {"port": free}


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def folder(setting: Setting) -> Iterator[Found]:
    """The reader's folder can be written to."""
    place = setting.folder.resolve()
    below = next(p for p in (place, *place.parents) if p.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=below, prefix=".k8snb-"):
            pass
    except OSError as error:
        yield "fail", "folder-closed", {"place": str(below), "error": error.strerror or str(error)}
        return
    room = shutil.disk_usage(below).free
    if room < ROOM:
        yield "warn", "folder-full", {"place": str(below), "room": room >> 20}
    else:
        yield "ok", "folder", {"place": str(place)}


def course_files(_: Setting) -> Iterator[Found]:
    """The chapters and exercises came with the package."""
    from k8snb.api.mistakes import NoSuchFile
    from k8snb.presenting.course import course

    try:
        chapters = [len(list((course("notebooks") / lang).glob("[0-9]*.ipynb"))) for lang in ("en", "zh")]
        exercises = len(list((course("exercises") / "en").glob("*/exercise.yaml")))
    except NoSuchFile as error:
        yield "fail", "course-missing", {"error": str(error)}
        return
    yield "ok", "course", {"chapters": min(chapters), "exercises": exercises}


def fonts(_: Setting) -> Iterator[Found]:
    """A font with Chinese characters; Windows and macOS bring one, elsewhere fontconfig knows."""
    if sys.platform in ("win32", "darwin"):
        yield "ok", "fonts-system", {}
        return
    tool = shutil.which("fc-list")
    if tool is None:
        yield "note", "fonts-unknown", {}
        return
    listed = subprocess.run([tool, ":lang=zh", "family"], capture_output=True, timeout=ANSWERS, check=False).stdout
    families = sorted({line.split(",")[0].strip() for line in listed.decode(errors="replace").splitlines()} - {""})
    yield ("ok", "fonts", {"name": families[0]}) if families else ("warn", "fonts-missing", {})


def browser(_: Setting) -> Iterator[Found]:
    """A browser that can be opened from here."""
    import webbrowser

    try:
        name = getattr(webbrowser.get(), "name", "") or "default"
    except webbrowser.Error:
        yield "warn", "browser-missing", {}
        return
    yield "ok", "browser", {"name": name}


def kubectl(_: Setting) -> Iterator[Found]:
    """The real kubectl, which only ``k8snb serve`` has a use for."""
    tool = shutil.which("kubectl")
    if tool is None:
        yield "note", "kubectl-missing", {}
        return
    said = subprocess.run(
        [tool, "version", "--client", "-o", "json"], capture_output=True, timeout=ANSWERS, check=False
    ).stdout
    version, minor = "?", 0
    with contextlib.suppress(ValueError, KeyError, TypeError):
        client = json.loads(said)["clientVersion"]
        version, minor = str(client["gitVersion"]), int(str(client["minor"]).rstrip("+"))
    old = minor < OLDEST_KUBECTL
    yield ("warn", "kubectl-old", {"version": version}) if old else ("ok", "kubectl", {"version": version})


def nbgrader(_: Setting) -> Iterator[Found]:
    """nbgrader, for courses that use it."""
    if importlib.util.find_spec("nbgrader") is None:
        yield "note", "nbgrader-missing", {}
        return
    yield "ok", "nbgrader", {"version": metadata.version("nbgrader")}


def sandbox(_: Setting) -> Iterator[Found]:
    """Limits of the processes in which answers are graded."""
    try:
        import resource
    except ImportError:
        yield "warn", "sandbox-weak", {}
        return
    known = [name for name in ("RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_NPROC") if hasattr(resource, name)]
    if sys.platform == "darwin" or len(known) < 4:
        yield "warn", "sandbox-partly", {"system": sys.platform}
    elif hasattr(os, "geteuid") and os.geteuid() == 0:
        yield "warn", "sandbox-root", {}
    else:
        yield "ok", "sandbox", {"count": os.cpu_count() or 1}


CHECKS: tuple[tuple[str, Callable[[Setting], Iterator[Found]]], ...] = (
    ("python", python),
    ("packages", packages),
    ("front-end", front_end),
    ("kernel", kernel),
    ("loopback", loopback),
    ("folder", folder),
    ("course", course_files),
    ("fonts", fonts),
    ("browser", browser),
    ("kubectl", kubectl),
    ("nbgrader", nbgrader),
    ("sandbox", sandbox),
)
"""The checks in the order in which they are told."""
