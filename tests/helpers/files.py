"""Records in every file format, written by plain means and not by clues."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import datasets
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

FORMATS = (
    *("rows.jsonl", "rows.jsonl.gz", "rows.jsonl.zst", "rows.json", "rows.csv", "rows.csv.gz", "rows.tsv"),
    *("rows.parquet", "rows.feather", "rows.arrow", "rows.xlsx", "saved", "shards"),
)
"""A name for each format that can be written without a hub."""


def put(records: list[dict[str, Any]], path: Path) -> Path:
    """Write flat records of text in the format that the name asks for."""
    datasets.disable_progress_bars()
    if path.name == "shards":
        for number, part in enumerate((records[:2], records[2:])):
            path.mkdir(exist_ok=True)
            (path / f"part-{number}.jsonl").write_text(text_of(part, "part.jsonl"), encoding="utf-8")
    elif not path.suffix:
        datasets.Dataset.from_list(records).save_to_disk(str(path))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif path.suffix in (".feather", ".arrow"):
        kind = pa.ipc.new_file if path.suffix == ".feather" else pa.ipc.new_stream
        table = pa.Table.from_pylist(records)
        with kind(str(path), table.schema) as writer:
            writer.write_table(table)
    elif path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        for row in [list(records[0]), *(list(record.values()) for record in records)]:
            book.worksheets[0].append(row)
        book.save(path)
    else:
        content = text_of(records, path.name.removesuffix(".gz").removesuffix(".zst")).encode()
        packed = {".gz": gzip.compress, ".zst": zstd}.get(path.suffix, bytes)
        path.write_bytes(packed(content))
    return path


def zstd(content: bytes) -> bytes:
    """Compressed as the zstd command does."""
    return pa.Codec("zstd").compress(content, asbytes=True)


def text_of(records: list[dict[str, Any]], name: str) -> str:
    """Content of a text file."""
    if name.endswith(".json"):
        return json.dumps(records, indent=2)
    if name.endswith(".jsonl"):
        return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    file = io.StringIO(newline="")
    separator = "\t" if name.endswith(".tsv") else ","
    writer = csv.DictWriter(file, list(records[0]), quoting=csv.QUOTE_ALL, delimiter=separator)
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue()
