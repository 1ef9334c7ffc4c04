"""Cables: how long, of what, in which order, and the plan as NetBox reads it."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from fabricsim.fabric.catalogue import catalogue
from fabricsim.fabric.errors import InputError
from fabricsim.fabric.graph import LinkKind, NodeKind
from fabricsim.topologies import load
from fabricsim.topologies.cable_plan import COLUMNS, bundles, lots, write_plan
from fabricsim.topologies.cables import cables, sold_length_m, unreachable
from fabricsim.topologies.cabling import Ends, cage_gbit, makes
from fabricsim.topologies.hall import Hall
from fabricsim.topologies.racks import place
from hypothesis import given
from hypothesis import strategies as st

MEDIA = {"dac-passive", "dac-active", "aoc", "mmf", "smf"}
"""Of NetBox's CableTypeChoices, those that a network cable can be."""


@pytest.fixture
def lay():
    def of(name, hall=None, **fields):
        hall = hall or Hall.of()
        fabric = load(name, **fields)
        placed = place(fabric, hall)
        return fabric, placed, cables(fabric, placed, hall)

    return of


@given(st.lists(st.floats(0.01, 3000), min_size=1, max_size=50))
def test_a_sold_length_covers_the_run_without_much_waste(run):
    run = np.array(run)
    sold = sold_length_m(run)
    assert (sold >= run - 1e-6).all()
    assert (sold <= np.maximum(1.7 * run, run + 25) + 0.5).all()


