"""Commands that talk over the network: wget, curl, nc, nslookup, ping and the like, with their own words for failures."""

from __future__ import annotations

import re
from collections.abc import Callable

from k8snb.client.wire import Reply, Request
from k8snb.node.files import NoDirectory, ReadOnly
from k8snb.node.shell.commands.system import seconds_of
from k8snb.node.shell.context import Context, Outcome
from k8snb.node.shell.thread import Wait
from k8snb.node.world import Found

_URL = re.compile(r"(?:(?P<scheme>https?|ftp)://)?(?:[^@/]*@)?(?P<host>[^/:?#]+)(?::(?P<port>\d+))?(?P<path>[/?#].*)?")
INSTANT = 0.05
"""Replies that take less than this many seconds are had at once."""
DNS_PATIENCE = 10.0
"""How long a resolver tries: 5 s, twice (resolv.conf's timeout and attempts)."""
NO_SERVERS = ";; connection timed out; no servers could be reached\n"
"""What nslookup, dig and host say in the end, also when the server refused."""
UNVERIFIED = (
    "curl: (60) SSL certificate problem: unable to get local issuer certificate\n"
    "More details here: https://curl.se/docs/sslcerts.html\n\n"
    "curl failed to verify the legitimacy of the server and therefore could not\n"
    "establish a secure connection to it. To learn more about this situation and\n"
    "how to fix it, please visit the webpage mentioned above.\n"
)
"""curl's words for a certificate of a CA that it does not know."""
DNS_SERVER = "10.96.0.10"
"""Where the cluster's DNS service is (kubeadm: the tenth address of the service range)."""


def connect(context: Context, request: Request) -> Reply:
    """Send a request from the container."""
    return context.box.call(request, context.now, context.world)


def _parse(url: str) -> tuple[str, int, str] | None:
    found = _URL.fullmatch(url)
    if found is None:
        return None
    port = int(found["port"]) if found["port"] else 443 if found["scheme"] == "https" else 80
    path = found["path"] or "/"
    return found["host"], port, path if path.startswith("/") else f"/{path}"


def _unresolved(reply: Reply) -> bool:
    """Whether a request failed before there was an address: no such name, or no answer from the DNS server."""
    return reply.error == "nxdomain" or (reply.error in ("timeout", "refused") and not reply.address)


def _finish(context: Context, seconds: float, status: int, out: str, err: str) -> Outcome:
    """Say what there is to say, now or when the time has passed."""
    if seconds < INSTANT:
        if err:
            context.err(err)
        if out:
            context.out(out)
        return status
    return Wait("sleep", context.now + seconds, status, (("err", err), ("out", out)))


def _save(context: Context, command: str, name: str, text: str) -> str:
    try:
        context.files.write(context.path(name), text)
    except ReadOnly:
        return f"{command}: can't open '{name}': Read-only file system\n"
    except NoDirectory:
        return f"{command}: can't open '{name}': No such file or directory\n"
    return ""


def wget(context: Context, argv: list[str]) -> Outcome:
    """busybox wget: -q -O FILE -T SECONDS --spider --header --post-data."""
    options, urls = _options(
        argv[1:], {"-O", "-T", "-t", "-U", "-P", "--timeout", "--tries", "--header", "--post-data", "--output-document"}
    )
    if not urls:
        return context.fail("wget: missing URL")
    parsed = _parse(urls[0])
    if parsed is None:
        return context.fail(f"wget: bad address '{urls[0]}'")
    host, port, path = parsed
    quiet = "-q" in options or "--quiet" in options
    limit = seconds_of(options.get("-T", options.get("--timeout", "")) or "") or 900.0
    body = options.get("--post-data", "")
    headers = {"Host": host, "User-Agent": "Wget"}
    request = Request(host, port, "http", "POST" if body else "GET", path, headers, body, timeout=limit,
                      tls=urls[0].startswith("https:"))  # fmt: skip
    reply = connect(context, request)
    shown = reply.address or f"{host}:{port}"
    if _unresolved(reply):  # busybox' alarm (-T) is not set yet while a name is looked up
        waited = DNS_PATIENCE if reply.error == "timeout" else reply.seconds
        return _finish(context, waited, 1, "", f"wget: bad address '{host}'\n")
    err = "" if quiet else f"Connecting to {host} ({shown})\n"
    if request.tls and not quiet:
        err += "wget: note: TLS certificate validation not implemented\n"
    if reply.error == "refused":
        return _finish(
            context,
            reply.seconds,
            1,
            "",
            f"{err}wget: can't connect to remote host ({shown.partition(':')[0]}): Connection refused\n",
        )
    if reply.error == "timeout" or reply.seconds > limit:
        return _finish(context, min(limit, reply.seconds or limit), 1, "", f"{err}wget: download timed out\n")
    if reply.error:
        return _finish(context, reply.seconds, 1, "", f"{err}wget: error getting response: Connection reset by peer\n")
    if reply.status >= 400:
        return _finish(
            context,
            reply.seconds,
            1,
            "",
            f"{err}wget: server returned error: HTTP/1.1 {reply.status} {_phrase(reply.status)}\n",
        )
    if "--spider" in options:
        return _finish(context, reply.seconds, 0, "", err)
    target = options.get("-O", options.get("--output-document", ""))
    if target == "-":
        return _finish(context, reply.seconds, 0, reply.body, err)
    name = target or path.partition("?")[0].rpartition("/")[2] or "index.html"
    problem = "" if name == "/dev/null" else _save(context, "wget", name, reply.body)
    if problem:
        return _finish(context, reply.seconds, 1, "", err + problem)
    return _finish(context, reply.seconds, 0, "", err if quiet else f"{err}saving to '{name}'\n'{name}' saved\n")


