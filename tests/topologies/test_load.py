"""`load`: whatever a user can name becomes a fabric, or every fault in it is told with its place."""

import pytest
from fabricsim import topologies
from fabricsim.fabric.errors import InputError, ParseError, SpecError, UnknownNameError
from fabricsim.fabric.graph import NodeKind
from fabricsim.topologies import FAMILIES, PRESETS, fat_tree, load, nvlink_domain, rail_optimized, schemas

SERVERS = {"hgx-a100": (8, 6), "hgx-h100": (8, 4), "hgx-h200": (8, 4), "hgx-b200": (8, 2), "gb200-nvl72": (72, 18)}


def faults(path, text):
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load(path)
    assert all(fault.file == str(path) for fault in caught.value.faults)
    return {(fault.line, fault.field) for fault in caught.value.faults}


@pytest.mark.parametrize("name", SERVERS)
def test_a_preset_is_a_cluster_of_its_servers(name):
    gpus, nvswitches = SERVERS[name]
    fabric = load(name, nodes=3)
    assert fabric.ranks == 3 * gpus == len(fabric.of_kind(NodeKind.NIC))
    assert len(fabric.of_kind(NodeKind.NVSWITCH)) == 3 * nvswitches
    assert (fabric.meta["preset"], fabric.meta["server"], fabric.meta["network"]) == (name, name, "infiniband")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_names_a_family_and_says_what_it_is(name):
    described = topologies.describe(name)
    assert described.family in FAMILIES
    assert described.text


def test_a_preset_is_its_family_with_fields():
    preset, family = load("hgx-h100", nodes=2), rail_optimized(server="hgx-h100", nodes=2)
    assert {**family.meta, "preset": "hgx-h100"} == preset.meta
    assert all((preset.arrays()[name] == values).all() for name, values in family.arrays().items())


def test_overrides_are_read_as_text_or_as_values():
    given = {"nodes": 2, "network": "roce", "nic": "200Gbps", "oversubscription": 2}
    as_text = {name: str(value) for name, value in given.items()}
    assert load("hgx-a100", **given) == load("hgx-a100", **as_text)


def test_a_family_is_loaded_by_name_with_its_fields():
    assert load("fat_tree", k="4", link="100Gbps") == fat_tree(k=4, link="100Gbps")
    assert load("nvlink_domain") == nvlink_domain()


@pytest.mark.parametrize(("name", "near"), [("fat_tre", "fat_tree"), ("hgx-h10", "hgx-h100"), ("rail", "known")])
def test_an_unknown_name_is_refused_with_the_nearest(name, near):
    with pytest.raises(UnknownNameError, match=near):
        load(name)


def test_a_spec_file_gives_what_its_fields_give(tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text("version: 1\nfamily: fat_tree\ndescription: a small one\nk: 4\nlink: 200Gbps\n")
    assert load(path) == load(str(path)) == fat_tree(k=4, link="200Gbps")
    assert load(path, k=6) == fat_tree(k=6, link="200Gbps")


def test_a_spec_file_may_start_from_a_preset(tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text("version: 1\npreset: hgx-b200\nnodes: 2\n")
    assert load(path) == load("hgx-b200", nodes=2)


def test_what_a_fabric_says_of_its_parameters_makes_it_again(tmp_path):
    first = rail_optimized(nodes=5, su=2, nic="200Gbps", hop_latency="700ns", base_latency="16us", oversubscription=2)
    lines = [f"{name}: {value}" for name, value in first.meta["parameters"].items()]
    path = tmp_path / "again.yaml"
    path.write_text("\n".join(["version: 1", "family: rail_optimized", *lines]))
    assert load(path) == first


def test_a_saved_fabric_is_read_by_what_is_in_it_not_by_its_name(tmp_path):
    fabric = fat_tree(k=4)
    for name in ("tree.fabric", "tree"):
        fabric.save(tmp_path / name)
        assert load(tmp_path / name) == fabric


def test_fields_of_a_saved_fabric_cannot_be_set(tmp_path):
    fat_tree(k=4).save(tmp_path / "tree.fabric")
    with pytest.raises(InputError, match="k: a saved fabric has no fields") as caught:
        load(tmp_path / "tree.fabric", k=6, link="1Gbps")
    assert len(caught.value.faults) == 2


def test_every_fault_of_a_file_is_told_with_its_line(tmp_path):
    text = "version: 2\nfamily: fat_tree\n\nk: 7\nlink: 400\ncolour: red\n"
    found = faults(tmp_path / "bad.yaml", text)
    assert {(1, "version"), (5, "link"), (6, "colour")} <= found


def test_a_fault_between_fields_stands_at_the_field_to_mend(tmp_path):
    assert faults(tmp_path / "odd.yaml", "version: 1\nfamily: fat_tree\n\nk: 7\n") == {(4, "k")}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("family: fat_tree\nk: 4\n", {(None, "version")}),
        ("version: 1\nk: 4\n", {(1, "")}),
        ("version: 1\nfamily: fat_tree\npreset: hgx-h100\nk: 4\n", {(1, "")}),
        ("version: 1\nfamily: fat_tre\n", {(2, "family")}),
        ("version: 1\npreset: [1, 2]\n", {(2, "preset")}),
        ("version: 1\nfamily: {a: b}\n", {(2, "family")}),
        ("- a\n- b\n", {(1, "")}),
        ("", {(1, "")}),
    ],
)
def test_a_file_that_names_no_fabric_is_refused(tmp_path, text, found):
    assert found <= faults(tmp_path / "bad.yaml", text)


