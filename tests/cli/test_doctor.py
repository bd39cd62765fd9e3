"""`k8snb doctor`: what is wrong is told with its remedy, and nothing that is broken breaks it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from k8snb import __version__, locale
from k8snb.cli import checks, doctor, main
from k8snb.cli.checks import CHECKS, Finding, Found, Setting
from k8snb.cli.doctor import examined, told

HERE = Setting(Path("k8snb-course"))


def found(name: str, setting: Setting = HERE) -> list[tuple[str, str]]:
    """State and id of what a check finds."""
    return [(f.state, f.id) for f in examined(name, dict(CHECKS)[name], setting)]


class Distribution:
    """A package's metadata as a test wants it."""

    def __init__(self, requires: list[str], versions: dict[str, str]) -> None:
        self.wanted, self.versions = requires, versions

    def requires(self, _: str) -> list[str]:
        return self.wanted

    def version(self, name: str) -> str:
        if name not in self.versions:
            raise metadata.PackageNotFoundError(name)
        return self.versions[name]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        pytest.param({"a": "2.0"}, [("ok", "packages")], id="all there"),
        pytest.param({"a": "1.0"}, [("fail", "package-old")], id="an old one"),
        pytest.param({}, [("fail", "package-missing")], id="a missing one"),
    ],
)
def test_packages(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str], expected: list[tuple[str, str]]) -> None:
    fake = Distribution(["a>=1.5", "b>=1; extra == 'test'"], versions)
    monkeypatch.setattr("k8snb.cli.checks.metadata.requires", fake.requires)
    monkeypatch.setattr("k8snb.cli.checks.metadata.version", fake.version)

    assert found("packages") == expected


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "OLDEST_PYTHON", (9, 0))

    assert found("python") == [("fail", "python-old")]


def test_extensions_that_are_missing_or_disabled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import jupyter_core.paths

    for name in ("anywidget", "@jupyter-widgets/jupyterlab-manager"):
        (tmp_path / "labextensions" / name).mkdir(parents=True)
        (tmp_path / "labextensions" / name / "package.json").write_text(
            json.dumps({"name": name, "version": "1.0.0", "jupyterlab": {}}), encoding="utf-8"
        )
    monkeypatch.setattr(jupyter_core.paths, "jupyter_path", lambda part: [str(tmp_path / part)])
    config = tmp_path / "config" / "labconfig"
    config.mkdir(parents=True)
    (config / "page_config.json").write_text(json.dumps({"disabledExtensions": {"anywidget": True}}), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path / "config"))

    assert found("front-end") == [("fail", "extension-disabled"), ("fail", "extension-missing")]


def test_a_kernel_of_another_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

    spec = KernelSpec(argv=[str(tmp_path / "python3"), "-m", "ipykernel"])
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", lambda *_: spec)

    assert found("kernel") == [("fail", "kernel-foreign")]


