"""`topology diff`: what was re-plugged in the text of a live dump comes back, with exit code 1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

DUMP = Path(__file__).parents[1] / "data" / "ibnetdiscover" / "ndr_cluster.txt"


@pytest.fixture
def text() -> str:
    return DUMP.read_text()


def test_a_dump_does_not_differ_from_itself(run):
    result = run("topology", "diff", DUMP, DUMP)
    assert result.exit_code == 0, result.stderr
    assert "no differences" in result.stderr
    assert result.stdout == ""


def test_two_adapters_exchanged_in_the_text_are_one_swap(run, tmp_path, text):
    """The adapters of ports 1 and 2 of the dump's first switch, in the switch's record and in their own."""
    switch, first, second = "S-2c5eab0300b87b40", "e09d7303007a4bd8", "e09d730300859298"
    record = text.index(f'"{switch}"'), text.index("\n\n", text.index(f'"{switch}"'))
    lines = text[slice(*record)].split("\n")
    one, other = (next(n for n, line in enumerate(lines) if f'"H-{guid}"' in line) for guid in (first, second))
    lines[one], lines[other] = "[1]" + lines[other][3:], "[2]" + lines[one][3:]
    changed = text[: record[0]] + "\n".join(lines) + text[record[1] :]
    for guid, was, now in ((first, 1, 2), (second, 2, 1)):
        assert f'[1]({guid}) \t"{switch}"[{was}]' in changed
        changed = changed.replace(f'[1]({guid}) \t"{switch}"[{was}]', f'[1]({guid}) \t"{switch}"[{now}]')
    (tmp_path / "dump.txt").write_text(changed)
    result = run("topology", "diff", DUMP, tmp_path / "dump.txt", "--format", "json", "-q")
    assert result.exit_code == 1, result.stderr
    (found,) = json.loads(result.stdout)["differences"]
    leaf = "MF0;A09-P1-IBLEAF-04-04:MQM9701/U1"
    adapters = "a08-p1-dgx-04-c01 mlx5_5:1", "a08-p1-dgx-04-c02 mlx5_5:1"
    assert found["kind"] == "swapped"
    assert found["design"] == [f"{leaf}:1 - {adapters[0]}", f"{leaf}:2 - {adapters[1]}"]
    assert sorted(found["found"]) == [f"{leaf}:1 - {adapters[1]}", f"{leaf}:2 - {adapters[0]}"]


def test_a_generated_design_is_compared_with_its_own_export(run, tmp_path):
    run("topology", "export", "fat_tree", "--set", "k=4", "--to", "json", "-o", tmp_path / "tree.json")
    result = run("topology", "diff", "fat_tree", tmp_path / "tree.json", "--set", "k=4")
    assert result.exit_code == 0, result.stderr
    document = json.loads((tmp_path / "tree.json").read_text())
    gone = document["edges"][0]
    document["edges"] = [edge for edge in document["edges"] if edge["link"] not in (gone["link"], gone["link"] ^ 1)]
    (tmp_path / "tree.json").write_text(json.dumps(document))
    result = run("topology", "diff", "fat_tree", tmp_path / "tree.json", "--set", "k=4")
    assert result.exit_code == 1, result.stderr
    assert "missing" in result.stdout
    assert gone["source"] in result.stdout


def test_an_unknown_format_is_refused(run):
    result = run("topology", "diff", "fat_tree", DUMP, "--set", "k=4", "--from", "visio")
    assert result.exit_code == 2
    assert "unknown format 'visio'" in result.stderr
