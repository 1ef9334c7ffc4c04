"""Flow lists in, completion times out; every bad line is named."""

import csv
from itertools import pairwise

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.errors import InputError, ParseError, RoutingError, SpecError, UnknownNameError, WorkloadError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.patterns import PATTERNS, pattern
from fabricsim.sims.traffic import traffic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GB = 10**9
LINE_S = 8 * GB / 1e11


def test_flows_by_number_and_by_name_are_the_same(star):
    by_number = traffic(star(4), {"src": [0, 1], "dst": [2, 2], "bytes": [GB, GB]})
    by_name = traffic(star(4), {"src": ["host-0", "host-1"], "dst": ["host-2", "2"], "bytes": [GB, GB]})
    assert np.array_equal(by_number.finish_s, by_name.finish_s)
    assert by_name.src.tolist() == ["host-0", "host-1"]


@pytest.mark.parametrize("given", [1, "1"])
def test_a_number_that_is_one_endpoints_rank_and_anothers_name_is_refused(given):
    builder = FabricBuilder("numbered")
    hosts = builder.add_nodes(NodeKind.HOST, ["1", "zero"])
    builder.add_cables(hosts, np.repeat(builder.add_nodes(NodeKind.SWITCH, ["s"]), 2), 1e11, 0)
    with pytest.raises(WorkloadError, match="1 is a rank, and the name of rank"):
        traffic(builder.build(), {"src": [given], "dst": ["zero"], "bytes": [GB]})


def test_results_are_in_input_order_and_absolute(star):
    flows = {"src": [0, 2], "dst": [1, 3], "bytes": [2 * GB, GB], "start_s": [5.0, 1.0]}
    ran = traffic(star(4), flows, transport="ideal")
    assert ran.start_s == pytest.approx([5, 1])
    assert ran.finish_s == pytest.approx([5 + 2 * LINE_S + 1e-6, 1 + LINE_S + 1e-6], rel=1e-12)
    assert ran.makespan_s == pytest.approx(4 + 2 * LINE_S + 1e-6)


def test_a_start_so_late_that_a_duration_would_lose_its_digits_is_refused(star):
    with pytest.raises(WorkloadError, match="count from the first flow"):
        traffic(star(2), {"src": [0], "dst": [1], "bytes": [1000], "start_s": [1e10]})
    ran = traffic(star(2), {"src": [0], "dst": [1], "bytes": [1000], "start_s": [1e6]}, transport="ideal")
    assert ran.rate_bps == pytest.approx([8000 / (8000 / 1e11 + 1e-6)], rel=1e-3)


def test_the_summary_has_the_keys_of_the_contract(star):
    summary = traffic(star(4), {"src": [0, 1, 2], "dst": [3, 3, 3], "bytes": [GB] * 3}, transport="ideal").to_dict()
    assert list(summary) == ["flows", "makespan_s", "rate_bps", "fct_s", "bottleneck", "assumptions"]
    assert summary["flows"] == 3
    assert summary["makespan_s"] == pytest.approx(3 * LINE_S + 1e-6)
    assert set(summary["rate_bps"]) == set(summary["fct_s"]) == {"mean", "min", "p50", "p99"}
    assert summary["rate_bps"]["mean"] == pytest.approx(8 * GB / (3 * LINE_S + 1e-6))
    assert summary["bottleneck"]["name"] == "switch-0:4 -> host-3"
    assert all(isinstance(sentence, str) for sentence in summary["assumptions"])


def test_a_flows_file_comes_back_with_times_in_full_precision(star, tmp_path):
    listed = tmp_path / "in.csv"
    listed.write_text("flow,src,dst,bytes,start_s\na,host-0,1,1000000007,0.1\n\nb,2,host-3,13,0.3\n")
    ran = traffic(star(4), listed)
    ran.save_flows(tmp_path / "out.csv")
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["flow", "src", "dst", "bytes", "start_s", "finish_s", "rate_bps"]
    assert [(row["flow"], row["src"], row["dst"], row["bytes"]) for row in rows] == [
        ("a", "host-0", "1", "1000000007"),
        ("b", "2", "host-3", "13"),
    ]
    assert [float(row["finish_s"]) for row in rows] == ran.finish_s.tolist()


def test_a_frame_is_read_like_a_mapping(star):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"src": [0], "dst": [1], "bytes": [GB]})
    assert traffic(star(2), frame, transport="ideal").finish_s == pytest.approx([LINE_S + 1e-6])