@pytest.mark.parametrize("name", ["hgx-h100", "gb200-nvl72", "fat_tree", "dragonfly"])
def test_every_network_cable_is_laid_once_and_its_make_reaches(lay, name):
    fabric, _, laid = lay(
        name, **({"k": 8} if name == "fat_tree" else {"p": 2} if name == "dragonfly" else {"nodes": 9})
    )
    network = np.flatnonzero(fabric.link_kind == LinkKind.NETWORK)
    assert sorted((laid.link // 2).tolist()) == sorted(set((network // 2).tolist()))
    reach = np.array([make.reach_m for make in laid.makes])[laid.make]
    assert (laid.length_m <= reach).all()
    assert unreachable(fabric, laid) == ()


def test_a_length_is_the_way_over_the_tray_with_right_angles(lay):
    hall = Hall.of()
    fabric, placed, laid = lay("hgx-h100", nodes=64, su=8)
    for link, length in list(zip(laid.link.tolist(), laid.length_m.tolist(), strict=True))[::97]:
        one, other = int(fabric.link_source[link]), int(fabric.link_target[link])
        (x, y), (u, v) = placed.position_m[placed.rack[one]], placed.position_m[placed.rack[other]]
        up, down = hall.tray_m - placed.height_m[one], hall.tray_m - placed.height_m[other]
        run = abs(x - u) + abs(y - v) + up + down + hall.slack_between_racks_m
        assert placed.rack[one] != placed.rack[other]
        assert length == sold_length_m(np.array([run]))[0]


def test_hosts_under_their_switch_have_copper_and_switches_elsewhere_optics(lay):
    fabric, _, laid = lay("clos", radix=64, tiers=2)
    for link, make in zip(laid.link.tolist(), laid.make.tolist(), strict=True):
        host = fabric.node_kind[fabric.link_source[link]] == NodeKind.HOST
        assert not host or laid.makes[make].medium == "dac-passive"
    assert Counter(laid.makes[make].medium for make in laid.make.tolist())["mmf"] > 1900


def test_media_follow_each_other_as_they_reach_farther():
    """400 Gbit/s: copper 3 m, active copper 5 m, multimode 50 m, single mode 100 m, 2 km, then coherent."""
    made = makes(Ends(400.0, (400.0, 800.0)))
    assert [make.medium for make in made] == ["dac-passive", "dac-active", "mmf", "smf", "smf", "smf"]
    assert [make.reach_m for make in made] == [3, 5, 50, 100, 2000, 120000]


def test_a_twin_port_cage_serves_two_cables_with_one_transceiver():
    """QM9700: 64 ports of 400G in 32 cages. SN5400: a cage per port."""
    assert cage_gbit("QM9700", 400.0) == 800
    assert cage_gbit("SN5400", 400.0) == 400
    assert cage_gbit(None, 200.0) == 200
    assert Ends(400.0, (400.0, 800.0)).shared == (1, 2)
    multimode = next(make for make in makes(Ends(400.0, (400.0, 800.0))) if make.medium == "mmf")
    assert multimode.transceivers == ("MMA4Z00_NS400_SR4_400G", "MMA4Z00_NS_twin_SR4_800G")


def test_everything_a_plan_can_choose_has_a_reach_and_a_power():
    for name, record in catalogue().cables.items():
        if record.medium is not None:
            assert record.gbit, name
            assert record.reach_m, name
            assert record.power_w_per_end, name


def test_a_speed_that_no_cable_has_is_found_and_left_blank(lay, tmp_path):
    fabric, placed, laid = lay("fat_tree", k=4, link="3200Gbps")
    assert {finding.rule for finding in unreachable(fabric, laid)} == {"reach"}
    assert len(unreachable(fabric, laid)) == 48
    write_plan(fabric, placed, laid, tmp_path / "plan.csv")
    with (tmp_path / "plan.csv").open(newline="") as file:
        assert {row["type"] for row in csv.DictReader(file)} == {""}


def test_a_cable_beyond_any_reach_is_found(lay):
    """Racks 200 km apart."""
    hall = replace(Hall.of(), rack_pitch_m=2e5, row_pitch_m=2e5)
    fabric, _, laid = lay("hgx-h100", hall=hall, nodes=8)
    far = unreachable(fabric, laid)
    assert far
    assert "no cable reaches" in far[0].message


def test_cables_between_sites_are_as_long_as_their_spec_says(lay):
    pods = [{"of": "hgx-h100", "fields": {"nodes": 4, "su": 2}, "site": site} for site in ("north", "south")]
    _, _, laid = lay("composite", pods=pods, uplinks=2, long_haul={"length": "40km", "cables": 4})
    assert Counter(laid.length_m.tolist())[40000.0] == 4
    assert Counter(laid.length_m.tolist()).most_common()[0][0] < 100


@pytest.fixture
def plan(lay, tmp_path):
    def of(name, **fields):
        fabric, placed, laid = lay(name, **fields)
        write_plan(fabric, placed, laid, tmp_path / "plan.csv")
        with (tmp_path / "plan.csv").open(newline="") as file:
            return fabric, list(csv.DictReader(file))

    return of


@pytest.mark.parametrize(
    ("name", "fields"),
    [("hgx-h100", {"nodes": 16, "su": 4}), ("dual_tor", {"nodes": 8}), ("gb200-nvl72", {"nodes": 2})],
)
def test_a_plan_has_netboxs_columns_and_every_interface_once(plan, name, fields):
    fabric, rows = plan(name, **fields)
    assert tuple(rows[0]) == COLUMNS
    ends = [(row[f"side_{side}_device"], row[f"side_{side}_name"]) for row in rows for side in "ab"]
    assert len(set(ends)) == len(ends)
    assert len(rows) == np.count_nonzero(fabric.link_kind == LinkKind.NETWORK) // 2
    assert {row["type"] for row in rows} <= MEDIA
    assert {(row["side_a_type"], row["side_b_type"], row["status"], row["length_unit"]) for row in rows} == {
        ("dcim.interface", "dcim.interface", "planned", "m")
    }
    assert all(float(row["length"]) > 0 for row in rows)
    assert all(len(row["label"]) <= 100 for row in rows)


def test_a_label_names_both_ends_as_messages_do(plan):
    fabric, rows = plan("hgx-h100", nodes=4)
    for row in rows[::7]:
        lower, upper = row["label"].split(" ")
        link = next(
            link for link in fabric.out_links(fabric.node_id(lower.split(":")[0])).tolist()
            if fabric.link_label(link).startswith(f"{lower} ->")
        )  # fmt: skip
        assert upper == f"{fabric.label(int(fabric.link_target[link]))}:{fabric.port[link ^ 1]}"
    assert rows[0]["side_a_device"] == "server-0"


def test_a_plan_goes_rack_by_rack_and_machine_by_machine(plan):
    _, rows = plan("hgx-h100", nodes=16, su=4)
    racks = [row["description"].split(" to ")[0] for row in rows]
    assert racks == sorted(racks)
    seen = [row["side_a_device"] for row in rows]
    assert len(list(dict.fromkeys(seen))) == sum(one != other for one, other in pairwise(seen)) + 1


def test_a_plan_is_the_same_bytes_each_time(lay, tmp_path):
    for name in ("one", "two"):
        write_plan(*lay("hgx-h100", nodes=6), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_plan_that_cannot_be_written_leaves_nothing(lay, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_plan(*lay("hgx-h100", nodes=2), tmp_path / "none" / "plan.csv")


def test_bundles_and_lots_count_every_cable(lay):
    fabric, placed, laid = lay("hgx-h100", nodes=16, su=4)
    bundle, size = bundles(fabric, placed, laid)
    assert np.array_equal(np.bincount(bundle), size)
    pairs = {
        frozenset((int(placed.rack[fabric.link_source[link]]), int(placed.rack[fabric.link_target[link]])))
        for link in laid.link.tolist()
    }
    assert len(size) == len(pairs)
    assert sum(lot.count for lot in lots(laid)) == len(laid)
