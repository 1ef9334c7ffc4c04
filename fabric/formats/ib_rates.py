"""InfiniBand link rates: lanes times speed, as the tools write them (`4xNDR`), and in bit/s of data.

A lane's data rate is its signalling rate less the line code: 8b/10b up to QDR, 64b/66b from FDR on, and less forward
error correction from HDR on (InfiniBand Architecture Specification, volume 2; from general knowledge).
"""

from __future__ import annotations

from ..errors import FabricError, Fault

LANE_BPS = {
    "SDR": 2.5e9 * 8 / 10,
    "DDR": 5e9 * 8 / 10,
    "QDR": 10e9 * 8 / 10,
    "FDR10": 10.3125e9 * 64 / 66,
    "FDR": 14.0625e9 * 64 / 66,
    "EDR": 25e9,
    "HDR": 50e9,
    "NDR": 100e9,
    "XDR": 200e9,
}
LANES = (4, 8, 12, 2, 1)
"""Widths of a port, the usual one first."""

RATE_BPS = {f"{lanes}x{speed}": lanes * lane_bps for lanes in LANES for speed, lane_bps in LANE_BPS.items()}
_NAMES = {(lanes, lanes * lane_bps): f"{lanes}x{speed}" for lanes in LANES for speed, lane_bps in LANE_BPS.items()}


def lanes_of(rate: str) -> int:
    """`"4xNDR"` -> 4."""
    return int(rate.partition("x")[0])


def rate_name(bps: float, lanes: int | None = None) -> str:
    """The rate of this many bit/s: `4e11` -> `"4xNDR"`; of the usual width where `lanes` is not known.

    Raises FabricError when InfiniBand has no such rate.
    """
    for width in LANES if lanes is None else (lanes,):
        if (width, bps) in _NAMES:
            return _NAMES[width, bps]
    near = min(RATE_BPS, key=lambda rate: (abs(RATE_BPS[rate] - bps), LANES.index(lanes_of(rate))))
    raise FabricError(Fault(f"{bps:g} bit/s is no InfiniBand rate", f"the nearest is {near}, {RATE_BPS[near]:g} bit/s"))
