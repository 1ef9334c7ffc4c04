"""A fabric as its traffic sees it: transfers between ranks in, times out, with as much detail as is asked for."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..fabric.errors import Fault, InputError, SpecError, UnknownNameError
from ..fabric.graph import Fabric, LinkKind, NodeKind
from ..fabric.routing import BY_FLOW, HASHED, ROUTING_RULES, Router, adapters, domains, router_for, scale_up
from ..fabric.routing.bundles import Bundles, bundled
from ..fabric.routing.ports import DirectLinks, Ports, direct_links, network_ports
from .alike_transfers import AlikeTransfers, Ends, alike_transfers, each_alone
from .engine import LinkRecord
from .results import NOTHING, Bottleneck
from .transports import Batch, Delivery, Lines, Nvlink, Queues, Subflows, Transport, transport_for
from .transports.adaptive import LOAD_RULES, LoadRouter, load_router
from .transports.subflows import Stands

Floats = npt.NDArray[np.float64]

FEWEST_TRANSFERS = 256
"""Below, transfers are run faster than those that are alike are found."""


class Detail(IntEnum):
    """How much the network knows; each level adds one thing to those below. Headers and protocols cost from PORTS
    on."""

    INFINITE = 0
    """Nothing takes time."""
    PORTS = 3
    """Only the ports of the two ends limit."""
    LATENCY = 4
    """Links have latency."""
    WIRING = 5
    """All links limit; traffic splits evenly over equal-cost paths."""
    ROUTING = 6
    """Paths as the transport and its routing choose them."""
    TRANSPORT = 7
    """The transport's congestion: buffers that push back, rate control, losses."""


FIDELITIES: Mapping[str, Detail] = {"bound": Detail.WIRING, "fluid": Detail.WIRING, "transport": Detail.TRANSPORT}


@dataclass(frozen=True)
class TransferResult:
    """A batch of transfers in input order, times absolute; `rate_bps` is payload bits / (finish - start), `latency_s`
    is part of the finish, `link_bytes` is payload per directed link; `queues`, `notes` and
    `record` as the transport gave them."""

    start_s: Floats
    finish_s: Floats
    rate_bps: Floats
    latency_s: Floats
    link_bytes: Floats
    bottleneck: Bottleneck
    queues: Queues | None = None
    notes: tuple[str, ...] = ()
    record: LinkRecord | None = None

    @property
    def makespan_s(self) -> float:
        """Time of the last finish, from 0."""
        return float(self.finish_s.max(initial=0.0))


@dataclass(frozen=True)
class _Routed:
    """Transfers as they go over the links: all of them, or where some are alike the first of each class."""

    flows: Subflows
    size_bytes: Floats
    start_s: Floats
    alike: AlikeTransfers | None = None
    stands: Stands | None = None


