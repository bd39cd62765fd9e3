"""The cluster as a notebook shows it: the model of ``k8snb.cluster`` with its pictures.

``cluster`` in a cell is the live map; ``cluster.ownership()`` and ``cluster.sequence("pod/web-1")`` are the graph and the
lifelines. Each has a still picture for saved notebooks and exports, and a text for everybody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k8snb import cluster as model
from k8snb.api.types.core_v1 import Pod
from k8snb.explain.scheduling import SchedulingExplanation
from k8snb.network import Reachability
from k8snb.scheduling import Scheduling as SchedulingModel
from k8snb.views import cluster_map, draw_map, map_text
from k8snb.views.anatomy import anatomy
from k8snb.views.anatomy_svg import draw_anatomy
from k8snb.views.anatomy_text import anatomy_text
from k8snb.views.architecture import architecture, architecture_text
from k8snb.views.architecture_svg import draw_architecture
from k8snb.views.behind import BehindView, behind, behind_text
from k8snb.views.behind_svg import draw_behind
from k8snb.views.graph import draw_graph, graph_text, ownership
from k8snb.views.networks import networks_text, networks_view
from k8snb.views.networks_svg import draw_networks
from k8snb.views.packet import packet_text, packet_view
from k8snb.views.packet_svg import draw_packet
from k8snb.views.pipeline import pipeline, pipeline_text
from k8snb.views.pipeline_svg import draw_pipeline
from k8snb.views.playground import playground
from k8snb.views.playground_svg import draw_playground
from k8snb.views.playground_text import playground_text
from k8snb.views.reach import draw_reach, reach_text
from k8snb.views.reconcile import reconcile_text, reconcile_view, subject
from k8snb.views.reconcile_svg import draw_reconcile
from k8snb.views.replay import NUMBERS
from k8snb.views.rollout_svg import draw_rollout
from k8snb.views.rollout_text import rollout_text
from k8snb.views.scheduling import heat_map
from k8snb.views.scheduling_svg import draw_heat
from k8snb.views.sequence import draw_sequence, pod_sequence, sequence_text
from k8snb.world import Snapshot as WorldSnapshot
from k8snb.world import World

if TYPE_CHECKING:
    from k8snb.rest import Serving

WIDGET = "application/vnd.jupyter.widget-view+json"


class Picture:
    """A live stage together with its still picture and its text, as one thing to display; ``view`` is the data they draw."""

    def __init__(self, stage: Any, svg: str, text: str, view: Any = None) -> None:
        self.stage = stage
        self.svg = svg
        self.text = text
        self.view = view

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return bundle(self.stage, self.svg, self.text)

    def __repr__(self) -> str:
        return self.text


def bundle(stage: Any | None, svg: str, text: str) -> dict[str, Any]:
    """The mime bundle of a picture: live where there is a front end, still in exports, text everywhere."""
    data: dict[str, Any] = {"text/plain": text, "text/html": f'<div class="k8snb-still">{svg}</div>'}
    if stage is not None:
        found = stage._repr_mimebundle_()
        live = found[0] if isinstance(found, tuple) else found
        if live and WIDGET in live:
            data[WIDGET] = live[WIDGET]
        from k8snb.widgets.recording import RECORDING, record, recording

        if recording():
            data[RECORDING] = record(stage)
    return data


class Pictures(World):
    """The pictures that every world has, live or past."""

    def ownership(self, namespace: str = "default") -> Picture:
        """Who owns, selects and uses whom in a namespace."""
        from k8snb.widgets import OwnershipGraph

        moment = self.moment()
        view = ownership(moment, namespace)
        return Picture(OwnershipGraph(moment, namespace), draw_graph(view), graph_text(view))

    def sequence(self, pod: str | Pod, namespace: str = "default") -> Picture:
        """How a pod came to be: who called whom, from the first request to Running."""
        from k8snb.widgets import PodSequence

        view = pod_sequence(self, pod, namespace)
        return Picture(PodSequence(self, pod, namespace), draw_sequence(view), sequence_text(view), view)

    def behind(self, what: str, **options: Any) -> Picture:
        """What stands behind ``svc/NAME``, ``ingress/NAME`` or ``httproute/NAME``, from left to right, and where the way breaks.

        Options are as for ``map``; the picture's ``view`` has the cards and links.
        """
        from k8snb.widgets import Behind

        obj = self.get(what)
        moment, heard = self.moment(), self.listening(obj.metadata.namespace)

        def look(language: str | None) -> BehindView:
            return behind(moment, obj, language, (lambda pod: heard.get(pod.metadata.uid or "", ())) if heard else None)

        language = options.get("language")
        view = look(language)
        still = draw_behind(view, language, projector=bool(options.get("projector")))
        return Picture(Behind(moment, look, **options), still, behind_text(view, language), view)

    def listening(self, namespace: str) -> Mapping[str, tuple[str, ...]]:
        """Where the Pods of a namespace listen, by uid; empty where nobody can look into them."""
        return {}

    def moment(self) -> World:
        """This world as it is now, which does not change any more."""
        return self


class Snapshot(Pictures, WorldSnapshot):
    """A past moment, drawn as it was."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = cluster_map(self)
        return bundle(None, draw_map(view), map_text(view))


