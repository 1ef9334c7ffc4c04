"""The exception tree and what an error says."""

import pytest
from fabricsim.fabric import errors
from fabricsim.fabric.errors import Fault, InputError, UnknownNameError


def test_a_fault_names_place_field_message_and_cure():
    fault = Fault("is odd", "give an even one", "spec.yaml", 3, "k")
    assert str(fault) == "spec.yaml:3: k: is odd (give an even one)"


def test_a_fault_leaves_out_what_is_not_known():
    assert str(Fault("is odd")) == "is odd"
    assert str(Fault("is odd", file="x")) == "x: is odd"


def test_an_error_carries_every_fault_one_per_line():
    error = InputError([Fault("one"), Fault("two")])
    assert [fault.message for fault in error.faults] == ["one", "two"]
    assert str(error) == "one\ntwo"


def test_a_plain_message_is_one_fault():
    assert InputError("wrong", "right").faults == (Fault("wrong", "right"),)


@pytest.mark.parametrize("name", ["SpecError", "UnitError", "ParseError", "UnknownNameError", "FabricError"])
def test_what_the_user_gave_is_told_apart_from_our_own_defects(name):
    assert issubclass(getattr(errors, name), InputError)
    assert not issubclass(errors.InternalError, InputError)


def test_an_unknown_name_offers_the_nearest_known_ones():
    assert "did you mean fat_tree?" in str(UnknownNameError.of("family", "fattree", ["torus", "fat_tree"]))


def test_a_name_like_no_other_is_answered_with_the_whole_list():
    assert "known: fat_tree, torus" in str(UnknownNameError.of("family", "zzz", ["torus", "fat_tree"]))
