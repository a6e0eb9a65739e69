"""XLSX: a sheet with an obvious text column, or a mapped one, is a table whose rows are documents.

All other sheets are one document together: a section for each sheet, a line for each row, as of any other table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice

from ingest.cleaning import clean_line
from ingest.errors import EmptyText, TableError
from ingest.readers.building import TextBuilder
from ingest.readers.found import Broken, Found, Opened, TableColumns, TableMapping
from ingest.readers.lines import Cells, add_lines, column_names, lines_of
from ingest.readers.packages import check_package
from ingest.readers.table import Row, by_column, choose_columns, read_rows, unlike


def read_xlsx(file: Opened) -> Iterator[Found | TableColumns | Broken]:
    """Rows of the sheets that are tables of texts, then a document of the other sheets."""
    import openpyxl

    check_package(file)
    book = openpyxl.load_workbook(file.stream, read_only=True, data_only=True)
    builder = TextBuilder(file)
    has_rows = False
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # what a file says of its size is often wrong
        rows = filter(_is_filled, enumerate(sheet.iter_rows(values_only=True), start=1))
        top = list(islice(rows, 2))
        if _is_table(top, file.columns):
            has_rows = True
            yield from _read_table(file, sheet.title, chain(top, rows))
        elif top:
            if column_names([cells for _, cells in top]):
                yield TableColumns(_id_of(file, sheet.title))
            builder.heading(1, sheet.title)
            add_lines(builder, lines_of(cells for _, cells in chain(top, rows)))
    properties = book.properties
    try:
        yield builder.document(properties.title or file.stem)
    except EmptyText:
        if not has_rows:
            raise


def _is_filled(row: tuple[int, Cells]) -> bool:
    return any(cell is not None for cell in row[1])


def _is_table(top: Sequence[tuple[int, Cells]], mapping: TableMapping) -> bool:
    """Whether the first row names a text column and another row follows."""
    if len(top) < 2:
        return False
    try:
        choose_columns("", _names(top[0][1]), mapping)
    except TableError:
        return False
    return True


def _names(cells: Cells) -> list[str]:
    return unlike(["" if cell is None else clean_line(str(cell)) for cell in cells])


def _read_table(file: Opened, name: str, rows: Iterator[tuple[int, Cells]]) -> Iterator[Found | TableColumns | Broken]:
    _, header = next(rows)
    columns = _names(header)

    def values(number: int, cells: Cells) -> dict[str, object]:
        return {"sheet": name, "row": number} | by_column(columns, cells)

    sheet = replace(file, id=_id_of(file, name))
    yield from read_rows(sheet, (Row(number, values(number, cells)) for number, cells in rows))


def _id_of(file: Opened, sheet: str) -> str:
    return f"{file.id}/{clean_line(sheet)}"