class DrawnScheduling(SchedulingExplanation):
    __doc__ = SchedulingExplanation.__doc__

    def picture(self, **options: Any) -> Picture:
        """The heat map; ``projector=True`` draws larger, ``language`` is zh or en."""
        from k8snb.widgets import SchedulingHeat

        language = options.setdefault("language", self.language)
        svg = draw_heat(heat_map(self, language), language, projector=bool(options.get("projector")))
        return Picture(SchedulingHeat(self, **options), svg, self.text(language))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self.picture()._repr_mimebundle_()


class Scheduling(SchedulingModel):
    __doc__ = SchedulingModel.__doc__

    explanation_type = DrawnScheduling


class Cluster(Pictures, model.Cluster):
    __doc__ = model.Cluster.__doc__

    snapshot_type = Snapshot
    scheduling_type = Scheduling

    def listening(self, namespace: str) -> Mapping[str, tuple[str, ...]]:
        hosts = self.network.hosts
        if hosts is None:
            return {}
        return {p.metadata.uid or "": tuple(hosts.ports_of(p, self.clock.now)) for p in self.of(Pod, namespace)}

    def moment(self) -> World:
        return self.at(self.revision)

    def map(self, namespaces: Iterable[str] | None = None, **options: Any) -> Picture:
        """The live map; ``namespaces`` limits the pods shown, ``projector=True`` draws larger, ``language`` is zh or en."""
        from k8snb.widgets import ClusterMap

        view = cluster_map(self, namespaces)
        language = options.get("language")
        return Picture(
            ClusterMap(self, namespaces, **options),
            draw_map(view, language, projector=bool(options.get("projector"))),
            map_text(view, language),
        )

    def architecture(self, follow: str | Pod | None = None, **options: Any) -> Picture:
        """The layers of Kubernetes and what of each is in this cluster: click a box to see what it is and how to get there.

        ``follow="pod/web-1"`` numbers the boxes that this pod's creation passed, in their order; other options as for ``map``.
        The picture's ``view`` has boxes with their figures, the order and the way.
        """
        from k8snb.widgets import Architecture

        view = architecture(self, follow)
        language = options.get("language")
        still = draw_architecture(view, language, projector=bool(options.get("projector")))
        return Picture(Architecture(self, follow, **options), still, architecture_text(view, language), view)

    def pipeline(self, manifest: Any, user: str = "", groups: Iterable[str] = (), **options: Any) -> Picture:
        """The way of a request through the API server, station by station: ``pipeline(manifest, user="bob")``.

        The request to create the object is really sent, to a copy of the cluster. Without a ``user`` the administrator asks.
        The picture's ``view`` has the stations, who refused it, and the answer; other options as for ``map``.
        """
        from k8snb.widgets import Pipeline

        view = pipeline(self, manifest, user, groups)
        language = options.get("language")
        still = draw_pipeline(view, language, projector=bool(options.get("projector")))
        return Picture(Pipeline(view, **options), still, pipeline_text(view, language), view)

    def rollout(self, what: str, since: int | None = None, **options: Any) -> Picture:
        """The last rollout of a workload against its bounds, live: ``rollout("deploy/web")``.

        Sliders play it again with other numbers; so do ``maxSurge=1, maxUnavailable=0`` (of a StatefulSet ``partition=2``).
        ``since`` is a revision to begin at instead of the last change of the Pod template; other options as for ``map``.
        The picture's ``view`` has the numbers: versions, samples, moves, seconds, worst, fullest.
        """
        from k8snb.widgets import Rollout

        numbers = {name: options.pop(name) for name in (*NUMBERS,) if name in options}
        stage = Rollout(self, what, since, **options)
        if numbers:
            stage.turn(**numbers)
        real = stage.real()
        view, beside = (stage.replayed, real) if stage.replayed is not None else (real, None)
        language = options.get("language")
        svg = draw_rollout(view, language, projector=bool(options.get("projector")), real=beside)
        return Picture(stage, svg, rollout_text(view, language, beside), view)

    def stepper(self, what: str, key: str | None = None, **options: Any) -> Picture:
        """A controller at work on one key, call by call: ``stepper("rs/web")`` or ``stepper("node-controller", "worker-1")``.

        Shows what is wanted, what the controller's cache shows and what is there, the calls that it is about to make, and the
        work queue; Step makes one call of the cluster, Its turn goes on until this controller makes its next one.
        """
        from k8snb.widgets import Stepper

        controller, name = subject(self, what, key)
        view = reconcile_view(self, controller, name)
        language = options.get("language")
        return Picture(
            Stepper(self, controller, name, **options),
            draw_reconcile(view, language, projector=bool(options.get("projector"))),
            reconcile_text(view, language),
            view,
        )

    def anatomy(self, pod: str, **options: Any) -> Picture:
        """One Pod from inside, live: ``anatomy("pod/web")``.

        Shows what its containers share (the pause container's network, volumes and what is in them) and what each has for
        itself (processes, user, files), with probes, memory and restarts. Options as for ``map``; ``view`` has the data.
        """
        from k8snb.widgets import Anatomy

        view = anatomy(self, pod)
        language = options.get("language")
        return Picture(
            Anatomy(self, pod, **options),
            draw_anatomy(view, language, projector=bool(options.get("projector"))),
            anatomy_text(view, language),
            view,
        )

    def playground(self, selector: str = "", namespace: str = "default", **options: Any) -> Picture:
        """Labels and selectors to play with, live: ``playground("app=web,tier in (front,back)")``.

        Type a selector and see which Pods it finds; drag labels onto Pods (or Enter on a label, then on a Pod), and see which
        Services and controllers will notice. Options as for ``map``; the picture's ``view`` has pods, seekers and selector.
        """
        from k8snb.widgets import Playground

        view = playground(self, selector, namespace)
        language = options.get("language")
        return Picture(
            Playground(self, selector, namespace, **options),
            draw_playground(view, language, projector=bool(options.get("projector"))),
            playground_text(view, language),
            view,
        )

    def packet(
        self, source: str | Pod, url: str, *, request: Mapping[str, Any] | None = None, **options: Any
    ) -> Picture:
        """The way of a request's packets over the three networks, step by step: ``packet("pod/client", "http://web")``.

        ``request`` are options of the request (method, headers …); the other options are as for ``map``.
        """
        from k8snb.widgets import PacketPath

        trace = self.trace(source, url, **(request or {}))
        language = options.get("language")
        view = packet_view(trace, language)
        still = draw_packet(view, language, projector=bool(options.get("projector")))
        return Picture(PacketPath(trace, **options), still, packet_text(view, language))

    def networks(self, **options: Any) -> Picture:
        """The three networks: Services' virtual addresses, Pods on their nodes, nodes on the wire; options are as for ``map``."""
        from k8snb.widgets import Networks

        view = networks_view(self)
        language = options.get("language")
        still = draw_networks(view, language, projector=bool(options.get("projector")))
        return Picture(Networks(self.moment(), view, **options), still, networks_text(view, language), view)

    def matrix(self, port: int | str = 80, *, before: Reachability | None = None, **options: Any) -> Picture:
        """Who may reach whom at a port, as NetworkPolicies say; ``before`` is an earlier ``reachability(port)`` to compare with.

        ``protocol``, ``namespace``, ``without`` and ``extra`` are as for ``reachability``; the other options as for ``map``.
        """
        from k8snb.widgets import ReachMatrix

        asked = {k: options.pop(k) for k in ("protocol", "namespace", "without", "extra") if k in options}
        found = self.reachability(port, **asked)
        language = options.get("language")
        still = draw_reach(found, language, "", bool(options.get("projector")), before)
        return Picture(ReachMatrix(found, before, **options), still, reach_text(found, language, before))

    def play(self, speed: float = 1.0) -> Picture:
        """The live map with the clock running: ``speed`` simulated seconds pass in a second, until it is paused."""
        picture = self.map()
        picture.stage.play(speed)
        return picture

    def serve(
        self,
        port: int = 0,
        speed: float = 1.0,
        kubeconfig: str | Path | None = None,
        *,
        host: str = "127.0.0.1",
        environ: bool = True,
    ) -> Serving:
        """Serve the API over HTTPS, so that real kubectl and client libraries work; see ``k8snb.rest.serve``.

        While it is served, simulated time follows the wall clock at ``speed``, and ``!kubectl get pods`` works in a cell.
        """
        from k8snb.rest import serve

        return serve(self, port, speed, kubeconfig, host=host, environ=environ)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self.map()._repr_mimebundle_()


def connect(kubeconfig: str | Path | None = None, context: str | None = None, *, writable: bool = False) -> Any:
    """A real cluster through the same collections, pictures and explanations as the model; read-only unless ``writable``.

    ``kubeconfig`` is a path (default ``$KUBECONFIG``, then ``~/.kube/config``), ``context`` one of its contexts. A real
    cluster does not tell why things changed, so its history is empty and there is nothing to rewind.
    """
    from k8snb.rest.remote import (
        Remote,
    )  # a class of its own only here, so that the HTTP client is imported when it is used

    class RemoteCluster(Remote, Pictures):
        __doc__ = Remote.__doc__
        snapshot_type = Snapshot

        def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
            view = cluster_map(self.moment())
            return bundle(None, draw_map(view), map_text(view))

    return RemoteCluster(kubeconfig, context, writable=writable)
