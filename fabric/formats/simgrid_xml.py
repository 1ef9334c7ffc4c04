"""SimGrid platform, XML version 4.1, with every route as a routing rule chooses it.

A host per rank, a link per directed link, a route per ordered pair of ranks. Source: simgrid.dtd, SimGrid 3.32.
SimGrid's default model adds factors of its own to bandwidth and latency; `--cfg=network/model:CM02` leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from ..catalogue import catalogue
from ..errors import FabricError, Fault
from ..files import replacing
from ..graph import Fabric
from ..routing import router_for

_MOST_RANKS = 4096
_PAIRS_AT_ONCE = 200_000
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
        file.writelines(_links(fabric))
        file.writelines(_routes(fabric, routing))
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


def _links(fabric: Fabric) -> Iterator[str]:
    for link in range(fabric.links):
        rate = f'bandwidth="{fabric.capacity_bps[link]:.0f}bps" latency="{fabric.latency_ns[link]}ns"'
        yield f'<link id="{link}" {rate}/><!-- {_comment(fabric.link_label(link))} -->\n'


def _routes(fabric: Fabric, routing: str) -> Iterator[str]:
    """A line per ordered pair of different ranks, by source; a number of sources are routed at a time."""
    router = router_for(fabric, routing)
    names = [quoteattr(fabric.label(node)) for node in fabric.endpoints.tolist()]
    hop = [f'<link_ctn id="{link}"/>' for link in range(fabric.links)]
    ranks = np.arange(fabric.ranks)
    for some in np.array_split(ranks, max(1, fabric.ranks**2 // _PAIRS_AT_ONCE)):
        source, target = np.repeat(some, fabric.ranks), np.tile(ranks, len(some))
        source, target = source[source != target], target[source != target]
        paths = router.paths(source, target)
        links, ends = paths.links.tolist(), paths.indptr.tolist()
        for place, (one, other) in enumerate(zip(source.tolist(), target.tolist(), strict=True)):
            hops = "".join([hop[link] for link in links[ends[place] : ends[place + 1]]])
            yield f'<route src={names[one]} dst={names[other]} symmetrical="NO">{hops}</route>\n'


def _comment(text: str) -> str:
    return text.replace("--", "- -").replace("\n", " ")
