"""What a run reports besides the selection: models, rounds, durations and events, all invented."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clues.config import Job
from tests.helpers.fake_rows import Shape

HOW = ("federated", "merged")
NLL = {
    "base": (2.3613, 2.3613),
    "mixed": (2.1072, 2.1391),
    "clues": (2.0634, 2.0907),
    "oracle": (2.0591, 2.0878),
    "clues-epoch": (2.0702, 2.0955),
    "oracle-epoch": (2.0689, 2.0951),
}
LATE = ("clues", 3, "GHR")
"""Arm, round and client of the answer that came too late."""


def arms(shape: Shape) -> dict[str, tuple[float, float]]:
    """The arms that this run compares, with their test NLL for each way of collaborating."""
    unknown = () if shape.labels else ("oracle", "oracle-epoch")
    return {a: v for a, v in NLL.items() if a not in unknown and (shape.epochs or not a.endswith("-epoch"))}


def metrics(job: Job, shape: Shape) -> dict[str, Any]:
    """metrics.json without its selection."""
    nll = arms(shape)
    pairs = [("mixed", "base"), ("clues", "mixed"), ("oracle", "mixed"), ("clues", "oracle")]
    gap = {"federated": 0.9106, "merged": None} if shape.labels else {}
    return {
        "job": {"name": job.name, "seed": job.seed, "hash": job.hash},
        "version": "0.1.0",
        "date": "2026-11-24",
        "models": {arm: {how: _model(v, arm) for how, v in zip(HOW, both, strict=True)} for arm, both in nll.items()},
        "merges": {
            arm: {"linear": {"samples": {"test_nll": v}}, "ties": {"samples": {"test_nll": v + 0.013}}}
            for arm, (_, v) in nll.items()
            if arm != "base"
        },
        "gap_closed": gap,
        "comparisons": [
            _comparison(a, b, how, round(nll[a][i] - nll[b][i], 6))
            for i, how in enumerate(HOW)
            for a, b in pairs
            if a in nll and b in nll
        ],
        "seconds": {"draw": 21.4, "warm-up": 148.2, "score-2": 96.75, "select": 0.31, "train-clues": 231.0},
    }


def _model(nll: float, arm: str) -> dict[str, float]:
    ends = {"": nll, "_low": nll - 0.0913, "_high": nll + 0.0871}
    likelihood = {f"test_nll{end}": each for end, each in ends.items()}
    likelihood |= {f"perplexity{end}": math.exp(each) for end, each in ends.items()}
    if arm.endswith("-epoch"):
        return likelihood
    return likelihood | {
        "choice_accuracy": round(1.38 - nll / 3, 4),
        "choice_low": round(1.24 - nll / 3, 4),
        "choice_high": round(1.47 - nll / 3, 4),
    }


def _comparison(a: str, b: str, how: str, d: float) -> dict[str, Any]:
    names = {"a": a, "b": b, "how": how}
    p = 0.0042 if d < -0.0155 or d > 0.012 else 0.3871
    chances = {"p_bootstrap": p / 2, "p_sign_flip": p}
    return names | {"difference": d, "low": d - 0.012, "high": d + 0.0155, **chances, "n": 32, "documents": 32}


def training(rng: np.random.Generator, shape: Shape) -> dict[str, Any]:
    """training.json: every arm's rounds, and what each client trained alone to be merged."""
    trained = [arm for arm in arms(shape) if arm != "base"]
    rounds = {arm: [_round(arm, k, shape, rng) for k in range(1, 5)] for arm in trained}
    return {"arms": {arm: {"rounds": done, "alone": [_round(arm, 1, shape, rng)]} for arm, done in rounds.items()}}


def _round(arm: str, k: int, shape: Shape, rng: np.random.Generator) -> dict[str, Any]:
    clients = {name: _update(2.1 + 0.5 / k + float(rng.normal(0, 0.06))) for name in shape.clients}
    if LATE[:2] == (arm, k) and LATE[2] in clients:
        lost = {"rows": None, "train_loss": None, "seconds": None, "bytes_up": 0, "error": "late"}
        clients[LATE[2]] |= lost
    return {"round": k, "clients": clients, "failed": [name for name, n in clients.items() if n["error"]]}


def _update(loss: float) -> dict[str, Any]:
    sent = {"bytes_down": 1_843_200, "bytes_up": 1_843_456}
    return {"rows": 8, "train_loss": round(loss, 4), "seconds": 7.31, **sent, "error": ""}


def events() -> list[dict[str, Any]]:
    """The first and the last of events.jsonl."""
    usual = {"total": 4, "note": ""}
    return [
        {"time": "2026-11-24T13:54:01+00:00", "phase": "warm-up", "done": 1, "eta_s": 110.0, **usual},
        {"time": "2026-11-24T14:03:00+00:00", "phase": "evaluate", "done": 4, "eta_s": 0.0, **usual},
    ]
