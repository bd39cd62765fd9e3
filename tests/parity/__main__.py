"""`python -m tests.parity DOMAIN [DIR] [NAME…] [-q]`: replay a folder of recordings and print what differs.

DOMAIN is workloads, api or scheduling; DIR a folder in the format of tests/golden/<domain> (the default). NAMEs choose
files, categories or ids. `--http` sends the requests of `api` through a real HTTPS connection. The exit code is 1 when anything differs.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from tests.parity.report import Report

DOMAINS = ("workloads", "api", "scheduling")
GOLDEN = Path(__file__).parent.parent / "golden"


def main(arguments: list[str] | None = None) -> int:
    """Run one replay."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("domain", choices=DOMAINS)
    parser.add_argument("directory", nargs="?", type=Path, help="default: tests/golden/DOMAIN")
    parser.add_argument("names", nargs="*", help="files, categories or ids to replay (default: all)")
    parser.add_argument("-q", "--quiet", action="store_true", help="print counts only")
    parser.add_argument("--http", action="store_true", help="send the requests of `api` through HTTPS")
    options = parser.parse_args(arguments)
    directory: Path = options.directory or GOLDEN / options.domain
    if not directory.is_dir():
        parser.error(f"{directory} is not a folder")
    module = importlib.import_module(f"tests.parity.{options.domain}")
    if options.http:
        if options.domain != "api":
            parser.error("only the domain api goes through HTTPS")
        from tests.parity import api
        from tests.parity.over_http import OverHTTP

        api.ANSWER = OverHTTP()
    report: Report = module.run(directory, options.names, not options.quiet)
    print(report.text(not options.quiet))
    return 0 if report.matched == report.total else 1


if __name__ == "__main__":
    sys.exit(main())
