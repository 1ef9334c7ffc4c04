"""Models: published parameter counts, the closed form of their FLOPs, and what a broken description is answered."""

from __future__ import annotations

import pytest
from fabricsim.fabric.errors import ParseError, SpecError, UnknownNameError
from fabricsim.fabric.spec import read_yaml
from fabricsim.sims.workloads.model import PRESETS_FILE, ModelSpec, load_model

FIELDS = {
    "layers": 2,
    "hidden": 64,
    "heads": 4,
    "kv_heads": 2,
    "head_dim": 16,
    "ffn_hidden": 128,
    "gated_mlp": "true",
    "vocab": 100,
    "tied_embeddings": "false",
}

PUBLISHED_PARAMETERS = {
    # Number of parameters of the checkpoints on Hugging Face, from general knowledge.
    "llama2-7b": 6_738_415_616,
    "llama2-13b": 13_015_864_320,
    "llama2-70b": 68_976_648_192,
    "llama3-8b": 8_030_261_248,
    "llama3-70b": 70_553_706_496,
    "llama3-405b": 405_853_388_800,
}


def write(path, **fields):
    path.write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    return path


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED_PARAMETERS.items())
def test_llama_presets_have_exactly_the_published_parameters(name, parameters):
    assert load_model(name).parameters == parameters


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("gpt3-175b", 174.6),  # Narayanan et al. 2021, table 2
        ("megatron-177b", 177),  # Megatron-LM README, model table
        ("nemotron4-340b", 340),  # its name
        ("mixtral-8x7b", 46.7),  # Cerebras/modelzoo, README of mixtral
        ("mixtral-8x22b", 141),  # the same
        ("deepseek-v3", 671),  # README_WEIGHTS of the published checkpoint
    ],
)
def test_other_presets_have_the_published_billions(name, billions):
    assert load_model(name).parameters / 1e9 == pytest.approx(billions, rel=0.004)


def test_every_preset_names_a_source():
    assert all(load_model(name).source != "given by the user" for name in read_yaml(PRESETS_FILE)[0])


@pytest.mark.parametrize(("batch", "seq_len"), [(1, 2048), (3, 1024)])
def test_flops_of_a_classic_gpt_equal_narayanans_formula(batch, seq_len):
    model = load_model("gpt3-175b")
    layers, hidden, vocab = model.layers, model.hidden, model.vocab
    # 72 b s L h^2 (1 + s / 6h + V / 12Lh), Narayanan et al. 2021, without its recomputation factor 4/3
    formula = 72 * batch * seq_len * layers * hidden**2
    formula *= 1 + seq_len / (6 * hidden) + vocab / (12 * layers * hidden)
    assert model.flops(batch, seq_len) == pytest.approx(formula, rel=1e-14)


def test_causal_attention_counts_half_of_the_score_matrix():
    model = load_model("llama3-8b")
    saved = model.flops(1, 8192) - model.flops(1, 8192, causal=True)
    assert saved == 3 * 2 * 8192**2 * model.heads * model.head_dim * model.layers


def test_what_a_file_leaves_out_is_the_plain_transformer(tmp_path):
    """GPT-3's (Brown et al. 2020): every head has keys of its own, heads make up the width, the MLP has no gate."""
    plain = {
        name: value for name, value in FIELDS.items() if name in ("layers", "hidden", "heads", "ffn_hidden", "vocab")
    }
    model = load_model(write(tmp_path / "plain.yaml", **plain))
    assert (model.kv_heads, model.head_dim) == (plain["heads"], plain["hidden"] // plain["heads"])
    assert not model.gated_mlp
    assert not model.tied_embeddings
    with pytest.raises(SpecError, match="head_dim: hidden 65 does not divide by"):
        load_model(write(tmp_path / "odd.yaml", **plain | {"hidden": 65}))


def test_what_is_wrong_with_a_file_is_said_once(tmp_path):
    with pytest.raises(SpecError) as refused:
        load_model(write(tmp_path / "bad.yaml", layers=2, hidden=64, heads="many", vocab=0))
    assert [fault.field for fault in refused.value.faults] == ["heads", "ffn_hidden", "vocab"]


def test_a_yaml_file_describes_a_model(tmp_path):
    model = load_model(write(tmp_path / "small.yaml", **FIELDS))
    assert (model.name, model.kv_width, model.mlp_inputs) == ("small", 64, 2)
    # per layer: qkv 64 x (64 + 64), output 64 x 64, MLP 3 x 64 x 128, two norms
    assert model.layer_matrix_parameters == 64 * 128 + 64 * 64 + 3 * 64 * 128


def test_every_wrong_field_of_a_file_is_named_with_its_line(tmp_path):
    path = write(tmp_path / "bad.yaml", **(FIELDS | {"layers": 0, "heads": "four", "hiden": 3}))
    with pytest.raises(SpecError) as caught:
        load_model(path)
    places = {(fault.field, fault.line) for fault in caught.value.faults}
    assert places == {("layers", 1), ("heads", 3), ("hiden", 10)}


def test_heads_that_do_not_divide_into_groups_are_refused():
    with pytest.raises(SpecError, match="4 heads do not divide into 3 groups"):
        load_model_fields(kv_heads=3)


def load_model_fields(**changes):
    from fabricsim.fabric.spec import validate

    return validate(ModelSpec, FIELDS | changes)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="llama3-70b"):
        load_model("llama-70b")


def test_a_missing_file_is_a_parse_error(tmp_path):
    with pytest.raises(ParseError):
        load_model(tmp_path / "none.yaml")


def test_a_token_of_deepseek_v3_meets_37_billion_parameters():
    # README_WEIGHTS of the published checkpoint: 36.6 billion activated, 0.9 of them the head, the embedding left out
    model = load_model("deepseek-v3")
    matrices = model.flops(1, 1) / 6 - model.layers * (model.score_width + model.query_width)
    assert matrices / 1e9 == pytest.approx(36.6, rel=0.005)


def test_attention_of_heads_counts_its_core_over_the_whole_square():
    model = load_model("llama3-8b")
    longer = model.flops(1, 4096) / 4096 - model.flops(1, 2048) / 2048
    # 12 L h s per token (Narayanan et al. 2021)
    assert longer == 12 * 32 * 4096 * 2048


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"experts": 8}, ["experts_per_token", "moe_ffn_hidden"]),
        ({"experts_per_token": 2, "shared_experts": 1}, ["experts_per_token", "shared_experts"]),
        (
            {"experts": 4, "experts_per_token": 5, "moe_ffn_hidden": 64, "dense_layers": 3},
            ["the 4 experts", "2 layers"],
        ),
        ({"query_rank": 16}, ["kv_rank"]),
    ],
)
def test_fields_of_experts_and_ranks_that_do_not_fit_are_named(tmp_path, fields, words):
    with pytest.raises(SpecError) as caught:
        load_model(write(tmp_path / "bad.yaml", **(FIELDS | fields)))
    for word in words:
        assert word in str(caught.value)
