"""The settings of a job: one tree of frozen dataclasses, every field with its unit and reason."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from clues import SCHEMA_VERSION

CLUES = "clues"
"""The scorer that is none of `baselines`: the criteria, with their evidence."""


@dataclass(frozen=True)
class ModelSettings:
    name: str = "packaged"
    """`packaged` (SmolLM2-135M-Instruct from the package index), a local path, a hub name, or a `.gguf` file."""
    max_length: int = 512
    """Tokens per row; longer rows are truncated at the end and counted."""
    precision: Literal["float32", "bf16"] = "bf16"
    """`bf16`: autocast for matrix products; adapters, losses and sums stay float32 either way."""
    quantization: Literal["none", "8bit", "4bit"] = "none"
    """Bits of the linear layers' weights, by bitsandbytes: `8bit` is LLM.int8, `4bit` is NF4."""
    token_budget: int = 1024
    """Padded tokens in one batch of a scoring or evaluation pass."""


@dataclass(frozen=True)
class AdapterSettings:
    rank: int = 8
    alpha: int = 16
    """LoRA scaling is alpha / rank."""
    target_modules: tuple[str, ...] = ("q_proj", "v_proj")
    """Names of the linear layers that carry an adapter (the paper, Section 4: q and v)."""
    first_layer: int = 0
    """Index of the lowest layer that carries an adapter: no backward pass goes below it."""


@dataclass(frozen=True)
class SampleSettings:
    """How a job draws its clients and public sets from one pool of clean rows (demo, figures)."""

    pool: str = "packaged"
    """`packaged` (MedQuAD answers shipped with clues) or a file of rows with `source` and `doc` fields."""
    clients: tuple[str, ...] = ()
    """Sources that become clients, one each; empty: the job names its clients' files instead."""
    unseen_source: str = ""
    """A source without client or anchors, to measure what the bar does to rows from elsewhere; empty: none."""
    min_tokens: int = 30
    max_tokens: int = 70
    """Answers of this many tokens are drawn. A pool's `tokens` field counts them; without one its words do."""
    rows_per_client: int = 40
    validation_rows: int = 24
    anchor_rows: int = 64
    test_rows: int = 32
    unseen_rows: int = 24
    spoiled_share: float = 0.5
    """Share of each client's rows that are spoiled, in [0, 1]."""
    kinds: tuple[str, ...] = ("cut", "deletion", "exchange")
    """Kinds of damage, in equal parts."""


@dataclass(frozen=True)
class PublicSettings:
    """Files of the public sets; relative paths are relative to the job file. Empty when the job draws a sample."""

    validation: str = ""
    anchors: str = ""
    test: str = ""


@dataclass(frozen=True)
class ClientSettings:
    name: str
    data: str = ""
    """The client's rows. In a deployment this path is in the client's own node configuration, never here."""
    domain: str = ""
    """Its domain among those that `scoring.domain_field` names; empty: all count alike."""


@dataclass(frozen=True)
class TrainingSettings:
    rounds: int = 4
    """Federated rounds of every arm."""
    local_steps: int = 4
    """Optimizer steps of a client in one round; a merged arm trains rounds x local_steps steps at once."""
    batch_size: int = 2
    """Rows per optimizer step of one client."""
    learning_rate: float = 1e-3
    """AdamW, constant. The optimizer starts anew in every round: a client keeps no state between messages."""


@dataclass(frozen=True)
class ScoringSettings:
    scorer: str = CLUES
    """What the rows of `clues score` are scored by: `clues` (the criteria below), a scorer to be compared with such as
    `less` or `perplexity`, or one that an installed package brings (docs/PLUGINS.md)."""
    criteria: tuple[str, ...] = ("fluency", "relevance", "completeness", "novelty")
    """The ways to fail that are looked for; `clues score` also takes those that installed packages bring."""
    channels: Literal["full", "forward"] = "full"
    """`forward`: a few forward passes of the base model, no training. `full`: gradient channels as well."""
    checkpoints: tuple[int, ...] = (2,)
    """Warm-up rounds after which the global adapter scores the rows. One early in the first pass over the rows says
    about as much as two, and ones after it less (docs/STUDY.md)."""
    published: bool = True
    """Also compute the published score (dot and Adam) for comparison."""
    domain_field: str = ""
    """Field of the public validation rows that names their domain, such as `language`: each domain then has directions
    of its own (the paper, Section 3.2). Empty: all rows are of one domain."""
    own_domain: str = ""
    """The domain of the rows of `clues score`; a client's is in `clients`. Empty: all domains count alike."""
    other_domains: float = 1.0
    """Weight of every other domain beside the own one's 1; the paper gives none."""


@dataclass(frozen=True)
class SelectionSettings:
    rule: Literal["conformal", "fdr", "anchor-mean", "ratio", "score"] = "conformal"
    alpha: float = 0.1
    """`conformal`: a good row is dropped with at most this probability."""
    q: float = 0.1
    """`fdr`: at most this share of the dropped rows is good, in expectation."""
    ratio: float = 0.5
    """`ratio`: share of the rows to keep."""
    score: float = 0.0
    """`score`: the least statistic a kept row has."""


@dataclass(frozen=True)
class CollaborationSettings:
    arms: tuple[str, ...] = ("mixed", "clues", "oracle")
    """What is trained: `mixed` (all rows, the warm-up), `clues` (kept rows), `oracle` (clean rows; needs labels)."""
    weights: Literal["uniform", "samples", "adaptive"] = "samples"
    """How clients are weighed when adapters are averaged or merged."""
    merge: Literal["linear", "ties"] = "linear"
    """The one-shot merge that `models.<arm>.merged` reports; the other is reported beside it."""
    density: float = 0.2
    """TIES: share of the entries kept (the paper, Section 4)."""
    equal_epochs: bool = False
    """Also train the retrained arms with as many passes over their rows as mixed makes (figures)."""
    compare: bool = False
    """Also merge with every kind of client weights (figures)."""


@dataclass(frozen=True)
class EvaluationSettings:
    negatives: int = 3
    """Wrong answers beside the right one: those to other questions about the same document, then of the same source."""
    choice_rows: int = 32
    """Test rows used for the choice among negatives; the first of the test set."""
    bootstrap: int = 2000
    """Resamples of documents for intervals."""


@dataclass(frozen=True)
class Job:
    """A whole run. Defaults are those of the demo."""

    name: str = "demo"
    seed: int = 0
    schema_version: int = SCHEMA_VERSION
    model: ModelSettings = field(default_factory=ModelSettings)
    adapter: AdapterSettings = field(default_factory=AdapterSettings)
    sample: SampleSettings = field(default_factory=SampleSettings)
    public: PublicSettings = field(default_factory=PublicSettings)
    clients: tuple[ClientSettings, ...] = ()
    training: TrainingSettings = field(default_factory=TrainingSettings)
    scoring: ScoringSettings = field(default_factory=ScoringSettings)
    selection: SelectionSettings = field(default_factory=SelectionSettings)
    collaboration: CollaborationSettings = field(default_factory=CollaborationSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists, fit for JSON or TOML."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @property
    def hash(self) -> str:
        """Twelve hex digits that name this configuration."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:12]
