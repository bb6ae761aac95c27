"""The two workloads: a random small Llama with random rows, and the packaged model with real medical answers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.contract import Work
from clues.config import AdapterSettings, ModelSettings, SampleSettings
from clues.data.encoding import Encoded
from clues.data.prepare import prepare_rows
from clues.data.sample import Sample, draw_sample
from clues.models.adapters import add_adapter, layer_of, lora_parameters
from clues.models.base import LanguageModel, load_base
from clues.scoring.criteria import CRITERIA
from clues.scoring.directions import Directions, criterion_parameters
from clues.scoring.mean_gradient import mean_gradient
from clues.scoring.validation import encode_validation

SEED = 0
SETTINGS = ModelSettings(precision="float32")
"""float32: all engines can do it, and agreement can be held to 1e-3."""


@dataclass(frozen=True)
class Workload:
    """A model with its adapter, rows to score, and public rows."""

    name: str
    lm: LanguageModel
    encoded: list[Encoded]
    good: list[Encoded]
    """Public rows for the directions."""
    spoiled: dict[str, list[Encoded]]
    """Criterion -> the same rows, spoiled."""
    anchors: list[Encoded]
    sample: Sample | None = None
    """The texts behind all this, where there are any."""

    def one(self, matrix: str) -> Work:
        """One direction, the gradient of the public rows' loss, over the adapter's matrices "AB" or "B"."""
        gradient = mean_gradient(self.lm, self.good, lora_parameters(self.lm.model, matrix))
        return Work(self.lm, self.encoded, Directions(("likelihood",), {n: g[None] for n, g in gradient.items()}))

    def job(self) -> Work:
        """The criteria's directions over B, each in its layers, and the likelihood's over all layers; with the
        likelihoods."""
        likelihood, criteria = self.one("B").directions, self.criteria_directions()
        weights = {
            name: torch.cat([criteria.weights.get(name, torch.zeros(len(criteria.names), *V.shape[1:])), V])
            for name, V in likelihood.weights.items()
        }
        return Work(self.lm, self.encoded, Directions((*criteria.names, "likelihood"), weights), likelihoods=True)

    def default_job(self) -> Work:
        """The same with the criteria's directions alone, as `clues` scores by default."""
        return Work(self.lm, self.encoded, self.criteria_directions(), likelihoods=True)

    def random_directions(self, count: int) -> Work:
        """`count` random directions over all B matrices."""
        generator = torch.Generator().manual_seed(SEED)
        weights = {
            name: torch.randn(count, *p.shape, generator=generator)
            for name, p in lora_parameters(self.lm.model, "B").items()
        }
        return Work(self.lm, self.encoded, Directions(tuple(f"random {k}" for k in range(count)), weights))

    def criteria_directions(self) -> Directions:
        """One for each criterion, all in the same layers: the mean gradient of good rows less that of spoiled ones. How
        a direction is made is of no matter for what rows cost."""
        parameters = {n: p for c in CRITERIA for n, p in criterion_parameters(self.lm, c).items()}
        good = mean_gradient(self.lm, self.good, parameters)
        bad = [mean_gradient(self.lm, self.spoiled[c.name], parameters) for c in CRITERIA]
        weights = {n: torch.stack([g - b[n] for b in bad]) for n, g in good.items()}
        return Directions(tuple(c.name for c in CRITERIA), weights)

    @property
    def depth(self) -> int:
        """Decoder layers of the model."""
        return 1 + max(layer_of(name) for name in lora_parameters(self.lm.model))

    def shape(self) -> dict[str, Any]:
        """What the numbers depend on, for the results file."""
        config = self.lm.model.config.get_text_config()
        lengths, responses = [len(e) for e in self.encoded], [sum(e.response_mask) for e in self.encoded]
        return {
            "hidden": config.hidden_size, "layers": self.depth, "vocabulary": config.vocab_size,
            "rank": AdapterSettings().rank, "targets": list(AdapterSettings().target_modules),
            "rows": len(self.encoded), "tokens": sum(lengths), "response_tokens": sum(responses),
            "longest": max(lengths), "public_rows": len(self.good), "anchors": len(self.anchors),
        }  # fmt: skip


def random_llama(rows: int = 32, hidden: int = 256, layers: int = 6, vocabulary: int = 4096) -> Workload:
    """A Llama nobody trained, an adapter whose B is not zero, and rows of random tokens: 20 to 60 of prompt, 35 to
    110 of response."""
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=3 * hidden, num_hidden_layers=layers,
        num_attention_heads=hidden // 32, num_key_value_heads=hidden // 64, max_position_embeddings=256,
    )  # fmt: skip
    torch.manual_seed(SEED)
    base: Any = LanguageModel(LlamaForCausalLM(config).eval().requires_grad_(False), NoTokenizer(), SETTINGS)
    lm = with_adapter(base)
    rng = random.Random(SEED)

    def some(count: int) -> list[Encoded]:
        return [random_row(rng, vocabulary, rng.randint(20, 60), rng.randint(35, 110)) for _ in range(count)]

    encoded = longest_first(some(rows))
    return Workload("random", lm, encoded, some(8), {c.name: some(8) for c in CRITERIA}, some(8))


def smollm2(rows: int = 16) -> Workload:
    """The packaged model and MedQuAD answers of 35 to 110 words, a third of them spoiled; the adapter's B is random
    and small."""
    lm = with_adapter(load_base(SETTINGS))
    sample = draw_sample(
        SampleSettings(
            clients=("GARD", "NINDS"), min_tokens=35, max_tokens=110, rows_per_client=rows // 2, validation_rows=8,
            anchor_rows=8, test_rows=2, unseen_rows=0, spoiled_share=1 / 3,
        ),
        SEED,
    )  # fmt: skip

    def tokens(some: list[Any]) -> list[Encoded]:
        return prepare_rows(some, lm.tokenizer, SETTINGS.max_length).encoded

    validation = encode_validation(sample.validation, lm, SEED)
    encoded = tokens([row for client in sample.clients.values() for row in client])
    spoiled = {name: prepared.encoded for name, prepared in validation.spoiled.items()}
    return Workload("smollm2", lm, longest_first(encoded), validation.good, spoiled, tokens(sample.anchors), sample)


WORKLOADS = {"random": random_llama, "smollm2": smollm2}


def random_row(rng: random.Random, vocabulary: int, prompt: int, response: int) -> Encoded:
    """A prompt that is not scored and a response that is, tokens each; the last one is the end token."""
    ids = tuple(rng.randrange(vocabulary) for _ in range(prompt + response))
    mask = (False,) * prompt + (True,) * response
    return Encoded(ids, mask, (len(ids) - 1,), ((0, 0),) * response, False)


def longest_first(encoded: list[Encoded]) -> list[Encoded]:
    """The order every engine gets."""
    return sorted(encoded, key=len, reverse=True)


class NoTokenizer:
    """Stands where a random model has no tokenizer; padding needs its ids."""

    pad_token_id, eos_token_id = 0, 0


def with_adapter(lm: LanguageModel, settings: AdapterSettings | None = None) -> LanguageModel:
    """The model with a LoRA adapter whose B is random and small, as after some steps of training."""
    lm = add_adapter(lm, settings or AdapterSettings(), SEED)
    generator = torch.Generator().manual_seed(SEED)
    for p in lora_parameters(lm.model, "B").values():
        p.data.copy_(0.01 * torch.randn(p.shape, generator=generator))
    return lm
