"""``k8snb export NN…``: chapters as files that need neither kernel nor network, with pictures that still move."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from k8snb import locale
from k8snb.api.mistakes import Mistake
from k8snb.cli.lab import FOLDER, short_language

DONE, FAILED, BAD_INPUT = 0, 1, 2
"""Exit codes: everything was written; a chapter did not run to its end; the input could not be used."""
OUT = "k8snb-export"
"""The folder that pages are written into, in the current folder."""


def add_export(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("export", help="write chapters as self-contained slides or pages that work offline")
    parser.add_argument("chapters", nargs="+", metavar="NN|FILE", help="a chapter's number or name, a notebook, or all")
    parser.add_argument(
        "--to", choices=("slides", "html"), default="slides", help="screens to present, or a page to read"
    )
    parser.add_argument("--lang", choices=("en", "zh"), help="language of the chapters (default: the system's)")
    parser.add_argument("--dir", type=Path, default=Path(FOLDER), help=f"folder of your own chapters (./{FOLDER})")
    parser.add_argument("--out", type=Path, default=Path(OUT), metavar="DIR", help=f"folder to write into (./{OUT})")
    parser.set_defaults(run=export)


def export(options: argparse.Namespace) -> int:
    """Run each chapter and write its page."""
    from k8snb.presenting.deck import all_chapters, find_chapter
    from k8snb.presenting.execute import ChapterFailed
    from k8snb.presenting.page import export as page
    from k8snb.presenting.page import file_name

    if options.lang:
        locale.use(options.lang)
    language = short_language()
    try:
        names = [n for name in options.chapters for n in (all_chapters(language) if name == "all" else [name])]
        paths = list(dict.fromkeys(find_chapter(name, language, options.dir) for name in names))
        options.out.mkdir(parents=True, exist_ok=True)
    except (Mistake, OSError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    code = DONE
    slugs = {path.stem for path in paths}
    for path in paths:
        try:
            made = page(path, options.to, language, slugs)
        except ChapterFailed as error:
            print(error, file=sys.stderr)
            code = max(code, FAILED)
            continue
        except Mistake as error:
            print(error, file=sys.stderr)
            code = BAD_INPUT
            continue
        target = options.out / file_name(path.stem, options.to)
        target.write_text(made, encoding="utf-8")
        print(locale.text("export.written", path=target, size=f"{target.stat().st_size / 1e6:.1f}"))
    return code
