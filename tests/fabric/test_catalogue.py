"""The hardware catalogue: every value has a source, and the records fit together."""

import pytest
from fabricsim.fabric.catalogue import Value, catalogue, price_range, server_kind
from fabricsim.fabric.errors import InputError, UnknownNameError
from fabricsim.topologies import load
from pydantic import ValidationError

SECTIONS = (
    *("accelerators", "unspecified", "cpus", "nics", "switches", "cables", "buses", "networks", "servers", "nodes"),
    *("prices", "facility", "reference_points"),
)
SERVERS = ("hgx-a100", "hgx-h100", "hgx-h200", "hgx-b200", "gb200-nvl72")


def values(section):
    for name, record in getattr(catalogue(), section).items():
        for field, value in record:
            if isinstance(value, Value):
                yield f"{name}.{field}", value


@pytest.mark.parametrize("section", SECTIONS)
def test_every_value_names_a_source_that_is_listed(section):
    assert {label: v.source for label, v in values(section) if v.source not in catalogue().sources} == {}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_value_is_verified_unless_it_is_from_general_knowledge(section):
    for _, value in values(section):
        assert value.verified == (catalogue().sources[value.source] != "from general knowledge, unverified")


def test_a_section_reads_values_with_their_notes():
    price = catalogue().accelerators["H100_SXM"].price_usd
    assert (price.value, price.source, price.note) == (30000, "hf_h100", "approx MSRP")


@pytest.mark.parametrize(
    ("name", "ring", "nvls", "alltoall"),
    [
        ("A100_SXM_80GB", 232, None, 210),
        ("H100_SXM", 370, 480, 320),
        ("B200_SXM", 700, 850, 640),
        ("GB200", 680, 850, 640),
    ],
)
def test_rates_reached_are_those_of_the_vendors_slides(name, ring, nvls, alltoall):
    """NVIDIA GTC24 S62129 and GTC25 S72583, GB/s of bus bandwidth."""
    accelerator = catalogue().accelerators[name]
    reached = (accelerator.ring_gbps_bytes, accelerator.nvls_busbw_gbps_bytes, accelerator.alltoall_gbps_bytes)
    assert tuple(rate.value if rate else None for rate in reached) == (ring, nvls, alltoall)
    assert all(rate.verified for rate in reached if rate)


def test_no_ring_is_faster_than_its_links():
    for accelerator in catalogue().accelerators.values():
        if accelerator.ring_gbps_bytes is not None:
            assert accelerator.ring_gbps_bytes.value < accelerator.scaleup_gbps_bytes_per_dir.value


def test_payload_shares_are_measured_rates_over_line_rates():
    """48 of 50 GB/s per 400G InfiniBand adapter; 1024 payload bytes in 1106 on the wire over Ethernet; 10 of 12.5."""
    shares = {name: network.payload_share for name, network in catalogue().networks.items()}
    assert shares["infiniband"].value == 48 / 50
    assert shares["roce"].value == pytest.approx(1024 / 1106, abs=1e-3)
    assert shares["tcp"].value == 10 / 12.5


def test_hop_and_end_latency_follow_from_the_reference_points():
    """Cross-leaf minus same-leaf is two more hops; what is left of same-leaf are the ends."""
    points = {name: point.figure.value * 1e3 for name, point in catalogue().reference_points.items()}
    for network, prefix in (("infiniband", "ib_cx7"), ("roce", "roce")):
        record = catalogue().networks[network]
        same, cross = points[f"{prefix}_same_leaf_us"], points[f"{prefix}_cross_leaf_us"]
        assert record.hop_latency_ns.value == pytest.approx((cross - same) / 2)
        assert record.end_latency_ns.value == pytest.approx(same - 2 * record.hop_latency_ns.value)


def test_networks_are_built_from_devices_of_the_catalogue_at_their_speed():
    known = catalogue()
    for network in known.networks.values():
        for gbit, name in network.adapters.items():
            assert known.nics[name].gbit.value == gbit
        for gbit, choice in network.switches.items():
            switch = known.switches[choice.switch]
            assert gbit * choice.ports <= switch.ports.value * switch.port_gbit.value


