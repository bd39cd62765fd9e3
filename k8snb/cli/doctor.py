"""``k8snb doctor``: look at the installation, and say for each problem how to mend it.

A check never ends in a traceback: what it cannot find out it says so. Exit code 0 when everything that the course needs is there
(optional things may be missing), 1 when something has to be mended.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from k8snb import locale
from k8snb.cli.checks import CHECKS, Finding, Setting
from k8snb.cli.lab import FOLDER

WELL, TROUBLED = 0, 1
"""Exit codes: the course can begin; something has to be mended."""
SIGNS = {"ok": "✓", "note": "•", "warn": "!", "fail": "✗"}


def add_doctor(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("doctor", help="check the installation and say how to mend it")
    parser.add_argument("--dir", type=Path, default=Path(FOLDER), help=f"folder of your chapters (./{FOLDER})")
    parser.add_argument("--lang", choices=("en", "zh"), help="language of the report (default: the system's)")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=doctor)


def doctor(options: argparse.Namespace) -> int:
    """Run every check and print what it found."""
    if options.lang:
        locale.use(options.lang)
    setting = Setting(options.dir)
    findings = []
    for name, check in CHECKS:
        for finding in examined(name, check, setting):
            findings.append(finding)
            if not options.json:
                print(told(finding), flush=True)
    failed = [f for f in findings if f.state == "fail"]
    if options.json:
        print(json.dumps({"ok": not failed, "checks": [as_data(f) for f in findings]}, ensure_ascii=False, indent=2))
    else:
        print("\n" + locale.text("doctor.bad" if failed else "doctor.good", count=len(failed)))
    return TROUBLED if failed else WELL


def examined(name: str, check: Any, setting: Setting) -> list[Finding]:
    """What a check finds; a check that breaks is a finding too."""
    try:
        found = list(check(setting))
    except Exception as error:  # an installation may be broken in any way: the reader is told, not shown a traceback
        return [Finding(name, "warn", "broken", {"check": name, "error": f"{type(error).__name__}: {error}"[:300]})]
    return [Finding(name, *rest) for rest in found]


def told(finding: Finding) -> str:
    """A finding as one line, and the remedy on the next."""
    line = f"{SIGNS[finding.state]} {locale.text(f'doctor.{finding.id}', None, **finding.values)}"
    return line + (f"\n    → {remedy(finding)}" if finding.state in ("warn", "fail") else "")


def remedy(finding: Finding) -> str:
    """How to mend what was found."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    return locale.text(f"doctor.{finding.id}.mend", None, python=python, **finding.values)


def as_data(finding: Finding) -> dict[str, Any]:
    """A finding as plain data."""
    data = {
        "check": finding.check,
        "id": finding.id,
        "state": finding.state,
        "text": locale.text(f"doctor.{finding.id}", None, **finding.values),
        "values": finding.values,
    }
    return {**data, "mend": remedy(finding)} if finding.state in ("warn", "fail") else data
