"""Sprayed flows, from a batch to its delivery."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ....fabric.errors import InternalError
from ..fair import crosses_network, share_fairly
from ..packets import Packets
from ..subflows import Batch, Delivery, Floats, Lines
from ._run_kernels import run_sprayed
from .layout import Network, Spraying, at_rest, lay_out

_TOLERANCE = 1e-6


class Carried(NamedTuple):
    """A delivery, and whether links inside the network are narrower than all that they join."""

    delivery: Delivery
    narrow: bool


def carry_sprayed(
    spraying: Spraying,
    packets: Packets,
    lines: Lines,
    batch: Batch,
    certify: bool,
    room: Floats | None = None,
    wait_s: Floats | None = None,
) -> Carried:
    """Carry the network's subflows, spread over all their ways; those inside servers share fairly. `room`: per directed
    link, the share of its rate that is left to them; `wait_s`: of each subflow on top of its way."""
    sent = crosses_network(lines, batch) & (batch.size_bytes > 0)
    latency_s, finish_s = np.zeros(len(batch.flows)), batch.start_s.copy()
    if not sent.all():
        fair = share_fairly(packets, lines, batch.rows(~sent), certify)
        latency_s[~sent], finish_s[~sent] = fair.latency_s, fair.finish_s
    if not sent.any():
        return Carried(Delivery(finish_s, latency_s), False)
    spread = batch if sent.all() else batch.rows(sent)
    began_s = float(spread.start_s.min())
    spread = replace(spread, start_s=spread.start_s - began_s)
    late_s = None if wait_s is None else wait_s[sent]
    network = lay_out(spraying, packets, lines, spread, room, late_s)
    sharing = at_rest(network)
    run_sprayed(network.sprayed, network.classes, sharing, network.laws)
    if certify:
        _certify(network, sharing.done_s)
    latency_s[sent], finish_s[sent] = network.latency_s, sharing.done_s + began_s
    return Carried(Delivery(finish_s, latency_s), network.narrow)


def _certify(network: Network, done_s: np.ndarray) -> None:
    """No class of links carried more than its rate, no flow more than its line."""
    sprayed, classes = network.sprayed, network.classes
    owner = np.repeat(np.arange(len(sprayed.wire)), np.diff(sprayed.indptr))
    carried = np.bincount(sprayed.classes, sprayed.each * sprayed.wire[owner], len(classes.rate))
    span_s = float(done_s.max() - sprayed.start_s.min())
    if (carried > (1 + _TOLERANCE) * classes.rate * span_s).any():
        raise InternalError("a link carried more than its rate")
    if ((done_s - sprayed.start_s) * sprayed.line < (1 - _TOLERANCE) * sprayed.wire).any():
        raise InternalError("a flow was faster than its line")
