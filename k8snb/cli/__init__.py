"""The command line: opening, presenting, exporting and grading the course; a cluster for manifests or for kubectl."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from k8snb._version import __version__
from k8snb.cli.doctor import add_doctor
from k8snb.cli.export import add_export
from k8snb.cli.grade import add_grade
from k8snb.cli.lab import add_lab
from k8snb.cli.present import add_present
from k8snb.cli.serve import add_serve
from k8snb.cli.simulate import add_simulate

COMMANDS = (add_lab, add_present, add_export, add_simulate, add_serve, add_grade, add_doctor)
"""One function per command; each adds its parser, whose ``run`` default does the work."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(prog="k8snb", description="A Kubernetes cluster that a class can see inside.")
    parser.add_argument("--version", action="version", version=f"k8snb {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    options = parser.parse_args(argv)
    code: int = options.run(options)
    return code
