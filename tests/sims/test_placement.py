"""Placements: which endpoints, in which order."""

import numpy as np
import pytest
from fabricsim.fabric.errors import InputError, ParseError, UnknownNameError, WorkloadError
from fabricsim.sims.placement import PLACEMENTS, placed
from fabricsim.topologies import load


@pytest.fixture(scope="module")
def servers():
    return load("hgx-h100", nodes=6)


@pytest.mark.parametrize("name", PLACEMENTS)
def test_every_placement_gives_distinct_endpoints_and_the_same_again(servers, name):
    for count in (1, 11, 48):
        ranks = placed(servers, name, count, seed=5)
        assert len(ranks) == len(set(ranks.tolist())) == count
        assert set(ranks.tolist()) <= set(range(48))
        assert (ranks == placed(servers, name, count, seed=5)).all()


def test_linear_is_the_order_of_the_fabric(servers):
    assert placed(servers, "linear", 9).tolist() == list(range(9))
    assert placed(servers).tolist() == list(range(48))


def test_scattered_servers_stay_whole(servers):
    ranks = placed(servers, "scattered", 24, seed=1).reshape(3, 8)
    assert (ranks == ranks[:, :1] + np.arange(8)).all()
    drawn = {tuple(placed(servers, "scattered", 24, seed)[::8] // 8) for seed in range(20)}
    assert len(drawn) > 10


def test_by_topology_are_the_scattered_servers_in_order(servers):
    for seed in range(5):
        near = placed(servers, "topology", 24, seed)
        assert near.tolist() == sorted(placed(servers, "scattered", 24, seed).tolist())


def test_a_hostlist_names_nodes_in_order(servers):
    assert placed(servers, "hostlist:server-[1,0]").tolist() == [*range(8, 16), *range(8)]
    assert placed(servers, "hostlist:server-[4-5]", 10).tolist() == list(range(32, 42))


def test_a_file_names_endpoints_by_name_or_number(servers, tmp_path):
    listed = tmp_path / "ranks.txt"
    listed.write_text("gpu-1-3\n0\n\n  gpu-5-7\n")
    assert placed(servers, f"file:{listed}").tolist() == [11, 0, 47]


def test_what_cannot_be_placed_is_refused(servers, tmp_path):
    broken = tmp_path / "ranks.txt"
    broken.write_text("gpu-9-9\n1\n48\n")
    with pytest.raises(ParseError) as refused:
        placed(servers, f"file:{broken}")
    assert [fault.line for fault in refused.value.faults] == [1, 3]
    with pytest.raises(InputError, match="cannot be read"):
        placed(servers, f"file:{tmp_path}/nothing")
    with pytest.raises(UnknownNameError, match="did you mean scattered"):
        placed(servers, "scatterd")
    with pytest.raises(UnknownNameError, match="server-7"):
        placed(servers, "hostlist:server-7")
    for count in (0, -1, 49):
        with pytest.raises(WorkloadError, match="give 1 to 48"):
            placed(servers, "linear", count)
    with pytest.raises(WorkloadError, match="give 1 to 8"):
        placed(servers, "hostlist:server-0", 9)


def test_the_command_places_its_ranks(servers, tmp_path):
    """Ranks of one server are faster than as many on servers of their own."""
    from click.testing import CliRunner
    from fabricsim.cli.main import fabricsim

    def of(*how):
        arguments = ("collective", "hgx-h100", "--set", "nodes=6", "--size", "1GiB", "--format", "csv", "-q", *how)
        result = CliRunner().invoke(fabricsim, arguments)
        assert result.exit_code == 0, result.stderr
        return dict(zip(*(line.split(",") for line in result.stdout.splitlines()[:2]), strict=True))

    apart = tmp_path / "apart.txt"
    apart.write_text("\n".join(f"gpu-{server}-0" for server in range(6)))
    near, far = of("--ranks", "6"), of("--placement", f"file:{apart}")
    assert near["ranks"] == far["ranks"] == "6"
    assert float(near["time_us"]) < float(far["time_us"]) / 4
