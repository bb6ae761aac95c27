"""The adapters of a run, each a folder in PEFT's format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file
from torch import Tensor

from clues.models.adapters import load_adapter_state, save_adapter
from clues.models.base import LanguageModel


@dataclass(frozen=True)
class Adapters:
    """Named folders below `folder`. `lm` has an adapter of their shape, which is overwritten."""

    lm: LanguageModel
    folder: Path

    def has(self, name: str) -> bool:
        """Whether the adapter is there."""
        return (self.folder / name / SAFETENSORS_WEIGHTS_NAME).exists()

    def save(self, state: Mapping[str, Tensor], name: str) -> None:
        """Write an adapter."""
        load_adapter_state(self.lm.model, state)
        save_adapter(self.lm.model, self.folder / name)

    def read(self, name: str) -> dict[str, Tensor]:
        """The weights of an adapter."""
        return load_file(str(self.folder / name / SAFETENSORS_WEIGHTS_NAME))
