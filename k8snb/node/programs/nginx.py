"""nginx with enough of its configuration for teaching manifests.

Understood in ``/etc/nginx/nginx.conf`` and ``/etc/nginx/conf.d/*.conf``: server (listen, root, index), upstream (server),
location (prefix, ``=``; return, root, alias, proxy_pass, stub_status). Everything else is read and ignored; regular
expression locations are taken as prefixes without their anchors. A configuration that nginx would refuse (unbalanced
braces, an upstream host that does not resolve) makes it exit with 1, as it would.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from k8snb.client.wire import Reply, Request
from k8snb.node.app import AppProcess, Listener
from k8snb.node.process import Exit
from k8snb.node.programs.servers import serve_file

if TYPE_CHECKING:
    from k8snb.node.container import Container
    from k8snb.node.world import World

_TOKEN = re.compile(r"""\#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|[^\s{};]+""")
Directive = tuple[str, tuple[str, ...], list[Any]]
"""Name, arguments, and the directives of its block."""


class ConfigError(Exception):
    """What nginx says about a configuration that it refuses."""


def parse(text: str, name: str) -> list[Directive]:
    """The directives of a configuration file; raises ``ConfigError``."""
    stack: list[list[Directive]] = [[]]
    words: list[str] = []
    line, at = 1, 0
    for found in _TOKEN.finditer(text):
        line += text.count("\n", at, found.start())
        at = found.start()
        token = found[0]
        if token.startswith("#"):
            continue
        if token == ";":
            if not words:
                raise ConfigError(f'unexpected ";" in {name}:{line}')
            stack[-1].append((words[0], tuple(words[1:]), []))
            words = []
        elif token == "{":
            block: list[Directive] = []
            stack[-1].append((words[0] if words else "", tuple(words[1:]), block))
            stack.append(block)
            words = []
        elif token == "}":
            if words or len(stack) == 1:
                raise ConfigError(f'unexpected "}}" in {name}:{line}')
            stack.pop()
        else:
            words.append(token[1:-1] if token[0] in "\"'" else token)
    if words or len(stack) > 1:
        end = line + text.count("\n", at)
        raise ConfigError(f'unexpected end of file, expecting "{";" if words else "}"}" in {name}:{end}')
    return stack[0]


def _all(block: list[Directive], name: str) -> list[Directive]:
    return [d for d in block if d[0] == name]


def _one(block: list[Directive], name: str) -> tuple[str, ...] | None:
    for directive in block:
        if directive[0] == name:
            return directive[1]
    return None


def prepare(process: AppProcess, box: Container, now: float, world: World) -> None:
    """Read the configuration, open the ports; exit 1 with nginx's own words when it is refused."""
    files = box.filesystem_if_touched(world)
    if files is None:
        return  # the image's own configuration: the listeners of the catalogue entry, the default page
    try:
        servers, upstreams = _load(box, world)
        for host, where in _hosts(servers, upstreams):
            if not re.fullmatch(r"[\d.]+", host) and not world.network.lookup(box.source(), host, world.objects())[1]:
                raise ConfigError(f'host not found in upstream "{host}" in {where}')
    except ConfigError as error:
        box.log(now, f"nginx: [emerg] {error}", "stderr")
        process.exited = Exit(now, 1)
        return
    process.state["servers"] = servers
    process.state["upstreams"] = upstreams
    ports = [_port(d[1][0]) for server in servers for d in _all(server, "listen") if d[1]]
    process.listens = tuple(Listener(p, bind=b) for p, b in dict.fromkeys(ports)) or (Listener(80),)


def _port(text: str) -> tuple[int, str]:
    host, _, port = text.rpartition(":")
    number = port if port.isdigit() else "80"
    return int(number), "127.0.0.1" if host in {"127.0.0.1", "localhost"} else "0.0.0.0"


def _load(box: Container, world: World) -> tuple[list[list[Directive]], dict[str, str]]:
    files = box.filesystem(world)
    main = files.read("/etc/nginx/nginx.conf") or ""
    blocks = parse(main, "/etc/nginx/nginx.conf")
    http = [d for block in _all(blocks, "http") for d in block[2]]
    for include in _all(http, "include"):
        if include[1] and include[1][0].startswith("/etc/nginx/conf.d/"):
            for name in sorted(files.list("/etc/nginx/conf.d")):
                if name.endswith(".conf"):
                    path = f"/etc/nginx/conf.d/{name}"
                    http += parse(files.read(path) or "", path)
    upstreams = {
        d[1][0]: next((s[1][0] for s in _all(d[2], "server") if s[1]), "") for d in _all(http, "upstream") if d[1]
    }
    return [d[2] for d in _all(http, "server")], upstreams


