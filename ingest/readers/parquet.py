"""Parquet: rows in batches; no more than one row group is in memory."""

from collections.abc import Iterator
from pathlib import Path

from ingest.discovery import SourceFile
from ingest.errors import ReadError
from ingest.readers.found import Item
from ingest.readers.table import Row, read_rows

_BATCH_ROWS = 1000


def read_parquet(file: SourceFile) -> Iterator[Item]:
    """The columns of the table, then one item a row."""
    yield from read_rows(file, _rows(file))


def count_rows(path: Path) -> int:
    """Rows as the file's footer tells them; 0 when it can't be read."""
    import pyarrow  # takes 0.1 s and numpy, so only tables of this kind pay for it
    import pyarrow.parquet

    try:
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    except pyarrow.ArrowException:
        return 0


def _rows(file: SourceFile) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(file.path) as table:
            batches = table.iter_batches(batch_size=_BATCH_ROWS)
            rows = (values for batch in batches for values in batch.to_pylist())
            yield from (Row(number, values) for number, values in enumerate(rows, start=1))
    except (pyarrow.ArrowException, OSError) as error:  # damaged pages come as OSError
        first = str(error).partition("\n")[0].rstrip(".")
        raise ReadError(f"{file.id!r} isn't a readable Parquet file: {first}.") from error
