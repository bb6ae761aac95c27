"""The libraries under clues call nobody home and print nothing of their own; what they would say, clues says."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

SILENCE = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait give their core away: else two processes on two cores crawl
    "RAY_USAGE_STATS_ENABLED": "0",
    "TOKENIZERS_PARALLELISM": "false",  # texts are encoded one at a time, where threads only cost
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""Read by those libraries when they are imported, and inherited by client processes; a value set before stays."""

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


def silence() -> None:
    """Set `SILENCE`; to be called before anything heavy is imported."""
    for name, value in SILENCE.items():
        os.environ.setdefault(name, value)
    for name in ("bitsandbytes", "lm_eval"):  # the first wants kernels of a hub as soon as it is imported
        logging.getLogger(name).setLevel(logging.ERROR)


def stay_offline() -> None:
    """Take models and data sets from folders and caches only, for the rest of this process."""
    os.environ.update(OFFLINE)


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Show the warnings of clues in a line each, and none of its libraries'."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("default", module=r"clues\.")
        before = warnings.formatwarning
        warnings.formatwarning = lambda message, *_rest, **_more: f"clues: {message}\n"
        try:
            yield
        finally:
            warnings.formatwarning = before
