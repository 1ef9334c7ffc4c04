"""Virtual lanes of InfiniBand, priorities of Ethernet: buffers of their own on either side of one wire, so that what
waits in one lane holds up nothing in another.

Where a packet starts follows from its flow's service level (the SL to VL mapping: InfiniBand Architecture
Specification, volume 1, section 7.6.6); from there a routing that needs several lanes against deadlock moves it on, so
that each level has as many as the routing asks for, as OpenSM's torus-2QoS has. The wire takes from its lanes by
weighted round robin (section 7.6.9; 802.1Qaz on Ethernet), what one leaves the others take.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from pydantic import BeforeValidator, Field, WithJsonSchema

from ...fabric.errors import Fault, SpecError
from .hashed import listed
from .subflows import Batch, Floats, Indices, Subflows

LEVELS = 16
MOST_WEIGHT = 255
"""Of an entry of an arbitration table, eight bits."""


Weight = Annotated[int, Field(ge=1, le=MOST_WEIGHT)]
Weights = Annotated[
    tuple[Weight, ...], BeforeValidator(listed), WithJsonSchema({"type": "string", "examples": ["1,4"]})
]
LaneOfLevel = Annotated[
    tuple[Annotated[int, Field(ge=0, le=LEVELS - 2)], ...],
    BeforeValidator(listed),
    Field(min_length=1, max_length=LEVELS),
    WithJsonSchema({"type": "string", "examples": ["0,0,1,1"]}),
]


@dataclass(frozen=True)
class LaneRule:
    """`count`: how many lanes a port has, or None for as many of `steps` as the routing asks for. `first`: the lane in
    which each service level starts, levels in turns unless given; `weights`: of the lanes, alike unless given.
    `routed`: whether packets change lanes as the routing says."""

    count: int | None
    steps: tuple[int, ...] = ()
    first: tuple[int, ...] = ()
    weights: tuple[int, ...] = ()
    routed: bool = True

    def given(self, batch: Batch) -> tuple[Batch, int]:
        """The batch with the lane of every hop, and how many lanes there are. Raises SpecError where the routing needs
        more than there can be, or a service level has no lane."""
        flows = batch.flows
        on = np.zeros(len(flows.links), np.int64)
        if self.routed and flows.lanes is not None:
            on += flows.lanes
        asked = self.asked(flows)
        count = self._count(asked)
        if flows.level is not None:
            on += self._first(flows.level.astype(np.int64), asked, count)[flows.owner]
        lanes = None if count == 1 else (on % count).astype(np.int8)
        return replace(batch, flows=replace(flows, lanes=lanes)), count

    def asked(self, flows: Subflows) -> int:
        """How many lanes their routing needs so that nothing waits in a circle."""
        return 1 if not self.routed or flows.lanes is None else int(flows.lanes.max(initial=0)) + 1

    def _count(self, asked: int) -> int:
        if self.count is not None:
            return self.count
        if asked > self.steps[-1]:
            fault = f"the routing asks for {asked} lanes, a port has at most {self.steps[-1]}"
            raise SpecError(Fault(fault, "route by updn, which needs one, or say how many", field="transport.lanes"))
        return next(step for step in self.steps if step >= asked)

    def _first(self, level: Indices, asked: int, count: int) -> Indices:
        if not self.first:
            return level % max(1, count // asked) * asked
        if level.max(initial=0) >= len(self.first):
            fault = f"service level {level.max()} has no lane, {len(self.first)} levels have one"
            raise SpecError(Fault(fault, "name a lane for it", field="transport.sl2vl"))
        return np.array(self.first)[level]

    def shares(self, count: int) -> Floats:
        """Relative weights of `count` lanes in arbitration."""
        return np.array(self.weights, dtype=np.float64) if self.weights else np.ones(count)


def lane_faults(rule: LaneRule, names: Mapping[str, str]) -> list[Fault]:
    """What does not fit the number of lanes; `names` are those of the knobs behind `count`, `first` and `weights`."""
    knob = {name: f"transport.{given}" for name, given in names.items()}
    count = rule.count or 1
    if count == 1:
        given = [name for name in ("first", "weights") if getattr(rule, name)]
        cure = f"set {knob['count']} to 2 or more"
        return [Fault("does nothing with one lane", cure, field=knob[name]) for name in given]
    faults = []
    if rule.weights and len(rule.weights) != count:
        faults.append(Fault(f"{len(rule.weights)} weights for {count} lanes", "one each", field=knob["weights"]))
    if rule.first and max(rule.first) >= count:
        fault = f"lane {max(rule.first)} is outside 0..{count - 1}"
        faults.append(Fault(fault, "name one that there is", field=knob["first"]))
    return faults