@dataclass(frozen=True, eq=False)
class Network:
    """`fabric` under a transport and a routing rule. `parameters` are the transport's. Raises InputError at once when
    they do not fit together."""

    fabric: Fabric
    routing: str = "auto"
    transport: str = "auto"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    detail: Detail = Detail.TRANSPORT

    def __post_init__(self) -> None:
        _ = self.carrier, self.router

    @cached_property
    def carrier(self) -> Transport:
        """The transport between scale-up domains."""
        return transport_for(self.fabric, self.transport, self.parameters)

    @property
    def rule(self) -> str:
        """The routing rule, the transport's own where none was named."""
        return self.carrier.rule(self.fabric) if self.routing == "auto" else self.routing

    @cached_property
    def router(self) -> Router:
        rule = self.rule
        if rule in LOAD_RULES and rule not in self.carrier.load_rules:
            cure = f"by load it has: {', '.join(self.carrier.load_rules) or 'none'}"
            raise SpecError(Fault(f"{self.carrier.name} has no {rule} routing", cure, field="routing"))
        self._refuse_what_no_hash_sees(rule)
        if rule in LOAD_RULES:
            return load_router(self.fabric, rule, self.seed)
        return router_for(self.fabric, rule, self.seed, self.carrier.hashing)

    def _refuse_what_no_hash_sees(self, rule: str) -> None:
        """Knobs of a hash under a rule that has none. An unknown rule is the router's to refuse."""
        if rule not in (*ROUTING_RULES, *LOAD_RULES):
            return
        idle = [knob for knob in ("entropy", "hash") if rule not in HASHED] + ["qps"] * (rule not in BY_FLOW)
        fault = f"does nothing under {rule}: the paths do not follow from what tells flows of a pair apart"
        faults = [Fault(fault, "leave it out", field=f"transport.{knob}") for knob in idle if knob in self.parameters]
        if faults:
            raise SpecError(faults)

    @cached_property
    def nvlink(self) -> Nvlink:
        """The transport inside scale-up domains."""
        return Nvlink(scale_up(self.fabric))

    @cached_property
    def domains(self) -> npt.NDArray[np.int32]:
        """Per rank the scale-up domain it is cabled into, by NVSwitches or rank to rank; -1 for none."""
        fabric = self.fabric
        outside = (fabric.link_kind == LinkKind.NETWORK) | (fabric.link_kind == LinkKind.PCIE)
        joined = np.zeros(fabric.nodes, dtype=bool)
        joined[fabric.link_source[~outside]] = True
        return np.where(joined, domains(fabric), -1)[fabric.endpoints]

    @cached_property
    def ports(self) -> Ports:
        """The ports of each rank into the switched network."""
        return network_ports(self.fabric)

    @cached_property
    def payload_bps(self) -> Floats:
        """Per directed link, the rate at which it carries payload."""
        return self.fabric.capacity_bps * self.carrier.limits(self.fabric) * self.nvlink.limits(self.fabric)

    def at(self, detail: Detail) -> Network:
        """The same network, seen with that much detail."""
        twin = copy.copy(self)
        twin.__dict__.pop("_lines", None)
        object.__setattr__(twin, "detail", detail)
        return twin

    @property
    def splits_evenly(self) -> bool:
        """Whether traffic takes all equal-cost paths, and not those chosen for it."""
        return self.detail < Detail.ROUTING

    def transfer(
        self,
        src: npt.ArrayLike,
        dst: npt.ArrayLike,
        size_bytes: npt.ArrayLike,
        start_s: npt.ArrayLike | None = None,
        certify: bool = True,
    ) -> TransferResult:
        """Run transfers of payload bytes from rank to rank. One from a rank to itself takes no time.

        Either end may be `SWITCH`: the NVSwitches of the other end's domain. Raises RoutingError, FlowError.
        """
        return self._carried(self._routed(src, dst, size_bytes, start_s), certify)

    def _routed(
        self, src: npt.ArrayLike, dst: npt.ArrayLike, size_bytes: npt.ArrayLike, start_s: npt.ArrayLike | None
    ) -> _Routed:
        src, dst = (np.atleast_1d(np.asarray(end, dtype=np.int32)) for end in (src, dst))
        size = np.broadcast_to(np.asarray(size_bytes, dtype=np.float64), src.shape)
        start = np.broadcast_to(np.asarray(0.0 if start_s is None else start_s, dtype=np.float64), src.shape)
        alike = self._alike(src, dst, size, start) if self.splits_evenly else None
        if alike is None:
            return _Routed(self.subflows(src, dst), size, start)
        firsts = src[alike.first], dst[alike.first]
        flows = self.subflows(*firsts, bundles=self._bundles)
        return _Routed(flows, size, start, alike, alike.stands(flows, *firsts, self._bundles))

    def _carried(self, routed: _Routed, certify: bool) -> TransferResult:
        alike = routed.alike
        if alike is None:
            return self.run(routed.flows, routed.size_bytes, routed.start_s, certify)
        size, start = routed.size_bytes[alike.first], routed.start_s[alike.first]
        ran = self.run(routed.flows, size, start, certify, routed.stands)
        each = {name: getattr(ran, name)[alike.number] for name in ("finish_s", "rate_bps", "latency_s")}
        return replace(ran, start_s=routed.start_s, **each)

    def _alike(
        self, src: npt.NDArray[np.int32], dst: npt.NDArray[np.int32], size: Floats, start: Floats
    ) -> AlikeTransfers | None:
        if len(src) < FEWEST_TRANSFERS or self._ends is None:
            return None
        crossing = (src != dst) & ~self.nvlink.inside(src, dst) & (self._direct.between(src, dst)[1] == 0)
        alike = alike_transfers(self._ends, src, dst, size, start, crossing)
        return alike or (each_alone(self._ends, len(src)) if self._bundles else None)

    @cached_property
    def _bundles(self) -> Bundles | None:
        return bundled(self.router.minimal if isinstance(self.router, LoadRouter) else self.router)

    @cached_property
    def _ends(self) -> Ends | None:
        return Ends.of(self.fabric)

    @cached_property
    def _direct(self) -> DirectLinks:
        return direct_links(self.fabric)

    def subflows(
        self, src: npt.NDArray[np.int32], dst: npt.NDArray[np.int32], *, bundles: Bundles | None = None
    ) -> Subflows:
        """What transfers between these ranks become on the links, or on bundles of links."""
        inside = self.nvlink.inside(src, dst)
        within, across = np.flatnonzero(inside), np.flatnonzero(~inside)
        sets = []
        if len(within):
            sets.append((within, self.nvlink.split(self.router, src[within], dst[within])))
        ends = src[across], dst[across]
        sets.append((across, Subflows.along(bundles.router.spread(*ends)) if bundles else self._across(*ends)))
        return Subflows.joined(sets)

    def _across(self, src: npt.NDArray[np.int32], dst: npt.NDArray[np.int32]) -> Subflows:
        """Subflows between scale-up domains."""
        if self.splits_evenly:
            return Subflows.along(self.router.spread(src, dst))
        if isinstance(self.router, LoadRouter):
            return Subflows.along(self.router.by_load(src, dst))
        return self.carrier.split(self.router, src, dst)

    def run(
        self,
        flows: Subflows,
        size_bytes: Floats,
        start_s: Floats,
        certify: bool = True,
        stands: Stands | None = None,
        record_s: float | None = None,
    ) -> TransferResult:
        """Run subflows whose transfers have `size_bytes` and `start_s`, each with those that it stands for; with a
        record of links at a resolution, if one is given. Raises FlowError, SpecError for a record of links that are
        not shared fairly."""
        if record_s is not None:
            self._refuse_record()
        moving = np.diff(flows.indptr) > 0
        size = np.where(moving, size_bytes[flows.transfer] * flows.part, 0.0)
        carried = np.zeros_like(size) if self.detail == Detail.INFINITE else size
        batch = Batch(flows, carried, start_s[flows.transfer], stands)
        carry = self.carrier.congest if self.detail >= Detail.TRANSPORT else self.carrier.allocate
        delivery = carry(replace(self._lines, record_s=record_s), batch, certify)
        latency_s, finish_s = np.zeros_like(start_s), start_s.copy()
        np.maximum.at(latency_s, flows.transfer, delivery.latency_s)
        np.maximum.at(finish_s, flows.transfer, delivery.finish_s)
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(finish_s > start_s, 8 * size_bytes / (finish_s - start_s), np.inf)
        link_bytes = batch.link_bytes(self.fabric.links)
        limit = self.bottleneck(batch, delivery, link_bytes)
        told = delivery.queues, delivery.notes, delivery.record
        return TransferResult(start_s, finish_s, rate, latency_s, link_bytes, limit, *told)

    def busy_s(self, link_bytes: Floats) -> Floats:
        """Seconds in which each directed link is busy with so much payload; 0 for links that do not limit."""
        limiting = self._lines.limiting
        busy_s = 8 * link_bytes / self.payload_bps
        return busy_s if limiting is None else np.where(limiting, busy_s, 0.0)

    def _refuse_record(self) -> None:
        if self.detail >= Detail.TRANSPORT and type(self.carrier).congest is not Transport.congest:
            fault = f"the buffers of {self.carrier.name} have no record of links over time"
            raise SpecError(Fault(fault, "use --fidelity fluid, or --transport ideal", field="record"))

    @cached_property
    def _lines(self) -> Lines:
        limiting = self._own_ports if self.detail < Detail.WIRING else None
        return Lines(self.fabric, self.payload_bps, limiting, self.detail >= Detail.LATENCY)

    @cached_property
    def _own_ports(self) -> npt.NDArray[np.bool_]:
        """Links at an endpoint or its NIC."""
        fabric = self.fabric
        own = np.isin(fabric.node_kind, (NodeKind.NIC, NodeKind.HOST))
        own[fabric.endpoints] = True
        return own[fabric.link_source] | own[fabric.link_target]

    def bottleneck(self, batch: Batch, delivery: Delivery, link_bytes: Floats) -> Bottleneck:
        """The busiest link of the flow that ends last."""
        moved_s = delivery.finish_s - delivery.latency_s
        window = moved_s.max(initial=0.0) - batch.start_s.min(initial=np.inf)
        if not window > 0:
            return NOTHING
        flows = batch.flows if self.detail >= Detail.WIRING else batch.flows.where(self._own_ports)
        last = int(np.argmax(moved_s))
        links = flows.links[flows.indptr[last] : flows.indptr[last + 1]]
        busy = 8 * link_bytes[links] / (self.payload_bps[links] * window)
        link = int(links[np.argmax(busy)])
        kind = LinkKind(int(self.fabric.link_kind[link])).name.lower()
        return Bottleneck(kind, self.fabric.link_label(link), float(busy.max()))

    def assumptions(self) -> list[str]:
        """What any result of this network rests on, in sentences."""
        scale_up_links = np.isin(self.fabric.link_kind, (LinkKind.NVLINK, LinkKind.XGMI))
        sentences = [*self.nvlink.assumptions()] if scale_up_links.any() else []
        if self.detail >= Detail.ROUTING:
            sentences += self.carrier.assumptions()
            if isinstance(self.router, LoadRouter):
                sentences.append(self.router.assumption)
            if np.diff(adapters(self.ports)[0]).max(initial=0) > 1 and self.carrier.name != "ideal":
                sentences.append("A transfer uses all adapters of its rank, in equal parts.")
        else:
            sentences.append("Traffic splits evenly over all equal-cost paths; headers cost as under its transport.")
        sentences.append("A transfer's latency is the sum of its links' latencies, paid once.")
        return sentences


