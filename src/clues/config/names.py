"""Names that settings may have: the one list of each. Nothing is imported here, so that the help may show them."""

from __future__ import annotations

from typing import Literal

CLIENT_NAME = "[a-z0-9-]{1,40}"
"""What a client may be called: its name travels, and is a folder."""

Precision = Literal["float32", "bf16"]
Quantization = Literal["none", "8bit", "4bit"]
ChannelKinds = Literal["full", "forward"]
Rule = Literal["conformal", "fdr", "anchor-mean", "ratio", "score"]
ArmName = Literal["mixed", "clues", "oracle"]
Weights = Literal["uniform", "samples", "adaptive"]
Robust = Literal["none", "median", "trimmed-mean", "krum"]
Method = Literal["linear", "ties"]
Damage = Literal[
    "cut", "deletion", "exchange", "near-exchange", "noise", "mixed-language", "repetition",
    "label", "number", "negation", "name", "typos",
]  # fmt: skip
"""The kinds in `data.damage.spoil`, named here so that the settings can be read without what spoils."""
