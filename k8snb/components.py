"""Stopping and starting what a control plane consists of: its two servers, its processes, and single controllers.

Who is stopped changes nothing in the API: what Kubernetes still does without it, and what not, is for the others to show.

A stopped API server refuses connections: nobody reads or writes, and what runs goes on. A stopped etcd is one that has lost
its quorum: the API server still says who may do what, and then waits in vain. In both cases the components try again with
their usual back-offs. An outage of more than ``RENEW_DEADLINE`` costs kube-controller-manager and the schedulers their
leadership, so that they exit; they are started anew when the API is back. Simplifications: they keep trying until then, and
watches that clients have open stay open, with nothing to tell. Over HTTP a stopped API server is answered for with a 503.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from k8snb.api.mistakes import BadValue, did_you_mean
from k8snb.apiserver.server import APISERVER, ETCD, APIServer
from k8snb.client.gateway import MANAGER, Gateway
from k8snb.client.runtime import Runtime
from k8snb.interrupt import whole
from k8snb.sim.clock import Clock

RENEW_DEADLINE = 10.0
"""Seconds after which a leader that cannot renew its lease gives up (``--leader-elect-renew-deadline``)."""


class Components:
    """The components of a cluster, as something to stop and start."""

    server: APIServer
    runtime: Runtime
    gateway: Gateway
    clock: Clock
    kubelets: Any

    @whole
    def stop_component(self, name: str) -> None:
        """Stop kube-apiserver, etcd, kube-controller-manager, kube-scheduler or a single controller until ``start_component``.

        A controller such as ``replicaset-controller`` stops alone, as if kube-controller-manager ran with
        ``--controllers=*,-replicaset-controller``.
        """
        if name in (APISERVER, ETCD):
            self.server.down.setdefault(name, self.clock.now)
        elif name in self.runtime.processes:
            self.runtime.stop(name)
            self.gateway.forget(name)
        else:
            self._check(name)
            self.runtime.stop_worker(name)

    @whole
    def start_component(self, name: str) -> None:
        """Start a stopped component: it lists everything anew and goes on from what is."""
        if name in (APISERVER, ETCD):
            since = self.server.down.pop(name, None)
            if since is not None and not self.server.down:
                self._resume(self.clock.now - since)
        elif name in self.runtime.processes:
            self.runtime.start(name)
        else:
            self._check(name)
            self.runtime.start_worker(name)

    def stopped(self) -> Sequence[str]:
        """Components that are not running now: servers, processes, and controllers that were stopped by themselves."""
        processes = [name for name, process in self.runtime.processes.items() if not process.alive]
        return [*self.server.down, *processes, *self.runtime.silenced()]

    def _resume(self, outage: float) -> None:
        """The API answers again: kubelets report at once, and who has lost its leadership starts anew."""
        for name in getattr(self.kubelets, "agents", ()):
            self.kubelets.report(name)
        if outage < RENEW_DEADLINE:
            return
        for name, process in self.runtime.processes.items():
            if process.alive and name != self.kubelets.process:
                self.runtime.restart(name)
                self.gateway.forget(name)

    def _check(self, name: str) -> None:
        """Raise ``BadValue`` unless there is a controller of that name in kube-controller-manager."""
        loops = [worker.name for worker in self.runtime.workers if worker.process == MANAGER]
        if name not in loops:
            known = [APISERVER, ETCD, *self.runtime.processes]
            hint = did_you_mean(name, [*known, *loops])
            raise BadValue(
                f"there is no component {name!r} to stop or start: known are {', '.join(known)}, and the controllers in "
                f"{MANAGER} ({', '.join(loops[:3])} …){hint}"
            )
