"""One warm-up, one table: every row of a mixture in every channel that any scorer or criterion is made of.

A table holds, per row: forward channels under the base; for each checkpoint the inner products of its gradient with
the mean gradients of good and spoiled validation rows, per group of layers and per block of validation rows; the
published scores, LESS, DataInf; likelihoods and similarity. Everything else is computed from tables, without a model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from clues.baselines.datainf import datainf_direction
from clues.baselines.less import Less
from clues.baselines.likelihoods import likelihood_scores
from clues.baselines.similarity import similarity_scores
from clues.config import AdapterSettings, TrainingSettings
from clues.data.encoding import Encoded
from clues.data.prepare import prepare_rows
from clues.data.rows import Row
from clues.disk.writing import replacing
from clues.kernels.fisher import RIDGE
from clues.models.adapters import add_adapter, lora_parameters
from clues.models.base import LanguageModel
from clues.scoring.base_pass import read_base
from clues.scoring.criteria import CRITERIA, GOOD
from clues.scoring.forward import forward_channels
from clues.scoring.gathered import Gathered
from clues.scoring.passes import gradient_pass
from clues.scoring.probe import Probe
from clues.scoring.published import validation_moments
from clues.training.local import train
from clues_research.selection.directions import contrasted, whitened
from clues_research.selection.mixtures import SPOILINGS, Mixed, Mixture, Part, draw
from clues_research.selection.observers import LayerGroups, gram, singular_vectors

RANK = 8
"""Singular directions of the validation gradients."""
RIDGES = (RIDGE, 0.3)
"""Of Fisher's discriminant: the product's, and a larger one."""
MANTISSA_BITS = 10
"""Kept of every float32: enough for statistics, and half the size."""


@dataclass(frozen=True)
class WarmUp:
    """How the adapter is trained on all clients' rows together."""

    steps: tuple[int, ...] = (16,)
    """Optimizer steps after which a checkpoint is made: a third of a pass over the rows."""
    batch_size: int = 8
    learning_rate: float = 2e-3
    rank: int = 8
    target_modules: tuple[str, ...] = ("q_proj", "v_proj")


