"""Dumps that are damaged: each contradiction is refused with its line, none crashes or hangs the reader."""

import time

import pytest
from fabricsim.fabric.errors import ParseError
from fabricsim.fabric.formats.ibnetdiscover import parse_ibnetdiscover, read_ibnetdiscover
from fabricsim.fabric.wiring_rules import check_wiring
from hypothesis import given, settings
from hypothesis import strategies as st

MOST_SECONDS = 5.0
GARBAGE_BYTES = 100_000_000


@pytest.fixture(scope="module")
def text(two_leaves_file) -> str:
    return two_leaves_file.read_text()


def line_of(text: str, part: str) -> int:
    """Number of the first line that holds `part`."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def refused(text: str) -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse_ibnetdiscover(text, "dump.txt")
    assert all(fault.file == "dump.txt" and fault.cure for fault in caught.value.faults)
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"H-0002c90300000050"[1](2c90300000051)', '"H-0002c90300000051"[1](2c90300000051)', "which is not described"),
        ('[1]\t"H-0002c90300000050"', '[9]\t"H-0002c90300000050"', "has no port 9"),
        ('[1]\t"H-0002c90300000050"', '[2]\t"H-0002c90300000050"', "is cabled twice"),
        ('[1]\t"H-0002c90300000050"[1]', '[1]\t"H-0002c90300000050"[2]', "does not say so"),
        ('[1]\t"H-0002c90300000050"[1]', '[1]\t"S-0002c90200000020"[2]', "its own node"),
        ('"node-2 mlx5_1" lid 9 4xHDR', '"node-2 mlx5_1" lid 9 4xEDR', "runs at 4xEDR"),
        ('"node-2 mlx5_1" lid 9 4xHDR', '"node-2 mlx5_1" lid 9 4xZDR', "unknown rate '4xZDR'"),
        ('"node-2 mlx5_1" lid 9 4xHDR', '"node-2 mlx5_1" lid 9 4x???', "unknown rate"),
        ('"node-2 mlx5_1" lid 9 4xHDR', '"node-2 mlx5_1" lid 9', "has no rate"),
        ('"node-2 mlx5_1" lid 9 4xHDR', '"node-2 mlx5_1" lid 8 4xHDR', "sees LID 8"),
        ('"node-2 mlx5_1" lid 9 4xHDR', '"node-2 mlx5_1" lid 99999 4xHDR', "LID above 65535"),
        ("(2c90300000051) ", "(2c90300000055) ", "sees the GUID 0x2c90300000055"),
        ("switchguid=0x2c90200000020(", "switchguid=0x2c90200000021(", "has the GUID 0x2c90200000021"),
        ("Switch\t8 ", "Switch\t0 ", "has 0 ports"),
        ("Switch\t8 ", "Switch\t300 ", "has 300 ports"),
        ("Switch\t8 ", "Swatch\t8 ", "cannot be read"),
        ("vendid=0x0", "vendid=0xfffffffff", "is above 0xffffff"),
        ("vendid=0x0", "devid=0x0", "devid is given twice"),
        ("Ca\t1 ", "Rt\t1 ", "cannot be read"),
    ],
)
def test_a_contradiction_is_named_with_its_line(text, old, new, message):
    assert old in text
    damaged = text.replace(old, new, 1)
    faults = [fault for fault in refused(damaged).faults if message in fault.message]
    assert faults
    changed = line_of(damaged, new)
    assert faults[0].line in (changed, changed + 1)  # there, or where the next line contradicts it


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lid 3 ", "lid 5 ", "the LID 5 is also that of line"),
        ("2c90300000061", "2c90300000051", "the port GUID 0x2c90300000051 is also that of line"),
        ("caguid=0x2c90300000060", "caguid=0x2c90300000050", "the node GUID 0x2c90300000050 is also that of line"),
    ],
)
def test_an_address_that_stands_for_two_things_is_refused(text, old, new, message):
    assert message in str(refused(text.replace(old, new)))


def test_a_line_can_be_longer_than_any_tool_writes(text):
    assert "a line of 2000 characters" in str(refused(text + "x" * 2000))


def test_every_fault_is_named_at_once(text):
    damaged = (
        text.replace("lid 9 4xHDR", "lid 9 4xZDR", 1)
        .replace("Switch\t4 ", "Switch\t3 ")
        .replace("vendid=0x0", "vendor", 1)
    )
    messages = str(refused(damaged))
    for part in ("4xZDR", "has no port 4", "'vendor'"):
        assert part in messages


def test_a_node_described_twice_is_refused(text):
    record = text[text.rindex("\nvendid") :]
    assert "described a second time" in str(refused(text + record))


def test_two_networks_in_one_file_are_refused(text):
    other = text.replace("0002c9", "0003c9").replace("0x2c9", "0x3c9").replace("(2c9", "(3c9")
    other = "".join(f"{line}\n" for line in other.splitlines()).replace("lid ", "lid 1")
    assert "no cables lead from" in str(refused(text + "\n" + other))


def test_a_network_without_hosts_is_refused(text):
    switches = text[: text.index("caguid")]
    assert "no channel adapter" in str(refused(switches))
    assert "Aggregation" not in str(refused("Ca"))


def test_any_port_or_header_line_that_is_missing_is_noticed(text):
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith(("[", "Switch", "Ca")):
            refused("".join(lines[:number] + lines[number + 1 :]))


def test_a_dump_cut_anywhere_is_refused(text):
    end = len(text.rstrip())
    for length in [*range(0, end, 41), *range(end - 100, end)]:
        refused(text[:length])


def test_the_real_cluster_cut_anywhere_is_refused(ndr_cluster_file):
    text = ndr_cluster_file.read_text()
    for length in range(1000, len(text.rstrip()), 60_001):
        refused(text[:length])


# ------------------------------------------------------------------------------------------------ fuzz


def judged(text: str) -> None:
    """Reading gives a connected, well-formed Fabric or a list of faults; anything else fails the test."""
    try:
        fabric = parse_ibnetdiscover(text, "dump.txt")
    except ParseError as error:
        faults = error.faults
        assert faults
        return
    check_wiring(fabric)
    guids = fabric.column("port_guid")[fabric.endpoints]
    assert len(set(guids[guids > 0])) == (guids > 0).sum()
    assert all(len(fabric.out_links(node)) == 1 for node in fabric.endpoints)
    reached, queue = {0}, [0]
    for node in queue:
        new = set(fabric.link_target[fabric.out_links(node)].tolist()) - reached
        reached |= new
        queue += new
    assert len(reached) == fabric.nodes


LINES = r"""
vendid=0x2c9
devid=0x1
sysimgguid=0x5
switchguid=0x5(5)
caguid=0x6
caguid=0xffffffffffffffff
Switch 2 "S-0000000000000005"  # "s" enhanced port 0 lid 1 lmc 0
Switch 254 "s"
Ca 1 "H-0000000000000006"  # "h mlx5_0"
Ca 1 "H-0000000000000007"  # ""
Ca 2 "h"
Ca 1 "g"
[1](6) "S-0000000000000005"[1]  # lid 2 lmc 0 "s" lid 1 4xNDR
[1] "H-0000000000000006"[1](6)  # "h" lid 2 4xNDR
[1] "s"[1] # "s" lid 0 4xHDR
[1] "s"[2] # "s" lid 0 4xHDR
[1] "h"[1] # "h" 4xHDR
[2] "h"[1] # "h" 4xHDR
[2] "g"[1] # "" 4xHDR
[254] "h"[2] # "" 4xSDR
[2] "s"[254] # "" 4xSDR
Chassis 1
#
""".splitlines()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=14))
def test_lines_of_the_grammar_in_any_order_give_a_fabric_or_faults(lines):
    judged("\n".join(lines))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_mutated_dump_gives_a_fabric_or_faults(text, data):
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "swap", "letter", "number", "join"])):
            case "drop":
                del lines[at]
            case "double":
                lines.insert(data.draw(st.integers(0, len(lines))), lines[at])
            case "swap":
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case "letter":
                cut = data.draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:cut] + data.draw(st.characters(codec="utf-8")) + lines[at][cut + 1 :]
            case "number":
                new = str(data.draw(st.sampled_from([0, 1, 2, 7, 255, 65536, 2**64])))
                digits = data.draw(st.sampled_from("0123456789"))
                lines[at] = lines[at].replace(digits, new, 1)
            case "join":
                lines[at : at + 2] = ["".join(lines[at : at + 2])]
    judged("\n".join(lines))


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_the_mutated_real_cluster_gives_a_fabric_or_faults(ndr_cluster_file, data):
    text = ndr_cluster_file.read_text()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 80)) :]
    judged(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_a_fabric_or_faults(text):
    judged("Ca " + text)


GARBAGE = {
    "binary": b"\x8f\x00\xff",
    "one line": b"Ca ",
    "short lines": b"Ca\n",
    "one letter": b"x",
    "headers": b'Ca 1 "x"\n',
    "comments": b"#Ca\n",
    "quotes": b'[1]\t"""""""""""""""\nCa',
    "blanks": b"Ca 1 \n" + b" " * 900,
}


@pytest.mark.parametrize("unit", GARBAGE.values(), ids=GARBAGE)
def test_100_megabytes_of_garbage_are_refused_within_5_seconds(unit, tmp_path):
    path = tmp_path / "garbage"
    path.write_bytes(unit * (GARBAGE_BYTES // len(unit)))
    started = time.perf_counter()
    with pytest.raises(ParseError):
        read_ibnetdiscover(path)
    path.unlink()
    assert time.perf_counter() - started < MOST_SECONDS
