"""Servers that tell who they are or what they were asked: echo servers, agnhost, whoami, hello-app and the like."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from k8snb.api.frozen import FrozenDict
from k8snb.client.wire import Reply, Request
from k8snb.node.addresses import addresses_of
from k8snb.node.app import AppProcess, Listener
from k8snb.node.process import Exit

if TYPE_CHECKING:
    from k8snb.node.container import Container
    from k8snb.node.world import World


def _path(request: Request) -> str:
    return request.path.partition("?")[0]


def _option(argv: tuple[str, ...], *names: str, default: str = "") -> str:
    """The value of a command line option, written ``--name=value``, ``--name value`` or ``-name=value``."""
    for position, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name.lstrip("-") in names and word.startswith("-"):
            if equals:
                return value.strip("\"'")
            if position + 1 < len(argv):
                return argv[position + 1]
    return default


def hostname(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """serve_hostname: answers its pod's name."""
    return Reply(200, f"{box.hostname()}\n")


def hello(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """Google's hello-app."""
    tag = (box.spec.image or "").rpartition(":")[2]
    version = tag if tag[:1].isdigit() else "1.0"
    return Reply(200, f"Hello, world!\nVersion: {version.removesuffix('.0')}.0.0\nHostname: {box.hostname()}\n")


def bootcamp(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """The kubernetes-bootcamp app of the Kubernetes tutorials."""
    version = (box.spec.image or "").rpartition(":")[2].removeprefix("v") or "1"
    return Reply(200, f"Hello Kubernetes bootcamp! | Running on: {box.hostname()} | v={version}\n")


def kubia(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """luksa/kubia of "Kubernetes in Action"."""
    box.log(now, f"Received request from ::ffff:{request.source}")
    return Reply(200, f"You've hit {box.hostname()}\n")


def whoami(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """traefik/whoami and nginxdemos/hello: hostname, addresses, request."""
    caller = f"[{request.source}]" if ":" in request.source else request.source
    lines = [f"Hostname: {box.hostname()}", *(f"IP: {own}" for own in addresses_of(box.worker, box.worker.ip))]
    lines.append(f"RemoteAddr: {caller}:40000")
    lines += [f"{request.method} {request.path} HTTP/1.1", f"Host: {request.headers.get('Host', request.host)}"]
    lines += [f"{k}: {v}" for k, v in request.headers.items() if k != "Host"]
    return Reply(200, "\n".join(lines) + "\n")


def echo(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """echoserver: what it was asked, as text."""
    spec = box.worker.pod
    lines = [
        "",
        f"Hostname: {box.hostname()}",
        "",
        "Pod Information:",
        f"\tnode name:\t{spec.spec.nodeName}",
        f"\tpod name:\t{spec.metadata.name}",
        f"\tpod namespace:\t{spec.metadata.namespace}",
        f"\tpod IP:\t{box.worker.ip}",
        "",
        "Request Information:",
        f"\tclient_address={request.source}",
        f"\tmethod={request.method}",
        f"\treal path={request.path}",
        f"\trequest_uri=http://{request.host}:{request.port}{request.path}",
        "",
        "Request Headers:",
        *(f"\t{k.lower()}={v}" for k, v in request.headers.items()),
        f"\thost={request.host}",
        "",
        "Request Body:",
        request.body or "\t-no body in request-",
        "",
    ]
    return Reply(200, "\n".join(lines))


def podinfo(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """stefanprodan/podinfo: JSON about itself, /healthz, /readyz, and /readyz/disable as it has them."""
    path = _path(request)
    if path in {"/readyz/disable", "/readyz/enable"}:
        process.state["unready"] = path.endswith("disable")
        return Reply(202, "OK\n")
    if path == "/readyz" and process.state.get("unready"):
        return Reply(503, '{"status":"unavailable"}\n')
    if path in {"/healthz", "/readyz"}:
        return Reply(200, '{"status":"OK"}\n')
    if path.startswith("/status/") and path[8:].isdigit():
        return Reply(int(path[8:]), "")
    if path.startswith("/delay/") and path[7:].isdigit():
        return Reply(200, f'{{"delay":{path[7:]}}}\n', seconds=float(path[7:]))
    if path == "/env":
        return Reply(200, json.dumps([f"{k}={v}" for k, v in box.environment(world).items()]) + "\n")
    version = (box.spec.image or "").rpartition(":")[2]
    return Reply(
        200, json.dumps({"hostname": box.hostname(), "version": version, "message": "greetings from podinfo"}) + "\n"
    )


def prepare_http_echo(process: AppProcess, box: Container, now: float, world: World) -> None:
    """hashicorp/http-echo: ``-text`` is required, ``-listen`` is its port."""
    text = _option(process.argv, "text") or box.environment(world).get("ECHO_TEXT", "")
    if not text:
        box.log(now, "Missing -text option or ECHO_TEXT env var!", "stderr")
        process.exited = Exit(now, 127)
        return
    port = _option(process.argv, "listen", default=":5678").rpartition(":")[2]
    process.listens = (Listener(int(port)),)
    process.state["text"] = text
    box.log(now, f"[INFO] server is listening on :{port}", "stderr")


def http_echo(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """hashicorp/http-echo: always its text; /health says ok."""
    if _path(request) == "/health":
        return Reply(200, '{"status":"ok"}\n')
    return Reply(200, f"{process.state['text']}\n")


def prepare_agnhost(process: AppProcess, box: Container, now: float, world: World) -> None:
    """agnhost: the first argument says what to be."""
    argv = process.argv[1:]
    what = argv[0] if argv else "pause"
    process.state["what"] = what
    if what == "pause":
        box.log(now, "Paused")
    elif what in {"serve-hostname", "netexec", "liveness", "webhook", "test-webserver", "fake-gitserver", "guestbook"}:
        defaults = {"serve-hostname": "9376", "test-webserver": "80", "webhook": "8443", "guestbook": "3000"}
        port = int(_option(argv, "http-port", "port", default=defaults.get(what, "8080")))
        listens = [Listener(port)]
        if what == "netexec":
            udp = int(_option(argv, "udp-port", default="8081"))
            listens.append(Listener(udp, "udp"))
        process.listens = tuple(listens)
        box.log(now, f"Started HTTP server on port {port}", "stderr")
    else:
        box.log(now, f'Error: unknown command "{what}" for "app"', "stderr")
        process.exited = Exit(now, 1)


def agnhost(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """agnhost's netexec, serve-hostname and liveness servers."""
    what, path = process.state.get("what"), _path(request)
    if what == "liveness":
        healthy = now - process.started <= 10.0
        if path == "/healthz":
            return Reply(200, "ok") if healthy else Reply(500, f"error: {now - process.started:.6f}")
        return Reply(200, f"{now - process.started:.6f}")
    if what == "netexec":
        query = dict(pair.partition("=")[::2] for pair in request.path.partition("?")[2].split("&"))
        match path:
            case "/hostname" | "/hostName":
                return Reply(200, box.hostname())
            case "/clientip":
                return Reply(200, f"{request.source}:40000")
            case "/echo":
                return Reply(int(query.get("code", "200") or 200), query.get("msg", ""))
            case "/healthz":
                return Reply(503, "") if process.state.get("unhealthy") else Reply(200, "")
            case "/shutdown" | "/exit":
                process.due_at, process.exit_code = now + 0.001, int(query.get("code", "0") or 0)
                return Reply(200, "")
            case "/header":
                return Reply(200, request.headers.get(query.get("key", ""), ""))
        return Reply(200, f"NOW: {now:.3f}")
    if what == "test-webserver":
        return Reply(200, "<pre>\n</pre>\n")
    return Reply(200, box.hostname(), headers=FrozenDict({"Content-Type": "text/plain"}))
