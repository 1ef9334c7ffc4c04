"""`fabricsim topology`: what it writes can be used, and what it says agrees with the formulas."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from fabricsim.fabric.catalogue import catalogue
from fabricsim.fabric.graph import Fabric

DATA = Path(__file__).parent.parent / "data"


def test_list_names_every_family_and_preset(answer):
    names = {row["name"] for row in answer("topology", "list")["topologies"]}
    assert {"fat_tree", "rail_optimized", "nvlink_domain"} <= names
    assert {"hgx-a100", "hgx-h100", "hgx-h200", "hgx-b200", "gb200-nvl72"} <= names


def test_list_says_what_can_be_set(answer):
    fields = {(row["family"], row["field"]): row["default"] for row in answer("topology", "list")["fields"]}
    assert fields["fat_tree", "link"] == "400Gbps"
    assert fields["fat_tree", "k"] == ""


def test_hardware_values_name_a_known_source_or_are_marked(answer):
    listed = answer("topology", "list", "--hardware")
    for row in listed["hardware"]:
        assert row["source"] in listed["sources"] or row["source"] == "unverified"
        assert row["verified"] == (row["source"] != "unverified")


def test_hardware_lists_the_peak_of_every_accelerator(run):
    rows = list(csv.DictReader(io.StringIO(run("topology", "list", "--hardware", "--format", "csv").stdout)))
    own = [row for row in rows if row["section"] == "accelerators"]
    peaks = {row["name"] for row in own if row["field"] == "peak_bf16_dense_tflops"}
    assert peaks == set(catalogue().accelerators)


def test_new_saves_a_fabric_that_loads_again(run, tmp_path):
    path = tmp_path / "tree.fabric"
    result = run("topology", "new", "fat_tree", "--set", "k=4", "-o", path)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert "16 ranks" in result.stderr  # k^3/4 hosts
    assert Fabric.load(path).ranks == 16


def test_new_is_silent_when_asked(run, tmp_path):
    assert run("topology", "new", "fat_tree", "--set", "k=4", "-o", tmp_path / "tree.fabric", "-q").output == ""


def test_new_writes_the_same_bytes_again(run, tmp_path):
    for name in ("one", "two"):
        run("topology", "new", "hgx-h100", "--set", "nodes=2", "-o", tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("k", [4, 6, 8])
def test_show_counts_a_fat_tree_as_its_formulas_do(answer, k):
    """Al-Fares et al., SIGCOMM 2008, section 3: k^3/4 hosts, 5k^2/4 switches, 3k^3/4 cables, bisection k^3/8."""
    shown = answer("topology", "show", "fat_tree", "--set", f"k={k}", "--set", "link=100Gbps")
    assert shown["endpoints"] == k**3 // 4
    assert shown["switches"] == 5 * k**2 // 4
    assert shown["cables"] == 3 * k**3 // 4
    assert shown["links"] == 2 * shown["cables"]
    assert shown["bisection_bps"] == pytest.approx(k**3 / 8 * 100e9)
    assert shown["diameter"] == 4
    assert shown["gpus"] == 0


def test_show_lists_the_assumptions_for_people_and_machines(run, answer):
    sentences = answer("topology", "show", "hgx-h100")["assumptions"]
    assert sentences
    table = " ".join(run("topology", "show", "hgx-h100").stdout.split())
    assert all(" ".join(sentence.split()) in table for sentence in sentences)


def test_check_passes_what_was_generated(run):
    result = run("topology", "check", "hgx-h100", "--set", "nodes=2")
    assert result.exit_code == 0
    assert "no findings" in result.stderr


def test_check_exits_1_when_a_cable_is_slower_one_way(run, tmp_path):
    run("topology", "export", "fat_tree", "--set", "k=2", "--to", "json", "-o", tmp_path / "tree.json")
    document = json.loads((tmp_path / "tree.json").read_text())
    edges = document.get("links") or document["edges"]
    edges[0]["capacity_bps"] /= 4
    (tmp_path / "tree.json").write_text(json.dumps(document))
    run("topology", "import", tmp_path / "tree.json", "--from", "json", "-o", tmp_path / "tree.fabric")
    result = run("topology", "check", tmp_path / "tree.fabric", "--format", "json", "-q")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["findings"]


@pytest.mark.parametrize("form", ["json", "graphml", "ibnetdiscover"])
def test_an_imported_cluster_survives_export_and_import(run, tmp_path, form):
    first, text, second = tmp_path / "first.fabric", tmp_path / "ndr_cluster.txt", tmp_path / "second.fabric"
    sample = DATA / "ibnetdiscover" / "ndr_cluster.txt"
    for command in (
        ("import", sample, "--from", "ibnetdiscover", "-o", first),
        ("export", first, "--to", form, "-o", text),
        ("import", text, "--from", form, "-o", second),
    ):
        assert run("topology", *command).exit_code == 0
    assert Fabric.load(first) == Fabric.load(second)


def test_export_without_a_file_goes_to_stdout(run):
    assert run("topology", "export", "fat_tree", "--set", "k=2", "--to", "dot").stdout.startswith(("graph", "digraph"))


def test_schema_accepts_only_known_fields(run):
    schema = json.loads(run("schema", "fat_tree").stdout)
    assert schema["additionalProperties"] is False
    assert {"version", "family", "k", "link"} <= schema["properties"].keys()


def test_schema_without_a_name_covers_every_family(run, answer):
    families = {row["family"] for row in answer("topology", "list")["topologies"]}
    assert json.loads(run("schema").stdout).keys() == families