def test_an_environment_that_nobody_activated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another Python is first on PATH; Jupyter starts its own all the same."""
    (tmp_path / "python").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(checks, "_asked_kernel", lambda: __version__)

    assert found("kernel") == [("ok", "kernel")]


def test_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def nothing(_: Any, name: str) -> Any:
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", nothing)

    assert found("kernel") == [("fail", "kernel-missing")]


def test_the_kernel_is_really_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_asked_kernel", lambda: "ModuleNotFoundError: No module named 'k8snb'")
    [finding] = examined("kernel", checks.kernel, HERE)

    assert finding.id == "kernel-fails"
    assert "No module named 'k8snb'" in told(finding)


def test_no_connection_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refused)

    assert found("loopback") == [("fail", "loopback-closed")]


def test_all_ports_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_free", lambda _: False)

    assert found("loopback") == [("warn", "ports-taken")]


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    assert found("folder", Setting(tmp_path / "not" / "yet")) == [("ok", "folder")]
    monkeypatch.setattr("k8snb.cli.checks.tempfile.NamedTemporaryFile", closed)
    assert found("folder", Setting(tmp_path)) == [("fail", "folder-closed")]


@pytest.mark.parametrize(
    ("listed", "expected"), [(b"Noto Sans CJK SC,Noto\n", ("ok", "fonts")), (b"", ("warn", "fonts-missing"))]
)
def test_fonts(monkeypatch: pytest.MonkeyPatch, listed: bytes, expected: tuple[str, str]) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, listed))

    assert found("fonts") == [expected]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b'{"clientVersion": {"gitVersion": "v1.36.1", "minor": "36"}}', ("ok", "kubectl")),
        (b'{"clientVersion": {"gitVersion": "v1.20.0", "minor": "20+"}}', ("warn", "kubectl-old")),
        (b"nonsense", ("warn", "kubectl-old")),
    ],
)
def test_kubectl(monkeypatch: pytest.MonkeyPatch, said: bytes, expected: tuple[str, str]) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, said))

    assert found("kubectl") == [expected]


def test_what_is_optional_is_only_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr("k8snb.cli.checks.importlib.util.find_spec", lambda _: None)

    assert found("kubectl") + found("nbgrader") == [("note", "kubectl-missing"), ("note", "nbgrader-missing")]


@pytest.mark.parametrize(
    ("module", "user", "expected"),
    [(None, 1000, "sandbox-weak"), ("there", 0, "sandbox-root"), ("there", 1000, "sandbox")],
)
@pytest.mark.skipif(sys.platform != "linux", reason="limits are those of Linux")
def test_limits_of_grading(monkeypatch: pytest.MonkeyPatch, module: str | None, user: int, expected: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if module is None:
        monkeypatch.setitem(sys.modules, "resource", None)

    assert [f for _, f in found("sandbox")] == [expected]


def test_a_check_that_breaks_is_a_finding() -> None:
    def broken(_: Setting) -> Any:
        raise OSError("the disk is on fire")

    [finding] = examined("fonts", broken, HERE)

    assert (finding.state, finding.id) == ("warn", "broken")
    assert "the disk is on fire" in told(finding)


def test_the_command_tells_and_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def trouble(_: Setting) -> Iterator[Found]:
        yield "fail", "kernel-missing", {}

    one: tuple[Any, ...] = (("python", checks.python), ("kubectl", trouble))
    monkeypatch.setattr(doctor, "CHECKS", one)

    assert main(["doctor", "--lang", "zh"]) == 1
    said = capsys.readouterr().out
    assert "✗ 没有名为 python3 的内核" in said
    assert f"    → {sys.executable} -m pip install --force-reinstall ipykernel" in said
    assert main(["doctor", "--lang", "en", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], [c["state"] for c in told["checks"]]) == (False, ["ok", "fail"])
    assert told["checks"][1]["mend"].endswith("ipykernel")
    monkeypatch.setattr(doctor, "CHECKS", one[:1])
    assert main(["doctor", "--lang", "en"]) == 0


def test_every_problem_has_a_remedy_in_both_languages() -> None:
    catalogue = locale.LANGUAGES["en"]
    problems = [m for m in catalogue if m.startswith("doctor.") and not m.endswith(".mend")]
    known = {"python"}
    for message in problems:
        mend = catalogue.get(f"{message}.mend")
        if mend is not None:
            fields = {name for _, name, _, _ in Formatter().parse(mend) if name} - known
            given = {name.partition("!")[0] for _, name, _, _ in Formatter().parse(catalogue[message]) if name}
            assert fields <= given | {"wanted", "package"}, message
    assert told(Finding("x", "fail", "package-missing", {"name": "a", "wanted": "a>=1"})).endswith('install "a>=1"')


def test_this_installation_is_examined_whole(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["doctor", "--lang", "en", "--json", "--dir", str(tmp_path)])
    told = json.loads(capsys.readouterr().out)

    assert {c["check"] for c in told["checks"]} == {name for name, _ in CHECKS}
    assert [c for c in told["checks"] if c["id"] == "broken"] == []
    assert [c["text"] for c in told["checks"] if c["state"] == "fail"] == []