def test_a_wrong_override_is_not_blamed_on_the_file(tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text("version: 1\nfamily: fat_tree\nk: 4\nlink: 400\n")
    with pytest.raises(SpecError) as caught:
        load(path, k="five")
    assert {(f.field, f.file, f.line) for f in caught.value.faults} == {("k", "", None), ("link", str(path), 4)}


@pytest.mark.parametrize("content", [b"\x00\xff\xfe garbage", b"version: [1\n", b"PK\x03\x04 no zip", b"\xff" * 1000])
def test_garbage_is_refused_as_a_file(tmp_path, content):
    path = tmp_path / "garbage.yaml"
    path.write_bytes(content)
    with pytest.raises(ParseError, match=r"garbage\.yaml"):
        load(path)


def test_a_file_too_large_for_a_spec_is_refused_unread(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a: b\n" * 10**6)
    with pytest.raises(ParseError, match="no spec"):
        load(path)


@pytest.mark.parametrize("name", ["missing.yaml", "missing.fabric", "folder/missing"])
def test_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(ParseError, match="No such file"):
        load(tmp_path / name)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ParseError, match="directory"):
        load(tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_schema_of_a_family_has_its_fields_and_nothing_else(family):
    schema = schemas()[family]
    head = {"version", "family", "description", "assumed", "sources"}
    assert schema["properties"].keys() - {"preset"} == FAMILIES[family].spec.model_fields.keys() | head
    assert schema["additionalProperties"] is False
    assert "version" in schema["required"]
    assert schema["properties"]["family"] == {"const": family}


def test_the_schema_gives_defaults_as_a_user_writes_them():
    properties = schemas()["fat_tree"]["properties"]
    assert properties["link"]["default"] == "400Gbps"
    assert properties["switch_latency"]["default"] == "0ns"


def test_a_schema_lists_the_presets_of_its_family():
    assert set(SERVERS) <= set(schemas()["rail_optimized"]["properties"]["preset"]["enum"])
    assert "preset" not in schemas()["fat_tree"]["properties"]
    assert schemas()["fat_tree"]["oneOf"] == [{"required": ["family"]}]


@pytest.mark.parametrize("kept", [4, 100, 2000])
def test_a_saved_fabric_that_was_cut_short_is_called_damaged(tmp_path, kept):
    path = tmp_path / "small.fabric"
    fat_tree(k=4).save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ParseError, match=r"no saved fabric, or damaged.*save it anew"):
        load(path)


@pytest.mark.parametrize("value", [3, None, b"fat_tree", ["fat_tree"]])
def test_what_is_no_text_names_no_fabric(value):
    with pytest.raises(InputError, match="names no fabric"):
        load(value)
