"""A collective on a fabric, in the terms of nccl-tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...fabric.errors import Fault, SpecError, UnknownNameError, WorkloadError
from ...fabric.graph import Fabric, LinkKind, NodeKind
from ..network import Network, network_for
from ..results import Bottleneck, CollectiveResult, CollectiveRow, LinkLoad
from .algorithms import IN_SWITCHES, OPS
from .bound import bounds_s_per_byte
from .communicator import Communicator
from .cost import Cost
from .demand import EXPERT_OPS, Call
from .offers import Offer, chosen, offers
from .sizes import bus_factor, rounded, sizes


def collective(
    fabric: Fabric,
    op: str = "all-reduce",
    size: str | int = "1GiB",
    algorithm: str = "auto",
    transport: str = "auto",
    routing: str = "auto",
    fidelity: str = "transport",
    seed: int = 0,
    ranks: npt.ArrayLike | None = None,
    certify: bool = True,
    parameters: Mapping[str, Any] | None = None,
    skew: float | None = None,
    compare: bool = False,
    experts: str | None = None,
) -> CollectiveResult:
    """Time, bandwidth and bottleneck of `op` over `ranks` (all of the fabric's), beside a proven lower bound.

    Args:
        op: one of `algorithms.OPS`, by default all-reduce; what has a root has it at the first of `ranks`.
        size: bytes as nccl-tests counts them, a text like `"1GiB"`, or a range `"8B:16GiB"` in powers of two.
        algorithm: `auto` is what the accelerators' library would choose, `best` the fastest of all that fit.
        fidelity: `bound`, `fluid` or `transport`.
        parameters: of the transport, like `{"qps": 4}`.
        certify: check every allocation and the conservation of bytes, and run the schedules of up to 64 ranks on
            symbolic data.
        compare: a row for every algorithm that fits at every size, the fastest first; only with `auto`.
        skew: of an all-to-all-v, the exponent of Zipf's law by which destinations are popular, of a moe-dispatch or
            moe-combine that of experts; `seed` draws which.
        experts: of these two, `experts=256,per_token=8,groups=8,groups_per_token=4,tokens=1024` or some of it.

    Raises:
        InputError: names, ranks, sizes or parameters that cannot be used; of parameters every fault at once.
    """
    network = network_for(fabric, fidelity, transport, routing, seed, parameters or {})
    if op not in OPS:
        raise UnknownNameError.of("operation", op, OPS)
    call = Call.checked(op, skew, seed, experts)
    if fidelity == "bound" and (algorithm != "auto" or compare):
        field = "compare" if compare else "algorithm"
        raise SpecError(Fault("does nothing at fidelity bound", "leave it out", field=field))
    if compare and algorithm != "auto":
        raise SpecError(Fault("compares all algorithms, not one", "leave out the algorithm", field="compare"))
    algorithm = "best" if compare else algorithm
    comm = Communicator.of(network, np.arange(fabric.ranks) if ranks is None else ranks)
    refuse_idle_knobs(network, comm)
    bound, in_switches = bounds_s_per_byte(network, comm, call)
    choices = [_at_bound(bound)] if fidelity == "bound" else offers(network, (comm,), call, algorithm, certify)
    carrier = carrier_of(network, comm)
    rows, loads, ran = [], [], []
    for listed in sizes(size):
        one = rounded(op, listed, comm.size)
        for offer in _each(choices, one) if compare else (chosen(choices, one, algorithm),):
            least_s = one * (in_switches if offer.algorithm in IN_SWITCHES else bound)
            rows.append(row_of(op, one, comm.size, offer, least_s, carrier, fidelity))
            ran.append(offer)
            if fidelity != "bound":
                loads.append(LinkLoad(((offer.link_share, one),), rows[-1].time_us * 1e-6))
    gpus = len(fabric.of_kind(NodeKind.ACCELERATOR))
    said = (*assumptions(network, comm, op, fidelity), *unproven(ran))
    return CollectiveResult(fabric.name, gpus, tuple(rows), said, tuple(loads))


def carrier_of(network: Network, comm: Communicator) -> str:
    """What the ranks' data goes by."""
    if comm.domains > 1 or not (comm.switched or comm.meshed):
        return network.carrier.name
    fabric = network.fabric
    own = (fabric.link_source == fabric.endpoints[comm.ranks[0]]) & (fabric.link_kind == LinkKind.XGMI)
    return "xgmi" if own.any() else "nvlink"


def refuse_idle_knobs(network: Network, comm: Communicator) -> None:
    """Raise SpecError for what is said of a network where scale-up links join all ranks."""
    if comm.domains > 1 or not (comm.switched or comm.meshed):
        return
    own = network.fabric.meta.get("network", "")
    library_asks = comm.library == "nccl" and "uec" in (own, network.carrier.name)
    idle = ["transport"] * (network.transport != "auto" and not library_asks)
    idle += ["routing"] * (network.routing != "auto") + [f"transport.{name}" for name in network.parameters]
    fault = f"does nothing: scale-up links join all {comm.size} ranks, they use no network"
    cure = "leave it out, or take ranks of several domains"
    if idle:
        raise SpecError(Fault(fault, cure, field=knob) for knob in idle)


def _each(choices: Sequence[Offer], size_bytes: float) -> list[Offer]:
    """Every algorithm under the protocol that its library would choose, the fastest first."""
    names = dict.fromkeys(offer.algorithm for offer in choices)
    each = [chosen([offer for offer in choices if offer.algorithm == name], size_bytes) for name in names]
    return sorted(each, key=lambda offer: offer.time_s(size_bytes))


def _at_bound(s_per_byte: float) -> Offer:
    cut = Bottleneck("cut", "border of a rank or a domain", 1.0)
    return Offer("any", Cost(None, 0.0), s_per_byte, cut, np.zeros(0), np.zeros(0))


def row_of(
    op: str,
    size: int,
    ranks: int,
    offer: Offer,
    bound_s: float,
    carrier: str,
    fidelity: str,
    waiting_s: float = 0.0,
) -> CollectiveRow:
    """The line of an offer at a size, if ranks also wait so long for late ones."""
    time_s = offer.time_s(size) + waiting_s
    algbw = size / time_s / 1e9 if time_s > 0 else 0.0
    return CollectiveRow(
        op,
        size,
        ranks,
        offer.algorithm,
        offer.cost.protocol,
        carrier,
        fidelity,
        time_s * 1e6,
        algbw,
        algbw * bus_factor(op, ranks),
        bound_s * 1e6,
        bound_s / time_s if time_s > 0 else 1.0,
        offer.limit(size),
    )


def unproven(ran: Iterable[Offer]) -> Iterator[str]:
    """Of what ran, the schedules that were too large to be proven, in sentences."""
    reasons = {offer.algorithm: offer.unproven for offer in ran if offer.unproven}
    return (f"The schedule of {name} is not proven on symbolic data: {why}." for name, why in reasons.items())


def assumptions(network: Network, comm: Communicator, op: str, fidelity: str, in_time: bool = True) -> list[str]:
    """What a result rests on, in sentences; `in_time` if no rank is late."""
    if fidelity == "bound":
        return ["A lower bound: line rates at the borders of ranks and domains, without latencies and headers."]
    together = "; all ranks start together." if in_time else "."
    sentences = [*network.assumptions(), f"Rounds of a phase wait for their slowest transfer{together}"]
    if op in EXPERT_OPS:
        return [*sentences, "Kernels that dispatch and combine tokens cost no time beside the network's."]
    if comm.library is None:
        return [*sentences, "Each message in a row costs the latency of its path; there is no software latency."]
    sentences.append(
        "Algorithms and protocols are chosen as NCCL 2.30's tuner would, and have its latencies and efficiencies; a "
        "network step also pays its path."
        if comm.library == "nccl"
        else "Algorithms and protocols are chosen as RCCL's tuner would, and have its latencies; a network step also "
        "pays its path."
    )
    return sentences


def collective_time_s(
    network: Network, op: str, groups: Sequence[npt.ArrayLike], size_bytes: float, algorithm: str = "auto"
) -> float:
    """Seconds that `op` takes in several disjoint groups of ranks at once, contending for the links they share.

    Every group has the same number of ranks and `size_bytes` as nccl-tests counts it. Raises WorkloadError.
    """
    flat = np.concatenate([np.asarray(group) for group in groups])
    if len(np.unique(flat)) < len(flat):
        raise WorkloadError("a rank is in two groups", "give disjoint groups")
    comms = Communicator.side_by_side(network, groups)
    return chosen(offers(network, comms, op, algorithm, certify=False), size_bytes, algorithm).time_s(size_bytes)
