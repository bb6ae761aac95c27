"""What a run will cost, in tokens that go through the model; seconds depend on the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clues.config import Job
    from clues.data.encoding import Encoded
    from clues.data.prepare import Prepared
    from clues.data.rows import Row
    from clues.models.base import LanguageModel
    from clues.owner.inputs import Inputs


@dataclass(frozen=True)
class Cost:
    """Tokens, padding not counted."""

    forward: int
    """Through forward passes alone."""
    backward: int
    """Through forward and backward passes, each about three times as dear."""
    uncounted: str = ""
    """What is not among these tokens, in words."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.forward + other.forward, self.backward + other.backward, self.uncounted + other.uncounted)

    @property
    def facts(self) -> dict[str, int | str]:
        """For a program."""
        found: dict[str, int | str] = {"tokens_forward": self.forward, "tokens_forward_and_backward": self.backward}
        return found | ({"uncounted": self.uncounted} if self.uncounted else {})

    @property
    def text(self) -> str:
        """For a person."""
        text = f"cost: {self.forward:,} tokens forward, {self.backward:,} tokens forward and backward"
        return f"{text}; not counted: {self.uncounted}" if self.uncounted else text


NOTHING = Cost(0, 0)


def owner_cost(inputs: Inputs, lm: LanguageModel, job: Job) -> Cost:
    """Of `clues score`. What a scorer does with the rows is its own affair: its passes are not counted."""
    from clues.baselines.scorers import scorer_of

    parts, scorer = list(inputs.scored.values()), scorer_of(job)
    steps = max(job.scoring.checkpoints, default=0) * job.training.local_steps
    if scorer is not None:
        tokens = f"what the scorer {scorer.name} does with {sum(_tokens(p.encoded) for p in parts):,} tokens"
        if scorer.at == "base":
            return Cost(0, 0, tokens)
        times = f"{tokens}, at each of {len(job.scoring.checkpoints)} checkpoints"
        return training_cost(inputs.rows, steps, job) + Cost(0, 0, times)
    if job.scoring.channels == "forward":
        return scoring_cost(parts, [], lm, job)
    return scoring_cost(parts, inputs.validation.rows, lm, job) + training_cost(inputs.rows, steps, job)


def run_cost(clients: Mapping[str, Prepared], public: Mapping[str, Prepared], lm: LanguageModel, job: Job) -> Cost:
    """Of `clues run`: scoring, every arm federated and alone, evaluation."""
    scored = [*clients.values(), *(public[name] for name in ("anchors", "unseen") if name in public)]
    validation = public["validation"].rows if job.scoring.channels == "full" else []
    steps = job.training.rounds * job.training.local_steps
    arms = len(job.collaboration.arms)
    training = sum((training_cost(client, 2 * arms * steps, job) for client in clients.values()), NOTHING)
    return scoring_cost(scored, validation, lm, job) + training + _evaluation_cost(public, arms, lm, job)


def scoring_cost(parts: Sequence[Prepared], validation: Sequence[Row], lm: LanguageModel, job: Job) -> Cost:
    """Forward passes over every part; without `validation` rows that is all, else as many checkpoints follow."""
    from clues.data.encoding import encode
    from clues.scoring.criteria import criteria_named
    from clues.scoring.forward import CONTRASTS
    from clues.scoring.validation import encode_validation

    asked = sum(_tokens(part.encoded) for part in parts)
    rows = [row.without_prompt() for part in parts for row in part.rows]
    alone = _tokens([encode(row, lm.tokenizer, job.model.max_length) for row in rows])
    forward = asked + alone + CONTRASTS * asked  # at most: under other questions an answer's beginning is enough
    if not validation:
        return Cost(forward, 0)
    sets = encode_validation(validation, lm, job.seed, criteria_named(job.scoring.criteria))
    directions = 2 * _tokens(sets.all_rows.encoded)
    return Cost(forward, len(job.scoring.checkpoints) * (asked + directions))


def training_cost(rows: Prepared, steps: int, job: Job) -> Cost:
    """Of optimizer steps on these rows."""
    return Cost(0, round(steps * job.training.batch_size * _tokens(rows.encoded) / len(rows.rows)))


def _evaluation_cost(public: Mapping[str, Prepared], arms: int, lm: LanguageModel, job: Job) -> Cost:
    """The base and every arm, federated and merged, on answers and choices; a second merge on answers alone."""
    from clues.evaluation.models import TestSet

    negatives = public["negatives"].rows if "negatives" in public else []
    held_out = TestSet.make(public["test"].rows, lm, job.evaluation, negatives)
    choices = _tokens(held_out.asked) + _tokens(held_out.alone)
    return Cost((1 + 2 * arms) * (_tokens(held_out.encoded) + choices) + arms * _tokens(held_out.encoded), 0)


def _tokens(encoded: Sequence[Encoded]) -> int:
    return sum(map(len, encoded))
