"""Specs: every fault at once, each with the line it stands on."""

from typing import Literal

import pytest
from fabricsim.fabric.errors import ParseError, SpecError
from fabricsim.fabric.spec import Spec, overrides, read_yaml, validate
from fabricsim.fabric.units import Bandwidth
from pydantic import Field


class Inner(Spec):
    depth: int = 1


class Example(Spec):
    k: int
    link: Bandwidth = 4e11
    inner: Inner = Inner()


class Bounded(Spec):
    k: int = 4
    share: float = Field(0.5, gt=0, le=1)
    count: int = Field(1, ge=1)
    network: Literal["infiniband", "roce"] = "infiniband"
    fast: bool = True


def yaml(tmp_path, text):
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    return path


def test_a_good_spec_is_read_with_its_units():
    assert validate(Example, {"k": 4, "link": "200Gbps"}) == Example(k=4, link="200Gbps")
    assert validate(Example, {"k": 4, "link": "200Gbps"}).link == 2e11


def test_every_wrong_field_is_named_with_its_line(tmp_path):
    path = yaml(tmp_path, "link: 400\n\nk: four\ninner:\n  depth: deep\n  dpeth: 2\n")
    values, lines = read_yaml(path)
    with pytest.raises(SpecError) as caught:
        validate(Example, values, str(path), lines)
    places = {(fault.field, fault.line) for fault in caught.value.faults}
    assert places == {("link", 1), ("k", 3), ("inner.depth", 5), ("inner.dpeth", 6)}


def test_a_missing_field_is_asked_for():
    with pytest.raises(SpecError, match="k: required field is missing"):
        validate(Example, {})


def test_an_unknown_field_is_answered_with_the_nearest():
    with pytest.raises(SpecError, match=r"lnik: unknown field \(did you mean link\?\)"):
        validate(Example, {"k": 4, "lnik": "400Gbps"})


def test_a_bare_number_where_a_unit_is_due_is_refused():
    with pytest.raises(SpecError, match="has no unit"):
        validate(Example, {"k": 4, "link": 400})


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("k", "four", "k: 'four' is no whole number (give a whole number)"),
        ("k", 4.5, "k: 4.5 is no whole number (give a whole number)"),
        ("share", "0", "share: '0' is not above 0 (give more than 0)"),
        ("share", 1.5, "share: 1.5 is above 1 (give at most 1)"),
        ("count", "-1", "count: '-1' is below 1 (give at least 1)"),
        ("network", "myrinet", "network: 'myrinet' is not known (one of 'infiniband' or 'roce')"),
        ("fast", "perhaps", "fast: 'perhaps' is neither true nor false (give true or false)"),
        ("share", "{much}", "share: '{much}' is no number (give a number)"),
    ],
)
def test_a_value_outside_its_domain_is_answered_with_the_domain(field, value, said):
    with pytest.raises(SpecError) as caught:
        validate(Bounded, {field: value})
    assert str(caught.value) == said


def test_a_spec_cannot_be_changed_afterwards():
    with pytest.raises(ValueError, match="frozen"):
        validate(Example, {"k": 4}).k = 5


@pytest.mark.parametrize(
    ("text", "line"),
    [("k: [1\n", 2), ("a: 1\na: 2\n", 2), ("- 1\n", 1), ("just text\n", 1), ("a: !!int x\n", None), ("k: \t@\n", 1)],
)
def test_what_is_no_yaml_mapping_is_refused_with_its_line(tmp_path, text, line):
    with pytest.raises(ParseError) as caught:
        read_yaml(yaml(tmp_path, text))
    fault = caught.value.faults[0]
    assert fault.file.endswith("spec.yaml")
    assert line is None or fault.line == line


def test_a_file_that_is_missing_or_binary_is_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("missing", "binary", "."):
        with pytest.raises(ParseError):
            read_yaml(tmp_path / name)


def test_aliases_that_multiply_without_end_are_refused(tmp_path):
    text = "a: &a [x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{f'*{old}, ' * 8}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(ParseError, match="aliases"):
        read_yaml(yaml(tmp_path, text))


def test_an_alias_repeats_what_it_names(tmp_path):
    values, _ = read_yaml(yaml(tmp_path, "a: &a [1, 2]\nb: *a\n"))
    assert values == {"a": [1, 2], "b": [1, 2]}


def test_overrides_are_key_value_pairs():
    assert overrides(("k=16", " link = 400Gbps ", "name=a=b")) == {"k": "16", "link": "400Gbps", "name": "a=b"}


def test_every_bad_override_is_named():
    with pytest.raises(SpecError) as caught:
        overrides(("k", "=3", "k=", "a=1", "a=2"))
    assert len(caught.value.faults) == 4
