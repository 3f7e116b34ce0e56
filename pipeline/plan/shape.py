"""Parameters and FLOPs of a transformer by its shape: what 6·N·D leaves out, and what of N are embeddings."""

from __future__ import annotations

from dataclasses import dataclass

from prep.pipeline.plan.laws import flops

TRAINING = 3  # a forward pass and a backward pass that takes twice as much


@dataclass(frozen=True)
class Shape:
    """A decoder of dense layers, two matrices in each feed-forward block (Hoffmann et al. 2022, appendix F)."""

    layers: int
    d_model: int
    heads: int
    head_dim: int
    ffw: int
    sequence: int = 2048


def forward_per_sequence(shape: Shape) -> float:
    """FLOPs of one forward pass over one sequence through all layers, term by term as in appendix F.

    Embeddings and logits are left out: only so do the ratios of the paper's table A4 come out, against its own text.
    """
    s, d, width = shape.sequence, shape.d_model, shape.head_dim * shape.heads
    projections = 2 * 3 * s * d * width + 2 * s * width * d
    attention = 2 * s * s * width + 3 * shape.heads * s * s + 2 * s * s * width
    feed_forward = 2 * s * (2 * d * shape.ffw)
    return float(shape.layers * (projections + attention + feed_forward))


def vocabulary_per_sequence(shape: Shape, vocabulary: int) -> float:
    """FLOPs of embeddings and logits in one forward pass over one sequence, as appendix F words them."""
    return 4.0 * shape.sequence * vocabulary * shape.d_model


def training_flops(shape: Shape, tokens: float, vocabulary: int = 0) -> float:
    """FLOPs to train on so many tokens; with a vocabulary, embeddings and logits included."""
    forward = forward_per_sequence(shape) + vocabulary_per_sequence(shape, vocabulary)
    return TRAINING * forward * tokens / shape.sequence


def over_6nd(shape: Shape, params: float) -> float:
    """The count by layers over 6·N·D."""
    return training_flops(shape, 1.0) / flops(params, 1.0)


def embedding_params(vocabulary: int, d_model: int, tables: int = 1) -> int:
    """Parameters of the token embeddings; two tables where input and output do not share theirs."""
    return vocabulary * d_model * tables
