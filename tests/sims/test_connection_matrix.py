"""htsim's connection matrices, good and bad."""

import numpy as np
import pytest
from fabricsim.fabric.errors import InputError, ParseError
from fabricsim.sims.traffic import traffic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEAD = "Nodes 4\nConnections 2\n"


def test_a_matrix_is_a_flow_list_with_starts_in_picoseconds(star, tmp_path):
    matrix = tmp_path / "two.cm"
    matrix.write_text(HEAD + "# a comment\n0->1 id 7 start 193427200 size 2551561\n2->3 start 0 size 642967 # last\n")
    ran = traffic(star(4), matrix)
    assert ran.flow.tolist() == ["7", "1"]
    assert ran.src.tolist() == ["0", "2"]
    assert ran.size_bytes.tolist() == [2551561, 642967]
    assert ran.start_s == pytest.approx([193.4272e-6, 0], rel=1e-12)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0->1 start 0 size 1\n", "Connections is 2, and there are 1"),
        ("0->1 start 0 size 1\n2->9 start 0 size 1\n", "outside 0..3"),
        ("0->1 start 0 size 1\n2>3 start 0 size 1\n", ":4: '2>3 start 0 size 1' is no connection"),
        ("0->1 start 0 size 1\n2->3 size 1\n", "no connection"),
        ("0->1 start 0 size 1\n2->3 start 0 trigger 4 size 1\n", "no connection"),
        ("0->1 start 0 size 1\n2->3 start 1e.5 size 1\n", "no connection"),
        ("0->1 start 0 size 1\n2->2 start 0 size 1\n", "sends to itself"),
        ("0->1 start 0 size 0\n2->3 start 0 size 1\n", ":3: bytes: '0' is no whole number of bytes"),
    ],
)
def test_every_bad_line_is_named(star, tmp_path, text, complaint):
    matrix = tmp_path / "bad.cm"
    matrix.write_text(HEAD + text)
    with pytest.raises(InputError, match=complaint):
        traffic(star(4), matrix)


def test_a_matrix_for_other_nodes_is_refused(star, tmp_path):
    matrix = tmp_path / "other.cm"
    matrix.write_text("Nodes 128\nConnections 1\n0->1 start 0 size 1\n")
    with pytest.raises(ParseError, match=r"other.cm:1: Nodes is 128, and there are 4"):
        traffic(star(4), matrix)


@given(st.one_of(st.binary(max_size=200), st.text(alphabet="0123456789->startsize \n.e", max_size=200).map(str.encode)))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_is_refused_and_never_fails_otherwise(star, tmp_path, content):
    matrix = tmp_path / "garbage.cm"
    matrix.write_bytes(content)
    try:
        ran = traffic(star(4), matrix)
    except InputError:
        return
    assert np.isfinite(ran.finish_s).all()