def transfer_at_each(
    networks: Sequence[Network], src: npt.ArrayLike, dst: npt.ArrayLike, size_bytes: npt.ArrayLike, certify: bool
) -> list[TransferResult]:
    """The same transfers on one network seen with several details, all of which split traffic evenly, or none: they
    take the same links, and are routed once."""
    routed = networks[0]._routed(src, dst, size_bytes, None)
    return [network._carried(routed, certify) for network in networks]


def network_for(
    fabric: Fabric, fidelity: str, transport: str, routing: str, seed: int, parameters: Mapping[str, Any]
) -> Network:
    """The network at a rung of the fidelity ladder. Raises InputError for a rung that is not there, and for every
    knob that does nothing on it."""
    if not isinstance(fabric, Fabric):
        raise InputError(f"{fabric!r} is no fabric", "load it first: fabricsim.load(...)")
    parameters = named_values(parameters)
    _check_names({"fidelity": fidelity, "transport": transport, "routing": routing})
    if fidelity == "dynamic":
        raise InputError("fidelity dynamic is not simulated yet", f"one of {', '.join(FIDELITIES)}")
    if fidelity not in FIDELITIES:
        raise UnknownNameError.of("fidelity", fidelity, FIDELITIES)
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise SpecError(Fault(f"{seed!r} is outside 0..2^63-1", "choose another", field="seed"))
    idle = [f"transport.{name}" for name in parameters] + ["routing"] * (routing != "auto")
    idle += ["transport"] * (fidelity == "bound" and transport != "auto")
    if idle and fidelity != "transport":
        cure = "leave it out, or use fidelity transport"
        raise SpecError(Fault(f"does nothing at fidelity {fidelity}", cure, field=knob) for knob in idle)
    return Network(fabric, routing, transport, parameters, seed, FIDELITIES[fidelity])


def _check_names(names: Mapping[str, Any]) -> None:
    wrong = {field: name for field, name in names.items() if not isinstance(name, str)}
    faults = [Fault(f"{name!r} is no name", "give it as text", field=field) for field, name in wrong.items()]
    if faults:
        raise SpecError(faults)


def named_values(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters as given. Raises SpecError unless they are values by name."""
    if not isinstance(parameters, Mapping):
        cure = "give a mapping like {'qps': 4}"
        raise SpecError(Fault(f"{parameters!r} names no parameters of a transport", cure, field="parameters"))
    return parameters
