"""Running a chapter so that its pictures are recorded."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from k8snb.api.mistakes import BadValue
from k8snb.locale import text
from k8snb.presenting.deck import read_notebook

PATIENCE = 300
"""Seconds that one cell may take."""


class ChapterFailed(BadValue):
    """A cell of a chapter raised an error: it says which one."""


def executed(path: Path, language: str, projector: bool = False) -> dict[str, Any]:
    """The notebook at ``path``, run in a fresh kernel in a language (``zh`` or ``en``), with recorded pictures in its outputs.

    ``ChapterFailed`` says which cell failed and why; ``BadValue`` that the file is no notebook.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.from_dict(read_notebook(path))  # type: ignore[no-untyped-call]  # nbformat has no types for it
    client = NotebookClient(
        notebook,
        timeout=PATIENCE,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    env = {**os.environ, "K8SNB_RECORD": "1", "K8SNB_LANG": language, "K8SNB_PROJECTOR": "1" if projector else ""}
    try:
        client.execute(env=env)
    except CellExecutionError as error:
        number = client.code_cells_executed
        raise ChapterFailed(
            text("export.failed", path=path, number=number, error=f"{error.ename}: {_first(error.evalue)}")
        ) from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise ChapterFailed(
            text("export.failed", path=path, number=client.code_cells_executed, error=_first(str(error)))
        ) from None
    found: dict[str, Any] = json.loads(nbformat.writes(notebook))  # type: ignore[no-untyped-call]  # nor for this
    return found


def _first(told: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told).strip()
    return plain.splitlines()[0] if plain else ""
