"""``k8snb serve``: a cluster behind the real API over HTTPS, for kubectl and client libraries, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from k8snb import locale
from k8snb.api.decode import DecodeError
from k8snb.cluster import Cluster
from k8snb.sim.clock import EPOCH
from k8snb.store.errors import StoreError
from k8snb.verbs import ApplyError

BAD_INPUT = 2
"""Exit code: the input could not be used."""


def add_serve(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("serve", help="serve a model cluster's API for real kubectl and client libraries")
    parser.add_argument("files", nargs="*", metavar="FILE", help="manifests to begin with; - is standard input")
    parser.add_argument("--nodes", type=int, default=3, metavar="N", help="number of nodes (3)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all chance (0)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine only)")
    parser.add_argument("--port", type=int, default=0, metavar="P", help="port to listen on (any free one)")
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="S", help="simulated seconds in a second (1); 0 stops the clock"
    )
    parser.add_argument("--kubeconfig", type=Path, metavar="PATH", help="where to write the administrator's kubeconfig")
    parser.add_argument("--path", type=Path, metavar="DB", help="keep the cluster in this file, or go on with it")
    parser.add_argument("--rbac", action="store_true", help="let roles decide who may do what")
    parser.add_argument("--lang", choices=("en", "zh"), help="language of what is printed")
    parser.set_defaults(run=serve)


def now() -> str:
    """The wall clock's time, where a served cluster's time begins; clients tell ages by their own clock."""
    return max(datetime.now(UTC), EPOCH).isoformat()


def serve(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; 0, or 2 when the input could not be used."""
    from k8snb.rest import serve as begin

    if options.lang:
        locale.use(options.lang)
    try:
        authorization = "RBAC" if options.rbac else None
        cluster = Cluster(
            nodes=options.nodes, seed=options.seed, path=options.path, authorization=authorization, start=now()
        )
    except (OSError, ValueError, StoreError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    with cluster:
        try:
            for name in options.files:
                print(repr(cluster.apply(sys.stdin.read() if name == "-" else Path(name))))
            serving = begin(cluster, options.port, options.speed, options.kubeconfig, host=options.host, environ=False)
        except (DecodeError, ApplyError, OSError, ValueError) as error:
            print(error, file=sys.stderr)
            return BAD_INPUT
        stop = threading.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stop.set())
        with serving:
            print(repr(serving), flush=True)
            print(locale.text("serve.until"), flush=True)
            stop.wait()
    print(locale.text("serve.stopped"))
    return 0
