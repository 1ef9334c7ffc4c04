"""OpenSM's dump of forwarding tables: round trips, real layouts, refusals with their lines, fuzz."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import FabricError, ParseError, RoutingError
from fabricsim.fabric.formats.guid2lid import guid2lid_text
from fabricsim.fabric.formats.ibnetdiscover import ibnetdiscover_text, parse_ibnetdiscover
from fabricsim.fabric.formats.lft import lft_text, parse_lft, read_lft, write_lft
from fabricsim.fabric.graph import Fabric, NodeKind
from fabricsim.fabric.routing import router_for
from fabricsim.fabric.routing.tables import forwarding_tables
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st


def pair() -> Fabric:
    """Two leaves joined by one cable on their ports 2; a host on port 1 of each."""
    builder = FabricBuilder("pair")
    leaves = builder.add_nodes(
        NodeKind.LEAF, numbered("leaf-{}", np.arange(2)), guid=np.array([0xA0, 0xB0], dtype=np.uint64)
    )
    hosts = builder.add_nodes(
        NodeKind.NIC, numbered("nic-{}-0", np.arange(2)),
        guid=np.array([0x10, 0x20], dtype=np.uint64), port_guid=np.array([0x11, 0x21], dtype=np.uint64),
    )  # fmt: skip
    builder.add_cables(hosts, leaves, 2e11, 0)
    builder.add_cables(leaves[:1], leaves[1:], 2e11, 0)
    return builder.build()


def dump(first: str = "", second: str = "") -> str:
    """The tables of `pair` as OpenSM 3.3.23 lays them out, written by hand."""
    return (
        "Unicast lids [0-4] of switch Lid 3 guid 0x00000000000000a0 ('leaf-0'):\n"
        + (first or (
            "0x0001 001 # Channel Adapter portguid 0x0000000000000011: 'nic-0-0'\n"
            "0x0002 002 # Channel Adapter portguid 0x0000000000000021: 'nic-1-0'\n"
            "0x0003 000 # Switch portguid 0x00000000000000a0: 'leaf-0'\n"
            "0x0004 002 # Switch portguid 0x00000000000000b0: 'leaf-1'\n"
            "4 lids dumped\n"
        ))
        + "Unicast lids [0-4] of switch Lid 4 guid 0x00000000000000b0 ('leaf-1'):\n"
        + (second or (
            "0x0001 002 # Channel Adapter portguid 0x0000000000000011: 'nic-0-0'\n"
            "0x0002 001 # Channel Adapter portguid 0x0000000000000021: 'nic-1-0'\n"
            "0x0003 002 # Switch portguid 0x00000000000000a0: 'leaf-0'\n"
            "0x0004 000 # Switch portguid 0x00000000000000b0: 'leaf-1'\n"
            "4 lids dumped\n"
        ))
    )  # fmt: skip


def ports(fabric: Fabric, text: str) -> dict[str, dict[str, int]]:
    """Switch -> node -> port, 0 where the table says nothing or means the switch itself."""
    tables = parse_lft(fabric, text)
    return {
        fabric.label(int(switch)): {
            fabric.label(int(node)): int(fabric.port[link]) if link >= 0 else 0
            for node, link in zip(tables.addresses.node, row, strict=True)
        }
        for switch, row in zip(tables.switches, tables.links, strict=True)
    }


PAIR_PORTS = {
    "leaf-0": {"nic-0-0": 1, "nic-1-0": 2, "leaf-0": 0, "leaf-1": 2},
    "leaf-1": {"nic-0-0": 2, "nic-1-0": 1, "leaf-0": 2, "leaf-1": 0},
}


def test_a_dump_is_read_port_by_port():
    assert ports(pair(), dump()) == PAIR_PORTS


def test_what_ibroute_and_dump_lfts_print_is_read_too():
    """The layout of infiniband-diags: heads in other words, two lines of column heads, brackets around destinations."""
    text = re.sub(r"\[0-4\] of switch Lid 3", "[0x0-0x4] of switch DR path slid 0; dlid 0; 0,1,5", dump())
    text = re.sub(r"\('(leaf-.)'\):", r"(\1):\n  Lid  Out   Destination\n       Port     Info ", text)
    text = re.sub(r"# (.*)\n", r": (\1)\n", text).replace("lids dumped", "valid lids dumped ")
    assert "0x0001 001 : (Channel Adapter portguid" in text
    assert ports(pair(), text) == PAIR_PORTS


def test_our_tables_are_written_as_opensm_lays_them_out():
    fabric = pair()
    text = lft_text(fabric, forwarding_tables(router_for(fabric, "updn")))
    numbered_by_node = (
        dump().replace("Lid 3", "Lid 1").replace("Lid 4", "Lid 2")
        .replace("0x0001 ", "n1 ").replace("0x0002 ", "n2 ").replace("0x0003 ", "0x0001 ").replace("0x0004 ", "0x0002 ")
        .replace("n1 ", "0x0003 ").replace("n2 ", "0x0004 ")
    )  # fmt: skip
    assert [sorted(part.splitlines()) for part in text.split("4 lids dumped\n")] == [
        sorted(part.splitlines()) for part in numbered_by_node.split("4 lids dumped\n")
    ]


@pytest.mark.parametrize(
    ("family", "fields"),
    [
        ("fat_tree", {"k": 4}),
        ("hgx-h100", {"nodes": 4}),
        ("torus", {"dims": "3x4"}),
        ("dragonfly", {"p": 1, "a": 4, "h": 2}),
    ],
)
def test_tables_come_back_from_a_file_the_same(family, fields, tmp_path):
    fabric = load(family, **fields)
    write_lft(fabric, tmp_path / "lft")
    back = read_lft(fabric, tmp_path / "lft")
    assert np.array_equal(back.links, forwarding_tables(router_for(fabric)).links)
    ranks = np.arange(fabric.ranks)
    along = router_for(fabric, f"table:{tmp_path / 'lft'}").paths(ranks, np.roll(ranks, 5))
    assert np.array_equal(along.links, router_for(fabric).paths(ranks, np.roll(ranks, 5)).links)


def test_tables_written_for_a_design_fit_the_fabric_that_was_discovered_of_it():
    """Its dump (ibnetdiscover) carries the same GUIDs, although nodes and ranks are numbered otherwise."""
    design = load("fat_tree", k=4)
    found = parse_ibnetdiscover(ibnetdiscover_text(design))
    tables = parse_lft(found, lft_text(design, forwarding_tables(router_for(design))))
    assert (np.sum(tables.links < 0, axis=1) == 1).all()  # of its own address alone each switch has no link


def test_lids_that_the_fabric_tells_are_kept_and_the_others_are_free_ones():
    builder = FabricBuilder("told")
    leaf = builder.add_nodes(NodeKind.LEAF, ["leaf"], lid=2)
    builder.add_cables(builder.add_nodes(NodeKind.HOST, ["a", "b", "c"], lid=[7, -1, -1]), np.repeat(leaf, 3), 1e11, 0)
    fabric = builder.build()
    lines = [line.split() for line in guid2lid_text(fabric).splitlines() if line]
    assert [int(low, 16) for _, low, _ in lines] == [2, 7, 1, 3]
    assert all(low == high for _, low, high in lines)
    assert len({guid for guid, _, _ in lines}) == 4


def test_several_lids_of_one_port_count_as_the_lowest():
    """With LMC 1 each port has two LIDs; the second may go another way."""
    second = "0x0005 003 # Channel Adapter portguid 0x0000000000000021: 'nic-1-0'\n5 lids dumped\n"
    first_table = dump().split("4 lids dumped\n")[0].split(":\n", 1)[1] + second
    assert ports(pair(), dump(first_table)) == PAIR_PORTS


NIC_0, NIC_1 = (f"# Channel Adapter portguid 0x00000000000000{port}" for port in (11, 21))


def edited(old: str, new: str) -> str:
    """The dump with one piece of text changed, wherever it stands."""
    assert old in dump()
    return dump().replace(old, new)


REFUSED = {
    "another fabric's switch": (edited("guid 0x00000000000000b0", "guid 0x00000000000000c0"), 7, "no switch has"),
    "a table missing": (dump().split("Unicast lids [0-4] of switch Lid 4")[0], None, "holds no table of leaf-1"),
    "cut inside a table": ("".join(dump().splitlines(True)[:-2]), 7, "ends inside a table"),
    "a line missing": (edited(f"0x0002 001 {NIC_1}: 'nic-1-0'\n", ""), 11, "counts 4 LIDs, there are 3"),
    "an uncabled port": (edited("0x0002 002 #", "0x0002 007 #"), 3, "nothing is cabled to port 7 of leaf-0"),
    "port 0 of another": (edited("0x0002 002 #", "0x0002 000 #"), 3, "leaf-0 forwards LID 2 to port 0"),
    "itself elsewhere": (edited("0x0003 000 #", "0x0003 001 #"), 4, "leaf-0 forwards LID 3 to port 1"),
    "a LID twice": (edited(f"0x0002 002 {NIC_1}", f"0x0001 002 {NIC_0}"), 3, "LID 1 stands twice"),
    "a LID of two ports": (edited(f"0x0002 001 {NIC_1}", f"0x0002 001 {NIC_0}"), 9, "LID 2 is 0x0000000000000011 here"),
    "a table twice": (dump() + dump(), 13, "stands a second time"),
    "an entry outside": ("0x0001 001 # x\n" + dump(), 1, "an entry outside of any table"),
    "an end outside": ("1 lids dumped\n" + dump(), 1, "a table ends that did not begin"),
    "another format": (dump() + "hello\n", 13, "is no line of a table dump"),
    "nothing": ("", None, "holds no forwarding table"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_dump_that_cannot_be_right_is_refused_with_its_line(case):
    text, line, message = REFUSED[case]
    with pytest.raises(ParseError) as caught:
        parse_lft(pair(), text, "some.lft")
    fault = next(fault for fault in caught.value.faults if message in fault.message)
    assert (fault.file, fault.line) == ("some.lft", line)
    assert fault.cure


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ParseError, match="check the path"):
        read_lft(pair(), tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ParseError, match="is not text"):
        read_lft(pair(), tmp_path / "binary")


def test_garbage_is_given_up_after_200_lines():
    with pytest.raises(ParseError) as caught:
        parse_lft(pair(), "no table\n" * 2_000_000)
    assert len(caught.value.faults) == 200


def test_more_addresses_than_lids_are_refused():
    fabric = load("fat_tree", k=4)
    columns = {**fabric.columns, "lid": np.where(np.arange(fabric.nodes) == 3, 0xC000, -1).astype(np.int32)}
    with pytest.raises(FabricError, match="LID 49152 is above 49151"):
        lft_text(replace(fabric, columns=columns), forwarding_tables(router_for(fabric)))


PIECES = st.sampled_from(
    ["0x0001", "0x0002", "0xffff", " 001", " 255", " # Switch portguid 0x00000000000000a0: 'x'", "4 lids dumped", "\n",
     "Unicast lids [0-4] of switch Lid 3 guid 0x00000000000000a0 ('leaf-0'):", ":", "\t", "'", "0x", "é", "\x00"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_mangled_dump_is_tables_or_a_listed_error(data):
    text = dump()
    for _ in range(data.draw(st.integers(1, 4))):
        at, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 40))
        text = text[:at] + data.draw(st.one_of(PIECES, st.text(max_size=8))) + text[at + length :]
    fabric = pair()
    try:
        tables = parse_lft(fabric, text)
    except ParseError:
        return
    leading = tables.links >= 0
    assert (fabric.link_source[tables.links] == tables.switches[:, None])[leading].all()


def test_a_rule_without_tables_is_not_written(tmp_path):
    with pytest.raises(RoutingError, match="several ways"):
        write_lft(load("fat_tree", k=4), tmp_path / "lft", "ecmp")
    assert not (tmp_path / "lft").exists()
