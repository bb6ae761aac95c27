"""Several processes of one client, one per GPU, as `accelerate launch` starts them."""

from __future__ import annotations

import torch
from accelerate import PartialState


def processes() -> PartialState:
    """This process among the others; where none were started it is the main one, alone. On a machine without a GPU
    they talk over the CPU (`torchrun`)."""
    return PartialState(cpu=not torch.cuda.is_available())
