"""By what a job scores rows: a scorer or criteria, the model as that needs it, and the domains that count."""

from __future__ import annotations

from clues.baselines.scorers import scorer_of
from clues.config import Job
from clues.models.adapters import add_adapter
from clues.models.base import LanguageModel
from clues.scoring.criteria import Criterion, criteria_named
from clues.scoring.domains import DomainWeights
from clues.scoring.scorer import Scorer


def scored_by(job: Job) -> tuple[Scorer | None, tuple[Criterion, ...]]:
    """The scorer or the criteria that a job names. Raises SettingError, see `scorer_of` and `criteria_named`."""
    if scorer := scorer_of(job):
        return scorer, ()
    return None, criteria_named(job.scoring.criteria, job.scoring.channels)


def scoring_model(job: Job, base: LanguageModel) -> LanguageModel:
    """The base model as scoring needs it: gradients are those of an adapter's weights, likelihoods need none."""
    return add_adapter(base, job.adapter, job.seed) if needs_adapter(job) else base


def needs_adapter(job: Job) -> bool:
    """Whether an adapter is warmed up on the rows: for gradient channels, and scorers at checkpoints."""
    scorer = scorer_of(job)
    return job.scoring.channels == "full" if scorer is None else scorer.at == "checkpoints"


def own_domains(job: Job) -> DomainWeights:
    """How the public rows' domains count for an owner's rows."""
    return DomainWeights(job.scoring.own_domain, job.scoring.other_domains)
