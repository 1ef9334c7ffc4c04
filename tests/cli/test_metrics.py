"""`topology show --metrics` and `topology resilience`: the keys, the tables, the refusals."""

from __future__ import annotations

import csv
import io

import pytest


def test_show_without_metrics_is_the_summary_alone(answer):
    assert "metrics" not in answer("topology", "show", "fat_tree", "--set", "k=4")


def test_metrics_of_a_fat_tree_are_those_of_its_formulas(answer):
    found = answer("topology", "show", "fat_tree", "--set", "k=4", "--metrics")["metrics"]
    assert found["distances"]["average"] == pytest.approx((2 + 6 * 4) / 7)
    assert found["path_diversity"]["disjoint_min"] == 2
    assert found["uniform_load"]["throughput"] == 1.0
    assert 0.5 < found["effective_bisection"]["share"] < 1


def test_a_server_alone_has_no_metrics_of_switches(answer):
    found = answer("topology", "show", "hgx-h100", "--set", "nodes=1", "--metrics")["metrics"]
    assert found["path_diversity"] is found["uniform_load"] is None


def test_what_cannot_be_routed_is_said(answer):
    """Rails without spines: no switch leads from one to another."""
    shown = answer("topology", "show", "rail_only", "--set", "nodes=4", "--metrics")
    assert shown["metrics"]["uniform_load"] is None
    assert any("no effective bisection: no path from" in sentence for sentence in shown["assumptions"])
    assert shown["metrics"]["path_diversity"] is not None


def test_the_seed_decides_what_is_sampled(run):
    command = ("topology", "show", "fat_tree", "--set", "k=6", "--metrics", "--format", "json", "-q", "--seed")
    assert run(*command, 1).stdout == run(*command, 1).stdout
    assert run(*command, 1).stdout != run(*command, 2).stdout


def test_people_see_every_metric(run):
    shown = run("topology", "show", "hgx-h100", "--set", "nodes=4", "--metrics").stdout
    for words in ("average distance", "shortest ways", "uniform traffic", "effective bisection", "rail 7"):
        assert words in shown


def test_resilience_is_a_row_per_share(run, answer):
    command = ("topology", "resilience", "fat_tree", "--set", "k=4", "--failures", "0,10%,1", "--trials", "2")
    curve = answer(*command)["curve"]
    assert [point["failed_share"] for point in curve] == [0, 0.1, 1]
    assert [point["failed"] for point in curve] == [0, 5, 48]
    assert [point["bisection"] for point in (curve[0], curve[-1])] == [1, 0]
    rows = list(csv.DictReader(io.StringIO(run(*command, "--format", "csv").stdout)))
    assert [float(row["connected"]) for row in rows] == [point["connected"] for point in curve]
    assert "links failed" in run(*command).stdout


def test_shares_that_are_none_are_all_named(run):
    for failures, wrong in (("0.1,x,2%%", ["'x'", "'2%%'"]), ("-1,0.5,3", ["-1", "3 is no share"])):
        result = run("topology", "resilience", "fat_tree", "--set", "k=4", "--failures", failures)
        assert result.exit_code == 2
        assert all(word in result.stderr for word in wrong)


def test_a_fabric_without_switches_cannot_lose_any(run):
    result = run("topology", "resilience", "nvlink_domain")
    assert result.exit_code == 2
    assert "no network" in result.stderr
