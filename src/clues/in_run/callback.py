"""Scores of every row from a training that happens anyway: a callback for a plain `transformers.Trainer`."""

from __future__ import annotations

import warnings
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from transformers import PreTrainedTokenizerBase, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from clues.config import ModelSettings, SelectionSettings
from clues.data.public import PublicFiles
from clues.disk.writing import write_json, write_table
from clues.errors import InRunError, SettingError
from clues.in_run.batch_rows import row_key
from clues.in_run.decide import Counts, decide_in_run
from clues.in_run.exactness import refuse_what_is_not_exact
from clues.in_run.public_rows import IN_RUN_CRITERIA, PublicRows
from clues.in_run.window import Window, resume, window_file, window_files
from clues.models.adapters import lora_parameters
from clues.models.base import LanguageModel
from clues.scoring.validation import encode_validation


class InRunScorer(TrainerCallback):
    """Scores the training rows of a LoRA model while it trains on them, and decides on them at the end.

    A row's score is ⟨∇ℓ_i(θ), V⟩ per criterion: ℓ_i the mean loss over the row's own label tokens, θ the weights it
    met, in training mode (with dropout it is the score of the model with these units dropped), V the directions at the
    beginning of the window. Public rows are scored beside, in training mode too, and training stays bit-identical to
    training without the scorer. docs/IN_RUN.md says what is written and what is refused.
    """

    row_key = staticmethod(row_key)

    def __init__(
        self,
        validation: str | Path,
        anchors: str | Path,
        *,
        output: str | Path,
        window: int = 50,
        tokenizer: PreTrainedTokenizerBase | None = None,
    ) -> None:
        """Name the files; they are read when training begins.

        Args:
            validation, anchors: public rows of high quality, none of them among the training rows.
            output: folder for `in_run.parquet`, `in_run.json`, and the records of every window in `in_run`.
            window: optimizer steps that share one set of directions; shorter ones are fresher and cost more.
            tokenizer: encodes the public rows if the Trainer has no `processing_class`.

        Raises SettingError for a window without a step.
        """
        if window < 1:
            raise SettingError(f"window = {window}: a window has at least one step")
        self.validation, self.anchors, self.output = Path(validation), Path(anchors), Path(output)
        self.steps, self.tokenizer = window, tokenizer
        self.window: Window | None = None
        """The one that is open, with its directions."""
        self.seconds: Counter[str] = Counter()
        """What scoring took in this process: `directions`, `public_rows`, and `hooks` in the training's own passes."""
        self._watching = ExitStack()

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        model: Any = None,
        processing_class: Any = None,
        **_: Any,
    ) -> None:
        """Read the public rows, and what an interrupted training left.

        Raises InRunError or AdapterError where rows cannot be scored exactly, InRunError where `output` is in use, and
        what reading files raises.
        """
        refuse_what_is_not_exact(args, model)
        self._watching.close()
        self.window = None  # a training that failed may have left one
        tokenizer = processing_class or self.tokenizer
        if tokenizer is None:
            raise InRunError("no tokenizer: give the Trainer a processing_class, or InRunScorer a tokenizer")
        settings = ModelSettings(
            max_length=getattr(model.config.get_text_config(), "max_position_embeddings", tokenizer.model_max_length),
            precision="bf16" if args.bf16 else "float32",
        )
        self._lm = LanguageModel(model, tokenizer, settings)
        files = {"validation": self.validation, "anchors": self.anchors}
        public = PublicFiles.read(files, tokenizer, settings.max_length)
        for remark in public.remarks():
            if remark.code in ("set-aside", "public-overlap"):
                warnings.warn(remark.said, stacklevel=2)
        self._validation = encode_validation(public.rows["validation"], self._lm, args.seed, IN_RUN_CRITERIA)
        anchors = public.parts["anchors"].encoded
        self._public = PublicRows.of(anchors, self._validation)
        self._number = resume(self._folder, state.global_step, self._public)

    def on_step_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        optimizer: Any = None,
        **_: Any,
    ) -> None:
        """Open a window if it is time, score some public rows, and watch the step."""
        if self.window is None:
            steps = min(self.steps, state.max_steps - state.global_step)
            self.window = Window(self._lm, self._validation, self._public, self._number, steps)
        self.window.begin_step(state.global_step, _learning_rate(optimizer, self._lm.model))
        self._watching.enter_context(self.window.reader.attached())

    def on_substep_end(self, *_args: Any, **_kwargs: Any) -> None:
        """Read the rows of a backward pass that accumulates."""
        if self.window is not None:
            self.window.read()

    def on_pre_optimizer_step(self, *_args: Any, **_kwargs: Any) -> None:
        """Read the rows of a step's last backward pass; what comes before the next step is not watched."""
        if self.window is not None:
            self.window.read()
        self._watching.close()

    def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
        """Close a window that is full."""
        if self.window is not None and self.window.finished:
            self._close()

    def on_save(self, *_args: Any, **_kwargs: Any) -> None:
        """Close the window with the Trainer's checkpoint, so that a training resumed there continues with a new one."""
        self._close()

    def on_train_end(self, *_args: Any, **_kwargs: Any) -> None:
        """Decide on all rows and write the results."""
        self._close()
        files = window_files(self._folder)
        if not files:
            return
        alpha = SelectionSettings().alpha
        decided = decide_in_run(pa.concat_tables([pq.read_table(file) for file in files]), IN_RUN_CRITERIA, alpha)
        write_table(decided, self.output / "in_run.parquet")
        write_json(
            {
                "windows": len(files),
                "anchors": self._public.roles.count("anchor"),
                "validation": len(self._public.roles) - self._public.roles.count("anchor"),
                **asdict(Counts.of(decided)),
                "alpha": alpha,
                "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            },
            self.output / "in_run.json",
        )

    @property
    def _folder(self) -> Path:
        return self.output / "in_run"

    def _close(self) -> None:
        if self.window is None:
            return
        self.window.close(window_file(self._folder, self._number))
        self.seconds.update(self.window.seconds)
        self._number += 1
        self.window = None


def _learning_rate(optimizer: Any, model: Any) -> float:
    """The rate of the group that holds the B matrices; groups may differ (LoRA+)."""
    ours = {id(p) for p in lora_parameters(model, "B").values()}
    return float(next(g["lr"] for g in optimizer.param_groups if any(id(p) in ours for p in g["params"])))
