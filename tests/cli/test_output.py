"""Tables, JSON and CSV of one result."""

from __future__ import annotations

import csv
import io
import json
import re
import sys

import pytest
from fabricsim.cli.output import Table, emit

ROWS = [{"name": "leaf-0", "load": {"busy": 0.5, "top": "a,b"}}, {"name": "[bold]", "load": {"busy": 1.0, "top": ""}}]
DOCUMENT = {"rows": ROWS, "assumptions": ["Links are never down.", "Flows share max-min fairly."]}
TABLE = Table(("node", "busy"), [("leaf-0", "50%"), ("[bold]", "100%")], title="Load")


def printed(form: str, capsys: pytest.CaptureFixture[str]) -> str:
    emit(form, DOCUMENT, ROWS, [TABLE])
    return capsys.readouterr().out


def test_json_is_the_whole_document(capsys: pytest.CaptureFixture[str]):
    assert json.loads(printed("json", capsys)) == DOCUMENT


def test_json_refuses_what_json_cannot_say():
    with pytest.raises(ValueError, match="nan"):
        emit("json", {"rate": float("nan")}, [], [])


def test_csv_is_one_line_per_record_with_dotted_columns(capsys: pytest.CaptureFixture[str]):
    read = list(csv.DictReader(io.StringIO(printed("csv", capsys))))
    assert read == [
        {"name": "leaf-0", "load.busy": "0.5", "load.top": "a,b"},
        {"name": "[bold]", "load.busy": "1.0", "load.top": ""},
    ]


def test_a_table_aligns_words_left_and_numbers_right_and_keeps_brackets(capsys: pytest.CaptureFixture[str]):
    lines = printed("table", capsys).splitlines()
    assert lines[:2] == ["Load", "node     busy"]
    assert lines[3:5] == ["leaf-0    50%", "[bold]   100%"]


def test_a_table_ends_with_the_assumptions(capsys: pytest.CaptureFixture[str]):
    assert printed("table", capsys).splitlines()[-3:] == [
        "Assumptions:",
        "  - Links are never down.",
        "  - Flows share max-min fairly.",
    ]


def test_long_tables_are_never_cut_when_piped(capsys: pytest.CaptureFixture[str]):
    name = "switch-" * 30
    emit("table", {}, [], [Table(("name",), [(name,)])])
    assert name in capsys.readouterr().out


def test_a_narrow_terminal_folds_prose_but_no_figure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    row = ("spine-17:3", "123456.78", "987654.32", "a remark of many words, " * 9)
    emit("table", {}, [], [Table(("name", "first (us)", "second (us)", "remark"), [row])])
    plain = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert set(" ".join(row).split()) <= set(plain.split())


def test_figures_with_thousands_stand_flush_right(capsys: pytest.CaptureFixture[str]):
    emit("table", {}, [], [Table(("cost",), [("1,200,000",), ("900",)])])
    assert capsys.readouterr().out.splitlines()[-2].endswith("      900")
