"""Torus and mesh against networkx's grids, their formulas, and the twisted tori as lattice graphs."""

from math import prod

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import NodeKind
from fabricsim.topologies import mesh, torus

SIZES = [(5,), (2,), (3, 4), (2, 6), (2, 2, 2), (4, 4, 4), (3, 2, 5), (2, 3, 2, 4)]


def grid(dims, periodic) -> nx.Graph:
    """networkx's grid with our names; it turns the order of the dimensions round."""
    graph = nx.grid_graph(dims, periodic=periodic)
    place = {node: (node,) if len(dims) == 1 else node[::-1] for node in graph}
    return nx.relabel_nodes(graph, {node: "switch-" + "-".join(map(str, place[node])) for node in graph})


def cables(graph: nx.Graph) -> list[list[str]]:
    return sorted(sorted(edge) for edge in graph.edges())


@pytest.mark.parametrize("dims", SIZES)
@pytest.mark.parametrize(("family", "periodic"), [(torus, True), (mesh, False)])
def test_grids_are_those_of_networkx(dims, family, periodic, switch_graph):
    assert cables(switch_graph(family(dims=list(dims)))) == cables(grid(dims, periodic))


def test_some_dimensions_may_stay_open(switch_graph):
    ours = switch_graph(torus(dims="3x4x3", wrap="1,0,1"))
    assert cables(ours) == cables(grid((3, 4, 3), (True, False, True)))


@pytest.mark.parametrize(
    ("dims", "links", "diameter", "average"),
    [
        ("4x4x4", 192, 6, 3.048),
        ("8x8x8", 1536, 12, 6.012),
        ("8x8x16", 3072, 16, 8.008),
        ("4x6", 48, 5, 60 / 23),
        ("6", 6, 3, 1.8),
    ],
)
def test_formulas_hold(dims, links, diameter, average, switch_graph):
    """N cables per dimension; the farthest is half way round each ring; on average a quarter, times N/(N - 1)."""
    sizes = [int(size) for size in dims.split("x")]
    graph = switch_graph(torus(dims=dims))
    assert graph.number_of_edges() == links == prod(sizes) * len(sizes)
    distance = nx.single_source_shortest_path_length(graph, "switch" + "-0" * len(sizes))
    assert max(distance.values()) == diameter == sum(size // 2 for size in sizes)
    assert sum(distance.values()) / (prod(sizes) - 1) == pytest.approx(average, abs=5e-4)


def test_a_tpu_v4_pod_has_3072_optical_cables(switch_graph):
    """Jouppi et al., ISCA 2023: 64 cubes of 4 x 4 x 4, 96 links leave each: 6144 ends, 3072 cables."""
    graph = switch_graph(torus(dims="16x16x16"))
    assert graph.number_of_edges() == 12288

    def cube(name):
        return tuple(int(place) // 4 for place in name.split("-")[1:])

    leaving = [edge for edge in graph.edges() if cube(edge[0]) != cube(edge[1])]
    assert len(leaving) == 3072 == 64 * 96 // 2


def quotient(dims, basis) -> nx.Graph:
    """The lattice graph of `basis`: Z^n modulo a lattice by brute force, neighbours one step apart."""
    basis = np.array(basis)
    inverse = np.linalg.inv(basis.T)
    every = list(np.ndindex(*dims))

    def same(one, other):
        steps = inverse @ (np.array(one) - np.array(other))
        return np.allclose(steps, np.round(steps))

    graph = nx.Graph()
    for point in every:
        for axis in range(len(dims)):
            step = tuple(np.array(point) + np.eye(len(dims), dtype=int)[axis])
            graph.add_edge(point, next(other for other in every if same(step, other)))
    return graph


@pytest.mark.parametrize(
    ("dims", "twist", "basis"),
    [
        ((2, 4), 2, [(2, 2), (0, 4)]),
        ((4, 8), 4, [(4, 4), (0, 8)]),
        ((2, 2, 4), 2, [(2, 0, 2), (0, 2, 2), (0, 0, 4)]),
        ((3, 3, 6), 3, [(3, 0, 3), (0, 3, 3), (0, 0, 6)]),
        ((2, 4, 4), 2, [(2, 2, 2), (0, 4, 0), (0, 0, 4)]),
    ],
)
def test_twisted_tori_are_lattice_graphs(dims, twist, basis, switch_graph):
    """The rectangular twisted torus, the face-centred and the body-centred cubic lattice."""
    ours = nx.Graph(switch_graph(torus(dims=list(dims), twist=twist)))
    theirs = quotient(dims, basis)
    names = {node: "switch-" + "-".join(map(str, node)) for node in theirs}
    assert cables(ours) == cables(nx.relabel_nodes(theirs, names))


@pytest.mark.parametrize(("dims", "twist", "diameter"), [("4x8", 4, 4), ("4x4x8", 4, 6), ("4x8x8", 4, 6)])
def test_a_twist_shortens_the_way_and_leaves_all_switches_alike(dims, twist, diameter, switch_graph):
    twisted, plain = (nx.Graph(switch_graph(torus(dims=dims, twist=t))) for t in (twist, 0))
    spectra = {tuple(sorted(nx.single_source_shortest_path_length(twisted, name).values())) for name in twisted}
    assert len(spectra) == 1
    assert max(spectra.pop()) == diameter < nx.diameter(plain)


def test_ports_are_the_same_on_every_switch():
    """Hosts first, then forth and back along each dimension."""
    fabric = torus(dims="3x4", hosts=2)
    place = np.column_stack([fabric.column(f"coord{axis}") for axis in range(2)])
    switch = fabric.node_kind == NodeKind.SWITCH
    for link in np.flatnonzero(switch[fabric.link_source]):
        here, there, port = fabric.link_source[link], fabric.link_target[link], int(fabric.port[link])
        if port <= 2:
            assert fabric.node_kind[there] == NodeKind.HOST
        else:
            axis, back = divmod(port - 3, 2)
            step = np.eye(2, dtype=int)[axis] * (-1 if back else 1)
            assert ((place[here] + step) % (3, 4) == place[there]).all()


def test_servers_take_the_host_ports():
    fabric = torus(dims="4x4", server="hgx-h100")
    assert (fabric.ranks, len(fabric.of_kind(NodeKind.NIC))) == (16, 16)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dims": "4x1x4"}, "dimension of one switch.*dims=4x4"),
        ({"dims": "2x2x2x2x2"}, "5 dimensions are more than 4"),
        ({"dims": "4x4", "twist": 2}, "none to twist.*twist=0 or dims=4x8"),
        ({"dims": "4x8", "twist": 9}, "less than 8 steps.*twist=1"),
        ({"dims": "4x8", "twist": 4, "wrap": "1,0"}, "closes along every dimension"),
        ({"dims": "4x8", "wrap": "1"}, "1 flags for 2 dimensions.*wrap=1,1"),
        ({"dims": "9999x9999"}, "cables"),
        ({"dims": "3x3", "server": "hgx-h100"}, "9 host ports.*hosts=8"),
        ({"dims": "4x4", "radix": 4}, "5 cables do not fit a switch of 4 ports.*radix=5"),
        ({"dims": "axb"}, "dims"),
    ],
)
def test_impossible_tori_are_refused_with_the_nearest(fields, words):
    with pytest.raises(SpecError, match=words):
        torus(**fields)