def test_every_bad_line_of_a_flows_file_is_listed_with_its_place(star, tmp_path):
    listed = tmp_path / "bad.csv"
    listed.write_text(
        "src,dst,bytes,start_s\n0,9,1,0\nhost-7,1,1,0\n0,1,-5,0\n0,1,1.5,0\n0,1,8,nan\n2,2,8,0\n0,1,1GB,0\n"
    )
    with pytest.raises(WorkloadError) as caught:
        traffic(star(4), listed)
    places = [(fault.file, fault.line) for fault in caught.value.faults]
    assert places == [(str(listed), line) for line in (2, 3, 4, 5, 6, 7, 8)]
    assert "did you mean" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("src,dst\n0,1\n", "'bytes' is missing"),
        ("src,dst,bytes,speed\n0,1,1,2\n", "unknown column 'speed'"),
        ("src,dst,bytes,src\n0,1,1,2\n", "stands twice"),
        ("src,dst,bytes\n0,1\n", ":2: has 2 cells"),
        ('src,dst,bytes\n"0,1,1\n', "not CSV"),
    ],
)
def test_a_file_that_is_no_table_is_refused(star, tmp_path, text, complaint):
    (tmp_path / "flows.csv").write_text(text)
    with pytest.raises(ParseError, match=complaint):
        traffic(star(2), tmp_path / "flows.csv")


def test_a_file_that_is_not_text_or_not_there_is_refused(star, tmp_path):
    (tmp_path / "flows.csv").write_bytes(b"\xff\xfe\x00src")
    with pytest.raises(ParseError, match="not UTF-8"):
        traffic(star(2), tmp_path / "flows.csv")
    with pytest.raises(ParseError, match="No such file"):
        traffic(star(2), tmp_path / "none.csv")


@pytest.mark.parametrize(
    "flows",
    [
        {},
        {"src": [], "dst": [], "bytes": []},
        {"src": [0], "dst": [1]},
        {"src": [0, 1], "dst": [1], "bytes": [1]},
        {"src": [0], "dst": [1], "bytes": [0]},
        {"src": [True], "dst": [0], "bytes": [1]},
        {"src": [0], "dst": [1], "bytes": [float("inf")]},
        {"src": [0], "dst": [1], "bytes": [1], "start_s": [-1.0]},
        {"src": [-1], "dst": [1], "bytes": [1]},
        {"src": 0, "dst": 1, "bytes": 1},
        {"src": [[0], [1, 1]], "dst": [1, 1], "bytes": [1, 1]},
        {"src": [0], "dst": [1], "bytes": [1], "start_s": [10**400]},
        {"src": [0], "dst": [1], "bytes": [10**400]},
        {"src": [None], "dst": [1], "bytes": [1]},
        {"src": [0], "dst": [1], "bytes": ["1GiB"]},
        7,
    ],
)
def test_flows_that_are_none_are_refused(star, flows):
    with pytest.raises(WorkloadError):
        traffic(star(2), flows)


def test_paths_as_given_are_taken(two_leaves, tmp_path):
    """Both flows sent over spine 0, although there are two."""
    fabric = two_leaves(2, 2)
    flows = {"src": [0, 1], "dst": [2, 3], "bytes": [GB, GB]}
    nodes = [
        ["host-0", "switch-0", "switch-2", "switch-1", "host-2"],
        ["host-1", "switch-0", "switch-2", "switch-1", "host-3"],
    ]
    by_name = traffic(fabric, flows, routes=nodes, transport="ideal")
    assert by_name.finish_s == pytest.approx(2 * LINE_S + 2e-6)
    with open(tmp_path / "routes.csv", "w") as file:
        file.write("flow,hop,node\n")
        file.writelines(f"{f},{hop},{node}\n" for f in (1, 0) for hop, node in enumerate(nodes[f]))
    by_file = traffic(fabric, flows, routes=tmp_path / "routes.csv", transport="ideal")
    links = np.flatnonzero(by_name.link_bytes)
    forth = {(int(fabric.link_source[link]), int(fabric.link_target[link])): int(link) for link in links}
    ids = [forth[fabric.node_id(a), fabric.node_id(b)] for path in nodes for a, b in pairwise(path)]
    np.savez(tmp_path / "routes.npz", indptr=[0, 4, 8], links=ids)
    by_arrays = traffic(fabric, flows, routes=(np.array([0, 4, 8]), np.array(ids)), transport="ideal")
    by_npz = traffic(fabric, flows, routes=tmp_path / "routes.npz", transport="ideal")
    for other in (by_file, by_arrays, by_npz):
        assert np.array_equal(other.finish_s, by_name.finish_s)
        assert np.array_equal(other.link_bytes, by_name.link_bytes)


