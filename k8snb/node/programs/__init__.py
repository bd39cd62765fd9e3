"""How the programs of the built-in images answer: one behaviour per name.

``BEHAVIOURS`` maps a behaviour to its function of (process, request, container, now, world); ``PREPARE`` to what happens
when such a program starts (read its arguments and files, open its sockets, perhaps fail). State is kept in
``process.state``, which is plain data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from k8snb.node.programs import echo, ingress, interpreter, nginx, servers

if TYPE_CHECKING:
    from k8snb.node.app import AppProcess, Behaviour
    from k8snb.node.container import Container
    from k8snb.node.world import World

BEHAVIOURS: dict[str, Behaviour] = {
    "agnhost": echo.agnhost,
    "bootcamp": echo.bootcamp,
    "echo": echo.echo,
    "files": servers.files,
    "generic": servers.generic,
    "guestbook": servers.guestbook,
    "hello": echo.hello,
    "hostname": echo.hostname,
    "hpa": servers.hpa,
    "http-echo": echo.http_echo,
    "ingress": ingress.answer,
    "interpreter": interpreter.answer,
    "kubia": echo.kubia,
    "liveness": servers.liveness,
    "nginx": nginx.answer,
    "podinfo": echo.podinfo,
    "redis": servers.redis,
    "silent": servers.silent,
    "stress": servers.silent,
    "whoami": echo.whoami,
}
"""Behaviour name -> how it answers."""

PREPARE: dict[str, Callable[[AppProcess, Container, float, World], None]] = {
    "agnhost": echo.prepare_agnhost,
    "http-echo": echo.prepare_http_echo,
    "ingress": ingress.prepare,
    "interpreter": interpreter.prepare,
    "nginx": nginx.prepare,
    "stress": servers.prepare_stress,
}
"""Behaviour name -> what it does when it starts."""
