"""Lifecycle hooks: postStart and preStop, by command, request or pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.api.types.core_v1 import LifecycleHandler
from k8snb.client.wire import Request
from k8snb.node.container import Container
from k8snb.node.exec import run as run_command

if TYPE_CHECKING:
    from k8snb.node.world import World


def run(box: Container, handler: LifecycleHandler, now: float, world: World) -> tuple[float, str | None]:
    """Run a hook: how many seconds it takes, and what went wrong (None: nothing)."""
    if handler.sleep is not None:
        return float(handler.sleep.seconds), None
    if handler.exec is not None:
        result = run_command(box, handler.exec.command, now, world)
        if result.code != 0:
            return result.seconds, f"command exited with {result.code}: {result.stderr or result.stdout}"
        return result.seconds, None
    if handler.httpGet is not None:
        from k8snb.node.probes import named_port

        action = handler.httpGet
        request = Request(action.host or box.worker.ip, named_port(box, action.port), "http", "GET", action.path or "/")
        if request.host == box.worker.ip:
            reply = box.worker.answer(request, now, world, local=False)
        else:
            reply = world.network.call(f"node/{box.worker.agent.name}", request, world.objects(), now)
        if reply.error or not 200 <= reply.status < 400:
            return reply.seconds, reply.error or f"HTTP {reply.status}"
        return reply.seconds, None
    return 0.0, None
