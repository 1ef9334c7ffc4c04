"""What holds for every family: sound wiring, repeatable builds, parameters that rebuild it, errors of one kind."""

from contextlib import suppress
from unittest.mock import patch

import numpy as np
import pytest
from fabricsim.fabric.check import findings
from fabricsim.fabric.errors import InputError
from fabricsim.fabric.graph import LinkKind
from fabricsim.topologies import FAMILIES, load
from hypothesis import given, settings
from hypothesis import strategies as st

SMALL = {
    "fat_tree": {"k": 4},
    "clos": {"hosts": 60, "radix": 8},
    "xgft": {"m": "4,4,3", "w": "1,2,2"},
    "rail_optimized": {"nodes": 6, "su": 2, "radix": 16},
    "rail_only": {"nodes": 6, "radix": 4},
    "multi_plane": {"planes": 4, "radix": 4},
    "dual_tor": {"nodes": 9, "segment": 4, "pod": 2, "radix": 32},
    "dragonfly": {"p": 2, "g": 6},
    "dragonfly_plus": {"p": 2, "g": 4},
    "slim_fly": {"q": 4},
    "hyperx": {"dims": "3x4"},
    "jellyfish": {"switches": 12, "radix": 8, "degree": 5, "seed": 3},
    "torus": {"dims": "3x6", "twist": 3},
    "mesh": {"dims": "3x2x2", "hosts": 2},
    "full_mesh": {"switches": 5, "hosts": 2},
    "nvlink_domain": {"server": "hgx-h100"},
    "bcube": {"n": 3, "k": 1},
    "composite": {"pods": ["hgx-h100", "mi300x"]},
}
NETWORKED = sorted(SMALL.keys() - {"nvlink_domain"})
CAN_HOST = sorted({*NETWORKED} - {"rail_optimized", "rail_only", "multi_plane", "dual_tor", "bcube", "composite"})
FOR_SERVERS = SMALL | {
    "fat_tree": {"k": 4},
    "clos": {"hosts": 64, "radix": 8},
    "xgft": {"m": "4,4,4", "w": "1,2,2"},
    "dragonfly_plus": {"p": 2, "g": 4},
    "hyperx": {"dims": "4x4"},
    "jellyfish": {"switches": 16, "radix": 8, "degree": 5},
    "torus": {"dims": "4x8", "twist": 4},
    "mesh": {"dims": "4x2x2"},
    "full_mesh": {"switches": 8},
}


def test_every_family_has_a_small_example_here():
    assert SMALL.keys() == FAMILIES.keys()


@pytest.mark.parametrize("family", SMALL)
def test_the_wiring_has_no_faults(family):
    assert findings(load(family, **SMALL[family])) == ()


@pytest.mark.parametrize("family", SMALL)
def test_the_same_fields_give_the_same_bytes(family, tmp_path):
    for name in ("one", "two"):
        load(family, **SMALL[family]).save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("family", SMALL)
def test_the_parameters_in_meta_build_it_again(family):
    fabric = load(family, **SMALL[family])
    assert fabric.meta["family"] == family
    assert load(family, **fabric.meta["parameters"]) == fabric


@pytest.mark.parametrize("family", NETWORKED)
def test_latencies_are_charged_per_cable_and_per_switch_left(family):
    fabric = load(family, **SMALL[family], hop_latency="500ns", switch_latency="1us")
    network = fabric.link_kind == LinkKind.NETWORK
    leaves_switch = fabric.column("radix")[fabric.link_source] > 0
    assert (fabric.latency_ns[network & leaves_switch] == 1500).all()
    assert (fabric.latency_ns[network & ~leaves_switch] == 500).all()


@pytest.mark.parametrize("family", CAN_HOST)
def test_servers_take_one_host_port_per_adapter(family):
    plain = load(family, **FOR_SERVERS[family])
    fabric = load(family, **FOR_SERVERS[family], server="hgx-h100")
    assert fabric.ranks == plain.ranks
    assert fabric.meta["server"] == "hgx-h100"
    network = fabric.link_kind == LinkKind.NETWORK
    assert network.sum() == plain.links
    assert np.array_equal(fabric.column("server")[fabric.endpoints], np.arange(fabric.ranks) // 8)
    assert findings(fabric) == ()


VALUES = st.one_of(
    st.integers(-3, 40),
    st.sampled_from([2**31, 2**26, 10**30, 0, -1]),
    st.floats(allow_nan=True),
    st.text(max_size=8),
    st.sampled_from(
        ["4x4", "0x0", "3,3,3,3,3", "400Gbps", "1us", "nan", "1e9", "hgx-h100", "mi300x", "roce", "palmtree"]
    ),
    st.booleans(),
    st.none(),
    st.lists(st.integers(-1, 5), max_size=5),
)


@pytest.mark.parametrize("family", SMALL)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_fields_give_a_fabric_or_an_error_that_lists_faults(family, data):
    names = st.sampled_from(sorted(FAMILIES[family].spec.model_fields))
    fields = SMALL[family] | data.draw(st.dictionaries(names, VALUES, min_size=1, max_size=3))
    with patch("fabricsim.topologies.wiring._MOST_CABLES", 50_000), suppress(InputError):
        assert load(family, **fields).nodes > 0
