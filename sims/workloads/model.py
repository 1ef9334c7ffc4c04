"""Transformers, dense and of experts, by their dimensions: presets, YAML files, parameter counts, model FLOPs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...fabric.errors import Fault, SpecError, UnknownNameError
from ...fabric.spec import Lines, Spec, read_yaml, validate

Count = Annotated[int, Field(gt=0, lt=2**31)]
Whole = Annotated[int, Field(ge=0, lt=2**31)]

PRESETS_FILE = Path(__file__).with_name("models.yaml")


def _whole_head(given: Mapping[str, int]) -> int:
    """The width of a head, or 0 where heads of one width do not make up the hidden one."""
    hidden, heads = given.get("hidden", 1), given.get("heads", 1)
    return 0 if hidden % heads else hidden // heads


class ModelSpec(Spec):
    """A decoder-only transformer.

    Not given, `kv_heads` are as many as `heads`, `head_dim` is `hidden` / `heads`, the MLP has no gate, and embeddings
    are not tied. The query width is `heads` x `head_dim`, that of keys and of values `kv_heads` x `head_dim`. With
    `kv_rank` attention is latent (DeepSeek-V2, arXiv:2405.04434): queries and keys carry `rope_head_dim` more per head
    and pass through ranks `query_rank` and `kv_rank`. With `experts`, layers after the first `dense_layers` choose
    `experts_per_token` MLPs of width `moe_ffn_hidden` for each token and run `shared_experts` more for all. `seq_len`
    is the sequence length a job trains at unless it names another. Biases, learned positions and rotary tables are
    not counted.
    """

    version: Literal[1] = 1
    name: str = ""
    layers: Annotated[int, Field(gt=0, le=100_000)]
    hidden: Count
    heads: Count
    kv_heads: Count = Field(default_factory=lambda given: given.get("heads", 1))
    head_dim: Count = Field(default_factory=_whole_head)
    ffn_hidden: Count
    gated_mlp: bool = False
    vocab: Count
    tied_embeddings: bool = False
    experts: Whole = 0
    experts_per_token: Whole = 0
    shared_experts: Whole = 0
    moe_ffn_hidden: Whole = 0
    dense_layers: Whole = 0
    query_rank: Whole = 0
    kv_rank: Whole = 0
    rope_head_dim: Whole = 0
    seq_len: Count = 4096
    source: str = "given by the user"

    @model_validator(mode="after")
    def _fits_together(self) -> ModelSpec:
        faults = [*self._attention_faults(), *self._expert_faults()]
        if faults:
            raise SpecError(faults)
        return self

    def _attention_faults(self) -> Iterator[Fault]:
        if not self.head_dim:
            yield Fault(
                f"hidden {self.hidden} does not divide by {self.heads} heads", "give head_dim", field="head_dim"
            )
            return
        if self.heads % self.kv_heads:
            problem = f"{self.heads} heads do not divide into {self.kv_heads} groups"
            yield Fault(problem, "kv_heads divides heads", field="kv_heads")
        if (self.query_rank or self.rope_head_dim) and not self.kv_rank:
            yield Fault("latent attention needs it", "give kv_rank too", field="kv_rank")

    def _expert_faults(self) -> Iterator[Fault]:
        given = {"experts_per_token": self.experts_per_token, "moe_ffn_hidden": self.moe_ffn_hidden}
        if self.experts:
            for field in (name for name, value in given.items() if not value):
                yield Fault("a model with experts needs it", f"give {field}", field=field)
            if self.experts_per_token > self.experts:
                yield Fault(f"more than the {self.experts} experts", "choose fewer", field="experts_per_token")
            if self.dense_layers > self.layers:
                yield Fault(f"more than the {self.layers} layers", "choose fewer", field="dense_layers")
        else:
            given |= {"shared_experts": self.shared_experts, "dense_layers": self.dense_layers}
            for field in (name for name, value in given.items() if value):
                yield Fault("does nothing without experts", "give experts, or leave it out", field=field)

    @property
    def moe_layers(self) -> int:
        return self.layers - self.dense_layers if self.experts else 0

    @property
    def query_width(self) -> int:
        """Width of attention's output, and of values times heads."""
        return self.heads * self.head_dim

    @property
    def score_width(self) -> int:
        """Width over which queries and keys are multiplied."""
        return self.heads * (self.head_dim + self.rope_head_dim)

    @property
    def kv_width(self) -> int:
        """Width of keys and values together, as attention's core reads them."""
        return self.kv_heads * (2 * self.head_dim + self.rope_head_dim)

    @property
    def projections(self) -> tuple[tuple[int, int, bool], ...]:
        """Attention's matrices before its core: (inputs, outputs, whether cut by tensor parallelism)."""
        if not self.kv_rank:
            return ((self.hidden, self.query_width + self.kv_width, True),)
        rank = self.query_rank
        queries = ((self.hidden, rank, False), (rank, self.score_width, True)) if rank else ()
        direct = () if rank else ((self.hidden, self.score_width, True),)
        latent = (self.hidden, self.kv_rank + self.rope_head_dim, False)
        return (*queries, *direct, latent, (self.kv_rank, 2 * self.kv_heads * self.head_dim, True))

    @property
    def attention_parameters(self) -> int:
        return sum(inputs * outputs for inputs, outputs, _ in self.projections) + self.query_width * self.hidden

    @property
    def mlp_inputs(self) -> int:
        """Values that an MLP's activation function reads for one that it writes."""
        return 2 if self.gated_mlp else 1

    def mlp_parameters(self, width: int) -> int:
        return self.hidden * width * (self.mlp_inputs + 1)

    @property
    def layer_matrix_parameters(self) -> int:
        """Matrices of a dense layer."""
        return self.attention_parameters + self.mlp_parameters(self.ffn_hidden)

    def moe_layer_matrix_parameters(self, experts: int) -> int:
        """Matrices of a layer of experts, `experts` of them counted: all that exist, or those that a token uses."""
        mlps = (experts + self.shared_experts) * self.mlp_parameters(self.moe_ffn_hidden)
        return self.attention_parameters + self.hidden * self.experts + mlps

    def _matrix_parameters(self, experts: int) -> int:
        dense = (self.layers - self.moe_layers) * self.layer_matrix_parameters
        return dense + self.moe_layers * self.moe_layer_matrix_parameters(experts)

    @property
    def parameters(self) -> int:
        """All of them; norms count two of the hidden width per layer."""
        embeddings = self.vocab * self.hidden * (1 if self.tied_embeddings else 2)
        return self._matrix_parameters(self.experts) + (2 * self.layers + 1) * self.hidden + embeddings

    def flops(self, sequences: int, seq_len: int, causal: bool = False) -> int:
        """Model FLOPs of a training step: three times the forward pass, nothing recomputed.

        Narayanan et al. 2021, appendix: 2 per multiply-add of every matrix that a token meets, logits included, and
        2 s x (score width + query width) per token and layer for scores and values over the full s x s matrix, or
        half of it with `causal`.
        """
        matrices = 2 * (self._matrix_parameters(self.experts_per_token) + self.vocab * self.hidden)
        attention = (1 if causal else 2) * self.layers * seq_len * (self.score_width + self.query_width)
        return 3 * sequences * seq_len * (matrices + attention)


@cache
def _presets() -> tuple[dict[str, dict[str, object]], Lines]:
    return read_yaml(PRESETS_FILE)


def load_model(name_or_path: str | Path | ModelSpec) -> ModelSpec:
    """The model of a preset's name, or in a YAML file. Raises UnknownNameError, ParseError, SpecError."""
    if isinstance(name_or_path, ModelSpec):
        return name_or_path
    text = str(name_or_path)
    presets, _ = _presets()
    if text in presets:
        return validate(ModelSpec, {"name": text, **presets[text]}, PRESETS_FILE.name)
    path = Path(text)
    if path.suffix not in (".yaml", ".yml") and not path.is_file():
        raise UnknownNameError.of("model", text, presets)
    values, lines = read_yaml(path)
    return validate(ModelSpec, {"name": path.stem, **values}, str(path), lines)
