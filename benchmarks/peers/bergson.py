"""bergson: a collector with hooks on the layers, and a scorer that holds the directions as query gradients."""

from __future__ import annotations

import tempfile

import torch
from bergson.collector.collector import CollectorComputer
from bergson.collector.in_memory_collector import InMemoryCollector
from bergson.config import IndexConfig
from bergson.score.score_writer import InMemorySequenceScoreWriter
from bergson.score.scorer import Scorer
from datasets import Dataset

from benchmarks.contract import Answer, Run, Work, answer, trainable
from clues.data.encoding import Encoded
from clues.scoring.passes import token_nll


def prepare(work: Work, batch_size: int) -> Run:
    """`loss_reduction="mean"` is ℓ; everything stays in memory. The loss is its own, over all positions."""
    rows = len(work.encoded)
    folder = tempfile.mkdtemp()
    config = IndexConfig(run_path=f"{folder}/index", loss_reduction="mean")
    config.partial_run_path.mkdir()
    queries = {name.removesuffix(".weight"): V.flatten(1) for name, V in work.directions.weights.items()}

    def run() -> Answer:
        data = Dataset.from_list([{"input_ids": e.input_ids, "labels": labels(e)} for e in work.encoded])
        writer = InMemorySequenceScoreWriter(rows, work.count)
        scorer = Scorer(queries, list(queries), writer, torch.device("cpu"), torch.float32)
        with trainable(list(work.parameters.values())):
            collector = InMemoryCollector(
                model=work.lm.model, target_modules=set(queries), data=data, cfg=config, scorer=scorer
            )
            batches = [list(range(i, min(i + batch_size, rows))) for i in range(0, rows, batch_size)]
            CollectorComputer(
                work.lm.model, data, collector=collector, batches=batches, cfg=config
            ).run_with_collector_hooks()
        # It keeps the sums of token losses only: the likelihoods need a pass of their own.
        nll = token_nll(work.model_with_budget(batch_size), work.encoded) if work.likelihoods else []
        return answer(work, writer.scores, nll)

    return run


def labels(row: Encoded) -> list[int]:
    """-100 where the row is not a response."""
    return [token if response else -100 for token, response in zip(row.input_ids, row.response_mask, strict=True)]
