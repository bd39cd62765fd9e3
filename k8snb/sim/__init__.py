"""Time and chance: the clock of a cluster and the only source of its random choices."""

from k8snb.sim.clock import EPOCH, Clock, rfc3339, rfc3339_micro, seconds
from k8snb.sim.ids import SUFFIX_ALPHABET, Ids

__all__ = ["EPOCH", "SUFFIX_ALPHABET", "Clock", "Ids", "rfc3339", "rfc3339_micro", "seconds"]
