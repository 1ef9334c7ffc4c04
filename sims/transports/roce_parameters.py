"""What of RoCE can be set, and what it must be to act."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from pydantic import Field, model_validator

from ...fabric.errors import Fault, SpecError
from ...fabric.units import Size
from .control import DCQCN_SETS, Dcqcn, DcqcnSet, Hpcc, Law, Marking, Swift, Timely
from .hashed import HashedParameters
from .lanes import LaneRule, Weights, lane_faults

ECN = ("ecn_kmin", "ecn_kmax", "ecn_pmax")
MOST_PRIORITIES = 8
"""Three bits of a VLAN tag tell (IEEE 802.1Q)."""
CLASS_KNOBS = {"count": "priorities", "weights": "priority_weights"}
PFC = ("pfc_xoff", "pfc_xon", "pfc_headroom")
Set = Literal["paper", "validation", "adapter", "simulator", "simulator-paper"]


class RoceParameters(HashedParameters):
    """Those of its packets and of the hash; `cc`: the law by which senders slow down; `dcqcn_set`: where DCQCN's
    parameters were published; `ecn_kmin`, `ecn_kmax`, `ecn_pmax`: marking, in place of the set's; `pfc_xoff`,
    `pfc_xon`: bytes from one link in a switch at which that link is paused, and goes on; `pfc_headroom`: bytes above
    pfc_xoff, checked against cables and speeds; `loss_recovery`: no pauses, and what is lost is sent again so;
    `buffer`: bytes of a port's queue, where losses begin. `priorities`: lossless classes, each with pauses and
    thresholds of its own, a flow's being its service level modulo their number; `priority_weights`: of the classes on
    a wire, alike unless given."""

    cc: Literal["none", "dcqcn", "hpcc", "timely", "swift"] = "dcqcn"
    dcqcn_set: Set = "paper"
    ecn_kmin: Size | None = None
    ecn_kmax: Size | None = None
    ecn_pmax: float | None = None
    pfc_xoff: Size | None = None
    pfc_xon: Size | None = None
    pfc_headroom: Size | None = None
    loss_recovery: Literal["go-back-n", "selective-repeat"] | None = None
    buffer: Size | None = None
    priorities: int | None = Field(default=None, ge=1, le=MOST_PRIORITIES)
    priority_weights: Weights = ()

    @model_validator(mode="after")
    def _act(self) -> RoceParameters:
        faults = [*self._idle(), *self._impossible(), *lane_faults(self.classes, CLASS_KNOBS)]
        if faults:
            raise SpecError(faults)
        _ = self.marking
        return self

    def _given(self, *names: str) -> list[str]:
        return [name for name in names if name in self.model_fields_set and getattr(self, name) is not None]

    def _idle(self) -> Iterator[Fault]:
        """Knobs that nothing would ask for."""
        if self.cc != "dcqcn":
            for name in self._given("dcqcn_set", *ECN):
                yield _fault(name, f"does nothing under cc={self.cc}", "leave it out, or set transport.cc=dcqcn")
        if self.cc != "none":
            for name in self._given(*CLASS_KNOBS.values()):
                yield _fault(name, "does nothing where senders slow down by a law", "set transport.cc=none")
        if self.loss_recovery is not None:
            for name in self._given(*PFC, *CLASS_KNOBS.values()):
                yield _fault(name, "does nothing where packets are lost, not paused", "leave loss_recovery out")
        elif self.buffer is not None:
            yield _fault("buffer", "does nothing where ports pause", "give pfc_xoff, or a loss_recovery")

    def _impossible(self) -> Iterator[Fault]:
        pair = self._given("pfc_xoff", "pfc_xon")
        if len(pair) == 1:
            yield _fault(pair[0], "is given alone", "give pfc_xoff and pfc_xon")
        if self.pfc_xoff is not None and self.pfc_xon is not None and self.pfc_xon >= self.pfc_xoff:
            message = f"{self.pfc_xon} bytes to go on are not below {self.pfc_xoff} to pause"
            yield _fault("pfc_xon", message, "give pfc_xon below pfc_xoff")
        missing = [name for name in ECN if getattr(self, name) is None]
        if self.cc == "dcqcn" and self._own_set.scaled_from_bps and 0 < len(missing) < len(ECN):
            yield _fault(missing[0], f"is the set's, which grows with the port in {self.dcqcn_set}", "give all three")

    @property
    def classes(self) -> LaneRule:
        """No switch moves a packet from one priority to another, whatever lanes a routing asks for."""
        return LaneRule(self.priorities or 1, weights=self.priority_weights, routed=False)

    @property
    def _own_set(self) -> DcqcnSet:
        return DCQCN_SETS[self.dcqcn_set]

    @property
    def marking(self) -> Marking | None:
        """The switches' marking where any of it is given. Raises SpecError."""
        names = ("kmin_bytes", "kmax_bytes", "pmax")
        given = {name: getattr(self, knob) for name, knob in zip(names, ECN, strict=True) if self._given(knob)}
        return replace(self._own_set.marking, **given) if given else None

    def law(self, packet_bytes: float) -> Law | None:
        """The law of `cc`."""
        laws: dict[str, Law] = {
            "dcqcn": Dcqcn(self._own_set, packet_bytes, self.marking),
            "hpcc": Hpcc(),
            "timely": Timely(),
            "swift": Swift(packet_bytes),
        }
        return laws.get(self.cc)


def _fault(name: str, message: str, cure: str) -> Fault:
    return Fault(message, cure, field=f"transport.{name}")
