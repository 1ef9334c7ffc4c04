"""`topology check --routing` and the forwarding tables that `topology export` writes."""

from __future__ import annotations

import json

import pytest


def test_a_routing_that_can_lock_is_a_finding(run):
    result = run("topology", "check", "torus", "--set", "dims=5", "--routing", "d-mod-k", "--format", "json")
    assert result.exit_code == 1
    findings = json.loads(result.stdout)["findings"]
    assert [row["rule"] for row in findings] == ["deadlock"] * 5  # once round the ring of five
    assert "all pairs of ranks" in result.stderr


@pytest.mark.parametrize("rule", ["auto", "dor", "updn", "minimal"])
def test_a_routing_that_cannot_lock_is_none(run, rule):
    result = run("topology", "check", "torus", "--set", "dims=5", "--routing", rule)
    assert (result.exit_code, result.stdout) == (0, "")


def test_tables_that_were_exported_are_a_routing(run, tmp_path):
    path = tmp_path / "tree.lft"
    result = run("topology", "export", "fat_tree", "--set", "k=4", "--to", "lft", "--routing", "updn", "-o", path)
    assert result.exit_code == 0, result.stderr
    assert run("topology", "check", "fat_tree", "--set", "k=4", "--routing", f"table:{path}").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "fat_tree", "--set", "k=4", "--routing", "dor"), "dor needs a coordinate of every switch"),
        (("check", "fat_tree", "--set", "k=4", "--routing", "upd"), "did you mean updn"),
        (("check", "fat_tree", "--set", "k=4", "--routing", "table:/none"), "/none: No such file"),
        (("export", "fat_tree", "--set", "k=4", "--to", "lft", "--routing", "ecmp"), "several ways to one destination"),
        (("export", "fat_tree", "--set", "k=4", "--to", "dot", "--routing", "updn"), "does nothing to dot"),
    ],
)
def test_a_routing_that_does_not_fit_is_refused_with_its_cure(run, arguments, message):
    result = run("topology", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
