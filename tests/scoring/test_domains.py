"""Languages or other domains: a direction each, weighed by whose rows they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from clues.data.rows import Message, Row
from clues.errors import SettingError
from clues.scoring.checkpoint import make_checkpoint, score_under
from clues.scoring.criteria import CRITERIA
from clues.scoring.directions import directions_at
from clues.scoring.domains import DomainWeights, check_domains
from clues.scoring.validation import encode_validation
from tests.scoring.test_checkpoint import ANSWERS
from tests.scoring.test_probe import adapted, random_rows

TWELVE = (*ANSWERS, *(" ".join(reversed(a.split())) for a in ANSWERS))
NAMES = [criterion.name for criterion in CRITERIA]
LANGUAGES = ("fr", "en", "en", "fr", "en", "fr", "fr", "en", "en", "fr", "en", "fr")


def rows(answers=TWELVE, languages=LANGUAGES):
    return [
        Row((Message("user", f"Question {i}?"), Message("assistant", a)), "v", i, {"answer": a, "language": language})
        for i, (a, language) in enumerate(zip(answers, languages, strict=False))
    ]


def test_a_domains_direction_is_made_of_its_rows_alone():
    lm = adapted("llama", 1, token_budget=300)
    validation = encode_validation(rows(), lm, 3, domain_field="language")
    both = directions_at(lm, validation)
    assert both[0].names == tuple(f"{c}.gradient[{d}]" for d in ("fr", "en") for c in NAMES)
    french = validation.domain_rows()["fr"]
    copies = {name: replace(p, rows=[p.rows[i] for i in french], encoded=[p.encoded[i] for i in french])
              for name, p in validation.spoiled.items()}  # fmt: skip
    alone = replace(validation, rows=[validation.rows[i] for i in french], good=[validation.good[i] for i in french],
                    spoiled=copies, origins=dict.fromkeys(copies, np.arange(len(french))),
                    fold_of=validation.fold_of[french], domains=())  # fmt: skip
    for fold, own in zip(both, directions_at(lm, alone), strict=True):
        for name, w in own.weights.items():
            assert torch.allclose(fold.weights[name][:4], w, atol=1e-4)
            assert not torch.allclose(fold.weights[name][4:], w, atol=1e-2)


def test_a_row_meets_own_domain_plus_w_times_the_others():
    lm = adapted("llama", 1, token_budget=300)
    checkpoint = make_checkpoint(lm, encode_validation(rows(), lm, 3, domain_field="language"), published=False)
    found = score_under(lm, checkpoint, random_rows(5, 4))
    weighed = DomainWeights("en", 0.25).weigh(found)
    expected = found["relevance.gradient[en]"] + 0.25 * found["relevance.gradient[fr]"]
    assert np.allclose(weighed["relevance.gradient"], expected)
    alike = DomainWeights().weigh(found)["relevance.gradient"]
    assert np.allclose(alike, found["relevance.gradient[en]"] + found["relevance.gradient[fr]"])
    at = DomainWeights("fr", 0.0).weigh({f"{n}@2": v for n, v in found.items()})
    assert np.allclose(at["completeness.gradient@2"], found["completeness.gradient[fr]"])
    with pytest.raises(SettingError, match=r"no public validation row is of the domain 'de'; there are \['en', 'fr'\]"):
        DomainWeights("de").weigh(found)


def test_channels_without_domains_stay_as_they_are():
    channels = {"relevance.gradient": np.ones(2), "fluency.forward": np.zeros(2)}
    assert DomainWeights("en").weigh(channels).keys() == channels.keys()


@pytest.mark.parametrize(
    ("answers", "languages", "message"),
    [
        (ANSWERS, ("fr", "fr", "en", "fr", "fr", "en"), "2 public validation rows of the domain en"),
        (ANSWERS, ("fr", "", "fr", "fr", "fr", "fr"), "v:1: no 'language'"),
        (ANSWERS, ("law/tax",) * 6, "v:0: the domain 'law/tax' must not hold /"),
    ],
)
def test_too_few_rows_of_a_domain_and_a_row_without_one(answers, languages, message):
    lm = adapted("llama", 1)
    with pytest.raises(SettingError, match=message):
        encode_validation(rows(answers, languages), lm, 3, domain_field="language")


def test_a_domain_that_no_public_row_has_is_found_before_anything_is_scored():
    check_domains(("en", "fr"), ["", "en"])
    check_domains((), [""])
    with pytest.raises(SettingError, match=r"of the domain 'de'; there are \['en', 'fr'\]"):
        check_domains(("en", "fr", "en"), ["fr", "de"])
    with pytest.raises(SettingError, match=r"of the domain 'de'; scoring.domain_field names no field"):
        check_domains((), ["de"])
