"""Laws of congestion control at their fixed points: the utilisation, the standing queue and the shares on which a law
settles (one law, one file)."""

from __future__ import annotations

from .dcqcn import Dcqcn
from .dcqcn_sets import DCQCN_SETS, DcqcnSet
from .dctcp import Dctcp
from .hpcc import Hpcc
from .infiniband_cc import InfinibandCc
from .law import Contention, Law, Steady
from .nscc import Nscc
from .rccc import Rccc
from .red import Marking
from .reno import Reno
from .swift import Swift
from .timely import Timely
from .windows import Windows

__all__ = [
    "DCQCN_SETS",
    "Contention",
    "Dcqcn",
    "DcqcnSet",
    "Dctcp",
    "Hpcc",
    "InfinibandCc",
    "Law",
    "Marking",
    "Nscc",
    "Rccc",
    "Reno",
    "Steady",
    "Swift",
    "Timely",
    "Windows",
]
