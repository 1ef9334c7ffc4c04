"""Chakra files: what is written is read, byte for byte; what is cut or altered is refused with its place."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from fabricsim.fabric.errors import InputError, ParseError
from fabricsim.sims.chakra import Attribute, Node, NodeType, Tensors, Trace, read_trace, write_trace
from hypothesis import given
from hypothesis import strategies as st

FILES = ("all_reduce.0.et", "custom_allreduce.0.et")
INT = {"int": lambda bits: (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1), "uint": lambda bits: (0, 2**bits - 1)}
VALUES = {
    "double": st.floats(allow_nan=False),
    "float": st.floats(width=32, allow_nan=False),
    "bool": st.booleans(),
    "string": st.text(max_size=20),
    "bytes": st.binary(max_size=20),
    **{f"{name}{bits}": st.integers(*INT["int"](bits)) for name in ("int", "sint", "sfixed") for bits in (32, 64)},
    **{f"{name}{bits}": st.integers(*INT["uint"](bits)) for name in ("uint", "fixed") for bits in (32, 64)},
}
ID = st.integers(0, 2**64 - 1)
ATTRIBUTE = st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.one_of(
        st.builds(Attribute, st.text(), st.just(f"{kind}_val"), VALUES[kind], st.text()),
        st.builds(Attribute, st.text(), st.just(f"{kind}_list"), st.lists(VALUES[kind], max_size=4).map(tuple)),
    )
)
SOME = st.lists(ATTRIBUTE, max_size=3).map(tuple)
DEPENDENCIES = st.lists(ID, max_size=3).map(tuple)
TENSORS = st.none() | st.builds(Tensors, st.text(), st.text(), st.text())
NODE = st.builds(
    Node, ID, st.text(), st.sampled_from(NodeType), DEPENDENCIES, DEPENDENCIES, ID, ID, TENSORS, TENSORS, SOME
)
TRACE = st.builds(Trace, st.lists(NODE, max_size=4).map(tuple), st.text(), SOME)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("chakra") / "t.0.et"


@pytest.mark.parametrize("name", FILES)
def test_a_sample_is_written_back_byte_for_byte(samples, file, name):
    write_trace(file, read_trace(samples / name))
    assert file.read_bytes() == (samples / name).read_bytes()


def test_a_sample_says_what_its_makers_put_in(samples):
    (call,) = read_trace(samples / "all_reduce.0.et").nodes
    assert (call.id, call.name, call.type) == (0, "all_reduce_8npus_1MB", NodeType.COMM_COLL)
    assert call.attributes == (
        Attribute("is_cpu_op", "bool_val", False),
        Attribute("comm_type", "int64_val", 0),
        Attribute("comm_size", "int64_val", 2**20),
    )
    ring = read_trace(samples / "custom_allreduce.0.et")
    assert [one.type.name for one in ring.nodes].count("COMM_SEND") == 14
    assert sum(one.duration_us for one in ring.nodes) == 7 * 7
    assert [one.data_deps for one in ring.nodes] == [(), *((before,) for before in range(34))]


@given(TRACE)
def test_what_is_written_is_read(file, trace):
    write_trace(file, trace)
    assert read_trace(file) == trace


def test_known_bytes_are_those_of_the_encoding_guide(file):
    """150 is 96 01, -1 as int32 ten bytes, -1 as sint32 01, 1.0 as float 00 00 80 3f (protobuf.dev, Encoding)."""
    values = [("uint32_val", 150), ("int32_val", -1), ("sint32_val", -1), ("float_val", 1.0), ("uint64_list", (3, 270))]
    attributes = [Attribute("", kind, value) for kind, value in values]
    write_trace(file, Trace((), "", tuple(attributes)))
    expected = ["589601", "38" + "ff" * 9 + "01", "7801", "2d0000803f", "72050a03038e02"]
    fields = b"".join(b"\x12" + bytes([len(bytes.fromhex(one))]) + bytes.fromhex(one) for one in expected)
    assert file.read_bytes() == bytes([len(fields)]) + fields


def test_an_infinite_value_and_an_unpacked_list_are_read(file):
    file.write_bytes(b"\x00" + b"\x06\x18\x04\x28\x05\x28\x07" + b"\x0b\x18\x04\x52\x07\x2d\x00\x00\x80\x7f\x0a\x00")
    first, second = read_trace(file).nodes
    assert first.data_deps == (5, 7)
    assert math.isinf(second.attributes[0].value)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_but_between_messages_is_refused(samples, file, name):
    whole, trace = (samples / name).read_bytes(), read_trace(samples / name)
    step = 1 if len(whole) < 1000 else 7
    kept = set()
    for length in range(len(whole) - 1, -1, -step):
        file.write_bytes(whole[:length])
        try:
            part = read_trace(file)
        except ParseError:
            continue
        assert part == replace(trace, nodes=trace.nodes[: len(part.nodes)])
        kept.add(len(part.nodes))
    if step == 1:
        assert kept == set(range(len(trace.nodes)))


@given(st.data())
def test_an_altered_file_is_refused_or_is_another_trace(samples, file, data):
    whole = bytearray((samples / "all_reduce.0.et").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(whole)
    try:
        trace = read_trace(file)
    except ParseError:
        return
    write_trace(file, trace)
    assert repr(read_trace(file)) == repr(trace)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"\x18\x09", "unknown type 9"),
        (b"\x08\x01", "unknown type 0"),
        (b"\x18\x04\x58\x01", "unknown field 11"),
        (b"\x18\x04\x18\x04", "field 3 more than once"),
        (b"\x1a\x01\x04", "field 3 in wire type 2"),
        (b"\x18\x04\x12\x01\xff", "not UTF-8"),
        (b"\x18\x04\x08" + b"\xff" * 9 + b"\x02", "more than 64 bits"),
        (b"\x18\x04\x08" + b"\xff" * 12, "does not end"),
        (b"\x18\x04\x12\x05a", "ends 4 bytes before"),
        (b"\x18\x04\x0b", "starts no field"),
        (b"\x18\x04\x52\x00", "holds 0 values"),
        (b"\x18\x04\x52\x04\x58\x01\x38\x01", "holds 2 values"),
        (b"\x18\x04\x52\x03\xd8\x01\x02", "2 is outside 0..1"),
    ],
)
def test_a_broken_node_is_named_beside_the_others(file, message, said):
    broken = bytes([len(message)]) + message
    file.write_bytes(b"\x00" + broken + b"\x02\x18\x04" + broken)
    with pytest.raises(ParseError, match=said) as caught:
        read_trace(file)
    assert [fault.field for fault in caught.value.faults] == ["node 1", "node 3"]


@pytest.mark.parametrize(("content", "said"), [(b"", "is empty"), (b"\x1f\x8b\x08", "compressed"), (None, "No such")])
def test_what_is_no_trace_is_refused(file, content, said):
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ParseError, match=said):
        read_trace(file)


def test_a_value_out_of_its_type_is_not_written(file):
    bad = Node(4, "n", NodeType.COMP, attributes=(Attribute("a", "int32_val", 2**31),))
    with pytest.raises(InputError, match=r"node 4.*2147483648 is outside"):
        write_trace(file, Trace((bad,)))
