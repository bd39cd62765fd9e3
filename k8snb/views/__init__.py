"""Pictures as data: a view is a pure function from a world to plain values, drawn as SVG text and told as text.

Nothing here knows a widget library. ``widgets`` shows the SVG and sends clicks back; exports and tests use the same functions.
"""

from k8snb.views.map import MapView, cluster_map
from k8snb.views.map_svg import draw_map
from k8snb.views.map_text import map_text

__all__ = ["MapView", "cluster_map", "draw_map", "map_text"]