def _options(words: list[str], with_value: set[str]) -> tuple[dict[str, str], list[str]]:
    """Options (``-qO-`` is ``-q`` and ``-O -``) and the other words."""
    options: dict[str, str] = {}
    rest = []
    words = list(words)
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            options[name] = value if equals else words.pop(0) if name in with_value and words else ""
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters:
                flag = f"-{letters[0]}"
                letters = letters[1:]
                if flag in with_value:
                    options[flag] = letters or (words.pop(0) if words else "")
                    break
                options[flag] = ""
        else:
            rest.append(word)
    return options, rest


_CURL_VALUES = {
    "-o", "-X", "-d", "-H", "-m", "-w", "-A", "-u", "-b", "-e", "-T", "-F", "--request", "--data", "--header", "--max-time",
    "--connect-timeout", "--write-out", "--output", "--retry", "--retry-delay", "--cacert", "--resolve", "--data-raw",
    "--user-agent",
}  # fmt: skip


def curl(context: Context, argv: list[str]) -> Outcome:
    """curl: -s -S -f -i -I -k -L -o FILE -X METHOD -d DATA -H HEADER -m SECONDS -w FORMAT."""
    options, urls = _options(argv[1:], _CURL_VALUES)
    if not urls:
        return context.fail("curl: (2) no URL specified", 2)
    total, status, out, err = 0.0, 0, "", ""
    for url in urls:
        seconds, status, text, problem = _curl(context, options, url)
        total += seconds
        out += text
        err += problem
    return _finish(context, total, status, out, err)


def _curl(context: Context, options: dict[str, str], url: str) -> tuple[float, int, str, str]:
    parsed = _parse(url)
    if parsed is None:
        return 0.0, 3, "", f"curl: (3) URL rejected: {url}\n"
    host, port, path = parsed
    show = ("-s" not in options and "--silent" not in options) or "-S" in options or "--show-error" in options
    limits = [seconds_of(options[o]) for o in ("-m", "--max-time", "--connect-timeout") if o in options]
    limit = min((x for x in limits if x is not None), default=None)
    body = options.get("-d", options.get("--data", options.get("--data-raw", "")))
    head = "-I" in options or "--head" in options
    method = options.get("-X", options.get("--request", "POST" if body else "HEAD" if head else "GET"))
    headers = {"Host": host, "User-Agent": "curl/8.11.1", "Accept": "*/*"}
    custom = options.get("-H", options.get("--header", ""))
    if custom:
        name, _, value = custom.partition(":")
        headers[name.strip()] = value.strip()
    tls = url.startswith("https:")
    reply = connect(context, Request(host, port, "http", method, path, headers, body, timeout=limit, tls=tls))
    written = options.get("-w", options.get("--write-out", ""))

    def extra(status: int) -> str:
        text = written.replace("%{http_code}", f"{status:03d}").replace("%{response_code}", f"{status:03d}")
        return re.sub(r"%\{time_total\}", f"{reply.seconds:.6f}", text).replace("\\n", "\n")

    seconds, unresolved = reply.seconds, _unresolved(reply)
    late = limit is not None and seconds >= limit
    if limit is not None and seconds > limit:
        reply, seconds = Reply(0, error="timeout"), limit
    if reply.issuer and tls and not {"-k", "--insecure", "--cacert"} & set(options):
        return seconds, 60, extra(0), UNVERIFIED if show else ""
    if reply.error:
        millis = int(seconds * 1000)
        failed = f"Failed to connect to {host} port {port} after {millis} ms"
        code, why = {
            "nxdomain": (6, f"Could not resolve host: {host}"),
            "refused": (7, f"{failed}: Could not connect to server"),
            "timeout": (28, f"{failed}: {'Timeout was reached' if late else 'Could not connect to server'}"),
            "reset": (56, "Recv failure: Connection reset by peer"),
        }.get(reply.error, (7, f"{failed}: {reply.error}"))
        if unresolved:
            gave_up = (6, f"Could not resolve host: {host}")
            code, why = (28, f"Resolving timed out after {millis} milliseconds") if late else gave_up
        return seconds, code, extra(0), f"curl: ({code}) {why}\n" if show else ""
    if ("-f" in options or "--fail" in options) and reply.status >= 400:
        why = f"curl: (22) The requested URL returned error: {reply.status}\n"
        return seconds, 22, extra(reply.status), why if show else ""
    text = "" if head else reply.body
    if head or "-i" in options or "--include" in options:
        lines = [f"HTTP/1.1 {reply.status} {_phrase(reply.status)}", *(f"{k}: {v}" for k, v in reply.headers.items()),
                 f"Content-Length: {len(reply.body)}", "", ""]  # fmt: skip
        text = "\r\n".join(lines) + text
    target = options.get("-o", options.get("--output", ""))
    if target and target != "-":
        problem = "" if target == "/dev/null" else _save(context, "curl", target, text)
        text = ""
        if problem:
            return seconds, 23, extra(reply.status), f"curl: (23) Failed writing body\n{problem}"
    return seconds, 0, text + extra(reply.status), ""


