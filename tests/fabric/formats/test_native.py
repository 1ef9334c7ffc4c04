"""The saved Fabric: what is no such file, or was tampered with, is refused."""

import io
import json
import zipfile

import numpy as np
import pytest
from fabricsim.fabric.errors import ParseError
from fabricsim.fabric.graph import Fabric


def tampered(two_leaves, tmp_path, change):
    """The saved fabric with its members (name -> bytes) changed by `change`."""
    two_leaves.save(tmp_path / "good.fabric")
    with zipfile.ZipFile(tmp_path / "good.fabric") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(tmp_path / "bad.fabric", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return tmp_path / "bad.fabric"


def npy(values) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=True)
    return buffer.getvalue()


def header(**changes):
    def change(members):
        members["fabric.json"] = json.dumps(json.loads(members["fabric.json"]) | changes).encode()

    return change


def array(name, values):
    return lambda members: members.update({f"{name}.npy": values if isinstance(values, bytes) else npy(values)})


NODES, LINKS = 11, 24


def hostile(described: bytes) -> bytes:
    """An array file that says this about itself."""
    return b"\x93NUMPY\x01\x00" + (80).to_bytes(2, "little") + described.ljust(80)


def test_the_numbers_of_the_tampering_fit_the_fabric(two_leaves):
    assert (two_leaves.nodes, two_leaves.links) == (NODES, LINKS)


@pytest.mark.parametrize(
    "change",
    [
        header(format="other"),
        header(version=2),
        header(name=5),
        header(meta=[]),
        lambda members: members.pop("fabric.json"),
        lambda members: members.update({"fabric.json": b"[" * 100_000}),
        lambda members: members.update({"fabric.json": b"\xff"}),
        lambda members: members.pop("port.npy"),
        lambda members: members.update({"extra.npy": npy([1])}),
        lambda members: members.update({"columns/extra.npy": npy(np.zeros(NODES))}),
        array("port", np.zeros(LINKS, dtype="i4")),
        array("port", np.zeros((LINKS, 1), dtype="i2")),
        array("port", np.zeros(LINKS - 2, dtype="i2")),
        array("port", np.array([None] * LINKS)),
        array("node_kind", np.full(NODES, 99, dtype="u1")),
        array("link_kind", np.full(LINKS, 99, dtype="u1")),
        array("link_target", np.full(LINKS, NODES, dtype="i4")),
        array("capacity_bps", np.full(LINKS, np.nan)),
        array("endpoints", np.array([-1], dtype="i4")),
        array("node_name", np.array([bytes([255, n + 1]) for n in range(NODES)])),
        array("columns/lid", np.zeros(NODES + 1, dtype="i4")),
        array("columns/description", np.array([b"\xff"] * NODES)),
        array("port", b"no numpy"),
        array("port", b""),
        array("port", hostile(b"{'descr': '<i2', 'fortran_order': False, 'shape': (10**9,")),
        array("port", hostile(b"{'descr': '<i2', 'fortran_order': False, 'shape': (99999999999999,)}")),
        array("port", hostile(b"{'descr': '<i2', 'fortran_order': False, 'shape': (-5,)}")),
        array("port", hostile(b"(" * 80)),
    ],
)
def test_a_file_that_was_tampered_with_is_refused(two_leaves, tmp_path, change):
    path = tampered(two_leaves, tmp_path, change)
    with pytest.raises(ParseError) as caught:
        Fabric.load(path)
    assert all(fault.file == str(path) for fault in caught.value.faults)


def test_a_file_that_is_cut_short_is_refused(two_leaves, tmp_path):
    two_leaves.save(tmp_path / "x")
    whole = (tmp_path / "x").read_bytes()
    for length in range(0, len(whole), 97):
        (tmp_path / "x").write_bytes(whole[:length])
        with pytest.raises(ParseError):
            Fabric.load(tmp_path / "x")


def test_a_later_version_asks_for_an_upgrade(two_leaves, tmp_path):
    with pytest.raises(ParseError, match="upgrade"):
        Fabric.load(tampered(two_leaves, tmp_path, header(version=2)))
