"""The settings of a job: one tree of frozen dataclasses, every field with its unit, its range and its reason.

They check themselves, whether they come from a file, from `--set`, from `Job(...)` or from `dataclasses.replace`: what
is wrong raises SettingError. The docstrings below are what `clues config show` prints.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any, Literal

from clues import SCHEMA_VERSION
from clues.config import rules
from clues.config.checking import settings
from clues.config.names import ArmName, ChannelKinds, Damage, Method, Precision, Quantization, Robust, Rule, Weights
from clues.config.values import (
    Answers,
    Checkpoints,
    ClientName,
    Clients,
    Distinct,
    FolderName,
    Layer,
    LeastTokens,
    Probability,
    Rank,
    Rate,
    Resamples,
    Rounds,
    Rows,
    RowsOrNone,
    Scale,
    Seed,
    Share,
    Some,
    SomeShare,
    Source,
    Statistic,
    Steps,
    Text,
    Tokens,
    Weight,
)

CLUES = "clues"
"""The scorer that is none of `baselines`: the criteria, with their evidence."""


@settings
class ModelSettings:
    """The base model and how its passes are made."""

    name: Text = "packaged"
    """`packaged` (SmolLM2-135M-Instruct from the package index), a local path, a hub name, or a `.gguf` file."""
    max_length: Tokens = 512
    """Tokens per row; longer rows are truncated at the end and counted."""
    precision: Precision = "bf16"
    """`bf16`: autocast for matrix products; adapters, losses and sums stay float32 either way."""
    quantization: Quantization = "none"
    """Bits of the linear layers' weights, by bitsandbytes: `8bit` is LLM.int8, `4bit` is NF4."""
    token_budget: Tokens = 1024
    """Padded tokens in one batch of a scoring or evaluation pass."""


@settings
class AdapterSettings:
    """The LoRA adapter that is trained."""

    rank: Rank = 8
    """Columns of B and rows of A; the adapter's size grows with it."""
    alpha: Scale = 16
    """LoRA scaling is alpha / rank."""
    target_modules: Some[Text] = ("q_proj", "v_proj")
    """Names of the linear layers that carry an adapter (the paper, Section 4: q and v)."""
    first_layer: Layer = 0
    """Index of the lowest layer that carries an adapter: no backward pass goes below it."""


@settings
class SampleSettings:
    """How a job draws its clients and public sets from one pool of clean rows (demo, figures)."""

    pool: Text = "packaged"
    """`packaged` (MedQuAD answers shipped with clues) or a file of rows with `source` and `doc` fields."""
    clients: Distinct[Source] = ()
    """Sources that become clients, one each; empty: the job names its clients' files instead."""
    unseen_source: str = ""
    """A source without client or anchors, to measure what the bar does to rows from elsewhere; empty: none."""
    min_tokens: LeastTokens = 30
    """Shorter answers are not drawn. A pool's `tokens` field counts them; without one its words do."""
    max_tokens: Tokens = 70
    """Longer answers are not drawn."""
    rows_per_client: Rows = 40
    """Rows of each client, good and spoiled together."""
    validation_rows: RowsOrNone = 24
    """Public rows that say what the model should get better at, drawn evenly over the clients' sources."""
    anchor_rows: RowsOrNone = 64
    """Public rows that set the bar, drawn evenly over the clients' sources."""
    test_rows: RowsOrNone = 32
    """Held-out rows that every model is measured on, drawn evenly over the clients' sources."""
    unseen_rows: RowsOrNone = 24
    """Rows of `unseen_source`."""
    spoiled_share: Share = 0.5
    """Share of each client's rows that are spoiled, in [0, 1]."""
    kinds: Some[Damage] = ("cut", "deletion", "exchange")
    """Kinds of damage, in equal parts."""

    def __post_init__(self) -> None:
        rules.check_sample(self)


