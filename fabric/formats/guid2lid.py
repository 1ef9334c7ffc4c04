"""OpenSM's memory of the LIDs it gave (`guid2lid`): a line "port GUID, lowest LID, highest LID" per port.

Put into OpenSM's cache folder it makes the live network use these LIDs (source: OpenSM 3.3.23, opensm/osm_db_pack.c).
"""

from __future__ import annotations

from pathlib import Path

from ..files import replacing
from ..graph import Fabric
from ..routing.switch_graph import switch_graph
from ..routing.tables import addresses
from .ib_addresses import address_guids, address_lids


def write_guid2lid(fabric: Fabric, path: str | Path) -> None:
    """Write `guid2lid_text`, whole or not at all."""
    text = guid2lid_text(fabric)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="ascii")


def guid2lid_text(fabric: Fabric) -> str:
    """One line per switch and adapter port, in the order of the nodes, with a blank line after each."""
    known = addresses(fabric, switch_graph(fabric))
    pairs = zip(address_guids(fabric, known).tolist(), address_lids(fabric, known).tolist(), strict=True)
    return "".join(f"0x{guid:016x} 0x{lid:04x} 0x{lid:04x}\n\n" for guid, lid in pairs)
