"""SimGrid platform, XML version 4.1, with every route as a routing rule chooses it.

A host per rank, a link per directed link in use, a route per ordered pair of ranks. Source: simgrid.dtd, SimGrid 3.32.
SimGrid's default model adds factors of its own to bandwidth and latency; `--cfg=network/model:CM02` leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from ..catalogue import catalogue
from ..errors import FabricError, Fault
from ..files import replacing
from ..graph import Fabric
from ..routing import Paths, Router, router_for

_MOST_RANKS = 4096
_HEAD = """<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
<zone id="fabric" routing="Full">
"""
_TAIL = "</zone>\n</platform>\n"
_PLAIN_SPEED = "1Gf"


def write_simgrid_xml(fabric: Fabric, path: str | Path, routing: str = "auto") -> None:
    """Write the platform, whole or not at all.

    Raises FabricError above 4096 ranks, as SimGrid wants a route for each of their pairs, and RoutingError where a pair
    has none.
    """
    if fabric.ranks > _MOST_RANKS:
        message = f"{fabric.ranks} ranks have {fabric.ranks * (fabric.ranks - 1):,} routes"
        raise FabricError(Fault(message, f"at most {_MOST_RANKS} ranks"))
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(_HEAD)
        file.writelines(_hosts(fabric))
        file.writelines(f"{line}\n" for line in _links_and_routes(fabric, routing))
        file.write(_TAIL)


def _hosts(fabric: Fabric) -> Iterator[str]:
    names = fabric.meta.get("devices", [])
    device = fabric.column("device")[fabric.endpoints]
    for node, number in zip(fabric.endpoints.tolist(), device.tolist(), strict=True):
        speed = _speed(names[number]) if 0 <= number < len(names) else _PLAIN_SPEED
        yield f"<host id={quoteattr(fabric.label(node))} speed={quoteattr(speed)}/>\n"


def _speed(device: str) -> str:
    """The dense BF16 peak of an accelerator."""
    known = catalogue().accelerators
    return f"{known[device].peak_bf16_dense_tflops.value:g}Tf" if device in known else _PLAIN_SPEED


def _links_and_routes(fabric: Fabric, routing: str) -> Iterator[str]:
    """All links in use come before the first route. Routes are chosen anew for each source, to save memory."""
    router = router_for(fabric, routing)
    used = np.zeros(fabric.links, dtype=bool)
    for source in range(fabric.ranks):
        used[_from(router, source, fabric.ranks)[1].links] = True
    for link in np.flatnonzero(used).tolist():
        rate = f'bandwidth="{fabric.capacity_bps[link]:.0f}bps" latency="{fabric.latency_ns[link]}ns"'
        yield f'<link id="{link}" {rate}/><!-- {_comment(fabric.link_label(link))} -->'
    names = [quoteattr(fabric.label(node)) for node in fabric.endpoints.tolist()]
    for source in range(fabric.ranks):
        target, paths = _from(router, source, fabric.ranks)
        for place, rank in enumerate(target.tolist()):
            path = paths.links[paths.indptr[place] : paths.indptr[place + 1]].tolist()
            hops = "".join(f'<link_ctn id="{link}"/>' for link in path)
            yield f'<route src={names[source]} dst={names[rank]} symmetrical="NO">{hops}</route>'


def _from(router: Router, source: int, ranks: int) -> tuple[npt.NDArray[np.int64], Paths]:
    """The other ranks, and the path to each."""
    target = np.delete(np.arange(ranks), source)
    return target, router.paths(np.full(ranks - 1, source), target)


def _comment(text: str) -> str:
    return text.replace("--", "- -").replace("\n", " ")
