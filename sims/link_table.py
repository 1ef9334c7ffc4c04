"""What each link of a fabric carried in a run, as a table."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..fabric.graph import Fabric, LinkKind

_KINDS = np.array([kind.name.lower() for kind in sorted(LinkKind)])


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
    window_s = result.makespan_s
    names = fabric.node_name.astype(str)
    carried = result.link_bytes[used]
    return {
        "link": used,
        "source": names[fabric.link_source[used]],
        "source_port": fabric.port[used],
        "target": names[fabric.link_target[used]],
        "kind": _KINDS[fabric.link_kind[used]],
        "capacity_bps": fabric.capacity_bps[used],
        "bytes": carried,
        "utilisation": 8 * carried / (fabric.capacity_bps[used] * window_s) if window_s > 0 else np.zeros(len(used)),
    }
