"""One owner alone, no federation: which of my rows hurt, and why?"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli_w
from safetensors.torch import load_file, save_file
from torch import Tensor

from clues.channels import ChannelFolder, SpoiledFolder, bar_of
from clues.checkpoint import Checkpoint, make_checkpoint
from clues.config import Job, SettingError, load_job
from clues.data.encoding import Encoded
from clues.data.writing import replacing, write_json
from clues.inputs import Inputs
from clues.models.adapters import adapter_state, add_adapter, load_adapter_state
from clues.models.base import LanguageModel, load_base
from clues.processes import processes
from clues.progress import Progress
from clues.report.owner import write_owner_report
from clues.scores import ScoredRows
from clues.scoring.domains import DomainWeights, check_domains
from clues.scoring.store import pin_rows
from clues.scoring.validation import Validation, encode_validation
from clues.selection.bar import Bar
from clues.training.local import check_shares, train
from clues.verdict import Verdict, judge


class OutputInUseError(ValueError):
    """The output folder holds scores already; the text gives the command that goes on with them."""


def score_file(
    data: Path,
    validation: Path,
    anchors: Path,
    output: Path,
    job: Job,
    progress: Progress,
    *,
    columns: Mapping[str, str] | None = None,
    resume: bool = False,
) -> Verdict | None:
    """Score a file, put it to the bar, and write the rows kept and dropped, the scores and a page into `output`.

    With `scoring.channels = "forward"` two forward passes of the base model are all. With `full` an adapter is warmed
    up on the file itself, and gradient channels are taken at the job's checkpoints. Several processes
    (`accelerate launch`) share the rows; the verdict is the first one's, the others get None.

    Args:
        data: the owner's rows. validation, anchors: public rows of high quality.
        columns: which columns of `data` are prompt and response, where they have unusual names.
        resume: go on in a folder that a run with the same settings began.

    Raises OutputInUseError, SettingError, and what reading and the model raise.
    """
    if processes().is_main_process:
        check_output(output, job, resume)
    lm = scoring_model(job, load_base(job.model))
    scoring = _Scoring(
        Inputs.read(data, validation, anchors, lm, job.seed, columns), lm, output, job, progress, columns
    )
    if job.scoring.channels == "full":
        check_shares(job.training)
    check_domains(scoring.validation.domains, [job.scoring.own_domain])
    if processes().is_main_process:
        begin(output, job, scoring.inputs.pins)
    scoring.base()
    if job.scoring.channels == "full":
        scoring.checkpoints()
    return scoring.verdict() if processes().is_main_process else None


@dataclass
class _Scoring:
    inputs: Inputs
    lm: LanguageModel
    output: Path
    job: Job
    progress: Progress
    columns: Mapping[str, str] | None

    @cached_property
    def parts(self) -> dict[str, ChannelFolder]:
        """What is scored: the owner's rows, the public rows of the bar, and anchors that were spoiled to test it."""
        folder = self.output / "channels"
        parts = {name: ChannelFolder(self.lm, part, folder / name) for name, part in self.inputs.scored.items()}
        return parts | {"validation": self.spoiled}

    @cached_property
    def validation(self) -> Validation:
        return encode_validation(
            self.inputs.validation.rows, self.lm, self.job.seed, domain_field=self.job.scoring.domain_field
        )

    @cached_property
    def spoiled(self) -> SpoiledFolder:
        return SpoiledFolder(self.lm, self.validation, self.output / "channels" / "validation")

    def base(self) -> None:
        with self.progress.phase("score-base", 2 * self._rows()) as advance:
            for name, part in self.parts.items():
                part.score_base(lambda rows, note=name: advance(rows, note))

    def checkpoints(self) -> None:
        state = adapter_state(self.lm.model)
        for number in range(1, max(self.job.scoring.checkpoints) + 1):
            state = self._warm_up(number, state)
            if number in self.job.scoring.checkpoints:
                self._score_under(number, self._checkpoint(number, state))

    def _warm_up(self, number: int, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Round `number` of local steps on the owner's own rows."""
        file, steps = self.output / "warm-up" / f"{number}.safetensors", self.job.training.local_steps
        if _missing(file):
            with self.progress.phase(f"warm-up-{number}", steps) as advance:
                load_adapter_state(self.lm.model, state)
                train(
                    self.lm, self.parts["rows"].prepared.encoded, self.job.training,
                    steps=steps, first_step=(number - 1) * steps, seed=self.job.seed, on_step=advance,
                )  # fmt: skip
            if processes().is_main_process:
                with replacing(file) as scratch:
                    save_file(adapter_state(self.lm.model), str(scratch))
            processes().wait_for_everyone()
        return load_file(str(file))

    def _checkpoint(self, number: int, state: dict[str, Tensor]) -> Checkpoint:
        """Round `number`'s checkpoint, made by the first process."""
        file = self.output / "checkpoints" / f"{number}.safetensors"
        with processes().main_process_first():
            if not file.exists():
                load_adapter_state(self.lm.model, state)
                make_checkpoint(self.lm, self.validation, self.job.scoring.published).save(file)
        return Checkpoint.load(file)

    def _score_under(self, number: int, checkpoint: Checkpoint) -> None:
        self.progress.note(f"score-{number}", checkpoint.engines)
        with self.progress.phase(f"score-{number}", self._rows()) as advance:
            for name, part in self.parts.items():
                part.score_under(number, checkpoint, lambda rows, note=name: advance(rows, note))

    def verdict(self) -> Verdict:
        domains, tested = own_domains(self.job), self.parts["spoiled"]
        bar = bar_of(self.parts["anchors"], self.spoiled, domains)
        kinds = self.inputs.spoiled.measure(tested.channels(domains), bar)
        shading = self.inputs.spoiled.shading(self.inputs.anchors.rows, tested.folder / "explanations.parquet")
        write_json({"kinds": kinds, "shading": shading}, self.output / "power.json")
        source, shared = self.inputs.files["rows"], self.inputs.overlap()
        return conclude(self.output, self.job, source, self.parts["rows"], bar, self.columns, shared.counts)

    def _rows(self) -> int:
        return sum(len(part.prepared.rows) for part in self.parts.values())


def begin(output: Path, job: Job, pins: Mapping[str, tuple[Path, Sequence[Encoded]]]) -> None:
    """Take the folder: only when everything could be read, so that a wrong name does not block it."""
    output.mkdir(parents=True, exist_ok=True)
    pin_rows(output / "inputs.json", pins)
    (output / "job.toml").write_text(tomli_w.dumps(job.to_dict()))


def conclude(
    output: Path,
    job: Job,
    source: Path,
    rows: ChannelFolder,
    bar: Bar,
    columns: Mapping[str, str] | None,
    overlap: Mapping[str, Any],
) -> Verdict:
    """Judge an owner's scored rows, and write all that `clues score` leaves in `output`."""
    shutil.copyfile(rows.folder / "explanations.parquet", output / "explanations.parquet")
    about = {"name": source.name, "job": job.hash, "model": job.model.name, "overlap": overlap}
    scored = ScoredRows.of(source, rows.prepared, rows.channels(own_domains(job)), columns)
    verdict = judge(output, scored, bar, job.selection, about)
    write_owner_report(output)
    return verdict


def own_domains(job: Job) -> DomainWeights:
    """How the public rows' domains count for an owner's rows."""
    return DomainWeights(job.scoring.own_domain, job.scoring.other_domains)


def _missing(file: Path) -> bool:
    """Whether a file has to be made, by all processes together: none of them looks after another has written it."""
    missing = not file.exists()
    processes().wait_for_everyone()
    return missing


def scoring_model(job: Job, base: LanguageModel) -> LanguageModel:
    """The base model as scoring needs it: gradient channels live on an adapter, forward channels need none."""
    return add_adapter(base, job.adapter, job.seed) if job.scoring.channels == "full" else base


def check_output(output: Path, job: Job, resume: bool) -> None:
    """Raises OutputInUseError for a folder with scores, unless they are resumed; SettingError if by another job."""
    resolved = output / "job.toml"
    if resolved.exists() and not resume:
        raise OutputInUseError(f"{output} holds scores already: go on with --resume, or name another --output")
    if resolved.exists() and load_job(resolved).hash != job.hash:
        raise SettingError(f"{resolved}: the settings differ from those it was begun with; resume with the same")
