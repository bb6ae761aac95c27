"""What keeps a training's rows from being scored exactly, found before the first step."""

from __future__ import annotations

from torch import nn
from transformers import TrainingArguments

from clues.errors import InRunError
from clues.models.plain_lora import check_adapter


def refuse_what_is_not_exact(args: TrainingArguments, model: nn.Module) -> None:
    """Nothing happens for a training whose rows have exact scores, as far as its settings tell.

    What only shows in a pass (a custom loss, packed rows that see each other) is refused there: see `RowReader`.

    Raises InRunError that names the setting and says what to do, and AdapterError for all but a plain LoRA adapter.
    """
    for setting, found, why in _settings(args):
        if found:
            raise InRunError(f"{setting}: {why}")
    check_adapter(model)


def _settings(args: TrainingArguments) -> list[tuple[str, bool, str]]:
    return [
        ("label_smoothing_factor", args.label_smoothing_factor > 0, "the loss is not the rows' own; set it to 0"),
        ("fp16", bool(args.fp16), "gradients of public rows, which no scaler guards, would vanish; take bf16"),
        ("torch_compile", bool(args.torch_compile), "hooks do not see compiled layers; switch it off"),
        ("use_cache", bool(args.use_cache), "packed rows would see each other; leave it False"),
        ("deepspeed", bool(args.deepspeed), "gradients are spread over processes; train without it"),
        ("fsdp", bool(args.fsdp), "gradients are spread over processes; train without it"),
        ("n_gpu > 1", args.n_gpu > 1, "DataParallel splits batches; make one GPU visible (CUDA_VISIBLE_DEVICES=0)"),
        ("several processes", args.world_size > 1, "each would see a part of the rows; train in one process"),
    ]
