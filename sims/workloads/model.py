"""Dense transformers by their dimensions: presets, YAML files, parameter counts, model FLOPs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...fabric.errors import Fault, SpecError, UnknownNameError
from ...fabric.spec import Lines, Spec, read_yaml, validate

Count = Annotated[int, Field(gt=0, lt=2**31)]

PRESETS_FILE = Path(__file__).with_name("models.yaml")


class ModelSpec(Spec):
    """A decoder-only transformer with grouped-query attention.

    The query width is `heads` x `head_dim`, that of keys and of values `kv_heads` x `head_dim`. `seq_len` is the
    sequence length a job trains at unless it names another. Biases, learned positions and rotary tables are not
    counted.
    """

    version: Literal[1] = 1
    name: str = ""
    layers: Annotated[int, Field(gt=0, le=100_000)]
    hidden: Count
    heads: Count
    kv_heads: Count
    head_dim: Count
    ffn_hidden: Count
    gated_mlp: bool
    vocab: Count
    tied_embeddings: bool
    seq_len: Count = 4096
    source: str = "given by the user"

    @model_validator(mode="after")
    def _groups_of_heads(self) -> ModelSpec:
        if self.heads % self.kv_heads:
            raise SpecError(
                Fault(
                    f"{self.heads} heads do not divide into {self.kv_heads} groups",
                    "kv_heads divides heads",
                    field="kv_heads",
                )
            )
        return self

    @property
    def query_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Width of keys and values together."""
        return 2 * self.kv_heads * self.head_dim

    @property
    def mlp_in_width(self) -> int:
        """Output width of the MLP's first matrix, gate included."""
        return (2 if self.gated_mlp else 1) * self.ffn_hidden

    @property
    def layer_matrix_parameters(self) -> int:
        attention = self.hidden * (self.query_width + self.kv_width) + self.query_width * self.hidden
        return attention + self.hidden * (self.mlp_in_width + self.ffn_hidden)

    @property
    def layer_parameters(self) -> int:
        """Matrices and the two norms of a layer."""
        return self.layer_matrix_parameters + 2 * self.hidden

    @property
    def parameters(self) -> int:
        embeddings = self.vocab * self.hidden * (1 if self.tied_embeddings else 2)
        return self.layers * self.layer_parameters + embeddings + self.hidden

    def flops(self, sequences: int, seq_len: int, causal: bool = False) -> int:
        """Model FLOPs of a training step: three times the forward pass, nothing recomputed.

        Narayanan et al. 2021, appendix: 2 per multiply-add of every matrix, logits included, and 4 s x query width
        per token and layer for scores and values over the full s x s matrix, or half of it with `causal`.
        """
        matrices = 2 * (self.layers * self.layer_matrix_parameters + self.vocab * self.hidden)
        attention = (2 if causal else 4) * self.layers * seq_len * self.query_width
        return 3 * sequences * seq_len * (matrices + attention)


@cache
def _presets() -> tuple[dict[str, dict[str, object]], Lines]:
    return read_yaml(PRESETS_FILE)


def model_names() -> tuple[str, ...]:
    """The presets, in the file's order."""
    return tuple(_presets()[0])


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
