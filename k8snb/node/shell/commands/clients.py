"""Clients of databases and caches, as used by probes and scripts: redis-cli, pg_isready, mysqladmin, mongosh."""

from __future__ import annotations

from collections.abc import Callable

from k8snb.client.wire import Request
from k8snb.node.shell.commands.web import connect
from k8snb.node.shell.context import Context, Outcome


def _target(argv: list[str], port: int, host: str = "127.0.0.1") -> tuple[str, int, list[str]]:
    """Host, port and the other words."""
    rest = []
    words = argv[1:]
    while words:
        word = words.pop(0)
        if word.startswith("--host="):
            host = word.partition("=")[2]
        elif word.startswith("--port="):
            port = int(word.partition("=")[2])
        elif word in ("-h", "--host") and words:
            host = words.pop(0)
        elif word in ("-p", "--port", "-P") and words and words[0].isdigit():
            port = int(words.pop(0))
        elif word in ("-a", "-U", "-d", "-u", "-n", "-t") and words:
            words.pop(0)
        elif not word.startswith("-"):
            rest.append(word)
    return "127.0.0.1" if host == "localhost" else host, port, rest


def redis_cli(context: Context, argv: list[str]) -> Outcome:
    """redis-cli [-h HOST] [-p PORT] COMMAND…"""
    host, port, rest = _target(argv, 6379)
    reply = connect(context, Request(host, port, "tcp", body=" ".join(rest) or "PING"))
    if reply.error:
        why = {"nxdomain": "Name or service not known", "timeout": "Connection timed out"}.get(
            reply.error, "Connection refused"
        )
        return context.fail(f"Could not connect to Redis at {host}:{port}: {why}")
    lines = [
        x for x in reply.body.split("\r\n") if x and not (x[0] in "$*" and x[1:].lstrip("-").isdigit() and x != "$-1")
    ]
    for line in lines or [""]:
        context.out(
            {"$-1": "(nil)"}.get(
                line, line[1:] if line[0] in "+:" else f"(error) {line[1:]}" if line[0] == "-" else line
            )
            + "\n"
            if line
            else "\n"
        )
    return 0


def pg_isready(context: Context, argv: list[str]) -> Outcome:
    """pg_isready [-h HOST] [-p PORT]."""
    host, port, _ = _target(argv, 5432, "")
    shown = f"{host or '/var/run/postgresql'}:{port}"
    reply = connect(context, Request(host or "127.0.0.1", port, "tcp"))
    if reply.error:
        context.out(f"{shown} - no response\n")
        return 2
    context.out(f"{shown} - accepting connections\n")
    return 0


def mysql(context: Context, argv: list[str]) -> Outcome:
    """mysqladmin ping, mysql -e …: whether the server can be reached."""
    host, port, rest = _target(argv, 3306)
    name = argv[0].rpartition("/")[2]
    reply = connect(context, Request(host, port, "tcp"))
    if reply.error == "nxdomain":
        return context.fail(
            f"{name}: connect to server at '{host}' failed\nerror: 'Unknown MySQL server host '{host}' (-2)'"
        )
    if reply.error:
        return context.fail(
            f"{name}: connect to server at '{host}' failed\nerror: 'Can't connect to MySQL server on '{host}:{port}' (111)'"
        )
    if "ping" in rest:
        context.out("mysqld is alive\n")
    return 0


def mongo(context: Context, argv: list[str]) -> Outcome:
    """mongosh --eval …, mongo --eval …: whether the server can be reached."""
    host, port, _ = _target(argv, 27017)
    reply = connect(context, Request(host, port, "tcp"))
    if reply.error:
        return context.fail(f"MongoNetworkError: connect ECONNREFUSED {host}:{port}")
    context.out("{ ok: 1 }\n")
    return 0


def psql(context: Context, argv: list[str]) -> Outcome:
    """psql -c …: whether the server can be reached."""
    host, port, _ = _target(argv, 5432)
    reply = connect(context, Request(host, port, "tcp"))
    if reply.error:
        return context.fail(f'psql: error: connection to server at "{host}", port {port} failed: Connection refused', 2)
    return 0


COMMANDS: dict[str, Callable[[Context, list[str]], Outcome]] = {
    "mariadb": mysql, "mariadb-admin": mysql, "mongo": mongo, "mongosh": mongo, "mysql": mysql, "mysqladmin": mysql,
    "pg_isready": pg_isready, "psql": psql, "redis-cli": redis_cli, "valkey-cli": redis_cli,
}  # fmt: skip
"""Client commands by name."""