@dataclass
class TableMaker:
    """Makes one table in a folder that keeps what is done."""

    base: LanguageModel
    mixed: Mixed
    warm_up: WarmUp
    seed: int
    folder: Path

    def __post_init__(self) -> None:
        tokens = (self.base.tokenizer, self.base.settings.max_length)
        rows = [row for part in self.mixed.parts for row in part.rows]
        prepared = prepare_rows(rows, *tokens)
        if len(prepared.rows) != len(rows):
            raise ValueError(f"{prepared.set_aside[0].reason}: a row of the mixture cannot be used")
        self.rows, self.encoded = prepared.rows, prepared.encoded
        self.block = np.tile(self.mixed.block, 1 + len(SPOILINGS))
        self.whole = len(rows) - len(self.block)
        """Rows before the public validation rows and their spoiled copies, which are last."""
        self.good = self.encoded[self.whole :][: len(self.mixed.block)]
        self.trained = [e for e, role in zip(self.encoded, roles(self.mixed), strict=True) if role == "client"]
        self.folder.mkdir(parents=True, exist_ok=True)

    def make(self) -> pa.Table:
        """All columns of all rows."""
        columns = about(self.mixed, self.rows, self.encoded) | self._once("base", self._base)
        lm = add_adapter(self.base, AdapterSettings(rank=self.warm_up.rank, target_modules=self.warm_up.target_modules),
                         self.seed)  # fmt: skip
        done = 0
        training = TrainingSettings(batch_size=self.warm_up.batch_size, learning_rate=self.warm_up.learning_rate)
        for k, steps in enumerate(self.warm_up.steps, start=1):
            if not all((self.folder / f"checkpoint-{j}.npz").exists() for j in range(k, len(self.warm_up.steps) + 1)):
                train(lm, self.trained, training, steps=steps - done, first_step=done, seed=self.seed)
            done = steps
            found = self._once(f"checkpoint-{k}", lambda: self._checkpoint(lm, k))  # noqa: B023
            columns |= {f"{name}@{k}": values for name, values in found.items()}
        lm.model.unload()  # type: ignore[operator]
        return pa.table({name: rounded(values) for name, values in columns.items()})

    def _once(self, name: str, work) -> dict[str, np.ndarray]:
        file = self.folder / f"{name}.npz"
        if not file.exists():
            with replacing(file) as scratch, scratch.open("wb") as out:
                np.savez(out, **work())
        with np.load(file) as found:
            return dict(found)

    def _base(self) -> dict[str, np.ndarray]:
        questions = [row.prompt for row in self.mixed.validation]
        readings = read_base(self.base, self.rows, self.encoded, questions)
        contrasts = {f"contrast-{i}": nll for i, nll in enumerate(readings.contrasts)}
        self._keep_tokens({"conditional": readings.conditional, "alone": readings.alone, **contrasts})
        return {
            **forward_channels(readings, self.rows, self.encoded).channels,
            **likelihood_scores(readings.conditional, readings.alone, self.encoded, self.seed),
            **similarity_scores(self.base, self.encoded, self.good),
        }

    def _keep_tokens(self, nll: Mapping[str, Sequence[np.ndarray]]) -> None:
        table = pa.table({name: [x.astype(np.float16) for x in values] for name, values in nll.items()})
        pq.write_table(table, self.folder / "tokens.parquet", compression="zstd")

    def _checkpoint(self, lm: LanguageModel, k: int) -> dict[str, np.ndarray]:
        kept = Gathered({name: p.shape for name, p in lora_parameters(lm.model, "B").items()}, len(self.encoded))
        groups = LayerGroups(lm.model.config.get_text_config().num_hidden_layers)
        public = gradient_pass(lm, self.encoded[self.whole :], [kept])
        moments = validation_moments(lm, self.good)
        observers = [kept, *moments.observers(), *moments.variants(), Less(moments)]
        if k == len(self.warm_up.steps):
            observers.append(Probe(datainf_direction(lm, self.trained, moments.gradient)))
        found = gradient_pass(lm, self.encoded[: self.whole], observers)
        missing = np.full(len(self.block), np.nan, np.float32)
        columns = {name: np.concatenate([x, public.get(name, missing)]) for name, x in found.items()}
        G = kept.take(columns.pop("place"))
        products, squares = gram(G, self.whole + np.arange(len(self.block)), groups)
        columns |= {f"square|{name}": values for name, values in zip(groups.names, squares, strict=True)}
        columns |= self._singular(G) | self._whitened(products, groups)
        return columns | self._contrasts(products, groups)

    def _singular(self, G: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        good, rows = slice(self.whole, self.whole + len(self.good)), len(self.encoded)
        vectors, values, mean = singular_vectors(torch.cat([g[good] for g in G.values()], dim=1), RANK)
        parts = vectors.split([g.shape[1] for g in G.values()], dim=1)
        products = sum((v @ g.T for v, g in zip(parts, G.values(), strict=True)), torch.zeros(RANK, rows))
        columns = {f"svd-{i}": x for i, x in enumerate(products.numpy())}
        facts = {"svd-values": values, "svd-mean": mean}
        return columns | {f"{n}-{i}": np.full(rows, v) for n, part in facts.items() for i, v in enumerate(part)}

    def _whitened(self, products: np.ndarray, groups: LayerGroups) -> dict[str, np.ndarray]:
        """`<kind>|fisher<ridge>|<layers>`: the product's directions, by the covariance of the good rows and of those
        spoiled for its criteria; in the layers that it reads and in all."""
        places, m = self.whole + np.arange(len(self.block)), len(self.good)
        kinds = [c.spoiling for c in CRITERIA]
        own = [at if kind in (GOOD, *kinds) else -1 for at, kind in enumerate((GOOD, *SPOILINGS))]
        result = {}
        for layers, some in (("upper", groups.read), ("all", range(groups.count))):
            total = products[list(some)].sum(0, dtype=float)
            for ridge, kind in product(RIDGES, kinds):
                at = 1 + SPOILINGS.index(kind)
                values = whitened(total, places, np.repeat(own, m), self.block, at, ridge)
                result[f"{kind}|fisher{ridge:g}|{layers}"] = values
        return result

    def _contrasts(self, products: np.ndarray, groups: LayerGroups) -> dict[str, np.ndarray]:
        """`good|<layers>` and `<kind>|<layers>`: see `contrasted`."""
        found = contrasted(products, self.whole + np.arange(len(self.block)), self.block[: len(self.good)])
        kinds = (GOOD, *SPOILINGS)
        return {f"{kind}|{name}": found[g, :, k] for k, kind in enumerate(kinds) for g, name in enumerate(groups.names)}


def roles(mixed: Mixed) -> list[str]:
    """Role of every row."""
    return [part.role for part in mixed.parts for _ in part.rows]


def about(mixed: Mixed, rows: Sequence[Row], encoded: Sequence[Encoded]) -> dict[str, np.ndarray | list]:
    """What a row is: never its text."""

    def each(get) -> list:
        return [value for part in mixed.parts for value in get(part)]

    return {
        "role": roles(mixed),
        "client": each(lambda part: part.client),
        "kind": each(lambda part: part.kind),
        "source": [str(row.record.get("source", "")) for row in rows],
        "row": [i for part in mixed.parts for i in range(len(part.rows))],
        "block": each(_blocks(mixed)),
        "tokens": [sum(e.response_mask) for e in encoded],
        "truncated": [e.truncated for e in encoded],
    }


def _blocks(mixed: Mixed):
    def of(part: Part) -> list[int]:
        return list(mixed.block) if part.role in ("validation", "spoiled") else [-1] * len(part.rows)

    return of


def rounded(values: np.ndarray | list) -> np.ndarray | list:
    """Float32 with fewer bits, so that a table is small; NaN stays."""
    if not (isinstance(values, np.ndarray) and values.dtype.kind == "f"):
        return values
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    drop = 23 - MANTISSA_BITS
    half = np.uint32(1 << (drop - 1))
    rounded = ((bits + half) >> np.uint32(drop)) << np.uint32(drop)
    return np.where(np.isnan(values), np.float32(np.nan), rounded.view(np.float32)).astype(np.float32)


def write(table: pa.Table, file: Path, facts: Mapping[str, object]) -> None:
    """Write a table with what it was made from, atomically."""
    file.parent.mkdir(parents=True, exist_ok=True)
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    others = [name for name in table.column_names if name not in floats]
    with (
        replacing(file) as scratch,
        pq.ParquetWriter(  # made once and read seldom: as small as it gets
            scratch,
            table.schema.remove_metadata(),
            compression="brotli",
            compression_level=11,
            use_dictionary=others,  # type: ignore[arg-type]
            use_byte_stream_split=floats,  # type: ignore[arg-type]
            write_statistics=False,
            store_schema=False,
        ) as out,
    ):
        out.write_table(table.replace_schema_metadata())
        out.add_key_value_metadata({"clues": json.dumps(facts)})


def make_table(base: LanguageModel, mixture: Mixture, warm_up: WarmUp, seed: int, folder: Path) -> pa.Table:
    """The table of one mixture and seed."""
    return TableMaker(base, draw(mixture, seed), warm_up, seed, folder).make()
