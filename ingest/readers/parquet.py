"""Parquet: rows in batches; no more than one row group is in memory."""

from collections.abc import Iterator

from ingest.errors import ReadError
from ingest.readers.found import Expected, Item, Opened
from ingest.readers.table import Row, by_column, read_rows, unlike

_BATCH_ROWS = 1000


def read_parquet(file: Opened) -> Iterator[Item]:
    """The number of rows, the columns of the table, then one item a row."""
    import pyarrow  # takes 0.1 s and numpy, so only tables of this kind pay for it
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(file.stream) as table:
            yield Expected(table.metadata.num_rows)
            names = unlike(table.schema_arrow.names)
            batches = table.iter_batches(batch_size=_BATCH_ROWS, use_threads=False)
            rows = (cells for batch in batches for cells in zip(*(one.to_pylist() for one in batch), strict=True))
            yield from read_rows(file, (Row(number, by_column(names, cells)) for number, cells in enumerate(rows, 1)))
    except (pyarrow.ArrowException, OSError) as error:  # damaged pages come as OSError
        first = str(error).partition("\n")[0].rstrip(".")
        raise ReadError(f"{file.id!r} isn't a readable Parquet file: {first}.") from error