def _phrase(status: int) -> str:
    return {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 301: "Moved Permanently", 302: "Found",
            400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error",
            502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}.get(status, "Unknown")  # fmt: skip


def netcat(context: Context, argv: list[str]) -> Outcome:
    """nc [-z] [-v] [-w SECONDS] HOST PORT; nc -l [-k] -p PORT; also telnet."""
    options, rest = _options(argv[1:], {"-w", "-p", "-s", "-q", "-i", "-e"})
    if "-l" in options:
        text = options.get("-p") or (rest[-1] if rest else "")
        if not text.isdigit():
            return context.fail("nc: missing port")
        reply = context.read_all()
        return Wait("listen", None, data=(int(text), reply, "-k" in options))
    if len(rest) < 2 or not rest[1].isdigit():
        return context.fail("nc: usage: nc [OPTIONS] HOST PORT")
    host, port = rest[0], int(rest[1])
    limit = seconds_of(options.get("-w", "")) if options.get("-w") else None
    udp = "-u" in options
    body = "" if "-z" in options else context.read_all()
    found = connect(context, Request(host, port, "udp" if udp else "tcp", body=body.strip("\r\n"), timeout=limit))
    verbose = "-v" in options or argv[0].endswith("telnet")
    if _unresolved(found):
        return _finish(context, found.seconds, 1, "", f"nc: bad address '{host}'\n")
    if found.error in ("refused", "timeout", "unreachable"):
        why = {"refused": "Connection refused", "timeout": "Connection timed out"}.get(found.error, "No route to host")
        seconds = min(found.seconds, limit) if limit is not None else found.seconds
        shown = f"nc: {host} ({found.address or port}): {why}\n" if verbose else ""
        return _finish(context, seconds, 1, "", shown)
    opened = f"{host} ({found.address}) open\n" if verbose else ""
    return _finish(context, found.seconds, 0, found.body, opened)


_TYPES = {"a": "A", "aaaa": "AAAA", "srv": "SRV", "ptr": "PTR", "cname": "CNAME", "txt": "TXT"}


def _find(context: Context, name: str, kind: str) -> Found:
    return context.world.network.query(context.box.source(), name, kind, context.world.objects())


def _reversed(address: str) -> str:
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa."


def nslookup(context: Context, argv: list[str]) -> Outcome:
    """nslookup [-type=A|AAAA|SRV|PTR] NAME [SERVER]."""
    rest = [w for w in argv[1:] if not w.startswith("-")]
    if not rest:
        return context.fail("nslookup: missing name")
    asked = [w.partition("=")[2].lower() for w in argv[1:] if re.match(r"-(query)?type=", w)]
    name = rest[0]
    kind = _TYPES.get(asked[-1], "A") if asked else "A"
    if re.fullmatch(r"[\d.]+", name):
        name, kind = _reversed(name), "PTR"
    found = _find(context, name, kind)
    if found.error == "refused":
        return _finish(context, 0.0, 1, "", f"nslookup: write to '{DNS_SERVER}': Connection refused\n{NO_SERVERS}\n")
    if found.error:
        return _finish(context, DNS_PATIENCE, 1, "", f"{NO_SERVERS}\n")
    context.out(f"Server:\t\t{DNS_SERVER}\nAddress:\t{DNS_SERVER}:53\n\n")
    values = found.responses[-1].values if found.responses else ()
    if not values:
        full = found.name if found.exists else rest[0]
        context.out(
            f"*** Can't find {full}: No answer\n\n" if found.exists else f"** server can't find {full}: NXDOMAIN\n\n"
        )
        return 0 if found.exists else 1
    for value in values:
        match kind:
            case "PTR":
                context.out(f"{found.name}\tname = {value.rstrip('.')}\n")
            case "SRV":
                context.out(f"{found.name}\tservice = {value.rstrip('.')}\n")
            case _:
                context.out(f"Name:\t{found.name}\nAddress: {value}\n")
    context.out("\n")
    return 0


