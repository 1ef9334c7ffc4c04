"""BCube against its formulas and its definition by digits."""

from itertools import combinations, product

import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import NodeKind
from fabricsim.topologies import bcube


@pytest.mark.parametrize(
    ("n", "k", "servers", "switches", "cables"),
    [(4, 0, 4, 1, 4), (4, 1, 16, 8, 32), (8, 2, 512, 192, 1536), (8, 3, 4096, 2048, 16384), (2, 4, 32, 80, 160)],
)
def test_counts_are_the_published_ones(n, k, servers, switches, cables):
    """Guo et al., SIGCOMM 2009: n^(k+1) servers, (k+1)n^k switches, (k+1)n^(k+1) cables."""
    fabric = bcube(n=n, k=k)
    assert fabric.ranks == servers == n ** (k + 1)
    assert len(fabric.of_kind(NodeKind.SWITCH)) == switches == (k + 1) * n**k
    assert fabric.cables == cables == (k + 1) * n ** (k + 1)


@pytest.mark.parametrize(("n", "k"), [(2, 2), (3, 1), (4, 1)])
def test_servers_share_a_switch_where_one_digit_differs(n, k):
    fabric = bcube(n=n, k=k)
    switches_of = [set(fabric.link_target[fabric.out_links(node)].tolist()) for node in fabric.endpoints.tolist()]
    digits = list(product(range(n), repeat=k + 1))
    for one, other in combinations(range(fabric.ranks), 2):
        differing = sum(a != b for a, b in zip(digits[one], digits[other], strict=True))
        assert len(switches_of[one] & switches_of[other]) == (differing == 1)


def test_a_server_uses_port_l_for_level_l_and_its_digit_there_is_the_switchs_port():
    n = 3
    fabric = bcube(n=n, k=2)
    for number, node in enumerate(fabric.endpoints.tolist()):
        for link in fabric.out_links(node).tolist():
            level = int(fabric.port[link]) - 1
            assert fabric.label(int(fabric.link_target[link])).startswith(f"switch-{level}-")
            assert fabric.port[link ^ 1] == number // n**level % n + 1


def test_meta_says_that_servers_forward():
    assert bcube(n=2, k=1).meta["hosts_forward"] is True


def test_a_bcube_that_fits_no_memory_is_refused():
    with pytest.raises(SpecError, match="cables"):
        bcube(n=48, k=8)
