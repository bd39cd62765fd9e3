"""Stopping one loop of a process while the others go on, as ``--controllers=*,-NAME`` leaves one out."""

from __future__ import annotations

from typing import Any

from k8snb.client.protocol import Controller
from k8snb.client.view import View
from k8snb.client.workqueue import Item, WorkQueue


class SingleWorkers:
    """The part of a runtime that stops and starts single controllers; ``silent`` are the numbers of stopped ones."""

    queue: WorkQueue
    workers: list[Controller]
    silent: set[int]
    _process_of: list[Any]
    _held: dict[str, list[Item]]
    _flight: Any
    _wake: Any

    def stop_worker(self, name: str) -> None:
        """Stop a single controller: its queued keys, its timers and what it was doing are lost; its process goes on."""
        worker = self._worker(name)
        self.silent.add(worker)
        for kind, interested in self._process_of[worker].interests.items():
            self._process_of[worker].interests[kind] = [pair for pair in interested if pair[0] != worker]
        for held in self._held.values():
            held[:] = [item for item in held if item[0] != worker]
        self.queue.forget(frozenset((worker,)))
        if self._flight is not None and self._flight.item[0] == worker:
            self._flight.generator.close()
            self._flight = None

    def start_worker(self, name: str) -> None:
        """Start a single controller that was stopped: it looks at every key once."""
        worker = self._worker(name)
        if worker not in self.silent:
            return
        self.silent.discard(worker)
        process = self._process_of[worker]
        controller = self.workers[worker]
        for watch in controller.watches:
            interested = process.interests.setdefault(watch.kind, [])
            interested.append((worker, watch.keys))
            interested.sort(key=lambda pair: pair[0])
        if not process.alive:
            return
        self._started(worker, process.view)
        for watch in controller.watches:
            for obj in process.view.list(watch.kind):
                revision = int(obj.metadata.resourceVersion or 0)
                for key in watch.keys(None, obj, process.view):
                    self._wake(worker, key, revision)

    def silenced(self) -> list[str]:
        """The controllers that are stopped by themselves."""
        return [self.workers[worker].name for worker in sorted(self.silent)]

    def _worker(self, name: str) -> int:
        """A controller by its name; ``KeyError`` for a name that none has."""
        for worker, controller in enumerate(self.workers):
            if controller.name == name:
                return worker
        raise KeyError(name)

    def _started(self, worker: int, view: View) -> None:
        for key in self.workers[worker].started(view):
            self.queue.add(worker, key)
