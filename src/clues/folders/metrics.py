"""metrics.json: all results of a run, as scripts may rely on them. An interval's ends are `_low` and `_high` beside its
value, and None where one document alone says nothing about the spread; a share of nothing is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from clues.statistics.bootstrap import Estimate
from clues.statistics.paired import Comparison

How = Literal["federated", "merged"]
"""How the adapters of an arm's clients became one."""


Metric = Literal["test_nll", "choice"]
"""What models are compared by: the likelihood of right answers, and the choice among answers."""


@dataclass(frozen=True, kw_only=True)
class ModelMetrics:
    """One model on the held-out rows; intervals are over documents."""

    test_nll: float
    """Mean over rows of the NLL per response token, nats."""
    test_nll_low: float | None
    test_nll_high: float | None
    perplexity: float
    perplexity_low: float | None
    perplexity_high: float | None
    choice_accuracy: float | None = None
    """Share of questions whose own answer is chosen among similar ones; None where that was not asked."""
    choice_low: float | None = None
    choice_high: float | None = None

    @staticmethod
    def of(nll: Estimate, perplexity: Estimate, choice: Estimate | None) -> ModelMetrics:
        """From means with their intervals."""
        metrics = ModelMetrics(
            test_nll=nll.value,
            test_nll_low=nll.low,
            test_nll_high=nll.high,
            perplexity=perplexity.value,
            perplexity_low=perplexity.low,
            perplexity_high=perplexity.high,
        )
        if choice is None:
            return metrics
        return replace(metrics, choice_accuracy=choice.value, choice_low=choice.low, choice_high=choice.high)

    def interval(self, metric: Metric) -> tuple[float | None, float | None, float | None]:
        """A number with the ends of its interval."""
        if metric == "test_nll":
            return self.test_nll, self.test_nll_low, self.test_nll_high
        return self.choice_accuracy, self.choice_low, self.choice_high

    def to_dict(self) -> dict[str, float | None]:
        """As it stands in files: without the numbers of a choice that was not asked."""
        numbers: dict[str, float | None] = asdict(self)
        unasked = self.choice_accuracy is None
        return {name: number for name, number in numbers.items() if not (unasked and name.startswith("choice_"))}


Models = Mapping[str, Mapping[How, ModelMetrics]]
"""Arm, `base` among them -> how -> numbers."""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """A selection against the labels. Positive = clean = kept."""

    rows: int
    clean: int
    kept: int
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    f1: float | None
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    good_among_dropped: float | None
    good_among_dropped_low: float | None
    good_among_dropped_high: float | None


@dataclass(frozen=True)
class Area:
    """Under the ROC curve, good rows against one kind of damage."""

    auc: float | None


@dataclass(frozen=True, kw_only=True)
class KeptOfKind:
    """What was kept of the rows with an edit that leaves them good."""

    kept_share: float | None
    kept_share_low: float | None
    kept_share_high: float | None
    rows: int


@dataclass(frozen=True, kw_only=True)
class DamageKind(KeptOfKind):
    """What was kept of the rows that were spoiled in one way, and how well they are told from good ones."""

    auc: float | None


@dataclass(frozen=True, kw_only=True)
class ClientSelection(Shares):
    """The selection within one client."""

    auc: float | None
    dropped_share: float | None
    dropped_share_low: float | None
    dropped_share_high: float | None
    dropped_p: float
    """That it loses so many rows by chance, against the other clients."""


@dataclass(frozen=True, kw_only=True)
class ChannelAreas:
    """One channel by itself, over the rows that it has a value for."""

    auc: float | None
    rows: int
    kinds: Mapping[str, Area]


@dataclass(frozen=True, kw_only=True)
class PublishedVariant(Shares):
    """The published score in one form, held against one number of anchors."""

    auc: float | None
    kinds: Mapping[str, Area]


@dataclass(frozen=True, kw_only=True)
class Published(PublishedVariant):
    """The best of the variants, and all of them."""

    which: str
    variants: Mapping[str, PublishedVariant]


@dataclass(frozen=True, kw_only=True)
class UnseenSource:
    """Good rows of a source that has no anchors."""

    source: str
    rows: int
    kept_share: float | None
    kept_share_low: float | None
    kept_share_high: float | None


@dataclass(frozen=True, kw_only=True)
class SelectionMetrics(Shares):
    """All that labels can say about one selection, all clients together."""

    rule: str
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    not_scored: int
    kinds: Mapping[str, DamageKind]
    harmless: Mapping[str, KeptOfKind]
    clients: Mapping[str, ClientSelection]
    published: Published | None
    """None where the job did not ask for it."""
    rules: Mapping[str, Shares]
    channels: Mapping[str, ChannelAreas]
    unseen: UnseenSource | None = None


@dataclass(frozen=True)
class JobName:
    """Which job."""

    name: str
    seed: int
    hash: str


@dataclass(frozen=True)
class MergeMetrics:
    """One merge that was tried."""

    test_nll: float


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The content of metrics.json."""

    job: JobName
    version: str
    date: str
    models: Models
    merges: Mapping[str, Mapping[str, Mapping[str, MergeMetrics]]]
    """Arm -> method -> client weights."""
    comparisons: tuple[Comparison, ...]
    gap_closed: Mapping[How, float | None]
    """Share of the gap from all rows to the truly good ones; None where there is no clear gap."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    selection: SelectionMetrics | None = None
    """None where the labels are not known."""
