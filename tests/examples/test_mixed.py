"""Every file of the mixed example is read, or told why not."""

from pathlib import Path

from ingest.discovery import discover
from ingest.readers import READERS
from ingest.readers.found import Broken, Found
from ingest.sandbox.ahead import ParsingSettings, parse_files

FOLDER = Path(__file__).parents[2] / "examples" / "mixed"
TABLES = {"mixed/faq.csv": 5, "mixed/repairs.jsonl": 3}
ARCHIVE = {"mixed/old-notices.zip": 2}
BROKEN = {"mixed/office/invoice-0417.pdf"}


def test_each_file_gives_its_documents_or_a_reason() -> None:
    discovery = discover([FOLDER], suffixes=READERS)
    items = list(parse_files(discovery.files, ParsingSettings()))
    documents = {file.id: 0 for file in discovery.files}
    for file, item in items:
        documents[file.id] += isinstance(item, Found)
    one_each = dict.fromkeys(documents, 1)
    assert documents == {**one_each, **TABLES, **ARCHIVE, **dict.fromkeys(BROKEN, 0)}
    assert {item.source for _, item in items if isinstance(item, Broken)} == BROKEN
    assert discovery.skipped == ((".png", 1),)
    assert len({file.path.suffix for file in discovery.files}) == 11
