"""``k8snb present NN``: a chapter as live slides in JupyterLab, for a projector."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from k8snb import locale
from k8snb.api.mistakes import Mistake
from k8snb.cli.lab import FOLDER, copy_course, jupyter, served, short_language

BAD_INPUT = 2
"""Exit code: there is no such chapter, or no extension that shows slides."""


def add_present(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("present", help="open a chapter as live slides")
    parser.add_argument("chapter", metavar="NN", help="a chapter's number or name, or a notebook")
    parser.add_argument("--lang", choices=("en", "zh"), help="language of the chapter (default: the system's)")
    parser.add_argument("--dir", type=Path, default=Path(FOLDER), help=f"folder of your chapters (./{FOLDER})")
    parser.add_argument("--no-browser", action="store_true", help="start the server only and print its address")
    parser.add_argument("--port", type=int, help="port of the server (default: the first free one from 8888)")
    parser.set_defaults(run=present)


def present(options: argparse.Namespace) -> int:
    """Write the slides beside the chapter, and start JupyterLab on them; its exit code."""
    if options.lang:
        locale.use(options.lang)
    if importlib.util.find_spec("jupyterlab_slideshow") is None:
        print(locale.text("present.no-deck", python=sys.executable), file=sys.stderr)
        return BAD_INPUT
    try:
        copy_course(options.dir, short_language())
        slides = write_slides(options.chapter, options.dir)
    except Mistake as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    print(locale.text("present.ready", path=slides))
    print(locale.text("present.keys"))
    with tempfile.TemporaryDirectory(prefix="k8snb-present-") as settings:
        words = command(options.dir, slides, Path(settings), options.no_browser, options.port)
        return served(words, environment())


def write_slides(chapter: str, folder: Path) -> Path:
    """Write a chapter's slides, ``NN-name.slides.ipynb``, into the folder of the language; their path."""
    from k8snb.presenting.deck import find_chapter, live_deck, read_notebook

    language = short_language()
    found = find_chapter(chapter, language, folder)
    deck = live_deck(read_notebook(found), language)
    slides = folder / language / f"{found.stem}.slides.ipynb"
    slides.write_text(json.dumps(deck, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return slides


def command(folder: Path, slides: Path, settings: Path, no_browser: bool = False, port: int | None = None) -> list[str]:
    """The command that starts JupyterLab on slides; ``settings`` is a folder that it may write to and that is then forgotten.

    The reader's own settings stay as they are: what the slides switch on would otherwise be on in every later JupyterLab.
    """
    part = Path(__file__).resolve().parent.parent / "presenting" / "lab"
    words = jupyter(folder, slides.relative_to(folder).as_posix(), part / "settings", no_browser, port)
    return [
        *words,
        f"--LabApp.extra_labextensions_path={part / 'extensions'}",
        f"--LabApp.user_settings_dir={settings / 'settings'}",
        f"--LabApp.workspaces_dir={settings / 'workspaces'}",
    ]


def environment() -> dict[str, str]:
    """The environment of the slides' kernels: pictures are drawn for a projector, in the language of the chapter."""
    return {**os.environ, "K8SNB_PROJECTOR": "1", "K8SNB_LANG": short_language()}
