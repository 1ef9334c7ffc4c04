"""A fabric of fabrics: pods of any family behind a common spine, networks beside them, sites joined by long-haul
cables.

Every switch of a pod's top tier has `uplinks` cables into the spine of its site: cable c of a pod, counted over those
switches, goes to spine switch c mod S. Between each two sites run long-haul cables, cable c from spine switch c mod S
of one to c mod S' of the other, with the propagation time of the catalogue's fibre. A network beside the compute
network (storage, front end) is a folded Clos with an adapter of every server, which its accelerators do not use, and
its own machines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from ...fabric.builder import FabricBuilder
from ...fabric.errors import Fault, InputError, SpecError
from ...fabric.graph import Fabric, Ids, NodeKind
from ...fabric.spec import Spec, validate
from ...fabric.units import Bandwidth, Length
from ..assembly import Part, SpinePlan, add_spine, join_sites, propagation_ns, with_adapters
from ..fields import Count
from ..merge import merge
from ..network_spec import NetworkSpec, SwitchModel, switch_model
from ..servers import Devices
from ..wiring import refuse_too_large
from . import clos
from .rail_optimized import Ratio

Radix = Annotated[int, Field(ge=2, le=4096)]


class Pod(Spec):
    """A fabric that becomes a part: a family, a preset or a spec file, with some of its fields set."""

    of: str = Field(description="name of a family or preset, or a spec file")
    fields: dict[str, Any] = Field(default_factory=dict, description="fields of it to set")
    count: Count = Field(1, description="how many of it")
    site: str = Field("", description="where it stands")


class Beside(Spec):
    """A network beside the compute network."""

    name: str = Field(pattern=r"^[A-Za-z][\w-]*$", description="what its nodes are called after, like storage")
    machines: Count = Field(description="its own machines, each with one adapter on it")
    kind: Literal["storage", "host"] = Field("storage", description="what the machines are")
    link: Bandwidth = Field(4e11, description="bandwidth of one cable")
    radix: Radix | None = Field(None, description="ports per switch; default: the catalogue's for the link")
    oversubscription: Ratio = Field(1.0, description="bandwidth down over bandwidth up at its leaves")


class LongHaul(Spec):
    """The cables between each two sites."""

    length: Length = Field(description="length of the fibre, like 80km")
    cables: Count = Field(description="cables between each two sites")
    link: Bandwidth = Field(4e11, description="bandwidth of one cable")


def _as_pods(value: Any) -> Any:
    """`"hgx-h100,mi300x"` and `["hgx-h100"]` as pods with default fields."""
    value = [pod.strip() for pod in value.split(",")] if isinstance(value, str) else value
    return [{"of": pod} if isinstance(pod, str) else pod for pod in value] if isinstance(value, list | tuple) else value


Pods = Annotated[tuple[Pod, ...], BeforeValidator(_as_pods), Field(min_length=1, max_length=1024)]


class Composite(NetworkSpec):
    """Pods of other fabrics behind a common spine, with networks beside them, on one site or several."""

    pods: Pods = Field(description="the pods: names, or mappings of, fields, site")
    uplinks: Count = Field(4, description="cables into the spine from each switch of a pod's top tier")
    link: Bandwidth = Field(4e11, description="bandwidth of one cable into the spine")
    spines: Count | None = Field(None, description="spine switches per site; default: as few as have the ports")
    radix: Radix | None = Field(None, description="ports per spine switch; default: the catalogue's for the link")
    long_haul: LongHaul | None = Field(None, description="cables between each two sites")
    beside: tuple[Beside, ...] = Field((), description="networks beside the compute network")
    ranks: Literal["compute", "all"] = Field(
        "compute",
        description="all: adapters and machines beside are ranks too, after the others, each within its own network",
    )

    @model_validator(mode="after")
    def _possible(self) -> Composite:
        faults = [*self._site_faults(), *self._pod_faults()]
        if faults:
            raise SpecError(faults)
        return self

    def idle(self) -> dict[str, str]:
        alone = dict.fromkeys(("uplinks", "link", "spines", "radix"), "a single pod needs no spine")
        nothing = {} if self.beside else {"ranks": "there is no network beside"}
        return nothing if len(self.every_pod) > 1 else alone | nothing

    def _site_faults(self) -> Iterator[Fault]:
        names = [network.name for network in self.beside]
        if len(self.sites) > 1 and self.long_haul is None:
            places = ", ".join(repr(site) for site in self.sites)
            yield Fault(f"nothing joins the sites {places}", "give length and cables", field="long_haul")
        if len(self.sites) == 1 and self.long_haul is not None:
            yield Fault("all pods stand on one site", "leave it out, or give pods a site", field="long_haul")
        if len(set(names)) < len(names):
            yield Fault("two networks have one name", "give each its own", field="beside")

    def _pod_faults(self) -> Iterator[Fault]:
        for number, pod in enumerate(self.pods):
            try:
                self.described(pod)
            except InputError as error:
                for fault in error.faults:
                    place = f"fields.{fault.field}" if fault.field else "of"
                    yield Fault(fault.message, fault.cure, field=f"pods.{number}.{place}")

    def described(self, pod: Pod) -> tuple[str, Spec]:
        """The family of a pod and its spec; network and latencies are those of the whole where the pod names none.
        Raises InputError."""
        from ..load import describe
        from . import FAMILIES

        told = describe(pod.of)
        if told.family == "composite" and told.file:
            raise SpecError(Fault(f"{pod.of} is a composite itself", "list its pods here"))
        spec_class = FAMILIES[told.family].spec
        whole = self.model_dump(mode="json", include={"network", "hop_latency", "switch_latency"}, exclude_none=True)
        common = {name: value for name, value in whole.items() if name in spec_class.model_fields}
        spec = validate(spec_class, {**common, **told.fields, **pod.fields})
        if getattr(spec, "network", self.network) != self.network:
            fault = Fault(f"one spine is of one kind, {self.network}", f"network={self.network}", field="network")
            raise SpecError(fault)
        return told.family, spec

    @property
    def every_pod(self) -> tuple[Pod, ...]:
        """As many as there are of each."""
        return tuple(pod for pod in self.pods for _ in range(pod.count))

    @property
    def sites(self) -> tuple[str, ...]:
        """In the order in which pods name them."""
        return tuple(dict.fromkeys(pod.site for pod in self.pods))

    @property
    def switch(self) -> SwitchModel:
        return switch_model(self.network, self.link, self.radix)


def build(spec: Composite) -> Fabric:
    """The fabric of a spec. Ranks run over the pods in order. Raises SpecError where ports are short."""
    builder, devices = FabricBuilder(f"composite of {len(spec.every_pod)} pods"), Devices()
    parts = _add_pods(builder, spec, devices)
    _join(builder, spec, parts, devices)
    others = _add_beside(builder, spec, parts, devices) if spec.beside else np.empty(0, dtype=np.int32)
    builder.meta = spec.meta("composite", devices.names, _assumptions(spec, parts))
    ranks = [part.ranks for part in parts]
    return builder.build(np.concatenate([*ranks, others] if spec.ranks == "all" else ranks))


def _add_pods(builder: FabricBuilder, spec: Composite, devices: Devices) -> list[Part]:
    from . import FAMILIES

    parts: list[Part] = []
    servers = cables = 0
    for pod in spec.pods:
        family, inner = spec.described(pod)
        fabric = FAMILIES[family].build(inner)
        for _ in range(pod.count):
            cables += fabric.cables
            refuse_too_large(cables, "pods")
            name = f"pod{len(parts)}"
            ids = merge(builder, fabric, f"{name}.", devices, servers, len(parts))
            parts.append(Part(fabric, ids, name, servers))
            servers += parts[-1].servers
    return parts


def _join(builder: FabricBuilder, spec: Composite, parts: Sequence[Part], devices: Devices) -> None:
    """The spine of each site, where there is something to join, and the cables between sites."""
    if len(parts) == 1:
        return
    far = spec.long_haul.cables * (len(spec.sites) - 1) if spec.long_haul else 0
    plan, device = SpinePlan(spec.switch, spec.uplinks, far, spec.spines), devices.index(spec.switch.device)
    spines = []
    for number, site in enumerate(spec.sites):
        own = [part for part, pod in zip(parts, spec.every_pod, strict=True) if pod.site == site]
        spines.append(add_spine(builder, own, plan, number, device, spec.wire(spec.link)))
    if spec.long_haul is not None:
        wire = spec.wire(spec.long_haul.link)
        distant = replace(wire, hop_ns=wire.hop_ns + propagation_ns(spec.long_haul.length))
        join_sites(builder, spines, spec.long_haul.cables, distant)


def _add_beside(builder: FabricBuilder, spec: Composite, parts: Sequence[Part], devices: Devices) -> Ids:
    """The networks beside; returns the adapters and machines on them."""
    servers = sum(part.servers for part in parts)
    if not servers:
        raise SpecError(Fault("no pod has servers to plug in", "give a pod a server", field="beside"))
    ends = []
    for beside in spec.beside:
        kind = NodeKind.STORAGE if beside.kind == "storage" else NodeKind.HOST
        network = with_adapters(_network_beside(spec, beside, servers), servers, kind)
        ends.append(merge(builder, network, f"{beside.name}.", devices)[network.endpoints])
    return np.concatenate(ends)


def _network_beside(spec: Composite, beside: Beside, servers: int) -> Fabric:
    same = spec.model_dump(mode="json", include={"network", "hop_latency", "switch_latency"}, exclude_none=True)
    own = beside.model_dump(mode="json", include={"link", "radix", "oversubscription"}, exclude_none=True)
    return clos.build(validate(clos.Clos, {**same, **own, "hosts": servers + beside.machines}))


def _assumptions(spec: Composite, parts: Sequence[Part]) -> list[str]:
    said = [f"{pods}: {line}" for line, pods in _by_line(parts).items()]
    if spec.long_haul is not None:
        delay_ns = propagation_ns(spec.long_haul.length)
        said.append(f"light takes {delay_ns} ns through {spec.long_haul.length:g} m of fibre between two sites")
    if spec.beside:
        said.append("an adapter beside carries what its server sends and receives there; accelerators do not use it")
    return said


def _by_line(parts: Sequence[Part]) -> dict[str, str]:
    """What pods assume of themselves, and the pods that do, in words."""
    found: dict[str, list[int]] = {}
    for number, part in enumerate(parts):
        for line in part.fabric.meta["assumptions"]:
            if "each network cable" not in line:
                found.setdefault(line, []).append(number)
    return {line: _pods_in_words(numbers) for line, numbers in found.items()}


def _pods_in_words(numbers: list[int]) -> str:
    """`"pod0 to pod2, pod5"`."""
    gaps = [place for place in range(1, len(numbers)) if numbers[place] != numbers[place - 1] + 1]
    runs = [numbers[first:stop] for first, stop in zip([0, *gaps], [*gaps, len(numbers)], strict=True)]
    return ", ".join(f"pod{run[0]} to pod{run[-1]}" if len(run) > 1 else f"pod{run[0]}" for run in runs)
