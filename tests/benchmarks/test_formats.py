"""The table of formats has a row for each, and a reason for each file that gave no text."""

from pathlib import Path

from benchmarks.formats import measure


def test_every_file_is_counted_as_text_or_with_a_reason(tmp_path: Path) -> None:
    folder = tmp_path / "mix"
    folder.mkdir()
    for name, text in {
        "a.txt": "text",
        "b.txt": " ",
        "c.csv": "id,text\n",
        "d.csv": "id,text\n1,one\n2,two\n",
        "e.doc": "old",
    }.items():
        (folder / name).write_text(text)
    head, _, *rows = measure(folder).split("\n")
    assert head.startswith("mix: 5 files, ")
    assert rows == [
        "| format | files | with text | documents | why the others gave none |",
        "|---|---:|---:|---:|---:|",
        "| .csv | 2 | 1 | 2 | 1 has no rows |",
        "| .txt | 2 | 1 | 1 | 1 holds no text |",
        "| .doc | 1 |  |  | no reader: counted |",
    ]