def test_every_bad_route_is_listed(two_leaves):
    flows = {"flow": list("abcde"), "src": [0] * 5, "dst": [2] * 5, "bytes": [GB] * 5}
    routes = [
        ["host-0", "switch-0", "switch-2", "switch-1", "host-2"],
        ["host-0", "switch-0", "host-2"],
        ["host-0", "switch-9", "host-2"],
        ["host-0", "host-1"],
        ["host-0", "switch-0", "switch-2", "switch-1", "host-2"],
    ]
    with pytest.raises(RoutingError) as caught:
        traffic(two_leaves(2, 2), flows, routes=routes)
    assert [fault.field for fault in caught.value.faults] == ["flow b", "flow c", "flow d"]


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        (["host-1", "switch-0", "switch-2", "switch-1", "host-2"], "begins at host-1, not at host-0"),
        (["host-0", "switch-0", "switch-2", "switch-1", "host-3"], "ends at host-3, not at host-2"),
        ([], "has no route"),
        (["host-0"], "has no route"),
    ],
)
def test_a_route_begins_and_ends_with_its_endpoints(two_leaves, path, complaint):
    with pytest.raises(RoutingError, match=complaint):
        traffic(two_leaves(2, 2), {"src": [0], "dst": [2], "bytes": [1]}, routes=[path])


@pytest.mark.parametrize(
    ("indptr", "links", "complaint"),
    [
        ([0, 2], [0, 0], "does not lead to"),
        ([0, 1], [99], "outside"),
        ([0, 1], [-1], "outside"),
        ([0, 2], [0], "does not rise"),
        ([0, 1, 1], [0], "3 entries for 1 flows"),
        ([0.0, 1.0], [0], "whole numbers"),
        ([[0, 1]], [0], "whole numbers"),
    ],
)
def test_links_as_given_must_join(two_leaves, indptr, links, complaint):
    with pytest.raises(RoutingError, match=complaint):
        traffic(two_leaves(2, 2), {"src": [0], "dst": [2], "bytes": [1]}, routes=(np.array(indptr), np.array(links)))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("r.csv", b"flow,hop,node\nz,0,host-0\n", "unknown flow 'z'"),
        ("r.csv", b"flow,hop,node\n0,first,host-0\n", "no whole number"),
        ("r.csv", b"flow,hop,node\n0,0,host-0\n0,0,host-1\n", "stands twice"),
        ("r.npz", b"garbage", "no npz"),
        ("none.npz", None, "No such file"),
    ],
)
def test_a_routes_file_that_cannot_be_read_is_refused(star, tmp_path, name, content, complaint):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=complaint):
        traffic(star(2), {"src": [0], "dst": [1], "bytes": [1]}, routes=tmp_path / name)


def test_every_fault_of_a_routes_file_says_where_it_stands(two_leaves, tmp_path):
    """Hops of a file may stand in any order; each fault names the line of its own hop."""
    file, flows = tmp_path / "routes.csv", {"flow": list("ab"), "src": [0, 0], "dst": [2, 2], "bytes": [1, 1]}
    whole = ["a,0,host-0", "a,1,switch-0", "a,2,switch-2", "a,3,switch-1", "a,4,host-2"]

    def places(*rows: str) -> list[tuple[str, int | None, str]]:
        file.write_text("\n".join(["flow,hop,node", *rows]))
        with pytest.raises(RoutingError) as caught:
            traffic(two_leaves(2, 2), flows, routes=file)
        return [(fault.file, fault.line, fault.field) for fault in caught.value.faults]

    assert places(*whole, "b,1,switch-9", "b,0,host-0") == [(str(file), 7, "flow b")]
    assert places(*whole, "b,0,host-0", "b,1,host-2") == [(str(file), 8, "flow b")]
    assert places(*whole) == [(str(file), None, "flow b")]
    astray = [row.replace("a,", "b,").replace("host-0", "host-1").replace("host-2", "host-3") for row in whole]
    assert places(*whole, *reversed(astray)) == [(str(file), 11, "flow b"), (str(file), 7, "flow b")]


