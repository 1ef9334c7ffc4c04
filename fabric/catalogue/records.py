"""The records of the catalogue: each value with the source it was read in."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import Field

from ..spec import Spec

T = TypeVar("T")

UNVERIFIED = "unverified"


class Value(Spec, Generic[T]):
    """A fact: its value, the key of its source in `Catalogue.sources`, and what is special about it."""

    value: T
    source: str
    note: str = ""

    @property
    def verified(self) -> bool:
        """Whether it was read in a source, not taken from general knowledge."""
        return self.source != UNVERIFIED


Quantity = Value[float]
Count = Value[int]
Text = Value[str]


class Accelerator(Spec):
    """An accelerator. Dense TFLOP/s; GB decimal; `scaleup_` per direction; `_gbps_bytes` is GB/s."""

    vendor: str
    peak_bf16_dense_tflops: Quantity
    hbm_gb: Quantity
    hbm_tbps: Quantity
    scaleup_gbps_bytes_per_dir: Quantity
    scaleup_domain_gpus: Count
    tdp_w: Quantity
    peak_fp8_dense_tflops: Quantity | None = None
    peak_fp4_dense_tflops: Quantity | None = None
    achieved_bf16_tflops: Quantity | None = None
    achieved_fp8_tflops: Quantity | None = None
    ring_gbps_bytes: Quantity | None = None
    nvls_busbw_gbps_bytes: Quantity | None = None
    alltoall_gbps_bytes: Quantity | None = None
    scaleup_effective_gbps_bytes_per_dir: Quantity | None = None
    nvlink_links: Count | None = None
    nvlink_c2c_gbps_bytes_per_dir: Quantity | None = None
    scaleout_ethernet_ports: Count | None = None
    tdp_max_w: Quantity | None = None
    superchip_w: Quantity | None = None
    price_usd: Quantity | None = None
    compute_capability: Count | None = None
    topology: Text | None = None
    topology_in_instance: Text | None = None
    chips_per_instance: Count | None = None
    pod_allreduce_tbps: Quantity | None = None
    pod_bisection_tbps: Quantity | None = None
    dcn_gbit_per_chip: Quantity | None = None


class Unspecified(Spec):
    """An accelerator of which too little is public to build with: `missing` says what, in words."""

    vendor: str
    missing: Value[tuple[str, ...]]
    peak_bf16_dense_tflops: Quantity | None = None
    hbm_gb: Quantity | None = None
    hbm_tbps: Quantity | None = None
    scaleup_gbps_bytes_per_dir: Quantity | None = None
    chips_per_instance: Count | None = None
    tdp_w: Quantity | None = None


class Nic(Spec):
    """A network adapter. `payload_share` of its line rate, where it has one of its own in every network."""

    gbit: Quantity
    protocol: Text
    payload_share: Quantity | None = None
    power_w: Quantity | None = None
    price_usd: Quantity | None = None


class Cpu(Spec):
    """A host processor, with the memory on it."""

    cores: Count
    tdp_w: Quantity
    memory_gb: Quantity | None = None
    arch: Literal["x86_64", "arm64"] = "x86_64"
    vendor: Literal["GenuineIntel", "AuthenticAMD", "ARM"]


class Switch(Spec):
    """A switch: `ports` of `port_gbit` each. For data that streams through them, a subnet of such switches has at most
    `sharp_trees` trees of aggregation, and one at a time per switch or per port."""

    ports: Count
    port_gbit: Quantity
    capacity_tbps: Quantity
    latency_ns: Quantity | None = None
    power_typ_w: Quantity | None = None
    power_max_w: Quantity | None = None
    price_usd: Quantity | None = None
    protocol: Text | None = None
    rack_units: Count | None = None
    buffer_mb: Quantity | None = None
    osfp_cages: Count | None = None
    port_power_class_w: Quantity | None = None
    max_nics_two_level: Count | None = None
    cpo_power_saving_factor: Quantity | None = None
    trays_per_nvl72: Count | None = None
    sharp_trees: Count | None = None
    sharp_one_tree_per: Text | None = None


Medium = Literal["dac-passive", "dac-active", "aoc", "mmf", "smf"]
"""What carries the signal, in the words of NetBox: copper, active copper, active optical, multimode, single mode."""


class Cable(Spec):
    """A cable, or a transceiver, of which two of the same `optic` and a fibre make one; `gbit` is missing where only
    the fibre is meant. Cable plans draw on those that have a `medium`."""

    medium: Medium | None = None
    optic: Literal["SR", "DR", "FR", "ZR"] | None = None
    gbit: Quantity | None = None
    reach_m: Quantity | None = None
    power_w_per_end: Quantity | None = None
    price_usd: Quantity | None = None
    price_usd_per_m: Quantity | None = None
    propagation_ns_per_m: Quantity | None = None


class Machine(Spec):
    """A whole machine as sold: a server, or a rack of compute trays. `cpu`: its name in the catalogue."""

    gpus: Count
    nics: Text
    power_kw: Quantity | None = None
    rack_units: Count | None = None
    cpu: str | None = None
    cpus: Count | None = None
    cooling: Literal["air", "liquid"] = "air"


class Price(Spec):
    """What one piece costs in USD. `typical` is left out where the part's own record has it."""

    low: Quantity
    typical: Quantity | None = None
    high: Quantity


class Bus(Spec):
    """The bus between accelerator and adapter, 16 lanes."""

    gbps_bytes_per_dir: Quantity


class Point(Spec):
    """One measured figure."""

    figure: Quantity


class SwitchChoice(Spec):
    """The switch a port speed is built from, and its ports at that speed (split where it is faster)."""

    switch: str
    ports: int


class Network(Spec):
    """A kind of network. `adapters` and `switches`: the device for each port speed in Gbit/s; `adapters_of`: those that
    servers with a vendor's accelerators have in this network, whatever else they could have."""

    payload_share: Quantity | None = None
    hop_latency_ns: Quantity
    end_latency_ns: Quantity | None = None
    adapters: dict[int, str] = Field(default_factory=dict)
    adapters_of: dict[str, dict[int, str]] = Field(default_factory=dict)
    switches: dict[int, SwitchChoice] = Field(default_factory=dict)


class Parts(Spec):
    """Names of the catalogue entries a server is built from."""

    accelerator: str
    nic: str
    bus: str
    node: str
    nvswitch: str | None = None


class Server(Spec):
    """A kind of scale-up domain: `nvswitch_links[s]` NVLinks run from each accelerator to NVSwitch s, or `peer_links`
    links from each accelerator to each other one."""

    unit: Literal["server", "rack"]
    parts: Parts
    gpus: Count
    nics: Count
    rails: Count
    nvswitch_links: Value[tuple[int, ...]] | None = None
    peer_links: Count | None = None
