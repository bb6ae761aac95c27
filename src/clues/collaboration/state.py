"""An adapter as it is averaged and merged."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

State = Mapping[str, torch.Tensor | NDArray[np.floating]]
"""An adapter: tensors, or arrays as they come from the wire, by the names PEFT gives them in a saved adapter."""
