"""`python -m tests.benchmarks [NAME…]`: run benchmarks, each in its own process, and print the table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from tests.benchmarks.harness import print_table, run_here
from tests.benchmarks.registry import BENCHMARKS


def main() -> int:
    """Exit code 0 when all ran; with `--check` only when no aim was missed either."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run, or how their names begin")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--check", action="store_true", help="fail when an aim is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        (benchmark,) = (one for one in BENCHMARKS if one.name == options.child)
        outcome = run_here(benchmark)
        print(msgspec.json.encode(outcome).decode())
        return 0
    named = tuple(options.names)
    chosen = [one for one in BENCHMARKS if (one.name.startswith(named) if named else options.list or not one.by_name)]
    if not chosen:
        names = ", ".join(one.name for one in BENCHMARKS)
        parser.error(f"no benchmark is called {' or '.join(options.names)}; there are: {names}")
    if options.list:
        print("\n".join(one.name for one in chosen))
        return 0
    outcomes, failed = print_table(chosen, sys.stdout)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes)) + b"\n")
    missed = any(outcomes[one.name].missed(one) for one in chosen if one.name in outcomes)
    return 1 if failed or (options.check and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
