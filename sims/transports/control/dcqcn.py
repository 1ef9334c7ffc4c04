"""DCQCN: rates cut on marks and recovered by timer and byte counter, at their fixed point.

Zhu et al., "Congestion Control for Large-Scale RDMA Deployments", SIGCOMM 2015; fluid model and fixed point after Zhu
et al., "ECN or Delay: Lessons Learnt from Analysis of DCQCN and TIMELY", CoNEXT 2016, section 3. All flows on a link
settle at C/N, and the marking probability p solves a^2 alpha / ((b + d)(c + e)) = tau^2 R_AI R, rates in packets/s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .dcqcn_sets import DcqcnSet
from .law import Contention, Floats, Law, Steady, root
from .red import Marking

_LEAST, _MOST = 1e-12, 1 - 1e-9


class Chances(NamedTuple):
    """The paper's a..e per flow: of a cut in one interval, and of increases by byte counter (b, additive c) and by
    timer (d, additive e) per packet."""

    a: Floats
    b: Floats
    c: Floats
    d: Floats
    e: Floats


@dataclass(frozen=True)
class Dcqcn(Law):
    """A parameter set, with the marking of the switches where that is given, for packets of `packet_bytes`."""

    parameters: DcqcnSet
    packet_bytes: float = 1000.0
    marking: Marking | None = None
    name = "dcqcn"

    def chances(self, probability: Floats, rate: Floats) -> Chances:
        """At a marking probability per packet and a rate in packets/s, both per flow."""
        own, log_kept = self.parameters, np.log1p(-probability)
        counter = np.full_like(rate, own.byte_counter_bytes / self.packet_bytes)
        timer = own.increase_timer_s * rate
        with np.errstate(over="ignore"):
            b, d = (probability / np.expm1(-packets * log_kept) for packets in (counter, timer))
        c, e = (each * np.exp(own.fast_recovery * packets * log_kept) for each, packets in ((b, counter), (d, timer)))
        return Chances(-np.expm1(own.cut_interval_s * rate * log_kept), b, c, d, e)

    def alpha(self, probability: Floats, rate: Floats) -> Floats:
        """The estimate of congestion that these marks sustain."""
        return -np.expm1(self.parameters.alpha_timer_s * rate * np.log1p(-probability))

    def increase(self, links: Contention) -> Floats:
        """Additive increase in packets/s."""
        return self._scale(links) * self.parameters.increase_bps / (8 * self.packet_bytes)

    def share(self, links: Contention) -> Floats:
        """C/N in packets/s."""
        return links.capacity_bytes_per_s / self.packet_bytes / links.flows

    def probability(self, links: Contention) -> Floats:
        """The marking probability p* at which cuts and increases balance."""
        rate, increase = self.share(links), self.increase(links)

        def surplus(probability: Floats) -> Floats:
            a, b, c, d, e = self.chances(probability, rate)
            cuts = a**2 * self.alpha(probability, rate)
            return np.asarray(cuts - self.parameters.cut_interval_s**2 * increase * rate * (b + d) * (c + e))

        return root(surplus, np.full_like(rate, _LEAST), np.full_like(rate, _MOST))

    def thresholds(self, links: Contention) -> list[Marking]:
        """The marking at each link."""
        if self.marking is not None:
            return [self.marking] * len(links.flows)
        own = self.parameters.marking
        return [
            replace(own, kmin_bytes=scale * own.kmin_bytes, kmax_bytes=scale * own.kmax_bytes)
            for scale in self._scale(links).tolist()
        ]

    def steady(self, links: Contention) -> Steady:
        probability = self.probability(links)
        queue = [
            float(marking.queue_bytes(each)) for marking, each in zip(self.thresholds(links), probability, strict=True)
        ]
        return Steady(np.ones_like(probability), np.array(queue))

    def warnings(self, links: Contention) -> list[str]:
        from .dcqcn_stability import phase_margin_degrees

        margin = phase_margin_degrees(self, links)
        if not (margin < 0).any():
            return []
        worst = int(np.argmin(margin))
        return [
            f"DCQCN is unstable: with {links.flows[worst]:.0f} flows on a link of {links.capacity_bps[worst] / 1e9:g} "
            f"Gbit/s and {links.rtt_s[worst] * 1e6:.3g} us of feedback delay the phase margin of its loop is "
            f"{margin[worst]:.0f} degrees, below 0; queues and rates swing around the fixed point shown. A smaller "
            "additive increase or a wider ecn_kmax - ecn_kmin settles them."
        ]

    @cached_property
    def _marks(self) -> str:
        if self.marking is None:
            return "its own marking"
        return f"marking {self.marking.kmin_bytes:g} to {self.marking.kmax_bytes:g} bytes"

    def assumption(self) -> str:
        return f"DCQCN at its fixed point, with {self._marks}: parameters of {self.parameters.source}."

    def _scale(self, links: Contention) -> Floats:
        base = self.parameters.scaled_from_bps
        return np.ones_like(links.flows) if base is None else links.capacity_bps / base
