"""`fabricsim topology bom`, `cables` and `compare`."""

from __future__ import annotations

import csv
import io
import json
import sys

import pytest


def test_bom_prints_parts_totals_and_what_they_rest_on(run):
    result = run("topology", "bom", "gb200-nvl72")
    assert result.exit_code == 0
    for words in ("Grace", "IT power", "Warnings:", "unverified", "liquid cooling"):
        assert words in result.stdout


def test_bom_as_json_and_csv_hold_the_same_parts(run, answer):
    document = answer("topology", "bom", "hgx-h100", "--set", "nodes=4")
    rows = list(
        csv.DictReader(io.StringIO(run("topology", "bom", "hgx-h100", "--set", "nodes=4", "--format", "csv").stdout))
    )
    assert [row["name"] for row in rows] == [part["name"] for part in document["parts"]]
    assert float(rows[0]["cost_usd.typical"]) == document["parts"][0]["cost_usd"]["typical"]


def test_bom_of_a_plan_that_overloads_racks_ends_with_1_and_says_where(run):
    result = run("topology", "bom", "hgx-h100", "--rack-power", "8kW", "--format", "json")
    assert result.exit_code == 1
    assert "10.2 kW in a rack of 8 kW" in result.stderr
    assert json.loads(result.stdout)["findings"]


def test_bom_takes_prices_of_ones_own(run, answer, tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text("QM9700: {typical: 1}\n")
    document = answer("topology", "bom", "hgx-h100", "--prices", prices)
    switch = next(part for part in document["parts"] if part["name"] == "QM9700")
    assert switch["cost_usd"] == {"low": switch["count"], "typical": switch["count"], "high": switch["count"]}


@pytest.mark.parametrize(
    "wrong",
    [
        ("--rack-power", "40"),
        ("--rack-power", "0W"),
        ("--pue", "0.5"),
        ("--pue", "nan"),
        ("--prices", "nothing.yaml"),
        ("--rack-units", "0"),
    ],
)
def test_bad_options_of_the_hall_are_refused(run, wrong):
    result = run("topology", "bom", "hgx-h100", *wrong)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_cables_writes_the_plan_and_prints_what_to_order(run, tmp_path):
    path = tmp_path / "plan.csv"
    result = run("topology", "cables", "hgx-h100", "--set", "nodes=16", "-o", path, "--format", "json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert len(rows) == document["cables"] == sum(row["count"] for row in document["rows"])
    assert "bundles between" in result.stderr


def test_cables_that_nothing_reaches_end_with_1(run):
    result = run("topology", "cables", "fat_tree", "--set", "k=4", "--set", "link=3200Gbps")
    assert result.exit_code == 1
    assert "no cable reaches" in result.stderr


def test_compare_is_a_column_per_fabric(run):
    result = run("topology", "compare", "hgx-h100,nodes=16", "rail_only,nodes=16,server=hgx-h100")
    assert result.exit_code == 0, result.stderr
    head = result.stdout.splitlines()[0].split()
    assert head == ["hgx-h100", "rail_only"]
    for words in ("bisection per GPU", "network cost", "diameter", "oversubscription"):
        assert words in result.stdout


def test_compare_as_csv_has_a_row_per_fabric(run):
    result = run("topology", "compare", "hgx-h100,nodes=4", "fat_tree,k=4", "--at-equal", "cost", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["fabric"] for row in rows] == ["hgx-h100,nodes=4", "fat_tree,k=4"]
    assert float(rows[0]["scale"]) == 1


def test_compare_refuses_a_fabric_it_cannot_make(run):
    result = run("topology", "compare", "hgx-h100", "hgx-h10")
    assert result.exit_code == 2
    assert "did you mean" in result.stderr


def test_compare_draws(run, tmp_path):
    pytest.importorskip("matplotlib")
    result = run("topology", "compare", "hgx-h100", "fat_tree,k=4", "--plot", tmp_path / "plot.png")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "plot.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_compare_without_matplotlib_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("topology", "compare", "fat_tree,k=4", "--plot", tmp_path / "plot.png")
    assert result.exit_code == 2
    assert "pip install matplotlib" in result.stderr


def test_compare_refuses_another_kind_of_picture(run, tmp_path):
    result = run("topology", "compare", "fat_tree,k=4", "--plot", tmp_path / "plot.doc")
    assert result.exit_code == 2
    assert ".png" in result.stderr
