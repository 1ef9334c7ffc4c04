"""Input that cannot be used: exit 2, every fault with its place and cure on stderr, nothing written."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NEW = ("topology", "new", "-o", "out.fabric")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*NEW, "fat_tree", "--set", "k=8", "--set", "lnik=400Gbps"), ["lnik", "did you mean link"]),
        ((*NEW, "fat_tree", "--set", "k=8", "--set", "link=400"), ["link", "no unit", "400Gbps"]),
        ((*NEW, "fat_tree", "--set", "k=8", "--set", "link=0Gbps"), ["link", "not above zero"]),
        ((*NEW, "fat_tree", "--set", "k=7"), ["k=6 or k=8"]),
        ((*NEW, "fat_tree", "--set", "k=7", "--set", "colour=red"), ["colour"]),
        ((*NEW, "fat_tree"), ["k", "required"]),
        ((*NEW, "fat_tre", "--set", "k=8"), ["did you mean fat_tree"]),
        ((*NEW, "hgx-h100", "--set", "nodes"), ["no KEY=VALUE"]),
        ((*NEW, "hgx-h100", "--set", "nodes=1", "--set", "nodes=2"), ["nodes", "given twice"]),
        ((*NEW, "hgx-h100", "--set", "nodes=-4"), ["nodes"]),
        ((*NEW, "hgx-h100", "--set", "transport.mtu=4096B"), ["transport.mtu", "does nothing here"]),
        ((*NEW, "hgx-h100", "--set", "name_or_path=x"), ["name_or_path", "unknown field"]),
        ((*NEW, "missing.yaml"), ["missing.yaml"]),
        ((*NEW, "x" * 5000), ["unknown fabric"]),
        (("topology", "import", "missing.txt", "--from", "ibnetdiscover", "-o", "out.fabric"), ["missing.txt"]),
        (
            ("topology", "import", "missing.txt", "--from", "ibnetdiscovery", "-o", "out.fabric"),
            ["did you mean ibnetdiscover"],
        ),
        (("topology", "export", "hgx-h100", "--to", "pdf", "-o", "out.fabric"), ["unknown format 'pdf'"]),
        (("collective", "hgx-h100", "--size", "-1GiB"), ["-1GiB"]),
        (("collective", "hgx-h100", "--size", "0B"), ["0"]),
        (("collective", "hgx-h100", "--size", "1024"), ["no unit"]),
        (("collective", "hgx-h100", "--op", "all-reduse"), ["did you mean all-reduce"]),
        (("collective", "hgx-h100", "--algorithm", "rign"), ["did you mean ring"]),
        (("collective", "hgx-h100", "--fidelity", "dynamic"), ["dynamic"]),
        (("collective", "hgx-h100", "--transport", "infiband"), ["did you mean infiniband"]),
        (("collective", "hgx-h100", "--routing", "ecmp", "--set", "routing=d-mod-k"), ["routing", "give one"]),
        (("collective", "hgx-h100", "--set", "transport.colour=red"), ["colour"]),
        (("traffic", "hgx-h100", "--pattern", "tornado"), ["unknown pattern 'tornado'"]),
        (("traffic", "hgx-h100", "--pattern", "incast", "--size", "1"), ["no unit"]),
        (("traffic", "hgx-h100", "--flows", "missing.csv"), ["missing.csv"]),
        (("schema", "fat_tre"), ["did you mean fat_tree"]),
    ],
    ids=lambda value: " ".join(value[2:])[:60] if isinstance(value, tuple) else "",
)
def test_a_fault_is_named_with_its_cure(run, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    for words in said:
        assert words in result.stderr
    assert not list(tmp_path.iterdir())


def test_every_fault_of_a_spec_file_has_its_line(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("version: 1\nfamily: fat_tree\nk: eight\nlink: 400\ncolour: red\n")
    result = run(*NEW, "bad.yaml")
    assert result.exit_code == 2
    places = [line.split(": ")[1] for line in result.stderr.splitlines()]
    assert sorted(places) == ["bad.yaml:3", "bad.yaml:4", "bad.yaml:5"]
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


def test_every_bad_line_of_a_flows_file_has_its_line(run, tmp_path):
    flows, out = tmp_path / "flows.csv", tmp_path / "out.csv"
    flows.write_text("flow,src,dst,bytes\n0,0,1,100\n1,0,99,100\n2,0,1,-5\n3,2,2,100\n4,0,1,many\n")
    result = run("traffic", "hgx-h100", "--set", "nodes=1", "--flows", flows, "--flows-out", out)
    assert result.exit_code == 2
    lines = [line.split(": ")[1].rsplit(":", 1)[1] for line in result.stderr.splitlines() if str(flows) in line]
    assert lines == ["3", "4", "5", "6"]
    assert not out.exists()


def test_a_truncated_dump_is_refused(run, tmp_path):
    dump, out = tmp_path / "dump.txt", tmp_path / "out.fabric"
    lines = ["switchguid=0x1(1)", 'Switch\t65 "S-0000000000000001"\t# "leaf" enhanced port 0 lid 1 lmc 0', '[1]\t"H-00']
    dump.write_text("\n".join(lines))
    result = run("topology", "import", dump, "--from", "ibnetdiscover", "-o", out)
    assert result.exit_code == 2
    assert str(dump) in result.stderr
    assert not out.exists()


def test_a_folder_that_does_not_exist_is_said(run, tmp_path):
    result = run("topology", "new", "fat_tree", "--set", "k=4", "-o", tmp_path / "nowhere" / "out.fabric")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=words, value=words)
def test_any_setting_is_understood_or_refused(run, key, value):
    """No spelling of --set ends in a traceback."""
    result = run("topology", "export", "fat_tree", "--set", "k=2", "--set", f"{key}={value}", "--to", "dot", "-q")
    assert result.exit_code in (0, 2), result.exception
    assert (result.exit_code == 0) == (result.stderr == "")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source=words.filter(lambda text: not text.startswith("-")))
def test_any_fabric_is_known_or_refused(run, source):
    result = run("topology", "export", source, "--to", "dot", "-q")
    assert result.exit_code == 2, result.exception
    assert result.stderr


TRAFFIC = ("traffic", "hgx-h100", "--set", "nodes=1", "--pattern", "permutation", "--size", "1kB")


def test_files_that_cannot_be_written_are_all_named_before_anything_is_written(run, tmp_path):
    flows, links, trace = tmp_path / "flows.csv", tmp_path / "nowhere" / "links.csv", tmp_path
    result = run(*TRAFFIC, "--flows-out", flows, "--links-out", links, "--trace", trace)
    assert result.exit_code == 2
    assert f"{links}: cannot be written: no such folder" in result.stderr
    assert f"{trace}: cannot be written" in result.stderr
    assert not flows.exists()


def test_two_results_do_not_go_into_one_file(run, tmp_path):
    path = tmp_path / "out.csv"
    result = run(*TRAFFIC, "--flows-out", path, "--links-out", tmp_path / "." / "out.csv")
    assert result.exit_code == 2
    assert "asked for by --flows-out and by --links-out" in result.stderr
    assert not path.exists()


def test_one_device_may_take_several_results(run):
    result = run(*TRAFFIC, "--flows-out", "/dev/null", "--links-out", "/dev/null")
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("collective", "hgx-h100", "--set", "nodes=1", "--size", "no size"),
        ("train", "hgx-h100", "--model", "no model"),
        ("topology", "compare", "no fabric"),
    ],
    ids=lambda command: command[0],
)
def test_a_picture_without_matplotlib_is_refused_before_anything_runs(run, monkeypatch, tmp_path, command):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run(*command, "--plot", tmp_path / "out.png")
    assert result.exit_code == 2
    assert "needs matplotlib (pip install matplotlib)" in result.stderr
    assert "no " + command[-1].split()[-1] not in result.stderr
