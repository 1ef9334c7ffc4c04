"""Published gains of networks against the ratio of two runs (network/cases.yaml, tests/data/network), and the rate of
exchanges between servers (tests/data/nccl/alltoall_inter_node_efficiency.csv)."""

import csv
from pathlib import Path

import numpy as np
import pytest
from fabricsim.fabric.units import size_bytes
from fabricsim.sims.collectives import collective, collective_time_s
from fabricsim.sims.network import Network
from fabricsim.topologies import load
from ruamel.yaml import YAML

HERE = Path(__file__).parent
DATA = HERE.parent / "data"
SEEDS = 4

pytestmark = pytest.mark.validation


def read(path):
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


CASES = read(HERE / "network" / "cases.yaml")["cases"]


def published(case):
    """(low, high) in percent of the figure that a case names."""
    facts = read(DATA / "network" / case["facts"])
    row = next(row for row in facts.get("rows", facts.get("results")) if row["metric"] == case["metric"])
    return row["value"] if isinstance(row["value"], list) else (0.0, float(row["value"]))


def seconds(case, side, size, seed):
    """One run; with `groups`, as many at once, each of every so-manieth rank."""
    how = case[side]
    fabric = load(HERE / "network" / how["fabric"])
    ranks = np.arange(case.get("ranks", fabric.ranks))
    algorithm, routing = how.get("algorithm", "auto"), how.get("routing", "auto")
    parameters = {"qps": how["qps"]} if "qps" in how else {}
    if "groups" in case:
        whole = Network(fabric, routing, parameters=parameters, seed=seed)
        groups = [ranks[first :: case["groups"]] for first in range(case["groups"])]
        return collective_time_s(whole, case["op"], groups, size_bytes(size), algorithm)
    network = {"routing": routing, "seed": seed, "parameters": parameters}
    ran = collective(fabric, case["op"], size, algorithm, ranks=ranks, certify=False, **network)
    return ran.rows[0].time_us * 1e-6


def gain_percent(case):
    gains = []
    for size in case["sizes"]:
        fast, slow = (np.mean([seconds(case, side, size, seed) for seed in range(SEEDS)]) for side in ("fast", "slow"))
        gains.append(100 * (slow / fast - 1))
    return max(gains)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_a_gain_lies_where_it_was_published(compare, case):
    compare.between(case["case"], gain_percent(case), *published(case), "%", case.get("miss"))


def test_a_thousand_flows_on_sixteen_links_are_uneven_as_meta_says(compare):
    """Plain ECMP: the fullest of 16 links over the mean."""
    rng = np.random.default_rng(0)
    network = load(HERE / "network" / "meta-zone.yaml")
    ratios = []
    for seed in range(20):
        src, dst = rng.integers(0, 16, 1000).astype(np.int32), rng.integers(16, 128, 1000).astype(np.int32)
        router = Network(network, seed=seed).router
        paths = router.paths(src, dst, rng.integers(0, 2**63, 1000, dtype=np.uint64))
        leaf = network.node_id("leaf-0")
        up = paths.links[network.link_source[paths.links] == leaf]
        ratios.append(np.unique(up, return_counts=True)[1].max() / (1000 / 16))
    compare.between("Meta, fullest of 16 links under 1000 flows", np.mean(ratios), 1.2, np.inf, "")


READ_AS_PAYLOAD = "the slide's 48 and 24 GB/s are the payload rate of an adapter, 0.96 of its line, if no bus bandwidth"
EXCHANGES = {
    "MI355X Pollara 2 nodes": ("mi355x", {"nodes": 2, "network": "uec"}, None),
    "GB200 2 racks": ("gb200-nvl72", {"nodes": 2, "gpus_per_rack": 64, "network": "roce"}, None),
    "NVIDIA GTC25 DGX H100 32 GPUs": ("hgx-h100", {"nodes": 4}, READ_AS_PAYLOAD),
    "NVIDIA GTC25 DGX A100 32 GPUs": ("hgx-a100", {"nodes": 4}, READ_AS_PAYLOAD),
}
"""Preset, fields, and why it misses, of each system in the file."""


@pytest.mark.parametrize("system", EXCHANGES)
def test_exchanges_between_domains_fill_the_adapters_as_measured(compare, system):
    lines = (DATA / "nccl" / "alltoall_inter_node_efficiency.csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    row = next(row for row in rows if row["system"] == system)
    preset, fields, miss = EXCHANGES[system]
    busbw = collective(load(preset, **fields), "all-to-all", "8GiB", certify=False).rows[0].busbw_GBps
    ours, due = busbw * float(row["cross_fraction"]) / float(row["nic_GBps_per_gpu"]), float(row["efficiency"])
    compare(f"all-to-all over adapters, {system}", f"{ours:.3f}", f"{due:.3f}", ours / due - 1, 0.05, miss)
