"""Every scorer through the contract: the scores of the functions behind it, whatever the rows it is asked with."""

from __future__ import annotations

import numpy as np
import pytest

from clues.baselines.datainf import datainf_direction
from clues.baselines.less import Less
from clues.baselines.likelihoods import likelihood_scores
from clues.baselines.scorers import SCORERS, scorer_of
from clues.baselines.similarity import similarity_scores
from clues.config.reading import job_from_dict
from clues.data.encoding import encode
from clues.data.prepare import Prepared, prepare_rows
from clues.data.rows import Message, Row
from clues.errors import SettingError
from clues.models.adapters import adapter_state
from clues.scoring.passes import gradient_pass, token_nll
from clues.scoring.probe import Probe
from clues.scoring.published import validation_moments
from clues.scoring.scorer import Context, Scorer
from tests.cli.conftest import record
from tests.scoring.test_probe import adapted

SEED = 7
NAMES = (
    *("published.dot", "published.adam", "published.adam-written", "published.dot-first", "published.adam-first"),
    *("less", "datainf", "perplexity", "ifd", "ira", "length", "random", "similarity.max", "similarity.mean"),
)


def prepared(lm, numbers: range) -> Prepared:
    records = [record(n) for n in numbers]
    messages = [(Message("user", r["question"]), Message("assistant", r["answer"])) for r in records]
    rows = [Row(pair, "f", i, r) for i, (pair, r) in enumerate(zip(messages, records, strict=True), 1)]
    return prepare_rows(rows, lm.tokenizer, 200)


@pytest.fixture(scope="module")
def known() -> Context:
    lm = adapted("llama", 4, token_budget=300)
    return Context(lm, prepared(lm, range(100, 104)), prepared(lm, range(6)), SEED)


def expected(context: Context, rows: Prepared) -> dict[str, np.ndarray]:
    """All scores from the functions that are tested against their formulas."""
    lm, validation = context.lm, context.validation.encoded
    moments = validation_moments(lm, validation)
    influence = Probe(datainf_direction(lm, context.training.encoded, moments.gradient))
    observers = [*moments.observers(), *moments.variants(), Less(moments), influence]
    alone = [encode(row.without_prompt(), lm.tokenizer, 200) for row in rows.rows]
    likelihoods = likelihood_scores(token_nll(lm, rows.encoded), token_nll(lm, alone), rows.encoded, SEED)
    similarities = similarity_scores(lm, rows.encoded, validation)
    return gradient_pass(lm, rows.encoded, observers) | likelihoods | similarities


def test_all_are_there():
    assert tuple(SCORERS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_scorer_gives_the_functions_scores_whatever_the_batch_mates(known, name):
    rows, before, counted = prepared(known.lm, range(50, 57)), adapter_state(known.lm.model), []
    score = SCORERS[name].prepared(known)
    found = score(rows, counted.append)
    assert found.dtype == np.float32
    assert sum(counted) == 7  # each row once, however many passes it takes
    scale = float(np.abs(found).max())
    assert np.abs(found - expected(known, rows)[name]).max() <= 1e-5 * scale
    alone = score(Prepared(rows.rows[3:4], rows.encoded[3:4], []), counted.append)
    assert alone[0] == pytest.approx(found[3], rel=1e-4, abs=1e-5 * scale)
    after = adapter_state(known.lm.model)
    assert all((after[n] == t).all() for n, t in before.items())
    assert not any(p.requires_grad for p in known.lm.model.parameters())
    assert len(set(found.tolist())) > 1


def test_a_job_names_its_scorer():
    assert scorer_of(job_from_dict({})) is None
    less = scorer_of(job_from_dict({"scoring": {"scorer": "less"}}))
    assert less is SCORERS["less"]


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ({"scorer": "les"}, "no scorer 'les'; there are clues, datainf, .*, similarity.mean"),
        ({"scorer": "less", "channels": "forward"}, "less needs the checkpoints"),
        ({"scorer": "length", "criteria": ["fluency"]}, "leave them out for length"),
        ({"scorer": "length", "domain_field": "language"}, "leave them out for length"),
    ],
)
def test_what_a_scorer_would_pass_over_is_refused(scoring, message):
    with pytest.raises(SettingError, match=message):
        scorer_of(job_from_dict({"scoring": scoring}))


def test_what_a_scorer_gives_is_checked(known):
    short = Scorer("short", "base", lambda _context: lambda _rows, _advance: np.zeros(2))
    with pytest.raises(SettingError, match=r"scorer short: \(2,\) scores for 6 rows"):
        short.prepared(known)(known.training, lambda _rows: None)


@pytest.mark.parametrize("name", ["", "a/b", "a@1", "clues", "owner", ".x"])
def test_names_that_would_break_a_file_are_refused(name):
    with pytest.raises(SettingError, match="cannot be a scorer's name"):
        Scorer(name, "base", lambda _context: lambda rows, _advance: np.zeros(len(rows.rows)))