@settings
class ColumnSettings:
    """Which field of a file's records is which part of a row; empty: found by itself (docs/LAYOUTS.md)."""

    prompt: str = ""
    """What is asked: a field, or a text with fields in braces, as in `{context}\n\n{question}`."""
    response: str = ""
    """What is learned."""
    system: str = ""
    """The system message."""
    context: str = ""
    """What the prompt is about; it becomes part of it."""
    history: str = ""
    """Earlier questions and answers, which are not learned."""
    messages: str = ""
    """A list of turns, in place of prompt and response."""
    options: str = ""
    """Answers to choose among; they become part of the prompt."""
    tools: str = ""
    """Tools for the chat template."""
    label: str = ""
    """Whether the answer is wanted; rows where it is false are set aside."""
    weight: str = ""
    """Whether the row counts; rows where it is 0 are set aside."""
    layout: str = ""
    """The name of a layout, where several would do."""

    @property
    def named(self) -> dict[str, str] | None:
        """As rows are read by it (`clues.data.files.columns`); None where nothing is named."""
        return {part: name for part, name in dataclasses.asdict(self).items() if name} or None


@settings
class PublicSettings:
    """Files of the public sets; relative paths are relative to the job file. Empty when the job draws a sample."""

    validation: str = ""
    """Rows of high quality: what the model should get better at."""
    anchors: str = ""
    """Other rows of high quality, 30 or more: they set the bar."""
    test: str = ""
    """Held-out rows that every model is measured on."""
    columns: ColumnSettings = ColumnSettings()
    """Which field of their records is which part of a row, where they have unusual names."""


@settings
class ClientSettings:
    """One client of a federation."""

    name: ClientName
    """What the others know it by; also its folder."""
    data: str = ""
    """The client's rows. In a deployment this path is in the client's own node configuration, never here."""
    domain: str = ""
    """Its domain among those that `scoring.domain_field` names; empty: all count alike."""
    columns: ColumnSettings = ColumnSettings()
    """Which field of its records is which part of a row, where they have unusual names."""


@settings
class TrainingSettings:
    """How an adapter is trained."""

    rounds: Rounds = 4
    """Federated rounds of every arm."""
    local_steps: Steps = 4
    """Optimizer steps of a client in one round; a merged arm trains rounds x local_steps steps at once."""
    batch_size: Rows = 8
    """Rows per optimizer step of one client; where several train together, fewer make a step of as many in all."""
    learning_rate: Rate = 1e-3
    """AdamW, constant. The optimizer starts anew in every round: a client keeps no state between messages."""


@settings
class ScoringSettings:
    """How rows are scored."""

    scorer: Text = CLUES
    """What the rows of `clues score` are scored by: `clues` (the criteria below), a scorer to be compared with such as
    `less` or `perplexity`, or one that an installed package brings (docs/PLUGINS.md)."""
    criteria: Some[Text] = ("fluency", "relevance", "completeness", "novelty", "label")
    """The ways to fail that are looked for; `clues score` also takes those that installed packages bring."""
    channels: ChannelKinds = "full"
    """`forward`: a few forward passes of the base model, no training. `full`: gradient channels as well."""
    checkpoints: Checkpoints = (2,)
    """Warm-up rounds after which the global adapter scores the rows. One early in the first pass over the rows says
    about as much as two, and ones after it less (docs/research/STUDY.md)."""
    published: bool = False
    """Also compute the published score (dot and Adam). Without labels nobody can compare with it, and it costs a
    backward pass through all layers."""
    domain_field: str = ""
    """Field of the public validation rows that names their domain, such as `language`: each domain then has directions
    of its own (the paper, Section 3.2). Empty: all rows are of one domain."""
    own_domain: str = ""
    """The domain of the rows of `clues score`; a client's is in `clients`. Empty: all domains count alike."""
    other_domains: Weight = 1.0
    """Weight of every other domain beside the own one's 1; the paper gives none."""

    def __post_init__(self) -> None:
        rules.check_scoring(self)


