"""The forms in which a dataset can be downloaded."""

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import IO, Any

from reviews.quality.errors import ParquetMissing
from workbench.values.cells import plain_text

Json = Any
Row = dict[str, Json]
FORMATS = {
    "jsonl": "application/jsonl",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
PARQUET_ROWS = 5_000


def write_csv(rows: Iterable[Row], columns: Mapping[str, str]) -> IO[bytes]:
    """Return the rows as an open CSV file. ``columns`` has the type of each."""
    out = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell_of(row[name], kind) for name, kind in columns.items()])
    text.detach()
    return out


def cell_of(value: Json, kind: str) -> Json:
    """Return a value as a cell of CSV: JSON as text, and nothing that a spreadsheet computes."""
    if kind == "json":
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain_text(value) if isinstance(value, str) else value


def write_parquet(rows: Iterator[Row], columns: Mapping[str, str]) -> IO[bytes]:
    """Return the rows as an open Parquet file. Raises: ParquetMissing."""
    try:
        # An optional extra: it takes 165 MB, and nothing else needs it.
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ParquetMissing(ParquetMissing.__doc__) from error
    types = {"int": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    schema = pa.schema([(name, types.get(kind, pa.string())) for name, kind in columns.items()])
    out = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in _in_batches(rows, columns):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
    return out


def _in_batches(rows: Iterator[Row], columns: Mapping[str, str]) -> Iterator[list[Row]]:
    nested = [name for name, kind in columns.items() if kind == "json"]
    while batch := list(islice(rows, PARQUET_ROWS)):
        yield [
            {**row, **{name: json.dumps(row[name], ensure_ascii=False) for name in nested}}
            for row in batch
        ]
