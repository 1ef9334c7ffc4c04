"""A field that changes nothing is refused with the reason; defaults written out and a preset's own fields are not."""

import sys
from dataclasses import replace

import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.topologies import load

IDLE = [
    ("rail_only", {"nodes": 8}, {"link": "200Gbps", "oversubscription": 4}, "one switch joins all servers"),
    ("rail_optimized", {"nodes": 1}, {"link": "800Gbps", "radix": 32, "su": 1}, "no switches"),
    ("rail_optimized", {"nodes": 1}, {"oversubscription": 2, "hop_latency": "1us"}, "no switches"),
    ("multi_plane", {"hosts": 32}, {"oversubscription": "3:1"}, "one switch joins all hosts"),
    ("clos", {"hosts": 32}, {"oversubscription": "3:1"}, "one switch joins all hosts"),
    ("dual_tor", {"nodes": 64, "segment": 16}, {"pod": 8, "core_uplinks": 4}, "a single pod"),
    (
        "composite",
        {"pods": "hgx-h100"},
        {"uplinks": 8, "link": "800Gbps", "spines": 2, "radix": 32, "ranks": "all"},
        "a single pod needs no spine",
    ),
]
NAMES = [f"{family} {' '.join(idle)}" for family, _, idle, _ in IDLE]


@pytest.mark.parametrize(("family", "fields", "idle", "why"), IDLE, ids=NAMES)
def test_every_idle_field_is_refused_with_the_reason(family, fields, idle, why):
    with pytest.raises(SpecError, match=why) as caught:
        load(family, **fields, **idle)
    assert {fault.field for fault in caught.value.faults} == idle.keys()
    assert all(fault.cure == "leave it out" for fault in caught.value.faults)


@pytest.mark.parametrize(("family", "fields", "idle", "why"), IDLE, ids=NAMES)
def test_what_is_refused_does_change_nothing(monkeypatch, family, fields, idle, why):
    """The same fabric but for what its description says of itself."""

    plain = load(family, **fields)
    monkeypatch.setattr(sys.modules["fabricsim.topologies.load"], "_refuse_idle", lambda *given: None)
    other = load(family, **fields, **idle)
    assert replace(other, meta=plain.meta) == plain


@pytest.mark.parametrize(
    ("family", "fields"),
    [
        ("rail_only", {"nodes": 128, "oversubscription": 3, "link": "200Gbps"}),
        ("rail_only", {"nodes": 8, "oversubscription": 1, "link": "800Gbps"}),
        ("rail_optimized", {"nodes": 1, "network": "roce", "nic": "200Gbps"}),
        ("dual_tor", {"nodes": 64, "segment": 16, "pod": 2, "core_uplinks": 4}),
        ("composite", {"pods": "hgx-h100,mi300x", "uplinks": 8}),
        ("meta-24k-ib", {"nodes": 1}),
        ("alibaba-hpn", {"nodes": 16}),
    ],
)
def test_fields_that_act_defaults_and_those_of_presets_are_taken(family, fields):
    assert load(family, **fields).ranks


def test_an_idle_field_of_a_file_is_refused_with_its_line(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text("version: 1\nfamily: clos\nhosts: 32\noversubscription: 3\n")
    with pytest.raises(SpecError) as caught:
        load(path)
    (fault,) = caught.value.faults
    assert (fault.file, fault.line, fault.field) == (str(path), 4, "oversubscription")
    path.write_text("version: 1\nfamily: clos\nhosts: 4096\noversubscription: 3\n")
    assert load(path).ranks == 4096


def test_an_upper_tier_that_is_not_there_is_not_oversubscribed():
    with pytest.raises(SpecError, match="no tier above the spines"):
        load("clos", hosts=512, radix=64, oversubscription="3:1,1.5:1")
    assert load("clos", hosts=512, radix=64, tiers=3, oversubscription="3:1,1.5:1").ranks == 512