def dig(context: Context, argv: list[str]) -> Outcome:
    """dig [+short] [+search] [-x ADDRESS] [TYPE] NAME, host NAME, getent hosts NAME."""
    command = argv[0].rpartition("/")[2]
    words = [w for w in argv[1:] if not w.startswith(("+", "@"))]
    kind = next((_TYPES[w.lower()] for w in words if w.lower() in _TYPES), "A")
    rest = [w for w in words if not w.startswith("-") and w.lower() not in _TYPES and w not in ("hosts", "ahosts")]
    if not rest:
        return 1
    name = rest[0]
    asked = name if name.endswith(".") or command != "dig" or "+search" in argv else f"{name}."
    if "-x" in argv or (command == "host" and re.fullmatch(r"[\d.]+", name)):
        asked, kind = _reversed(name), "PTR"
    found = _find(context, asked, kind)
    if found.error:
        status = {"dig": 9, "getent": 2}.get(command, 1)
        why = "connection refused" if found.error == "refused" else "timed out"
        said = "" if command == "getent" else f";; communications error to {DNS_SERVER}#53: {why}\n{NO_SERVERS}"
        return _finish(context, 0.0 if found.error == "refused" else DNS_PATIENCE, status, "", said)
    last = found.responses[-1]
    if command == "host":
        if not last.values:
            context.out(f"Host {name} not found: 3(NXDOMAIN)\n")
            return 1
        verb = {"PTR": "domain name pointer", "SRV": "has SRV record", "AAAA": "has IPv6 address"}.get(
            kind, "has address"
        )
        context.out("".join(f"{found.name} {verb} {v}\n" for v in last.values))
    elif command == "getent":
        if not last.values:
            return 2
        context.out("".join(f"{v:15s} {found.name}\n" for v in last.values))
    elif "+short" in argv:
        context.out("".join(f"{v}\n" for v in last.values))
    else:
        context.out(
            f";; ->>HEADER<<- opcode: QUERY, status: {last.code}\n;; QUESTION SECTION:\n;{found.name}.\t\tIN\t{kind}\n"
        )
        if last.records:
            context.out("\n;; ANSWER SECTION:\n" + "".join(f"{record}\n" for record in last.records))
        context.out(f"\n;; SERVER: {DNS_SERVER}#53({DNS_SERVER})\n")
    return 0


def ping(context: Context, argv: list[str]) -> Outcome:
    """ping [-c N] [-W S] HOST: pods and nodes answer, service addresses do not (they are no interface anywhere)."""
    options, rest = _options(argv[1:], {"-c", "-W", "-w", "-i", "-I"})
    if not rest:
        return context.fail("ping: usage: ping HOST")
    host = rest[0]
    count = int(options["-c"]) if options.get("-c", "").isdigit() else 4
    _, addresses = context.world.network.lookup(context.box.source(), host, context.world.objects())
    if not addresses:
        return context.fail(f"ping: bad address '{host}'")
    address = addresses[0]
    reply = connect(context, Request(address, 0, "icmp"))
    got = 0 if reply.error in ("timeout", "unreachable") else count
    lines = [f"PING {host} ({address}): 56 data bytes"]
    lines += [f"64 bytes from {address}: seq={n} ttl=62 time=0.1{n % 10} ms" for n in range(got)]
    lines += ["", f"--- {host} ping statistics ---",
              f"{count} packets transmitted, {got} packets received, {100 - 100 * got // max(count, 1)}% packet loss"]  # fmt: skip
    return Wait("sleep", context.now + float(count), int(got == 0), (("out", "\n".join(lines) + "\n"),))


COMMANDS: dict[str, Callable[[Context, list[str]], Outcome]] = {
    "curl": curl, "dig": dig, "getent": dig, "host": dig, "nc": netcat, "ncat": netcat,
    "netcat": netcat, "nslookup": nslookup, "ping": ping, "telnet": netcat, "wget": wget,
}  # fmt: skip
"""Network commands by name."""
