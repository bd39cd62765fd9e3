"""``k8snb lab``: the course in JupyterLab, in the reader's language, in a folder of the reader's own."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from k8snb import locale
from k8snb.presenting.course import course

FOLDER = "k8snb-course"
"""Where the reader's copies of the chapters live, in the current folder."""
FIRST = "00-quickstart.ipynb"


def add_lab(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("lab", help="open the course in JupyterLab")
    parser.add_argument("--lang", choices=("en", "zh"), help="language of the chapters (default: the system's)")
    parser.add_argument(
        "--dir", type=Path, default=Path(FOLDER), help=f"folder for your copies of the chapters (./{FOLDER})"
    )
    parser.add_argument("--no-browser", action="store_true", help="start the server only and print its address")
    parser.add_argument("--port", type=int, help="port of the server (default: the first free one from 8888)")
    parser.set_defaults(run=lab)


def lab(options: argparse.Namespace) -> int:
    """Copy what is not there yet, and start JupyterLab on the first chapter; its exit code."""
    if options.lang:
        locale.use(options.lang)
    language = short_language()
    copied = copy_course(options.dir, language)
    print(locale.text("lab.ready", folder=options.dir, count=len(copied)))
    return served(command(options.dir, language, options.no_browser, options.port))


def served(words: list[str], env: dict[str, str] | None = None) -> int:
    """Run a server until it ends; its exit code. Ctrl-C is the server's own affair: JupyterLab asks whether to stop."""
    process = subprocess.Popen(words, env=env)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def short_language() -> str:
    """The language in use by its short name, as folders of the course are called: ``zh`` or ``en``."""
    return "zh" if locale.current() == "zh_CN" else "en"


def copy_course(folder: Path, language: str) -> list[Path]:
    """Copy the chapters of a language into ``folder/LANGUAGE`` and its exercises into ``exercises`` there.

    Files that are there already stay as they are. Returns the new ones.
    """
    target = folder / language
    copied = []
    for part, goal in (("notebooks", target), ("exercises", target / "exercises")):
        source = course(part) / language
        for file in sorted(source.rglob("*")):
            place = file.relative_to(source)
            if not file.is_file() or any(name.startswith(".") for name in place.parts) or (goal / place).exists():
                continue
            (goal / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, goal / place)
            copied.append(goal / place)
    return copied


def command(folder: Path, language: str, no_browser: bool = False, port: int | None = None) -> list[str]:
    """The command that starts JupyterLab on the first chapter, without its prompts for news and updates."""
    settings = Path(__file__).resolve().parent / "lab_settings"
    return jupyter(folder, f"{language}/{FIRST}", settings, no_browser, port)


def jupyter(folder: Path, notebook: str, settings: Path, no_browser: bool, port: int | None) -> list[str]:
    """The command that starts JupyterLab in a folder on one of its notebooks, with the settings of an ``overrides.json``."""
    words = [
        sys.executable, "-m", "jupyterlab",
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--LabApp.default_url=/lab/tree/{notebook}",
        f"--LabApp.app_settings_dir={settings}",
    ]  # fmt: skip
    if no_browser:
        words.append("--no-browser")
    if port is not None:
        words.append(f"--port={port}")
    return words