@pytest.mark.parametrize("name", SERVERS)
def test_a_servers_nvlinks_carry_its_accelerators_scale_up_bandwidth(name):
    kind = server_kind(name)
    accelerator = catalogue().accelerators[kind.accelerator]
    assert sum(kind.nvswitches) == accelerator.nvlink_links.value
    assert sum(kind.nvswitches) * kind.nvlink_bps == accelerator.scaleup_gbps_bytes_per_dir.value * 8e9
    assert kind.gpus == accelerator.scaleup_domain_gpus.value
    assert kind.nics % kind.rails == 0


def test_server_kinds_are_the_published_machines():
    """HGX H100: 18 links split 5 4 4 5 over 4 NVSwitches. NVL72: 18 chips, one link from every accelerator to each."""
    assert server_kind("hgx-a100").nvswitches == (2,) * 6
    assert server_kind("hgx-h100").nvswitches == server_kind("hgx-h200").nvswitches == (5, 4, 4, 5)
    assert server_kind("hgx-b200").nvswitches == (9, 9)
    rack = server_kind("gb200-nvl72")
    assert (rack.unit, rack.gpus, rack.nvswitches) == ("rack", 72, (1,) * 18)
    assert 2 * rack.gpus * sum(rack.nvswitches) * rack.nvlink_bps / 8 == pytest.approx(130e12, rel=0.004)
    assert server_kind("hgx-h100").power_w == 10.2e3


def test_an_unknown_server_kind_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"did you mean .*hgx-h100"):
        server_kind("hgx-h10")


def test_the_catalogue_cannot_be_changed():
    with pytest.raises(TypeError):
        catalogue().nics["ConnectX-7"] = None
    with pytest.raises(ValidationError):
        catalogue().nics["ConnectX-7"].gbit = None


def test_every_price_is_complete_and_in_order():
    for name in catalogue().prices:
        price = price_range(name)
        assert price is not None, name
        assert 0 < price.low <= price.typical <= price.high, name


def test_a_price_stands_in_one_place_only():
    """Where a part's own record has a price, that is the typical one."""
    known = catalogue()
    for name, entry in known.prices.items():
        records = (section.get(name) for section in (known.switches, known.nics, known.accelerators, known.cables))
        own = [record for record in records if record is not None and record.price_usd is not None]
        assert not (own and entry.typical is not None), name


def test_a_part_without_a_price_has_none_rather_than_zero():
    assert price_range("Rubin_VR200") is None


def test_b200_costs_what_its_makers_chief_executive_said():
    """30,000 to 40,000 USD."""
    price = price_range("B200_SXM")
    assert price is not None
    assert (price.low, price.high) == (30000, 40000)


def test_machines_draw_at_least_what_their_processors_do():
    known = catalogue()
    for name, server in known.servers.items():
        machine, accelerator = known.nodes[server.parts.node], known.accelerators[server.parts.accelerator]
        if machine.power_kw is not None:
            cpus = machine.cpus.value * known.cpus[machine.cpu].tdp_w.value
            assert machine.power_kw.value * 1e3 > server.gpus.value * accelerator.tdp_w.value + cpus, name


def test_grace_takes_what_two_accelerators_leave_of_a_superchip():
    """2700 W for two accelerators of 1200 W and a Grace."""
    gb200 = catalogue().accelerators["GB200"]
    assert catalogue().cpus["Grace"].tdp_w.value == gb200.superchip_w.value - 2 * gb200.tdp_w.value


@pytest.mark.parametrize("name", sorted(catalogue().unspecified))
def test_an_accelerator_without_public_figures_is_listed_and_using_it_says_what_is_missing(name):
    missing = catalogue().unspecified[name].missing.value
    assert missing
    for use in (lambda: server_kind(name), lambda: load(name), lambda: load("rail_optimized", server=name)):
        with pytest.raises(InputError, match=f"{name} of .* is known.*{missing[0]}"):
            use()


def test_inferentia_and_maia_are_among_them():
    assert {"inferentia", "inferentia2", "maia-100"} <= catalogue().unspecified.keys()
