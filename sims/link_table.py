"""What each link of a fabric carried in a run, in all or over time, as a table."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..fabric.errors import WorkloadError
from ..fabric.graph import Fabric, LinkKind
from .engine import LinkRecord

_KINDS = np.array([kind.name.lower() for kind in sorted(LinkKind)])

MOST_CELLS = 200_000_000
"""Links times bins of a record that are laid out at once."""


class Carried(Protocol):
    """A run: payload bytes per directed link of the fabric, and the time from the first start to the last finish."""

    @property
    def link_bytes(self) -> npt.NDArray[np.float64]: ...

    @property
    def makespan_s(self) -> float: ...


def link_table(fabric: Fabric, result: Carried) -> dict[str, npt.NDArray[Any]]:
    """One row per directed link that carried anything, in the order of link ids.

    `bytes` is payload; `utilisation` those bytes over what the link's line rate carries between the first start and
    the last finish.
    """
    used = np.flatnonzero(result.link_bytes > 0)
    return {**_named(fabric, used), **_carried(fabric, used, result.link_bytes[used], result.makespan_s)}


def load_table(fabric: Fabric, record: LinkRecord) -> dict[str, npt.NDArray[Any]]:
    """One row per directed link and bin of time in which it carried anything, by link, then time.

    `bytes` is what it carried in the bin, `utilisation` that over what its line rate carries meanwhile. Raises
    WorkloadError for more links times bins than can be laid out.
    """
    if record.bins * fabric.links > MOST_CELLS:
        raise WorkloadError(
            f"{record.bins} bins of {fabric.links} links are too many", "record at a coarser resolution"
        )
    carried = record.bin_bytes
    used, at = np.nonzero(carried)
    return {
        **_named(fabric, used),
        "begin_s": at * record.resolution_s,
        "end_s": (at + 1) * record.resolution_s,
        **_carried(fabric, used, carried[used, at], record.resolution_s),
    }


def _named(fabric: Fabric, links: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[Any]]:
    names = fabric.node_name.astype(str)
    return {
        "link": links,
        "source": names[fabric.link_source[links]],
        "source_port": fabric.port[links],
        "target": names[fabric.link_target[links]],
        "kind": _KINDS[fabric.link_kind[links]],
        "capacity_bps": fabric.capacity_bps[links],
    }


def _carried(
    fabric: Fabric, links: npt.NDArray[np.intp], carried_bytes: npt.NDArray[np.float64], window_s: float
) -> dict[str, npt.NDArray[Any]]:
    could_bits = fabric.capacity_bps[links] * window_s
    return {
        "bytes": carried_bytes,
        "utilisation": 8 * carried_bytes / could_bits if window_s > 0 else np.zeros(len(links)),
    }
