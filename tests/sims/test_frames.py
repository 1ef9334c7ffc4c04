"""Results as frames and in notebooks say what the results themselves say."""

from __future__ import annotations

import sys

import pytest
from fabricsim import collective, load, topologies, traffic, train
from fabricsim.fabric.errors import InputError


@pytest.fixture(scope="module", params=["collective", "traffic", "train"])
def case(request):
    """A result and the rows of its main table."""
    if request.param == "collective":
        result = collective(load("hgx-h100", nodes=1), size="8B:64B")
        return result, result.to_dict()["rows"]
    if request.param == "traffic":
        result = traffic(topologies.fat_tree(k=2), {"src": [0, 1], "dst": [1, 0], "bytes": [1, 2]}, transport="ideal")
        columns = {name: column.tolist() for name, column in result.columns().items()}
        return result, [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    result = train(load("hgx-h100", nodes=1), "llama3-8b", "tp=8", fidelity="fluid", global_batch=8)
    return result, result.to_dict()["ledger"]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_has_the_rows_of_the_result(case, library):
    result, rows = case
    frame = result.to_pandas() if library == "pandas" else result.to_polars()
    assert (frame.to_dict("records") if library == "pandas" else frame.to_dicts()) == rows


def test_a_notebook_shows_every_column_and_row(case):
    result, rows = case
    shown = result._repr_html_()
    assert all(f"<th>{name}</th>" in shown for name in rows[0])
    assert shown.count("<tr") == len(rows) + 1


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_without_its_library_says_what_to_install(case, library, monkeypatch):
    result, _ = case
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match=r"pip install 'fabricsim\[data\]'"):
        getattr(result, f"to_{library}")()
    assert (result._repr_html_() is None) == (library == "pandas")
