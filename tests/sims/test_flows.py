"""The same flows, however their columns are written down."""

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.errors import WorkloadError
from fabricsim.fabric.facts import fact
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.flows import read_flows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HOSTS = 5
FLOW = st.tuples(
    st.integers(0, HOSTS - 1),
    st.integers(1, HOSTS - 1),
    st.integers(1, 10**18 - 1) | st.integers(1, 10**6),
    st.floats(0, 1e6),
)
WAYS = {
    "arrays": {"src": np.array, "dst": np.uint16, "bytes": np.array, "start_s": np.array},
    "lists": {"src": list, "dst": list, "bytes": list, "start_s": list},
    "text": {name: lambda cells: [repr(cell) for cell in cells] for name in ("src", "dst", "bytes", "start_s")},
    "names": {
        "src": lambda cells: [f"host-{cell}" for cell in cells],
        "dst": lambda cells: np.array([f"host-{cell}" for cell in cells]),
        "bytes": list,
        "start_s": list,
    },
    "numbers beside text": {
        name: lambda cells: [repr(cell) if i % 2 else cell for i, cell in enumerate(cells)]
        for name in ("src", "dst", "bytes", "start_s")
    },
}


@pytest.mark.parametrize("way", WAYS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flows=st.lists(FLOW, min_size=1, max_size=6))
def test_a_column_says_the_same_as_array_list_text_and_names(star, way, flows):
    src = [src for src, *_ in flows]
    dst = [(src + step) % HOSTS for src, step, *_ in flows]
    size, start_s = [size for *_, size, _ in flows], [start_s for *_, start_s in flows]
    columns = {"src": src, "dst": dst, "bytes": size, "start_s": start_s}
    read = read_flows(star(HOSTS), {name: WAYS[way][name](cells) for name, cells in columns.items()})
    assert read.src.tolist() == src
    assert read.dst.tolist() == dst
    assert read.size_bytes.tolist() == size
    assert read.start_s.tolist() == start_s
    assert read.flow.tolist() == list(range(len(flows)))


def test_a_host_named_like_a_rank_is_found_however_ranks_are_written():
    """Rank 0 is called 1, rank 1 is called 2: ranks 1 and 2 could mean either, rank 0 nobody else."""
    builder = FabricBuilder("numbered")
    hosts = builder.add_nodes(NodeKind.HOST, ["1", "2", "other"])
    builder.add_cables(hosts, np.repeat(builder.add_nodes(NodeKind.SWITCH, ["s"]), 3), 1e11, 0)
    fabric = builder.build()
    for ranks in (np.array([1]), [1], ["1"]):
        with pytest.raises(WorkloadError, match="1 is a rank, and the name of rank 0"):
            read_flows(fabric, {"src": ranks, "dst": [0], "bytes": [1]})
    assert read_flows(fabric, {"src": np.array([0]), "dst": ["other"], "bytes": [1]}).dst.tolist() == [2]


@pytest.mark.parametrize(
    ("column", "cells", "places"),
    [
        ("src", np.array([0, HOSTS, -1]), [1, 2]),
        ("src", np.array([0.0, 1.0, 2.0]), [0, 1, 2]),
        ("dst", np.array([0, 1, 3]), [0, 1]),
        ("bytes", np.array([1.5, 2.0, np.nan]), [0, 2]),
        ("bytes", np.array([0, 1, 2**63], dtype=np.uint64), [0, 2]),
        ("start_s", np.array([0.0, -1e-9, np.inf]), [1, 2]),
    ],
)
def test_every_bad_cell_of_an_array_is_named(star, column, cells, places):
    columns = {"src": np.arange(3), "dst": np.array([4, 4, 4]), "bytes": np.ones(3, int), "start_s": np.zeros(3)}
    with pytest.raises(WorkloadError) as caught:
        read_flows(star(HOSTS), {**columns, column: cells})
    assert [fault.field for fault in caught.value.faults] == [f"flow {place}" for place in places]


def test_a_fact_is_found_once_for_each_fabric(star):
    asked = []

    @fact
    def hosts(fabric):
        asked.append(fabric)
        return fabric.ranks

    three, four = star(3), star(4)
    assert [hosts(three), hosts(four), hosts(three)] == [3, 4, 3]
    assert len(asked) == 2
