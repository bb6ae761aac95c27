"""All scorers behind the contract of `scorer`, by the names they have on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from clues.baselines.datainf import datainf_direction
from clues.baselines.less import Less
from clues.baselines.likelihoods import lengths, likelihood_scores, perplexity, uniform
from clues.baselines.similarity import representations, similarities
from clues.config import CLUES, Job, ScoringSettings
from clues.data.encoding import Encoded, encode
from clues.data.prepare import Prepared
from clues.errors import SettingError
from clues.models.adapters import lora_parameters
from clues.plugins import find
from clues.scoring.mean_gradient import mean_gradient
from clues.scoring.observe import Observer
from clues.scoring.passes import RowsDone, gradient_pass, token_nll
from clues.scoring.probe import Probe
from clues.scoring.published import Moments, validation_moments
from clues.scoring.scorer import Context, Score, Scorer


def scorer_of(job: Job) -> Scorer | None:
    """The scorer that a job names: one of ours or, by its entry point in `clues.scorers`, of an installed package; None
    for `clues`, the criteria.

    Raises SettingError for a name that nobody has, and for settings of the criteria that the scorer would pass over.
    """
    scoring = job.scoring
    if scoring.scorer == CLUES:
        return None
    scorer = find("clues.scorers", scoring.scorer, SCORERS, Scorer, also=(CLUES,))
    if scoring.criteria != ScoringSettings().criteria or scoring.domain_field or scoring.own_domain:
        raise SettingError(f"scoring.criteria and domains are for the scorer clues; leave them out for {scorer.name}")
    if scorer.at == "checkpoints" and scoring.channels == "forward":
        raise SettingError(
            f'the scorer {scorer.name} needs the checkpoints of a warm-up: leave out scoring.channels = "forward"'
        )
    return scorer


def _from_moments(name: str, observers: Callable[[Moments], Sequence[Observer]]) -> Scorer:
    """Inner products and the like with the validation rows' mean gradient, over all of the adapter's weights."""

    def prepare(context: Context) -> Score:
        made = observers(validation_moments(context.lm, context.validation.encoded))
        return _by_gradients(context, name, next(o for o in made if name in o.channels))

    return Scorer(name, "checkpoints", prepare)


def _datainf(context: Context) -> Score:
    gradient = mean_gradient(context.lm, context.validation.encoded, lora_parameters(context.lm.model))
    direction = datainf_direction(context.lm, context.training.encoded, gradient)
    return _by_gradients(context, "datainf", Probe(direction))


def _by_gradients(context: Context, name: str, observer: Observer) -> Score:
    return lambda rows, advance: gradient_pass(context.lm, rows.encoded, [observer], advance)[name]


def _perplexity(context: Context) -> Score:
    return lambda rows, advance: perplexity(token_nll(context.lm, rows.encoded, advance))


def _against_no_prompt(name: str) -> Scorer:
    """Likelihoods with the prompt and without."""

    def prepare(context: Context) -> Score:
        lm = context.lm

        def score(rows: Prepared, advance: RowsDone) -> np.ndarray:
            alone = [encode(row.without_prompt(), lm.tokenizer, lm.settings.max_length) for row in rows.rows]
            without, given = token_nll(lm, alone), token_nll(lm, rows.encoded, advance)
            return likelihood_scores(given, without, rows.encoded)[name]

        return score

    return Scorer(name, "base", prepare)


def _without_model(name: str, values: Callable[[Sequence[Encoded], int], np.ndarray]) -> Scorer:
    def prepare(context: Context) -> Score:
        def score(rows: Prepared, advance: RowsDone) -> np.ndarray:
            advance(len(rows.encoded))
            return values(rows.encoded, context.seed)

        return score

    return Scorer(name, "base", prepare)


def _similarity(name: str) -> Scorer:
    def prepare(context: Context) -> Score:
        rulers = representations(context.lm, context.validation.encoded)
        return lambda rows, advance: similarities(context.lm, rows.encoded, rulers, advance)[name]

    return Scorer(name, "base", prepare)


SCORERS: Mapping[str, Scorer] = {
    scorer.name: scorer
    for scorer in (
        _from_moments("published.dot", Moments.observers),
        _from_moments("published.adam", Moments.observers),
        _from_moments("published.adam-written", Moments.variants),
        _from_moments("published.dot-first", Moments.variants),
        _from_moments("published.adam-first", Moments.variants),
        _from_moments("less", lambda moments: [Less(moments)]),
        Scorer("datainf", "checkpoints", _datainf),
        Scorer("perplexity", "base", _perplexity),
        _against_no_prompt("ifd"),
        _against_no_prompt("ira"),
        _without_model("length", lambda encoded, _seed: lengths(encoded)),
        _without_model("random", uniform),
        _similarity("similarity.max"),
        _similarity("similarity.mean"),
    )
}
"""The norm of a row's gradient is none of them: nobody can say which end of it is good."""
