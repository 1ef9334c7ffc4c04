"""Traffic: any list of flows on a fabric, on chosen or given paths, to completion times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..fabric.errors import Fault, InputError, SpecError, UnknownNameError
from ..fabric.graph import Fabric
from .explain import Case, Evidence, explain_flow
from .explain import report as report_of
from .flows import Flows, read_flows
from .network import Detail, Network, TransferResult, named_values, network_for
from .routes import read_routes, way_back
from .traffic_result import TrafficResult
from .transports import Subflows

_MOST_COMPARED = 1000


def traffic(
    fabric: Fabric,
    flows: Any,
    routes: Any = None,
    reverse_routes: Any = None,
    transport: str | Mapping[str, Any] = "auto",
    routing: str = "auto",
    fidelity: str = "transport",
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    certify: bool = True,
    explain: Any = None,
    report: bool = False,
    record: float | None = None,
) -> TrafficResult:
    """Run flows to their ends.

    Args:
        flows: see `read_flows`: a mapping, frame or CSV file of `src, dst, bytes[, flow, start_s, sl]`, or a `*.cm`
            file.
        routes: see `read_routes`: the flows' paths, instead of those that `routing` would choose.
        reverse_routes: the paths of their acknowledgements, from each flow's destination to its source; without them,
            acknowledgements go back the way the data came.
        transport: a name, or `{"name": ..., parameter: value, ...}`.
        fidelity: `fluid` (fractional split over the wiring) or `transport` (paths as chosen).
        parameters: of the transport.
        certify: check every allocation and the conservation of bytes.
        explain: a flow, as the input names it (or its number), whose completion time the result shall explain.
        report: whether the result shall say of every flow and link what it says of one.
        record: keep the loads of links over time at this resolution in s, where links are shared fairly: at fidelity
            fluid, and under transports without buffers that push back.

    Raises:
        InputError: flows, routes, names or parameters that cannot be used, every fault at once.
    """
    name, parameters = _named(transport, parameters or {})
    if fidelity == "bound":
        raise InputError("traffic has no bound", "use fidelity fluid or transport")
    network = network_for(fabric, fidelity, name, routing, seed, parameters)
    listed = read_flows(fabric, flows)
    _refuse_without_detail(network, explain is not None, report)
    asked = None if explain is None else _number_of(explain, listed)
    _refuse_idle_levels(network, listed)
    if routes is None:
        if reverse_routes is not None:
            raise SpecError(Fault("does nothing without routes", "give the flows' own, too", field="reverse_routes"))
        subflows = network.subflows(listed.src, listed.dst)
    else:
        _refuse_idle_knobs(network, reverse_routes)
        forth = read_routes(fabric, listed, routes)
        back = way_back(forth) if reverse_routes is None else read_routes(fabric, listed.reversed(), reverse_routes)
        subflows = Subflows.along(forth, back=back)
    if listed.sl is not None:
        subflows = subflows.at_levels(listed.sl)
    ran = network.run(subflows, listed.size_bytes.astype(np.float64), listed.start_s, certify, record_s=record)
    told = _evidence(network, listed, subflows, ran, routes is not None) if report or asked is not None else None
    return TrafficResult(
        listed.flow,
        listed.src_given,
        listed.dst_given,
        listed.size_bytes,
        ran.start_s,
        ran.finish_s,
        ran.rate_bps,
        ran.latency_s,
        ran.link_bytes,
        ran.bottleneck,
        (*network.assumptions(), *ran.notes),
        None if told is None or asked is None else explain_flow(told, asked),
        report=report_of(told) if told is not None and report else None,
        record=ran.record,
    )


def _refuse_without_detail(network: Network, explain: bool, report: bool) -> None:
    """Where all traffic spreads alike there is nothing left to explain."""
    asked = [name for name, given in (("explain", explain), ("report", report)) if given]
    if asked and network.detail < Detail.TRANSPORT:
        message = "does nothing at fidelity fluid: all traffic spreads alike"
        raise SpecError(Fault(message, "use transport", field=name) for name in asked)


def _refuse_idle_levels(network: Network, listed: Flows) -> None:
    """Raise SpecError where service levels are named and nothing asks for them."""
    if listed.sl is None:
        return
    if network.detail < Detail.TRANSPORT:
        raise SpecError(Fault("does nothing at fidelity fluid", "use transport, or leave the column out", field="sl"))
    fault = network.carrier.level_fault()
    if fault is not None:
        raise SpecError(fault)


def _number_of(flow: Any, listed: Flows) -> int:
    """Where a flow stands in the input. Raises UnknownNameError."""
    names = [str(name) for name in listed.flow.tolist()]
    if str(flow) not in names:
        raise UnknownNameError.of("flow", str(flow), names[:_MOST_COMPARED])
    return names.index(str(flow))


def _evidence(network: Network, listed: Flows, subflows: Subflows, ran: TransferResult, given_routes: bool) -> Evidence:
    size_bytes, queues = listed.size_bytes.astype(np.float64), ran.queues
    ends = ran.start_s, subflows, ran.finish_s, ran.link_bytes
    case = Case(listed.src, listed.dst, size_bytes, *ends, queues, given_routes)
    return Evidence.of(network, case, listed.flow)


def _named(transport: str | Mapping[str, Any], parameters: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(transport, Mapping):
        return transport, parameters
    return transport.get("name", "auto"), {
        **{k: v for k, v in transport.items() if k != "name"},
        **named_values(parameters),
    }


def _refuse_idle_knobs(network: Network, reverse_routes: Any) -> None:
    """On given routes there is nothing left to choose."""
    idle = ["routing"] * (network.routing != "auto")
    idle += [f"transport.{knob}" for knob in ("qps", "entropy", "hash") if knob in network.parameters]
    idle += ["reverse_routes"] * (reverse_routes is not None and network.carrier.packets is None)
    faults = [Fault("does nothing on given routes", "leave it out", field=knob) for knob in idle]
    if network.detail < Detail.ROUTING:
        faults.append(Fault("fluid splits over all paths, routes name one", "use fidelity transport", field="fidelity"))
    if faults:
        raise SpecError(faults)
