"""Real SimGrid (Debian's python3-simgrid) loads our platform and moves data over it as arithmetic says."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from fabricsim import topologies
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.errors import FabricError
from fabricsim.fabric.formats.ibnetdiscover import read_ibnetdiscover
from fabricsim.fabric.formats.simgrid_xml import write_simgrid_xml
from fabricsim.fabric.graph import NodeKind
from fabricsim.fabric.routing import router_for

PYTHON = Path("/usr/bin/python3")
_LIMIT_S = 60

# CM02 without TCP's window and cross traffic: a transfer takes its latency and its size over its share of the rate.
_SIMULATION = """
import json, sys
from simgrid import Actor, Engine, Host, Mailbox, this_actor
engine = Engine(["simgrid", "--cfg=network/model:CM02", "--cfg=network/TCP-gamma:0", "--cfg=network/crosstraffic:0",
                 "--log=root.thresh:error"])
engine.load_platform(sys.argv[1])
flows, done = json.loads(sys.argv[2]), {}

def send(number, size):
    Mailbox.by_name(str(number)).put(number, size)

def receive(number):
    Mailbox.by_name(str(number)).get()
    done[number] = Engine.clock

for number, (source, target, size) in enumerate(flows):
    Actor.create(f"s{number}", Host.by_name(source), send, number, size)
    Actor.create(f"r{number}", Host.by_name(target), receive, number)
engine.run()
print(json.dumps({"hosts": len(engine.all_hosts), "links": len(engine.all_links),
                  "done": [done[number] for number in range(len(flows))]}))
"""


@pytest.fixture
def simgrid(tmp_path):
    """`simgrid(fabric, flows)`: what SimGrid says of flows (rank, rank, bytes) on our platform file."""
    look = [PYTHON, "-c", "import simgrid"]
    if not PYTHON.exists() or subprocess.run(look, capture_output=True, check=False).returncode:
        missing = pytest.fail if os.environ.get("FABRICSIM_REQUIRE_INTEROP") else pytest.skip
        missing("needs SimGrid: apt-get install python3-simgrid")

    def run(fabric, flows, routing="auto"):
        write_simgrid_xml(fabric, tmp_path / "platform.xml", routing)
        names = [fabric.label(node) for node in fabric.endpoints.tolist()]
        given = json.dumps([(names[source], names[target], size) for source, target, size in flows])
        command = [PYTHON, "-c", _SIMULATION, tmp_path / "platform.xml", given]
        result = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout.splitlines()[-1])

    return run


def test_a_transfer_alone_takes_its_latency_and_its_size_over_the_rate(simgrid):
    fabric = topologies.fat_tree(k=4, link="100Gbps", hop_latency="500ns")
    said = simgrid(fabric, [(0, 15, 1_250_000_000)])
    assert said["hosts"] == 16
    assert said["done"] == [pytest.approx(0.1 + 6 * 500e-9, rel=1e-9)]


@pytest.mark.parametrize("routing", ["d-mod-k", "ecmp"])
def test_flows_that_meet_on_a_link_share_it(simgrid, routing):
    """Hosts 0 and 1 to hosts 8 and 9: as fast as the paths of this rule let them, by the count of shared links."""
    fabric = topologies.fat_tree(k=4, link="100Gbps", hop_latency="0ns")
    paths = router_for(fabric, routing).paths([0, 1], [8, 9])
    first, second = (set(paths.links[a:b].tolist()) for a, b in zip(paths.indptr[:-1], paths.indptr[1:], strict=True))
    expected = 0.2 if first & second else 0.1
    said = simgrid(fabric, [(0, 8, 1_250_000_000), (1, 9, 1_250_000_000)], routing)
    assert said["done"] == [pytest.approx(expected, rel=1e-9)] * 2


def test_accelerators_of_a_server_talk_over_its_nvswitches(simgrid):
    """HGX H100: the widest bundle to an NVSwitch is 5 of 18 links, 450 GB/s in all."""
    fabric = topologies.load("hgx-h100", nodes=2)
    said = simgrid(fabric, [(0, 8, 50_000_000_000), (0, 1, 1_000_000_000)])
    assert said["hosts"] == 16
    assert said["done"][0] == pytest.approx(1.0, rel=1e-4)  # 400 Gbit/s of its adapter
    paths = router_for(fabric).paths([0], [1])
    rate = fabric.capacity_bps[paths.links].min() / 8
    assert said["done"][1] == pytest.approx(1e9 / rate, rel=1e-3)


def test_the_real_cluster_loads(simgrid):
    cluster = read_ibnetdiscover(Path(__file__).parents[1] / "data" / "ibnetdiscover" / "ndr_cluster.txt")
    some = replace(cluster, endpoints=cluster.endpoints[::10])  # all pairs of all 542 take SimGrid ten seconds to load
    said = simgrid(some, [(0, 54, 50_000_000)])
    assert said["hosts"] == 55
    assert said["done"][0] == pytest.approx(1e-3, rel=0.01)


def test_names_that_xml_would_trip_over_are_escaped(simgrid):
    builder = FabricBuilder("awkward")
    hosts = builder.add_nodes(NodeKind.HOST, ['h<&>"', "-- it's"])
    switch = builder.add_nodes(NodeKind.SWITCH, ["<!-- -->"])
    builder.add_cables(hosts, switch[[0, 0]], 8e9, 0)
    assert simgrid(builder.build(), [(0, 1, 1_000_000_000)])["done"] == [pytest.approx(1.0)]


def test_a_fabric_with_too_many_pairs_is_refused(tmp_path):
    with pytest.raises(FabricError, match="8192 ranks have 67,100,672 routes"):
        write_simgrid_xml(topologies.fat_tree(k=32), tmp_path / "x.xml")
    assert not list(tmp_path.iterdir())
