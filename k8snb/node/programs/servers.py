"""Plain servers: files from a document root, a key-value store, servers that are slow, sick or hungry by design."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from k8snb.client.wire import Reply, Request
from k8snb.node.app import AppProcess
from k8snb.node.process import Exit

if TYPE_CHECKING:
    from k8snb.node.container import Container
    from k8snb.node.world import World

ROOTS = ("/usr/local/apache2/htdocs", "/var/www/html", "/usr/share/nginx/html", "/srv", "/www")
"""Where web servers look for files."""
_SIZES = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def generic(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """A program that nobody described: it answers every request kindly."""
    return Reply(200, f"hello from {box.hostname()}\n")


def silent(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """A server of another protocol: connections are taken, HTTP is not understood."""
    if request.protocol == "tcp":
        return Reply(200, "")
    return Reply(0, error="reset")


def serve_file(box: Container, root: str, path: str, world: World) -> Reply:
    """A file below a document root, the index of a directory, or 404 as web servers word it."""
    files = box.filesystem(world)
    wanted = f"{root.rstrip('/')}/{path.lstrip('/')}"
    text = files.read(wanted)
    if text is None:
        text = files.read(f"{wanted.rstrip('/')}/index.html")
    if text is not None:
        return Reply(200, text)
    if files.is_directory(wanted):
        return Reply(403, "<html>\r\n<head><title>403 Forbidden</title></head>\r\n</html>\n")
    return Reply(404, "<html>\r\n<head><title>404 Not Found</title></head>\r\n</html>\n")


def files(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """httpd and friends: files of the first document root that exists."""
    path = request.path.partition("?")[0]
    filesystem = box.filesystem(world)
    root = next((r for r in ROOTS if filesystem.is_directory(r)), ROOTS[0])
    reply = serve_file(box, root, path, world)
    box.log(now, f'{request.source} - - "{request.method} {request.path} HTTP/1.1" {reply.status} {len(reply.body)}')
    return reply


def redis(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """A key-value store that understands PING, SET, GET, DEL, INCR, KEYS and ECHO, one command per request."""
    if request.protocol != "tcp":
        return Reply(0, error="reset")
    words = request.body.split()
    data: dict[str, str] = process.state.setdefault("data", {})
    match [words[0].upper(), *words[1:]] if words else []:
        case []:
            return Reply(200, "")
        case ["PING"]:
            return Reply(200, "+PONG\r\n")
        case ["ECHO", text]:
            return Reply(200, f"${len(text)}\r\n{text}\r\n")
        case ["SET", key, value, *_]:
            data[key] = value
            return Reply(200, "+OK\r\n")
        case ["GET", key]:
            stored = data.get(key)
            return Reply(200, "$-1\r\n" if stored is None else f"${len(stored)}\r\n{stored}\r\n")
        case ["DEL", *keys]:
            return Reply(200, f":{sum(data.pop(k, None) is not None for k in keys)}\r\n")
        case ["INCR", key]:
            value = data.get(key, "0")
            if not value.lstrip("-").isdigit():
                return Reply(200, "-ERR value is not an integer or out of range\r\n")
            data[key] = str(int(value) + 1)
            return Reply(200, f":{data[key]}\r\n")
        case ["KEYS", _]:
            return Reply(200, f"*{len(data)}\r\n" + "".join(f"${len(k)}\r\n{k}\r\n" for k in data))
        case [command, *_]:
            return Reply(200, f"-ERR unknown command '{command}'\r\n")
    return Reply(200, "")


def liveness(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """registry.k8s.io/liveness: /healthz is well for 10 s, then it fails."""
    age = now - process.started
    if request.path.startswith("/healthz"):
        return Reply(200, "ok") if age <= 10.0 else Reply(500, f"error: {age:.6f}")
    return Reply(200, f"{age:.6f}")


def hpa(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """registry.k8s.io/hpa-example: every request costs CPU; ``state["busy"]`` is when it last worked."""
    process.state["busy"] = now
    process.state["hits"] = process.state.get("hits", 0) + 1
    return Reply(200, "OK!", seconds=0.05)


def guestbook(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """The guestbook's PHP front end: it keeps its entries in the service redis-leader and reads redis-follower."""
    query = dict(pair.partition("=")[::2] for pair in request.path.partition("?")[2].split("&"))
    if query.get("cmd") == "set":
        call = Request("redis-leader", 6379, "tcp", body=f"SET {query.get('key', '')} {query.get('value', '')}")
    elif query.get("cmd") == "get":
        call = Request("redis-follower", 6379, "tcp", body=f"GET {query.get('key', '')}")
    else:
        return Reply(200, "<html><head><title>Guestbook</title></head></html>\n")
    reply = box.call(call, now, world)
    if reply.error:
        return Reply(500, f"Connection to {call.host}:6379 failed: {reply.error}\n", seconds=reply.seconds)
    lines = reply.body.split("\r\n")
    return Reply(200, '{"data": "' + (lines[1] if lines[0].startswith("$") and len(lines) > 1 else "") + '"}\n')


def prepare_stress(process: AppProcess, box: Container, now: float, world: World) -> None:
    """polinux/stress: ``--vm-bytes`` is the memory that it takes, ``--timeout`` how long it runs."""
    words = process.argv[1:]
    options = {words[i].lstrip("-"): words[i + 1] for i in range(len(words) - 1) if words[i].startswith("-")}
    if not options:
        box.log(now, "Usage: stress [OPTION [ARG]] ...")
        process.exited = Exit(now, 0)
        return
    workers = int(options.get("vm", options.get("m", "0")) or 0)
    if workers:
        process.state["memory"] = workers * size(options.get("vm-bytes", "256M"))
    hogs = [f"{options.get(k, '0')} {k}" for k in ("cpu", "io", "vm", "hdd")]
    box.log(now, f"stress: info: [1] dispatching hogs: {', '.join(hogs)}")
    process.state["cpu"] = 1000 * int(options.get("cpu", options.get("c", "0")) or 0)
    if "timeout" in options or "t" in options:
        process.due_at = now + float(options.get("timeout", options.get("t", "0")).rstrip("s"))


def size(text: str) -> int:
    """Bytes of a size such as 250M (powers of 1024, as stress and dd read them)."""
    found = re.fullmatch(r"(\d+)([bkmgBKMG]?)[bB]?", text)
    if found is None:
        return 0
    return int(found[1]) * _SIZES[found[2].lower()]
