"""One owner's rows scored for the criteria: forward channels, and gradient channels at the checkpoints of a warm-up."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from clues.config import Job
from clues.folders.explanations import ExplanationsFile
from clues.folders.owner import OwnerFolder
from clues.folders.power import Power
from clues.models.base import LanguageModel
from clues.owner.inputs import Inputs
from clues.owner.scored_by import own_domains
from clues.owner.warm_up import warm_up
from clues.progress import Progress
from clues.scoring.channel_folder import ChannelFolder, ValidationFolder
from clues.scoring.checkpoint import Checkpoint
from clues.scoring.contrasts import base_passes
from clues.scoring.criteria import Criterion
from clues.scoring.domains import check_domains
from clues.scoring.validation import Validation, encode_validation
from clues.selection.bar import Bar, bar_of
from clues.training.checkpoints import checkpoint_in, steps_to_teach


@dataclass
class ByCriteria:
    """Scores the parts of `inputs` into `output`, and knows the bar."""

    criteria: Sequence[Criterion]
    inputs: Inputs
    lm: LanguageModel
    output: OwnerFolder
    job: Job
    progress: Progress

    def check(self) -> None:
        """Raises SettingError for public rows that cannot be used, before the folder is taken."""
        check_domains(self.validation.domains, [self.job.scoring.own_domain])

    @cached_property
    def parts(self) -> dict[str, ChannelFolder]:
        """What is scored: the owner's rows, the public rows of the bar, and anchors that were spoiled to test it."""
        folder, public = self.output.channels, self.validation.answers
        parts = {n: ChannelFolder(self.lm, part, folder / n, public) for n, part in self.inputs.scored.items()}
        return parts | {"validation": self.public}

    @cached_property
    def validation(self) -> Validation:
        """The public validation rows, good and spoiled."""
        domain_field = self.job.scoring.domain_field
        return encode_validation(self.inputs.validation.rows, self.lm, self.job.seed, self.criteria, domain_field)

    @cached_property
    def public(self) -> ValidationFolder:
        """They and their spoiled copies, scored."""
        return ValidationFolder(self.lm, self.validation, self.output.channels / "validation")

    def score(self) -> None:
        """Everything, but for what is in the folder already."""
        public = self.validation.answers
        self.output.questions.write(public)  # for rows to come
        with self.progress.phase("score-base", base_passes(public.questions) * self._rows()) as advance:
            for name, part in self.parts.items():
                part.score_base(lambda rows, note=name: advance(rows, note))
        if self.job.scoring.channels == "full":
            for number, state in warm_up(self.lm, self.inputs.rows, self.job, self.output, self.progress):
                self._score_under(number, self._checkpoint(number, state))

    def _checkpoint(self, number: int, state: dict[str, Tensor]) -> Checkpoint:
        """Round `number`'s checkpoint."""
        file = self.output.checkpoint(number)
        steps = steps_to_teach(self.validation, self.job)
        with self.progress.phase(f"teach-{number}", steps) if steps else nullcontext(lambda: None) as advance:
            return checkpoint_in(file, self.lm, self.validation, state, self.job, advance)

    def _score_under(self, number: int, checkpoint: Checkpoint) -> None:
        self.progress.note(f"score-{number}", checkpoint.engines)
        with self.progress.phase(f"score-{number}", self._rows()) as advance:
            for name, part in self.parts.items():
                part.score_under(number, checkpoint, lambda rows, note=name: advance(rows, note))

    def bar(self) -> Bar:
        """The bar from the scored public rows."""
        return bar_of(self.parts["anchors"], self.public, own_domains(self.job))

    def power(self, bar: Bar) -> Power:
        """What the bar catches of the spoiled anchors."""
        tested, spoiled = self.parts["spoiled"], self.inputs.spoiled
        return Power(
            spoiled.measure(tested.channels(own_domains(self.job)), bar),
            spoiled.shading(self.inputs.anchors.rows, ExplanationsFile(tested.explanations)),
        )

    def _rows(self) -> int:
        return sum(len(part.prepared.rows) for part in self.parts.values())
