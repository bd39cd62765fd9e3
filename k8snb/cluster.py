"""A cluster: the only place where store, API server, controllers, scheduler, kubelets and network are wired together.

It moves in steps of one API call; it can be run, settled, looked at in the past (``at``) and forked. It sits above the
explanations and below everything that draws, serves or grades, so it imports no front end.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from k8snb.acting import ActingAs
from k8snb.addons import ADDONS, Addon
from k8snb.api import names
from k8snb.api.mistakes import BadType, BadValue, NotThere
from k8snb.api.object import Object
from k8snb.api.request import ADMIN, Request, Response
from k8snb.api.scheme import Resource, Scheme
from k8snb.api.types.core_v1 import Pod
from k8snb.apiserver import APIServer
from k8snb.authorization import AUTHORIZERS, RBAC, authorization_mode, bind_scheduler, bootstrap_access
from k8snb.backends import Backends
from k8snb.bootstrap import bootstrap, install
from k8snb.client.gateway import Gateway
from k8snb.client.protocol import Controller
from k8snb.client.runtime import Runtime, store_change
from k8snb.client.series import EventSeriesKeeper
from k8snb.client.view import cache_key
from k8snb.components import Components
from k8snb.controllers import IN_TREE
from k8snb.diff import Diff, diff_worlds
from k8snb.faults import Faults
from k8snb.interrupt import Held, whole
from k8snb.machines import node_spec, node_specs
from k8snb.moving import Moving
from k8snb.network import Cni, Network
from k8snb.network.ipam import SERVICE_RANGES
from k8snb.node import Catalogue, KubeletPool, NodeSpec
from k8snb.scheduler import Scheduler
from k8snb.scheduler.own import given_plugins
from k8snb.scheduling import Scheduling
from k8snb.secureport import SecurePort
from k8snb.sim.clock import Clock, seconds
from k8snb.sim.ids import Ids
from k8snb.sources import KubeletLogs, Past
from k8snb.store import Change, Store
from k8snb.traffic import Traffic
from k8snb.world import History, Snapshot, World


class Cluster(Components, Moving, Faults, Traffic):
    """A Kubernetes cluster in this process.

    ``nodes`` is how many, or what they are like (``NodeSpec`` or mappings with name, cpu, memory, labels, taints);
    ``seed`` decides all chance; with ``path`` every revision is durable in that SQLite file, and opening the file again
    goes on from the same revision. ``controllers`` replaces the controllers of kube-controller-manager
    (``[*IN_TREE, MyController()]``), ``scheduler`` and ``kubelet`` those components. ``scheduler_config`` is a
    KubeSchedulerConfiguration (YAML text, path or mapping), ``scheduler_plugins`` are scheduler plugins of one's own
    (classes or objects), ``schedulers`` further schedulers by name, each with its configuration (None: the default one).
    ``addons`` are what it has beside Kubernetes itself (by default a storage class with a provisioner), or none: ``()``.
    ``watch_lag`` is how many simulated
    seconds a change takes to reach the components' caches; ``caught_up_gate=False`` lets a controller act before it has
    seen its own last write. ``authorization`` is AlwaysAllow (everybody may do everything; the default) or RBAC: then the
    roles and bindings of a new kubeadm cluster are there, every component acts as its own user (``Node,RBAC``), and
    ``as_user("bob")`` may do what roles grant.
    ``cni`` is the pod network's plugin (vxlan, bridge, routed, flannel, kubenet or a ``Cni``),
    ``proxy_mode`` kube-proxy's mode (iptables, ipvs, nftables, userspace); ``dual_stack`` gives nodes and pods IPv6 addresses
    beside the IPv4 ones, and Services that ask for it (``ipFamilyPolicy``). ``start`` is when simulated time begins: seconds
    after 2026-01-01T00:00:00Z (or such a text), so that clients which compare with their own clock (``kubectl describe``
    does for ages) see the right ages.
    """

    snapshot_type: type[Snapshot] = Snapshot
    _closed = False

    def __init__(
        self,
        nodes: int | Iterable[NodeSpec | Mapping[str, Any] | str] = 3,
        seed: int = 0,
        path: str | Path | None = None,
        *,
        controllers: Iterable[Controller | type[Controller]] = IN_TREE,
        scheduler: Controller | None = None,
        scheduler_config: Any = None,
        scheduler_plugins: Iterable[Any] = (),
        schedulers: Mapping[str, Any] | None = None,
        kubelet: Controller | None = None,
        addons: Iterable[Addon | type[Addon]] = ADDONS,
        watch_lag: float = 0.0,
        caught_up_gate: bool = True,
        authorization: str | None = None,
        cni: str | Cni = "vxlan",
        proxy_mode: str = "iptables",
        dual_stack: bool = False,
        start: float | str = 0.0,
        _past: tuple[Cluster, int, float] | None = None,
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise BadType(f"seed is {seed!r}: give a whole number")
        specs = node_specs(nodes)
        self.addons = tuple(addon() if isinstance(addon, type) else addon for addon in addons)
        self._controllers = tuple([_controller(c) for c in controllers])
        parts = [*self._controllers]
        parts += [_controller(c) for addon in self.addons for c in addon.controllers()]
        self.seed = seed
        self.clock = Clock(_beginning(start))
        self.ids = Ids(seed)
        if _past is not None:
            self.store = _past[0]._forked_store(_past[1], _past[2], self.clock)
        elif path is not None:
            self.store = Store(path=path, clock=self.clock, meta=self._meta)
        else:
            self.store = Store(clock=self.clock)
        self.authorization = authorization_mode(authorization, self.store.meta_get("authorization"))
        founded = bool(self.store.meta_get("founded"))
        wiring = self.store.meta_get("wiring") if founded else None
        if wiring:
            cni, proxy_mode, dual_stack = msgspec.convert(wiring, tuple[Cni, str, bool])
        self.server = APIServer(
            self.store,
            self.clock,
            self.ids,
            authorizer=AUTHORIZERS[self.authorization](),
            service_cidrs=SERVICE_RANGES if dual_stack else SERVICE_RANGES[:1],
        )
        past = Past(self.store, self.server)
        self.gateway = Gateway(self.server, self.store, self.clock)
        self.runtime = Runtime(self.clock, past, self.gateway, past, watch_lag=watch_lag, gate=caught_up_gate)
        self.network = Network(self.server, cni=cni, proxy_mode=proxy_mode, dual_stack=dual_stack)
        self.network.api = SecurePort(self.server)
        if self.store.revision > 0:
            self._reopen()
        if founded:
            specs = ()
        images = copy.deepcopy(_past[0].kubelets.images) if _past is not None else None
        self.kubelets = (
            kubelet if kubelet is not None else KubeletPool(specs, network=self.network, ids=self.ids, images=images)
        )
        self._scheduling = (scheduler, scheduler_config, given_plugins(scheduler_plugins), schedulers or {})
        self._schedulers = _schedulers(self.ids, *self._scheduling)
        keepers = [EventSeriesKeeper(part.name, part.process) for part in self._schedulers.values()]
        for part in (*parts, *self._schedulers.values(), *keepers, self.kubelets):
            self.gateway.introduce(part.name, part.process, part.account, part.frozen)
            self.runtime.add(part)
        if isinstance(self.kubelets, KubeletPool):
            self.network.connect(self.kubelets)
            self.kubelets.connect(self.runtime)
            self.server.logs = KubeletLogs(self.kubelets, self.clock)
            self.server.backends = Backends(self.server, self.network, self.kubelets, self.clock, self.runtime)
        for addon in self.addons:
            addon.connect(self.server, past, self.clock)
        self.store.subscribe(self._changed)
        if not founded:
            self.store.meta_put("authorization", self.authorization)
            bootstrap(self.server)
            if self.authorization == RBAC:
                bootstrap_access(self.server, self.runtime.workers)
                for name, component in self._schedulers.items():
                    if component.account:
                        bind_scheduler(self.server, name)
            for addon in self.addons:
                access = addon.access() if self.authorization == RBAC else ()
                install(self.server, (*access, *addon.objects()), ADMIN, addon.name)
        for process in list(self.runtime.processes):
            self.runtime.start(process)
        if founded:
            self._resume_gateways()
        else:
            self.settle()
            self.store.meta_put("founded", True)
            self.store.meta_put("wiring", msgspec.to_builtins((self.network.cni, proxy_mode, dual_stack)))

    # -- the world

    @property
    def scheme(self) -> Scheme:
        """The resources that are served."""
        return self.server.scheme

    @property
    def reader(self) -> Store:
        return self.store

    @property
    def history(self) -> History:
        """Every change so far, oldest first."""
        return History(self.store, self.store.compacted + 1, self.store.revision)

    def handle(self, request: Request) -> Response:
        with Held():
            return self.server.handle(request)

    def decision(self, pod: Object) -> dict[str, Any] | None:
        for scheduler in self._schedulers.values():
            found = getattr(scheduler, "decisions", {}).get(cache_key(pod))
            if found is not None and found.uid == pod.metadata.uid and found.node:
                break
        else:
            return None
        score = found.totals.get(found.node, "-")
        return {"feasible": found.feasible_count, "evaluated": found.evaluated, "node": found.node, "score": score}

    def as_user(self, name: str, groups: Iterable[str] = ()) -> ActingAs:
        """The same verbs and collections as another user, like ``kubectl --as NAME --as-group …``.

        ``as_user("bob", groups=["dev"]).pods`` asks the API server as bob; what no role grants is refused with its 403.
        A ServiceAccount is ``system:serviceaccount:NAMESPACE:NAME``.
        """
        return ActingAs(self, name, groups)

    # -- scheduling

    scheduling_type: type[Scheduling] = Scheduling

    @property
    def scheduler(self) -> Scheduling:
        """The scheduler to look into: ``explain(pod)``, ``queue``, ``decisions``; ``component`` is the component itself."""
        return next(iter(self.schedulers.values()))

    @property
    def schedulers(self) -> Mapping[str, Scheduling]:
        """All schedulers by name; the first is that of pods without a ``schedulerName``."""
        return {name: self.scheduling_type(self, name, self._schedulers) for name in self._schedulers}

    def remedies(self, pod: Any) -> Sequence[Any]:
        if not isinstance(self.scheduler.component, Scheduler):
            return ()
        return self.scheduler.explain(pod).remedies()

    def imagine(self, resource: Resource, namespace: str, body: Mapping[str, Any]) -> Any:
        """The object that the API server would store if this were created now; nothing is stored, no chance is used up."""
        chance = self.ids.state
        try:
            return self._send("create", resource, namespace, "", body, dry_run=("All",), field_validation="Strict")
        finally:
            self.ids.state = chance

    # -- containers and traffic

    @property
    def images(self) -> Catalogue:
        """The images that nodes can pull: ``images.add("shop/web:1.0", listens=8080, answers={"/": "hello"})``."""
        catalogue: Catalogue = self.kubelets.images
        return catalogue

    def logs(
        self, pod: str | Pod, container: str | None = None, namespace: str = "default", *, previous: bool = False
    ) -> str:
        """The log of a container, as ``kubectl logs`` prints it."""
        lines = self.kubelets.logs(self._pod(pod, namespace), container, previous)
        return "".join(f"{text}\n" for _, _, text in lines)

    @whole
    def exec(self, pod: str | Pod, *argv: str, container: str | None = None, namespace: str = "default") -> Any:
        """Run a command in a container: ``exec("web-1", "ls", "/")``; the result has stdout, stderr and code."""
        return self.kubelets.exec(self._pod(pod, namespace), container, argv, self.now)

    def crictl(self, node: str, command: str = "ps") -> str:
        """What the container runtime of a node has, as ``crictl`` prints it there: pods, ps, ps -a or images."""
        return str(self.kubelets.crictl(self._node(node), command, self.now))

    # -- machines and processes

    @whole
    def add_node(self, name: str, **spec: Any) -> None:
        """Add a machine: ``add_node("worker-4", cpu="8", memory="32Gi")``; its kubelet registers it."""
        machine = node_spec({"name": name, **spec})
        if self.find(self.resource("nodes"), "", name) is not None:
            raise BadValue(f"there is a node {name} already: remove_node({name!r}) first, or take another name")
        self.kubelets.add_node(machine)
        self.runtime.poke(self.kubelets.name, name)

    @whole
    def remove_node(self, name: str) -> None:
        """Take a machine away for good, and delete its Node object."""
        name = self._node(name)
        self.kubelets.remove_node(name)
        self.delete("node", name)

    def _changed(self, change: Change) -> None:
        kind, key = store_change(change.value, change.previous.value if change.previous else None)
        self.runtime.changed(kind, key, change.value, change.revision)

    # -- looking back and branching

    def at(self, revision: int | None = None, *, time: float | str | None = None) -> Snapshot:
        """The cluster as it was at a revision, or at a time (seconds since the start, or an RFC 3339 text)."""
        if (revision is None) == (time is None):
            raise BadValue("give either a revision or a time: at(revision=42) or at(time=12.5)")
        store = self.store
        if time is not None:
            moment = _moment(time)
            if not 0 <= moment <= self.now:
                raise NotThere(f"there is nothing to see at {moment} s: time reaches from 0 to {self.now} s so far")
            revision = store.revision_at(moment)
        if isinstance(revision, bool) or not isinstance(revision, int):
            raise BadType(f"revision is {revision!r}: give a whole number, as in at(42)")
        if not store.compacted <= revision <= store.revision:
            raise NotThere(
                f"there is no revision {revision}: the history reaches from {store.compacted} to {store.revision}"
            )
        snapshot = store.at(revision)
        now = snapshot.time if time is None else moment
        return self.snapshot_type(self.scheme, snapshot, store, store.compacted + 1, now, self._branch)

    def fork(self) -> Cluster:
        """A second cluster that shares the past and goes on exactly as this one would, until either is changed."""
        return copy.deepcopy(self)

    def branch(self, revision: int | None = None, *, time: float | str | None = None) -> Self:
        """A second cluster, in memory, that goes on from a past revision or time: what if it had gone another way?

        Its API objects and history are those of that moment; its components are started then and go on from what the API
        tells, as after a restart: what they had in hand, back-offs, faults of machines and files in containers are not taken
        along. Images are as known or broken as they are now. Chance goes its own way, the same for each branch of a revision.
        """
        snapshot = self.at(revision, time=time)
        return self._branch(snapshot.revision, snapshot.now)

    def _branch(self, revision: int, now: float) -> Self:
        scheduler, config, plugins, more = copy.deepcopy(self._scheduling)
        return type(self)(
            seed=self.seed,
            controllers=[copy.deepcopy(controller) for controller in self._controllers],
            addons=self.addons,
            scheduler=scheduler,
            scheduler_config=config,
            scheduler_plugins=plugins,
            schedulers=more,
            watch_lag=self.runtime.watch_lag,
            caught_up_gate=self.runtime.gate,
            _past=(self, revision, now),
        )

    def _forked_store(self, revision: int, now: float, clock: Clock) -> Store:
        """The store up to a revision, with the metadata of a cluster that ended there."""
        store = self.store.fork(revision, clock)
        store.meta_put("now", now)
        store.meta_put("ids", Ids(self.seed + revision).state)
        store.meta_put("steps", self._steps_until(revision))
        return store

    def _steps_until(self, revision: int) -> int:
        """How many steps had been made at a revision, as the causes of its changes tell."""
        kept = self.store.changes(max(1, self.store.compacted + 1), revision)
        return max((change.cause.step for change in kept), default=0)

    def __deepcopy__(self, memo: dict[int, Any]) -> Cluster:
        other = type(self).__new__(type(self))
        memo[id(self)] = other
        for name, value in self.__dict__.items():
            setattr(other, name, copy.deepcopy(value, memo))
        other.runtime.resume()
        return other

    def diff(self, other: Any) -> Diff:
        """What differs between this cluster (or past) and another."""
        if not isinstance(other, World):
            raise BadType(f"cannot compare a cluster with {other!r}: give another cluster, a fork() or at(revision)")
        return diff_worlds(self, other)

    def explain(self, what: str | Object, language: str | None = None) -> Any:
        """Why an object exists and why it is in its state: ``explain("pod/web-1")``."""
        from k8snb.explain import explain

        return explain(self, what, language)

    def close(self) -> None:
        """Close the database of a durable cluster; opening its path again goes on from here."""
        if self.store.path is not None and not self._closed:
            for name, value in self._meta().items():
                self.store.meta_put(name, value)
            self._closed = True
        self.store.close()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _meta(self) -> dict[str, Any]:
        """What goes into the file beside each revision, so that a reopened cluster goes on as this one would."""
        return {"now": self.clock.now, "ids": self.ids.state, "seed": self.seed, "steps": self.runtime.steps}

    def _reopen(self) -> None:
        meta = self.store.meta()
        self.clock.now = float(meta.get("now", self.store.time_of(self.store.revision)))
        self.seed = int(meta.get("seed", self.seed))
        self.ids.state = int(meta.get("ids", Ids(self.seed + self.store.revision).state))
        self.runtime.steps = int(meta.get("steps", 0))

    def __repr__(self) -> str:
        pods = len(self.pods)
        return f"<Cluster: {len(self.nodes)} nodes, {pods} pods, revision {self.revision}, {self.now:.3f} s>"


def _schedulers(
    ids: Ids, given: Controller | None, config: Any, plugins: Iterable[Any], more: Mapping[str, Any]
) -> dict[str, Controller]:
    """The schedulers by name, the first one that of pods without a ``schedulerName``."""
    if given is not None and (config is not None or plugins):
        raise BadValue(
            "give either a scheduler, or scheduler_config and scheduler_plugins: Scheduler.from_config takes both"
        )
    if not isinstance(more, Mapping):
        raise BadType(f"schedulers is {more!r}: give a mapping of names to configurations, as in {{'batch': None}}")
    if given is not None and not isinstance(given, Controller):
        raise BadType(f"the scheduler is {given!r}: give a Scheduler, as in Scheduler.from_config(…)")
    for name in more:
        wrong = names.dns1123_subdomain(name) if isinstance(name, str) else ["a name is a text"]
        if wrong:
            raise BadValue(f"a scheduler cannot be called {name!r}: {wrong[0]}")
    first = given if given is not None else Scheduler.from_config(config, plugins, ids=ids)
    found = {first.name: first}
    for name, settings in more.items():
        if name in found:
            raise BadValue(f"there is a scheduler {name} already: give the further one another name")
        made = settings if isinstance(settings, Controller) else Scheduler.from_config(settings, ids=ids, name=name)
        found[name] = made
    taken: dict[str, str] = {}
    for name, component in found.items():
        for profile in getattr(component, "profiles", ()):
            if profile in taken:
                raise BadValue(
                    f"the schedulers {taken[profile]} and {name} both have a profile {profile!r}, and would both place "
                    "its pods: give one of the profiles another schedulerName"
                )
            taken[profile] = name
    return found


def _controller(given: Any) -> Controller:
    """A controller, made if it is a class."""
    made = given() if isinstance(given, type) else given
    if not isinstance(made, Controller):
        raise BadType(
            f"{given!r} is no controller: give classes or objects of k8snb.client.Controller, as in [*IN_TREE, Mine()]"
        )
    if not made.name:
        raise BadValue(f'{type(made).__name__} has no name: set name = "my-controller" in the class')
    return made


def _beginning(start: float | str) -> float:
    """When a cluster's time begins; in the model's own time nothing is earlier than its epoch."""
    moment = _moment(start)
    if not 0 <= moment < float("inf"):
        raise BadValue(f"time cannot begin at {start!r}: give seconds from 0, or a text from 2026-01-01T00:00:00Z on")
    return moment


def _moment(time: float | str) -> float:
    """Seconds since the epoch of a number or an RFC 3339 text."""
    try:
        return seconds(time) if isinstance(time, str) else float(time)
    except (ValueError, TypeError):
        raise BadValue(
            f"{time!r} is no time: give seconds since the start, or a text like 2026-01-01T00:00:12Z"
        ) from None
