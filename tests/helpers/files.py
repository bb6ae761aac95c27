"""Records in every file format, written by plain means and not by clues."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

FORMATS = ("rows.jsonl", "rows.jsonl.gz", "rows.json", "rows.csv", "rows.csv.gz", "rows.parquet", "saved")
"""A name for each format that can be written without a hub."""


def put(records: list[dict[str, Any]], path: Path) -> Path:
    """Write flat records of text in the format that the name asks for."""
    datasets.disable_progress_bars()
    if not path.suffix:
        datasets.Dataset.from_list(records).save_to_disk(str(path))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    else:
        content = text_of(records, path.name.removesuffix(".gz")).encode()
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def text_of(records: list[dict[str, Any]], name: str) -> str:
    """Content of a text file."""
    if name.endswith(".json"):
        return json.dumps(records, indent=2)
    if name.endswith(".jsonl"):
        return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(records[0]), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue()
