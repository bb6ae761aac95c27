"""Which columns of a channel table are committed: all where later work may choose on them, else those that are read."""

from __future__ import annotations

import re

import pyarrow as pa

from clues.kernels.fisher import RIDGE

READ = re.compile(
    r"role|client|kind|[a-z]+\.forward|perplexity|ifd|ira|similarity\..+|length|random"
    r"|((published\.[a-z-]+|less|datainf|svd-\d+|svd-mean-\d+)@\d)"
    rf"|([a-z]+\|fisher{re.escape(f'{RIDGE:g}')}\|upper@1)"
)
"""What a verdict of ours at the first checkpoint, and every other scorer's, is made of."""


def slim(table: pa.Table) -> pa.Table:
    """The columns that the study's figures read, values as they are."""
    return table.select([name for name in table.column_names if READ.fullmatch(name)])