def _hosts(servers: list[list[Directive]], upstreams: dict[str, str]) -> list[tuple[str, str]]:
    found = []
    for server in servers:
        for location in _all(server, "location"):
            target = _one(location[2], "proxy_pass")
            if target:
                host = _split(target[0])[0]
                host = _split(f"http://{upstreams[host]}")[0] if host in upstreams else host
                if not host.startswith("$"):
                    found.append((host, "/etc/nginx/conf.d/default.conf:1"))
    return found


def _split(url: str) -> tuple[str, int, str]:
    rest = url.partition("://")[2] or url
    authority, slash, path = rest.partition("/")
    host, _, port = authority.partition(":")
    return host, int(port) if port.isdigit() else 80, slash + path


def answer(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    """Serve a request and write the access log."""
    reply = _answer(process, request, box, now, world)
    agent = request.headers.get("User-Agent", "-")
    box.log(
        now,
        f'{request.source} - - "{request.method} {request.path} HTTP/1.1" {reply.status} {len(reply.body)} "-" "{agent}"',
    )
    return reply


def _answer(process: AppProcess, request: Request, box: Container, now: float, world: World) -> Reply:
    path = request.path.partition("?")[0]
    servers: list[list[Directive]] | None = process.state.get("servers")
    if servers is None:
        return serve_file(box, "/usr/share/nginx/html", path, world)
    server = _server(servers, request)
    if server is None:
        return serve_file(box, "/usr/share/nginx/html", path, world)
    location, prefix = _location(server, path)
    for block in ([location] if location is not None else []) + [server]:
        verdict = _one(block, "return")
        if verdict:
            code = int(verdict[0]) if verdict[0].isdigit() else 302
            text = verdict[1] if len(verdict) > 1 else ""
            return Reply(code, text.replace("\\n", "\n").replace("$hostname", box.hostname()))
    if location is not None:
        if _one(location, "stub_status") is not None:
            return Reply(200, "Active connections: 1 \nserver accepts handled requests\n 1 1 1 \n")
        target = _one(location, "proxy_pass")
        if target:
            return _proxy(process, target[0], prefix, request, box, now, world)
        alias = _one(location, "alias")
        if alias:
            return serve_file(box, alias[0], path.removeprefix(prefix), world)
    root = (_one(location, "root") if location is not None else None) or _one(server, "root") or ("/etc/nginx/html",)
    return serve_file(box, root[0], path, world)


def _server(servers: list[list[Directive]], request: Request) -> list[Directive] | None:
    """The server block of a port, preferring one whose server_name is the Host that was asked for."""
    here = [
        s
        for s in servers
        if request.port in {_port(d[1][0])[0] for d in _all(s, "listen") if d[1]} or not _all(s, "listen")
    ]
    host = request.headers.get("Host", request.host).partition(":")[0]
    for server in here:
        if host in (_one(server, "server_name") or ()):
            return server
    return here[0] if here else None


def _location(server: list[Directive], path: str) -> tuple[list[Directive] | None, str]:
    best: list[Directive] | None = None
    length = -1
    matched = ""
    for _, args, block in _all(server, "location"):
        if len(args) == 2 and args[0] == "=":
            if args[1] == path:
                return block, path
            continue
        prefix = args[-1].lstrip("^").rstrip("$") if args else "/"
        if path.startswith(prefix) and len(prefix) > length:
            best, length, matched = block, len(prefix), prefix
    return best, matched


def _proxy(
    process: AppProcess, url: str, prefix: str, request: Request, box: Container, now: float, world: World
) -> Reply:
    host, port, path = _split(url)
    upstreams: dict[str, str] = process.state["upstreams"]
    if host in upstreams:
        host, port, _ = _split(f"http://{upstreams[host]}")
    onward = request.path if not path else path + request.path.removeprefix(prefix)
    call = Request(host, port, "http", request.method, onward, request.headers, request.body, timeout=60.0)
    reply = box.call(call, now, world)
    if reply.error:
        code, text = (504, "Gateway Time-out") if reply.error == "timeout" else (502, "Bad Gateway")
        why = (
            "upstream timed out"
            if code == 504
            else "connect() failed (111: Connection refused) while connecting to upstream"
        )
        box.log(now, f'[error] {why}, request: "{request.method} {request.path} HTTP/1.1", upstream: "{url}"', "stderr")
        return Reply(code, f"<html>\r\n<head><title>{code} {text}</title></head>\r\n</html>\n", seconds=reply.seconds)
    return Reply(reply.status, reply.body, reply.headers, reply.seconds)
