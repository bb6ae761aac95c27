"""One base model for everything that a process does with it."""

from __future__ import annotations

import functools

from torch import Tensor

from clues.config import AdapterSettings, ModelSettings
from clues.models.adapters import adapter_state, add_adapter
from clues.models.base import LanguageModel, load_base


@functools.cache
def shared_model(model: ModelSettings, adapter: AdapterSettings, seed: int) -> tuple[LanguageModel, dict[str, Tensor]]:
    """One base model with an adapter per process, and the adapter's weights at θ_0.

    Whoever uses the model sets the adapter's weights first: another may have trained it.
    """
    lm = add_adapter(load_base(model), adapter, seed)
    return lm, adapter_state(lm.model)
