"""Whether DCQCN's fixed point is stable: the phase margin of the loop from queue to marks to rates and back.

Zhu et al., "ECN or Delay", CoNEXT 2016, section 3.2: the fluid model linearised at the fixed point, all flows alike,
the feedback delayed by the round trip. A negative margin means that a disturbance grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .law import Contention, Floats

if TYPE_CHECKING:
    from .dcqcn import Dcqcn

_FREQUENCIES_RAD_PER_S = np.logspace(2, 7, 300)
_STEP = 1e-5

State = list[Floats]
"""alpha, target rate, current rate; delayed: marking probability, current rate. Rates in packets/s."""


def phase_margin_degrees(law: Dcqcn, links: Contention) -> Floats:
    """Per link; above 0 is stable. Infinite where the loop's gain is below 1 at every frequency."""
    gain = _loop_gain(law, links)
    phase = np.degrees(np.unwrap(np.angle(gain), axis=-1))
    # The argument at low frequency lies in (-360, 0]: one turn too many is the unwrapping's choice.
    phase -= 360 * np.ceil(phase[:, :1] / 360)
    above = np.abs(gain) > 1
    crosses = above[:, :-1] != above[:, 1:]
    margin = np.where(crosses, 180 + phase[:, :-1], np.inf)
    return np.asarray(margin.min(axis=1))


def _loop_gain(law: Dcqcn, links: Contention) -> npt.NDArray[np.complex128]:
    """Open-loop gain per link and frequency: rates to queue (N / s), queue to marks (slope), marks to rates."""
    rate, probability = law.share(links), law.probability(links)
    point: State = [law.alpha(probability, rate), _target(law, links, probability, rate), rate, probability, rate]
    slopes = _slopes(law, links, point)
    s = 1j * _FREQUENCIES_RAD_PER_S
    late = np.exp(-np.outer(links.rtt_s, s))
    matrix = np.zeros((len(rate), len(s), 3, 3), dtype=complex)
    matrix[...] = -np.moveaxis(slopes[:3], -1, 0).swapaxes(1, 2)[:, None]
    matrix[..., range(3), range(3)] += s[:, None]
    matrix[..., 2] -= slopes[4].T[:, None] * late[..., None]
    push = slopes[3].T[:, None] * late[..., None]
    response = np.linalg.solve(matrix, push[..., None])[..., 2, 0]
    per_packet = np.array([law.packet_bytes * marking.slope_per_byte for marking in law.thresholds(links)])
    return -response * (links.flows * per_packet)[:, None] / s


def _target(law: Dcqcn, links: Contention, probability: Floats, rate: Floats) -> Floats:
    """The target rate at which the current rate stands still."""
    a, b, _, d, _ = law.chances(probability, rate)
    alpha = law.alpha(probability, rate)
    return np.asarray(rate + alpha * a / (law.parameters.cut_interval_s * (b + d)))


def _slopes(law: Dcqcn, links: Contention, point: State) -> Floats:
    """d(derivative) / d(variable), by central differences: [variable, derivative, link]."""
    rows = []
    for number, value in enumerate(point):
        step = _STEP * value
        sides = [
            _derivatives(law, links, [*point[:number], value + sign * step, *point[number + 1 :]]) for sign in (1, -1)
        ]
        rows.append((sides[0] - sides[1]) / (2 * step))
    return np.array(rows)


def _derivatives(law: Dcqcn, links: Contention, state: State) -> Floats:
    """The fluid model (equations 5 to 7 of the paper): of alpha, target rate and current rate."""
    alpha, target, current, probability, late = state
    own = law.parameters
    a, b, c, d, e = law.chances(probability, late)
    marked = law.alpha(probability, late)
    return np.array(
        [
            own.gain / own.alpha_timer_s * (marked - alpha),
            -(target - current) / own.cut_interval_s * a + law.increase(links) * late * (c + e),
            -current * alpha / (2 * own.cut_interval_s) * a + (target - current) / 2 * late * (b + d),
        ]
    )
