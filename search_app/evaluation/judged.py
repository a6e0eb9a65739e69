"""Judged queries and rankings, in and out of files.

A query is known by its text, since people judge texts; the ids of a test collection live in its files only. Layouts are
those of BEIR (queries.jsonl, qrels/<split>.tsv) and of TREC (query Q0 document rank score name).
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from search_app.errors import UsageError

Qrels = Mapping[str, Mapping[str, int]]  # query text -> document id -> grade
Ranking = Mapping[str, Sequence[str]]  # query text -> document ids, best first

_RUN_FIELDS = 6


@dataclass(frozen=True, slots=True)
class JudgedQueries:
    """Grades by query text and document id; `texts` has the query texts by the ids of their file."""

    qrels: Qrels
    texts: Mapping[str, str]


def read_judged(queries_file: Path, qrels_file: Path) -> JudgedQueries:
    """Judged queries from two files in the layout of BEIR.

    Args:
        queries_file: JSON lines with `_id` and `text`.
        qrels_file: Tab-separated `query-id corpus-id score`, with a header.

    Raises:
        UsageError: A file is missing or has another layout, or a judged query has no text.
    """
    texts = _read_queries(queries_file)
    qrels: dict[str, dict[str, int]] = {}
    for query_id, document_id, grade in _read_grades(qrels_file):
        if query_id not in texts:
            raise UsageError(
                f"{str(qrels_file)!r} judges the query {query_id!r}, which {str(queries_file)!r} doesn't have."
            )
        qrels.setdefault(texts[query_id], {})[document_id] = grade
    return JudgedQueries(qrels, texts)


def read_qrels(queries_file: Path, qrels_file: Path) -> Qrels:
    """Grades by query text and document id, from files as in `read_judged`."""
    return read_judged(queries_file, qrels_file).qrels


def beir_files(folder: Path, split: str) -> tuple[Path, Path]:
    """The files of one split of a folder in the layout of BEIR.

    Raises:
        UsageError: The folder has no such split.
    """
    found = {path.stem: path for path in (folder / "qrels").glob("*.tsv") if path.is_file()}
    if split not in found:  # its name is looked up and never made a path, since "../" would lead out of the folder
        known = f"it has {', '.join(sorted(found))}" if found else "it has no folder qrels with such files"
        raise UsageError(f"{str(folder)!r} has no split {split!r}; {known}. Choose one with --split.")
    return folder / "queries.jsonl", found[split]


def read_run(path: Path, texts: Mapping[str, str]) -> Ranking:
    """The rankings of a run file of TREC: by falling score, of equal ones the larger document id first, as trec_eval.

    Args:
        path: Lines of six columns: query id, Q0, document id, rank, score, name.
        texts: Query texts by id; lines of other queries are left out.

    Raises:
        UsageError: The file is missing or has another layout, or it answers none of the queries.
    """
    scored: dict[str, list[tuple[float, str]]] = defaultdict(list)
    with _read_as("lines of query-id, Q0, document-id, rank, score, name", path):
        for line in filter(str.strip, path.read_text(encoding="utf-8").split("\n")):
            query_id, document_id, score = _columns_of_run(line)
            if query_id in texts:
                scored[texts[query_id]].append((score, document_id))
    if not scored:
        raise UsageError(
            f"{str(path)!r} answers none of the {len(texts):,} judged queries. Its first column must have their ids."
        )
    return {query: [document_id for _, document_id in sorted(own, reverse=True)] for query, own in scored.items()}


def _columns_of_run(line: str) -> tuple[str, str, float]:
    """Query id, document id and score; a document's id may have blanks, as names of files have."""
    first = line.split(None, 2)
    last = first[-1].rsplit(None, 3)
    if len(first) + len(last) - 1 != _RUN_FIELDS:
        raise ValueError(f"{len(line.split())} columns in {line[:80]!r}")
    return first[0], last[0], float(last[2])


def write_run(path: Path, rankings: Ranking, texts: Mapping[str, str], name: str) -> None:
    """Writes rankings as a run file of TREC; scores fall with the rank, so that every reader keeps the order."""
    ids = {text: query_id for query_id, text in texts.items()}
    lines = [
        f"{ids[query]} Q0 {document_id} {rank} {1 / rank:.6f} {name.replace(' ', '_')}\n"
        for query, ranking in rankings.items()
        for rank, document_id in enumerate(ranking, 1)
    ]
    write_text(path, "".join(lines))


def write_text(path: Path, text: str) -> None:
    """Writes a file of results.

    Raises:
        UsageError: It can't be written.
    """
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"{str(path)!r} can't be written: {error.strerror}. Name another file.") from error


def _read_queries(path: Path) -> dict[str, str]:
    import pandas as pd

    expectation = 'one object a line, such as {"_id": "q1", "text": "how to copy a file"}'
    with _read_as(expectation, path):
        frame = pd.read_json(path, lines=True, dtype=False)
        return dict(zip(frame["_id"].astype(str), frame["text"].astype(str), strict=True))


def _read_grades(path: Path) -> list[tuple[str, str, int]]:
    import pandas as pd

    with _read_as("tab-separated columns query-id, corpus-id, score, with a header", path):
        frame = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
        columns = (frame["query-id"], frame["corpus-id"], frame["score"].astype(int))
        return list(zip(*columns, strict=True))


@contextmanager
def _read_as(expectation: str, path: Path) -> Iterator[None]:
    """Turns what goes wrong while a file is read into one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {str(path)!r}.") from error
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(f"{str(path)!r} can't be read as {expectation}: {error}.") from error
