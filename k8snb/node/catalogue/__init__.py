"""The built-in images, one file per sort; a new sort is a new file and one line here."""

from __future__ import annotations

from k8snb.node.catalogue import cluster, data, ingress, languages, official, testing, tools, web
from k8snb.node.images import Image

IN_TREE: tuple[Image, ...] = (
    *official.IMAGES,
    *languages.IMAGES,
    *tools.IMAGES,
    *web.IMAGES,
    *data.IMAGES,
    *testing.IMAGES,
    *ingress.IMAGES,
    *cluster.IMAGES,
)
"""All built-in images; a later entry of the same repository replaces an earlier one."""
