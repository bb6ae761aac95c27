"""Figure 2: performance against the share of bad data, two base models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clues_research.reproduction.artefact import Artefact, ends, mean, seeds_of
from clues_research.reproduction.charts import dots
from clues_research.reproduction.claims import Finding
from clues_research.reproduction.estimates import Estimate, over_rows
from clues_research.reproduction.results import Results

ARM = "mixed-federated"
MODELS = {"SmolLM2-135M-Instruct": "medquad", "Gemma 3 270M": "gemma-medquad"}
SHARES = (0, 20, 40, 60)
CLAIM = "bad data lowers performance"


def make(results: Results) -> Artefact:
    """One line per model and share."""
    lines = list(_lines(results))
    chart = dots(lines, "rise", "share", "model", "rise of the test loss over no bad data (nats per token)")
    title = "Figure 2: what bad data costs, two base models"
    notes = ("Gemma 3 270M has one seed: its intervals are over documents, and it decides nothing by itself.",)
    shown = (("model", "share", "seeds", "nll", "rise", "chosen"),)
    return Artefact("figure2", title, lines, list(_findings(results)), chart, notes, shown)


def _lines(results: Results) -> Iterator[dict[str, Any]]:
    for model, prefix in MODELS.items():
        for share in SHARES:
            found = mean(results, f"{prefix}-{share}", ARM)
            if found is None:
                continue
            line = {"model": model, "share": f"{share} %", "seeds": len(found.per_seed), **ends("nll", found)}
            line |= ends("chosen", mean(results, f"{prefix}-{share}", ARM, "chosen"))
            yield line | ends("rise", _rise(results, prefix, share) if share else None)


def _rise(results: Results, prefix: str, share: int) -> Estimate | None:
    """Test NLL with bad data minus that without, of the same test rows."""
    bad, good = (seeds_of(results, f"{prefix}-{s}", ARM) for s in (share, 0))
    both = {seed: (bad[seed][0][0] - good[seed][0][0], bad[seed][0][1]) for seed in bad if seed in good}
    return over_rows(both) if both else None


def _findings(results: Results) -> Iterator[Finding]:
    for model, prefix in MODELS.items():
        for share in SHARES[1:]:
            found = _rise(results, prefix, share)
            if found is not None:
                yield Finding(CLAIM, "", f"{model}, {share} % − 0 %", found, "test NLL")
