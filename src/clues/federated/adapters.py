"""The adapters of a run, each a folder in PEFT's format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file
from torch import Tensor

from clues.folders.arm import Combined, Merge
from clues.folders.run import RunFolder
from clues.models.adapters import load_adapter_state, save_adapter
from clues.models.base import LanguageModel


@dataclass(frozen=True)
class Adapters:
    """They lie in the folder of a run. `lm` has an adapter of their shape, which is overwritten."""

    lm: LanguageModel
    folder: RunFolder
    usual: Merge
    """The merge of the job, whose adapters have the short names."""

    def has(self, one: Combined) -> bool:
        """Whether the adapter is there."""
        return (self._folder(one) / SAFETENSORS_WEIGHTS_NAME).exists()

    def save(self, state: Mapping[str, Tensor], one: Combined) -> None:
        """Write an adapter."""
        load_adapter_state(self.lm.model, state)
        save_adapter(self.lm.model, self._folder(one))

    def read(self, one: Combined) -> dict[str, Tensor]:
        """The weights of an adapter."""
        return load_file(str(self._folder(one) / SAFETENSORS_WEIGHTS_NAME))

    def _folder(self, one: Combined) -> Path:
        return self.folder.adapter(one.arm.name, one.way(self.usual))
