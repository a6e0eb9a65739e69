import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from ingest import taking_in
from ingest.chunking import ChunkingSettings, passage
from ingest.errors import SourceNotFound
from ingest.limits import Limits
from ingest.pipeline import IngestSettings
from ingest.progress import Progress, Report
from ingest.readers import READERS
from ingest.readers.found import TableMapping
from ingest.sandbox.ahead import ParsingSettings
from ingest.sink import Failure
from ingest.summary import IngestSummary

WriteTree = Callable[[Mapping[str, str | bytes]], Path]
SETTINGS = IngestSettings(ChunkingSettings(max_tokens=32))
PRUNING = replace(SETTINGS, prune=True)


def counts(summary: IngestSummary) -> tuple[int, int, int, int, int]:
    return summary.new, summary.changed, summary.unchanged, summary.removed, len(summary.failed)


def test_every_chunk_is_written_with_the_vector_of_its_passage(write_tree: WriteTree, run, sink, encoder) -> None:
    root = write_tree({"a.md": "# Title\n\n" + "word " * 70, "b.txt": "short"})
    summary = run(root)
    assert counts(summary) == (2, 0, 0, 0, 0)
    assert summary.chunk_count == sum(len(encoded.chunks) for encoded in sink.documents.values()) == 4
    for encoded in sink.documents.values():
        texts = [passage(encoded.document.title, chunk.headings, chunk.text) for chunk in encoded.chunks]
        np.testing.assert_array_equal(encoded.vectors, [encoder.vector(text) for text in texts])


def test_a_second_run_encodes_and_writes_nothing(write_tree: WriteTree, run, sink, encoder) -> None:
    root = write_tree({"a.md": "one", "b.jsonl": '{"id": "x", "text": "two"}\n'})
    run(root)
    encoder.read.clear()
    sink.batch_sizes.clear()
    assert counts(run(root)) == (0, 0, 2, 0, 0)
    assert (encoder.read, sink.batch_sizes) == ([], [])


