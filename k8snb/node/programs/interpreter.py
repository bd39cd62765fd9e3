"""Language runtimes that are given a program: the program itself cannot run, so it is taken to do what such programs do.

A file or module is taken for a service on the ports that its container declares; ``python -m http.server`` serves files;
one-liners end after a moment without output (the Kubernetes documentation's Perl one-liner prints pi, as it does there).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.client.wire import Reply, Request
from k8snb.node.app import AppProcess, Listener
from k8snb.node.process import Exit
from k8snb.node.programs.servers import serve_file

if TYPE_CHECKING:
    from k8snb.node.container import Container
    from k8snb.node.world import World

PI = (
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651"
    "3282306647093844609550582231725359408128481117450284102701938521105559644622948954930381964428810975665933446128"
)
ONE_LINER = 0.5
"""Seconds that a one-liner takes."""


def prepare(process: AppProcess, box: Container, now: float, world: World) -> None:
    """Look at the arguments and decide what the program is."""
    argv = process.argv
    words = [w for w in argv[1:] if w not in {"-u", "-B", "-O", "run", "start"}]
    if not words and len(argv) == 1:
        process.exited = Exit(now, 0)
    elif argv[1] == "-m" and argv[2:3] == ("http.server",):
        port = next((int(w) for w in argv[3:] if w.isdigit()), 8000)
        process.listens = (Listener(port),)
        process.state["root"] = box.workdir()
        box.log(now, f"Serving HTTP on 0.0.0.0 port {port} (http://0.0.0.0:{port}/) ...")
    elif argv[1] in {"-c", "-e", "-p"} or "-wle" in argv or "--version" in argv or "-V" in argv:
        if any("bpi" in w for w in argv):
            process.state["output"] = PI
            process.due_at = now + 5.0
        elif "--version" in argv or "-V" in argv:
            box.log(now, f"{argv[0]} {(box.spec.image or '').rpartition(':')[2]}")
            process.exited = Exit(now, 0)
        else:
            process.due_at = now + ONE_LINER
        if process.state.get("output"):
            box.log(now + 5.0, process.state["output"])
    elif words and words[0].startswith("/") and not box.filesystem(world).exists(words[0]):
        box.log(now, f"{argv[0]}: can't open file '{words[0]}': [Errno 2] No such file or directory", "stderr")
        process.exited = Exit(now, 2)


def answer(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """Files for http.server, a greeting for anything else."""
    root = process.state.get("root")
    if root is not None:
        reply = serve_file(box, root, request.path.partition("?")[0], world)
        return Reply(200, "<!DOCTYPE HTML>\n<title>Directory listing for /</title>\n") if reply.status == 403 else reply
    return Reply(200, f"hello from {box.hostname()}\n")