@settings
class SelectionSettings:
    """The rule that keeps and drops rows, and its level."""

    rule: Rule = "conformal"
    """`conformal` and `fdr` promise something about good rows, see alpha and q; `anchor-mean` is the published rule;
    `ratio` and `score` keep what is best."""
    alpha: Probability = 0.1
    """`conformal`: a good row is dropped with at most this probability."""
    q: Probability = 0.1
    """`fdr`: at most this share of the dropped rows is good, in expectation."""
    ratio: Share = 0.5
    """`ratio`: share of the rows to keep."""
    score: Statistic = 0.0
    """`score`: the least statistic a kept row has."""


@settings
class CollaborationSettings:
    """What is trained together, and how it becomes one model."""

    arms: Some[ArmName] = ("mixed", "clues", "oracle")
    """What is trained: `mixed` (all rows, the warm-up), `clues` (kept rows), `oracle` (clean rows; needs labels)."""
    weights: Weights = "samples"
    """How clients are weighed when adapters are averaged or merged."""
    most_weight: SomeShare = 0.5
    """The largest share that one client has in an average or a merge, whatever number of rows it states; an equal share
    is always allowed. With two clients both have the half."""
    robust: Robust = "none"
    """What takes the place of the weighted average of a round's updates, after those that are unfit were refused
    (docs/METHOD.md): `median` and `trimmed-mean` of every weight, or `krum`, the one update nearest to the others.
    They take no notice of client weights, and need 3, 3 and 5 clients."""
    least_clients: Clients = 0
    """Fewest clients that the run begins with, and that a step goes on with; 0: half of the job's, rounded up. With
    fewer the run stops, and goes on by --resume."""
    merge: Method = "linear"
    """The one-shot merge that `models.<arm>.merged` reports; every other is reported beside it."""
    density: SomeShare = 0.2
    """TIES: share of the entries kept (the paper, Section 4)."""
    equal_epochs: bool = False
    """Also train the retrained arms with as many passes over their rows as mixed makes (figures)."""
    compare: bool = False
    """Also merge with every kind of client weights (figures)."""


_LATER = ("most_weight", "robust", "least_clients")
"""Settings of `collaboration` that jobs with results did not have."""


@settings
class EvaluationSettings:
    """How models are measured."""

    negatives: Answers = 3
    """Wrong answers beside the right one: those to other questions about the same document, then of the same source."""
    choice_rows: RowsOrNone = 32
    """Test rows used for the choice among negatives, the first of the test set; 0 leaves the choice out."""
    bootstrap: Resamples = 2000
    """Resamples of documents for intervals."""


@settings
class Job:
    """A whole run."""

    name: FolderName = "job"
    """What the run is called: `clues run` writes into runs/NAME."""
    seed: Seed = 0
    """Of all that is drawn at random: samples, damage, adapters, the order of rows, resamples."""
    schema_version: Literal[1] = SCHEMA_VERSION
    """Version of the job file."""
    model: ModelSettings = ModelSettings()
    adapter: AdapterSettings = AdapterSettings()
    sample: SampleSettings = SampleSettings()
    public: PublicSettings = PublicSettings()
    clients: tuple[ClientSettings, ...] = ()
    """`[[clients]]`, where the job draws no sample."""
    training: TrainingSettings = TrainingSettings()
    scoring: ScoringSettings = ScoringSettings()
    selection: SelectionSettings = SelectionSettings()
    collaboration: CollaborationSettings = CollaborationSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    def __post_init__(self) -> None:
        rules.check_job(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists, fit for JSON or TOML."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @property
    def hash(self) -> str:
        """Twelve hex digits that name this configuration. A setting that came later does not count where it has its
        default: a job keeps its name."""
        tree = self.to_dict()
        for name in _LATER:
            if tree["collaboration"][name] == getattr(CollaborationSettings(), name):
                del tree["collaboration"][name]
        for files in (tree["public"], *tree["clients"]):
            if not any(files["columns"].values()):
                del files["columns"]
        return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:12]