def test_only_what_changed_is_written_again(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.md": "one", "b.md": "two"})
    run(root)
    write_tree({"b.md": "two, but better", "c.md": "three"})
    assert counts(run(root)) == (1, 1, 1, 0, 0)
    assert sink.documents["docs/b.md"].document.text == "two, but better"


def test_vanished_documents_stay_until_pruned_and_only_below_the_paths(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a/one.md": "one", "a/two.md": "two", "b/three.md": "three"})
    os.utime(root / "a" / "two.md", (0, 0))  # long unchanged, so it isn't read again and keeps its id
    run(root)
    (root / "a" / "one.md").unlink()
    (root / "b" / "three.md").unlink()
    assert counts(run(root)) == (0, 0, 1, 0, 0)
    assert counts(run(root / "a", settings=PRUNING)) == (0, 0, 1, 1, 0)
    assert sorted(sink.documents) == ["docs/a/two.md", "docs/b/three.md"]


def test_an_empty_folder_keeps_its_documents_when_pruned_since_its_disk_may_not_be_there(
    write_tree: WriteTree, run, sink
) -> None:
    root = write_tree({"a/one.md": "one", "b/two.md": "two"})
    both = (root / "a", root / "b")
    run(*both)
    (root / "a" / "one.md").unlink()
    summary = run(*both, settings=PRUNING)
    assert counts(summary) == (0, 0, 1, 0, 1)
    assert summary.failed[0].sentence == (
        f"The folder '{root / 'a'}' is empty, as one is whose disk isn't there, so nothing was removed of it: "
        "1 document. If it shall be so, run `twinsearch documents remove`."
    )
    write_tree({"a/three.md": "three"})
    assert counts(run(*both, settings=PRUNING)) == (1, 0, 1, 1, 0)


def test_broken_files_and_rows_fail_alone(write_tree: WriteTree, run, sink) -> None:
    root = write_tree(
        {
            "binary.txt": b"\x00\x01",
            "empty.md": " \n",
            "good.txt": "good",
            "rows.jsonl": '{"id": "x", "text": "good"}\n{broken\n',
        }
    )
    summary = run(root)
    assert sorted(sink.documents) == ["docs/good.txt", "x"]
    assert [failure.source for failure in summary.failed] == [
        "docs/binary.txt",
        "docs/empty.md",
        "docs/rows.jsonl",
    ]
    assert summary.failed[1] == Failure("docs/empty.md", "'docs/empty.md' holds no text.")


def test_of_two_rows_with_one_id_in_a_table_the_second_fails_and_both_are_named(
    write_tree: WriteTree, run, sink
) -> None:
    row = '{"id": "x", "text": "%s"}\n'
    root = write_tree({"a.jsonl": row % "first" + "\n" + row % "second"})
    summary = run(root)
    assert sink.documents["x"].document.text == "first"
    reason = (
        "The document id 'x' of row 3 of 'docs/a.jsonl' is that of row 1 of 'docs/a.jsonl' already. Give each its own."
    )
    assert summary.failed == (Failure("docs/a.jsonl", reason),)


def test_a_file_that_can_no_longer_be_read_keeps_its_document(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.md": "one", "b.md": "two"})
    run(root)
    write_tree({"a.md": b"\x00"})
    (root / "b.md").unlink()
    assert counts(run(root, settings=PRUNING)) == (0, 0, 0, 1, 1)
    assert sorted(sink.documents) == ["docs/a.md"]


def test_pruning_takes_nothing_of_a_half_read_table_and_what_vanished_beside_it(
    write_tree: WriteTree, run, sink
) -> None:
    root = write_tree({"a.jsonl": '{"id": "x", "text": "one"}\n{"id": "y", "text": "two"}\n', "b.md": "gone"})
    run(root)
    write_tree({"a.jsonl": '{"id": "x", "text": "one"}\n{"id": "y", "te'})
    (root / "b.md").unlink()
    assert counts(run(root, settings=PRUNING)) == (0, 0, 1, 1, 1)
    assert sorted(sink.documents) == ["x", "y"]


def test_a_table_in_which_a_column_is_missing_keeps_its_rows(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.csv": "id,text\nx,one\n"})
    run(root)
    columns = ParsingSettings(columns=TableMapping(text="Text"))
    assert counts(run(root, settings=replace(PRUNING, parsing=columns))) == (0, 0, 0, 0, 1)
    assert sorted(sink.documents) == ["x"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_can_not_be_listed_is_a_failure_and_keeps_its_documents(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.md": "one", "closed/b.md": "two"})
    run(root)
    (root / "closed").chmod(0)
    summary = run(root, settings=PRUNING)
    (root / "closed").chmod(0o700)
    assert counts(summary) == (0, 0, 1, 0, 1)


def test_pruning_takes_no_document_whose_file_is_there_though_a_folder_leaves_it_out(
    write_tree: WriteTree, run, sink
) -> None:
    root = write_tree({"a.md": "one", "notes.xyz": "two"})
    run(root, root / "notes.xyz")
    assert counts(run(root, settings=PRUNING)) == (0, 0, 1, 0, 0)
    (root / "notes.xyz").unlink()
    assert counts(run(root, settings=PRUNING)) == (0, 0, 1, 1, 0)


def test_a_batch_is_written_when_its_chunks_are_enough(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({f"{number}.txt": "text" for number in range(7)})
    run(root, settings=IngestSettings(ChunkingSettings(max_tokens=32), batch_chunks=3))
    assert sink.batch_sizes == [3, 3, 1]


def test_rows_of_many_columns_are_written_before_they_fill_the_memory(
    write_tree: WriteTree, run, sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_in, "_BYTES_TOGETHER", 10_000)
    header = ",".join(["text", *map(str, range(20))])  # a row takes a hundred bytes a column, however empty it is
    root = write_tree({"a.csv": f"{header}\n" + f"cat{',' * 20}\n" * 20})
    run(root)
    assert sink.batch_sizes == [5, 5, 5, 5]


class Enough(Exception):
    """What a listener raises to stop the work."""


def stop_at(count: int) -> Report:
    def stop(progress: Progress) -> None:
        if progress.done >= count:
            raise Enough

    return stop


def test_what_was_encoded_before_a_stop_is_written_and_the_next_run_goes_on(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({f"{number}.txt": "text" for number in range(7)})
    settings = replace(SETTINGS, batch_chunks=3)
    with pytest.raises(Enough):
        run(root, settings=settings, report=stop_at(4))
    assert sorted(sink.documents) == [f"docs/{number}.txt" for number in range(6)]
    assert counts(run(root, settings=settings)) == (1, 0, 6, 0, 0)


def test_a_stop_within_a_batch_keeps_the_documents_that_are_wholly_encoded(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.txt": "word " * 29 * 500, "b.txt": "word " * 29 * 500, "c.txt": "text"})
    with pytest.raises(Enough):
        run(root, report=stop_at(1))
    assert list(sink.documents) == ["docs/a.txt"]
    assert counts(run(root)) == (2, 0, 1, 0, 0)


def test_progress_counts_documents_up_to_the_known_total(write_tree: WriteTree, run) -> None:
    rows = "".join(f'{{"text": "row {number}"}}\n' for number in range(600))
    root = write_tree({"a.jsonl": rows, "b.md": "text", "c.md": ""})
    seen: list[Progress] = []
    run(root, report=seen.append)
    assert seen[0] == Progress("ingest", 0, 602, "documents")
    assert seen[-1] == Progress("ingest", 602, 602, "documents")
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)


def test_a_table_that_boasts_of_its_rows_spoils_no_count(write_tree: WriteTree, run, samples) -> None:
    honest, rows = samples[".parquet"], b"\x16\x04\x19"  # two of them, as Thrift writes it, before the next field
    count = b"\x16" + b"\x80" * 8 + b"\x80\x01\x19"  # 2 to the 62nd
    footer = honest[-8 - int.from_bytes(honest[-8:-4], "little") : -8]
    boasting = footer.replace(rows, count, 1)
    raw = honest[: -8 - len(footer)] + boasting + len(boasting).to_bytes(4, "little") + b"PAR1"
    seen: list[Progress] = []
    assert counts(run(write_tree({"a.parquet": raw, "b.txt": "text"}), report=seen.append)) == (3, 0, 0, 0, 0)
    assert 10**6 < max(progress.total or 0 for progress in seen) < 2**32


def test_tokens_that_the_encoder_will_not_see_are_counted(write_tree: WriteTree, run) -> None:
    root = write_tree({"a.txt": "word " * 100})
    whole = IngestSettings(ChunkingSettings(max_tokens=64, whole=True))
    assert run(root, settings=whole).truncated_tokens == 100 + len(["a"]) + 2 - 64


def test_tables_show_their_columns_and_unknown_files_are_counted(write_tree: WriteTree, run) -> None:
    root = write_tree({"a.csv": "Key,Question,Answer,Tag\n1,how,so,t\n", "b.png": "", "c.md": "text"})
    summary = run(root)
    assert [str(table) for table in summary.tables] == ["docs/a.csv: text=Answer id=Key title=Question metadata=Tag"]
    assert summary.skipped_count == 1


def test_a_file_of_an_unknown_kind_given_by_name_is_text_or_a_failure(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.xyz": "text", "b.xyz": b"\x01\x00"})
    reason = f"There is no reader for 'b.xyz'. Files that can be read end in {', '.join(READERS)}."
    assert run(root / "a.xyz", root / "b.xyz").failed == (Failure("b.xyz", reason),)
    assert sink.documents["a.xyz"].document.text == "text"


def test_a_pipe_given_by_name_is_a_failure_and_nobody_waits_for_it(write_tree: WriteTree, run) -> None:
    pipe = write_tree({}) / "rows.csv"
    os.mkfifo(pipe)
    reason = "'rows.csv' is not a regular file, but a pipe, a device or a folder."
    assert run(pipe).failed == (Failure("rows.csv", reason),)


def test_a_missing_path_stops_before_anything_is_written(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.md": "text"})
    with pytest.raises(SourceNotFound):
        run(root, root / "gone")
    assert sink.documents == {}


def test_a_file_in_whose_place_a_folder_stands_is_pruned(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"notes.md": "one", "other.md": "two"})
    run(root)
    (root / "notes.md").unlink()
    write_tree({"notes.md/part.md": "three"})
    assert counts(run(root, settings=PRUNING)) == (1, 0, 1, 1, 0)
    assert sorted(sink.documents) == ["docs/notes.md/part.md", "docs/other.md"]


def test_a_folder_that_moved_is_read_again_so_that_pruning_finds_it(write_tree: WriteTree, run, tmp_path: Path) -> None:
    root = write_tree({"a.txt": "the same words", "b.txt": "others"})
    run(root)
    moved = tmp_path / "elsewhere" / root.name
    moved.parent.mkdir()
    root.rename(moved)
    assert counts(run(moved)) == (0, 2, 0, 0, 0)
    (moved / "a.txt").unlink()
    assert counts(run(moved, settings=PRUNING)) == (0, 0, 1, 1, 0)


def test_of_many_broken_rows_the_first_are_named_and_all_are_counted(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.jsonl": '{"text": "good"}\n' + "{broken\n" * 1_000})
    summary = run(root)
    assert (summary.failed_count, len(summary.failed)) == (1_000, 11)
    assert summary.failed[-1] == Failure("docs/a.jsonl", "990 more rows of 'docs/a.jsonl' failed.")


def test_a_document_of_too_many_chunks_fails_alone(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.txt": "word " * 1_000, "b.txt": "short"})
    settings = replace(SETTINGS, parsing=ParsingSettings(limits=Limits(chunks=5)))
    summary = run(root, settings=settings)
    assert list(sink.documents) == ["docs/b.txt"]
    reason = "'docs/a.txt' has more than 5 chunks. Split it, or raise the limit `chunks`."
    assert summary.failed == (Failure("docs/a.txt", reason),)


def test_a_touched_file_is_unchanged(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.txt": "text"})
    os.utime(root / "a.txt", (1_700_000_000, 1_700_000_000))
    run(root)
    assert sink.documents["docs/a.txt"].document.metadata == {"modified": "2023-11-14T22:13:20"}
    os.utime(root / "a.txt")
    assert counts(run(root)) == (0, 0, 1, 0, 0)


def test_mapped_columns_reach_the_tables(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"cups.csv": "Team,Cups\nBlues,1\n"})
    parsing = ParsingSettings(columns=TableMapping(id="Team", text="Team"))
    run(root, settings=replace(SETTINGS, parsing=parsing))
    assert sink.documents["Blues"].document.metadata == {"Cups": "1"}


def test_a_member_that_vanished_from_an_archive_is_pruned(write_tree: WriteTree, run, sink, zip_of) -> None:
    root = write_tree({"a.zip": zip_of({"one.md": "# One", "two.txt": "two", "x.png": ""})})
    assert run(root).skipped == ((".png", 1),)
    assert sink.documents["docs/a.zip/one.md"].document.origin == str(root / "a.zip")
    write_tree({"a.zip": zip_of({"two.txt": "two"})})
    assert counts(run(root, settings=PRUNING)) == (0, 0, 1, 1, 0)
    assert list(sink.documents) == ["docs/a.zip/two.txt"]


def test_pruning_by_a_pattern_leaves_alone_what_it_does_not_match(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.md": "one", "b.txt": "two"})
    run(root)
    assert counts(run(root / "*.md", settings=PRUNING)) == (0, 0, 1, 0, 0)
    assert sorted(sink.documents) == ["docs/a.md", "docs/b.txt"]


def test_pruning_by_a_pattern_takes_what_matched_and_is_gone(write_tree: WriteTree, run, sink) -> None:
    root = write_tree({"a.md": "one", "b.md": "two", "c.txt": "three", "sub/d.md": "four"})
    run(root)
    for name in ("b.md", "c.txt", "sub/d.md"):
        (root / name).unlink()
    assert counts(run(root / "*.md", settings=PRUNING)) == (0, 0, 1, 1, 0)
    assert sorted(sink.documents) == ["docs/a.md", "docs/c.txt", "docs/sub/d.md"]


def test_an_archive_without_a_readable_file_is_a_failure(write_tree: WriteTree, run, zip_of) -> None:
    root = write_tree({"a.zip": zip_of({"x.png": ""})})
    assert run(root).failed == (Failure("docs/a.zip", "'docs/a.zip' holds no file that can be read."),)


def test_no_parser_outlives_an_ingest_that_is_stopped(write_tree: WriteTree, run) -> None:
    root = write_tree({f"{number}.txt": "text" for number in range(600)})

    def stop(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    before = psutil.Process().children(recursive=True)
    with pytest.raises(KeyboardInterrupt):
        run(root, settings=replace(SETTINGS, batch_chunks=3), report=stop)
    assert psutil.Process().children(recursive=True) == before
