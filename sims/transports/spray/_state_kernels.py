"""What stands still and what changes while sprayed flows share ports and wait on links."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Sprayed(NamedTuple):
    """Fixed: `n` flows over link classes; bytes on the wire, bytes/s, s."""

    indptr: np.ndarray  # int64[n + 1] CSR of the classes that the data crosses ...
    classes: np.ndarray  # int32[...]
    each: np.ndarray  # float64[...] share of the flow on one link of the class ...
    whole: np.ndarray  # float64[...] ... and on all of them
    back_indptr: np.ndarray  # int64[n + 1] the same of the acknowledgements
    back_classes: np.ndarray
    back_each: np.ndarray
    back_whole: np.ndarray
    bound_indptr: np.ndarray  # int64[n + 1] CSR of the classes that may limit the flow ...
    bound_classes: np.ndarray  # int32[...]
    bound_each: np.ndarray  # float64[...] ... and what a byte of it takes of a link there
    wire: np.ndarray  # float64[n]
    start_s: np.ndarray  # float64[n]
    by_start: np.ndarray  # int64[n]
    forward_s: np.ndarray  # float64[n] empty network: last packet to the receiver, beyond the flow's serialisation
    back_s: np.ndarray  # float64[n] its acknowledgement
    round_s: np.ndarray  # float64[n] a packet and its acknowledgement
    line: np.ndarray  # float64[n] rate of an adapter
    window: np.ndarray  # float64[n] bytes in flight


class Classes(NamedTuple):
    """Fixed, per class of links."""

    rate: np.ndarray  # float64[m]
    room: np.ndarray  # float64[m] of the rate, what data may take
    packet_s: np.ndarray  # float64[m] a full packet's time
    queues: np.ndarray  # bool[m] whether packets of several flows meet before it


class Sharing(NamedTuple):
    """Changing."""

    left: np.ndarray  # float64[n]
    rate: np.ndarray  # float64[n]
    most: np.ndarray  # float64[n] the rate that line and window allow
    data: np.ndarray  # float64[m] bytes/s on one link ...
    control: np.ndarray  # float64[m]
    uneven: np.ndarray  # float64[m] variance of the data's rate over the links
    flows: np.ndarray  # int64[m] ... and flows on it
    wait_s: np.ndarray  # float64[m] of a data packet
    back_wait_s: np.ndarray  # float64[m] of an acknowledgement
    level: np.ndarray  # float64[m] workspace: rate that a class offers its open flows
    limits: np.ndarray  # bool[m] workspace: whether it is the bottleneck of them all
    taken: np.ndarray  # float64[m] workspace: by frozen flows
    asked: np.ndarray  # float64[m] workspace: shares of the open ones
    active: np.ndarray  # int64[n]: the first size[ACTIVE]
    done_s: np.ndarray  # float64[n]
    size: np.ndarray  # int64[2]


STARTED, ACTIVE = 0, 1


class Laws(NamedTuple):
    """`packet` bytes; `control` bytes returned per byte of data; `entropies` of a flow; `marking_s` of queue at which
    packets are marked; `turn_s` after which rates are set anew; whether a flow is done only when `acked`."""

    packet: float
    control: float
    entropies: float
    marking_s: float
    turn_s: float
    acked: bool
