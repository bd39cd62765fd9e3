"""Nodes without machines: kubelets, a container runtime, images, probes, volumes.

No image is run. A container is a catalogue entry that says how it behaves (``images``, ``app``), or a script that the small
shell of ``k8snb.node.shell`` interprets. Everything takes simulated time, with upstream's own default numbers
(``constants``), and every status goes through the API server. ``k8snb.cluster`` wires the kubelets to a network.
"""

from k8snb.node.agent import NodeSpec
from k8snb.node.images import Catalogue, Image
from k8snb.node.kubelet import KubeletPool

__all__ = ["Catalogue", "Image", "KubeletPool", "NodeSpec"]