def test_faults_of_an_npz_of_routes_name_the_file(two_leaves, tmp_path):
    np.savez(tmp_path / "routes.npz", indptr=[0, 2], links=[0, 0])
    with pytest.raises(RoutingError) as caught:
        traffic(two_leaves(2, 2), {"src": [0], "dst": [2], "bytes": [1]}, routes=tmp_path / "routes.npz")
    assert {fault.file for fault in caught.value.faults} == {str(tmp_path / "routes.npz")}


def test_on_given_routes_idle_knobs_are_refused(star):
    flows, routes = {"src": [0], "dst": [1], "bytes": [1]}, [["host-0", "switch-0", "host-1"]]
    with pytest.raises(SpecError, match=r"transport\.qps"):
        traffic(star(2), flows, routes, transport={"name": "roce", "qps": 4})
    with pytest.raises(SpecError, match="routes name one"):
        traffic(star(2), flows, routes, fidelity="fluid")
    with pytest.raises(InputError, match="no bound"):
        traffic(star(2), flows, fidelity="bound")


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("ranks", [2, 3, 16, 101])
def test_nobody_sends_to_itself_in_any_pattern(name, ranks):
    flows = pattern(name, ranks, 10, seed=3)
    assert (flows["src"] != flows["dst"]).all()
    assert {*flows["src"].tolist(), *flows["dst"].tolist()} <= set(range(ranks))
    assert (flows["bytes"] == 10).all()


@pytest.mark.parametrize("ranks", [2, 3, 16, 101])
def test_patterns_are_what_their_names_say(ranks):
    permuted = pattern("permutation", ranks, 1, seed=ranks)
    assert sorted(permuted["src"].tolist()) == sorted(permuted["dst"].tolist()) == list(range(ranks))
    incast = pattern("incast", ranks, 1)
    assert sorted(incast["src"].tolist()) == list(range(1, ranks))
    assert set(incast["dst"].tolist()) == {0}
    everyone = pattern("all-to-all", ranks, 1)
    assert len(set(zip(everyone["src"].tolist(), everyone["dst"].tolist(), strict=True))) == ranks * (ranks - 1)
    hot = pattern("hotspot", ranks, 1)
    assert sorted(hot["src"].tolist()) == list(range(ranks))
    assert np.count_nonzero(hot["dst"] == 0) >= max(1, round(ranks / 8))


def test_patterns_depend_on_the_seed_alone():
    one, same, other = (pattern("permutation", 64, 1, seed)["dst"] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_patterns_that_cannot_be_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean all-to-all"):
        pattern("all2all", 4, 1)
    with pytest.raises(WorkloadError, match="two endpoints"):
        pattern("incast", 1, 1)
    with pytest.raises(WorkloadError, match="4294901760 flows"):
        pattern("all-to-all", 65536, 1)
    with pytest.raises(WorkloadError, match="above 0"):
        pattern("incast", 4, 0)


def test_an_all_to_all_on_a_star_runs_at_line_rate(star):
    """Every port sends and receives n - 1 equal flows, so all end together."""
    ran = traffic(star(9), pattern("all-to-all", 9, GB), transport="ideal")
    assert ran.finish_s == pytest.approx(8 * LINE_S + 1e-6, rel=1e-9)


@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)),
    st.sampled_from(["flows.csv", "r.csv", "r.npz"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_is_refused_and_never_fails_otherwise(star, tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    flows = tmp_path / name if name == "flows.csv" else {"src": [0], "dst": [1], "bytes": [1]}
    with pytest.raises(InputError):
        traffic(star(2), flows, None if name == "flows.csv" else tmp_path / name)


@given(st.lists(st.tuples(*[st.text(alphabet="0123456789.-+eEinfa hostx", max_size=6)] * 4), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cells_of_any_kind_are_read_or_refused_with_their_line(star, tmp_path, rows):
    (tmp_path / "f.csv").write_text("src,dst,bytes,start_s\n" + "".join(",".join(row) + "\n" for row in rows))
    try:
        ran = traffic(star(3), tmp_path / "f.csv")
    except InputError:
        return
    assert np.isfinite(ran.finish_s).all()


@pytest.mark.parametrize("cell", ["9" * 5000, "١", "1_000", "0x10", "1e3.0", "--1"])
def test_numbers_that_python_would_stretch_to_read_are_refused(star, cell):
    for column in ("src", "bytes", "start_s"):
        flows = {"src": ["0"], "dst": ["1"], "bytes": ["1"], "start_s": ["0"], column: [cell]}
        with pytest.raises(WorkloadError):
            traffic(star(2), flows)
