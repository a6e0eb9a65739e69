"""Judgements in and out as files, in one of three forms.

    beir   queries.jsonl, and qrels/<split>.tsv with a header: one grade for a query and document
    trec   queries.tsv, and <split>.qrels with "query 0 document grade" a line: the same
    csv    judgements.csv, with all that is known of each judgement: who made it, at which rank it was shown, and so on

Files of BEIR and TREC tell one grade where people differ, the lower median. A CSV file says what each person said, so
it brings a collection's judgements into another home as they are.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_app.catalog.judgements import Judgement, NewJudgement, Split
from search_app.errors import UsageError
from search_app.evaluation import read_qrels
from search_app.evaluation.judged import write_text
from search_app.feedback import grades_by_query

_TREC_FIELDS = 4
_WHOLE = re.compile(r"[+-]?\d{1,9}")  # what a column of every database holds
_REQUIRED = ("query", "document", "grade")
_COLUMNS = (*_REQUIRED, "split", "user", "chunk", "text_hash", "generation", "mode", "rank", "shown", "time")


@dataclass(frozen=True, slots=True)
class Form:
    """How judgements lie in files.

    Attributes:
        read: Judgements from the file of judgements and the one of queries, which is None where none is needed.
        write: The files' contents by their paths in a folder.
        has_queries: Whether the queries' texts are in a file of their own.
    """

    read: Callable[[Path, Path | None], list[NewJudgement]]
    write: Callable[[Sequence[Judgement]], dict[str, str]]
    has_queries: bool = True


def read_judgements(form: str, judged: Path, queries: Path | None) -> list[NewJudgement]:
    """The judgements of files.

    Args:
        form: One of FORMS.
        judged: The file of judgements.
        queries: The file of the queries' texts, where the form has one.

    Raises:
        UsageError: A file is missing or has another layout.
    """
    if FORMS[form].has_queries and queries is None:
        raise UsageError(f"Judgements in the form {form} name queries by number: give their texts with --queries.")
    return FORMS[form].read(judged, queries)


def write_judgements(form: str, judgements: Iterable[Judgement], folder: Path) -> tuple[Path, ...]:
    """The files that were written into the folder, which is made.

    Raises:
        UsageError: A file can't be written, or the form can't say what is in them.
    """
    contents = FORMS[form].write(tuple(judgements))
    written = {folder / name: text for name, text in contents.items()}
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return tuple(written)


def _graded(qrels: Mapping[str, Mapping[str, int]]) -> list[NewJudgement]:
    return [
        NewJudgement(query, document_id, grade=grade)
        for query, grades in qrels.items()
        for document_id, grade in grades.items()
    ]


# BEIR


def _read_beir(judged: Path, queries: Path | None) -> list[NewJudgement]:
    return _graded(read_qrels(queries or judged, judged))


def _write_beir(judgements: Sequence[Judgement]) -> dict[str, str]:
    numbers, lines = _numbered(judgements, "{query}\t{document}\t{grade}")
    queries = [json.dumps({"_id": number, "text": query}, ensure_ascii=False) for query, number in numbers.items()]
    files = {"queries.jsonl": queries}
    head = "query-id\tcorpus-id\tscore"
    return _files(files | {f"qrels/{split.value}.tsv": [head, *rows] for split, rows in lines.items()})


# TREC


def _read_trec(judged: Path, queries: Path | None) -> list[NewJudgement]:
    texts = dict(_split_lines(queries or judged, "\t", "query number, a tab, the query", 2))
    qrels: dict[str, dict[str, int]] = {}
    for number, _, document_id, grade in _split_lines(judged, None, "query 0 document grade", _TREC_FIELDS):
        if number not in texts:
            raise UsageError(f"{str(judged)!r} judges the query {number!r}, which {str(queries)!r} doesn't have.")
        qrels.setdefault(texts[number], {})[document_id] = _whole(grade, judged)
    return _graded(qrels)


def _split_lines(path: Path, sign: str | None, expected: str, count: int) -> list[list[str]]:
    rows = [line.split(sign, count - 1) for line in _text_of(path).split("\n") if line.strip()]
    wrong = next((row for row in rows if len(row) != count), None)
    if wrong is not None:
        raise UsageError(f"{str(path)!r} has the line {' '.join(wrong)[:80]!r}; expected {expected}.")
    return [[field.strip() for field in row] for row in rows]


def _write_trec(judgements: Sequence[Judgement]) -> dict[str, str]:
    torn = next((one.document_id for one in judgements if len(one.document_id.split()) != 1), None)
    if torn is not None:
        raise UsageError(f"The form trec parts its columns by white space, and {torn!r} has some. Choose beir or csv.")
    numbers, lines = _numbered(judgements, "{query} 0 {document} {grade}")
    queries = [f"{number}\t{' '.join(query.split())}" for query, number in numbers.items()]
    return _files({"queries.tsv": queries} | {f"{split.value}.qrels": rows for split, rows in lines.items()})


# CSV


def _read_csv(judged: Path, _: Path | None) -> list[NewJudgement]:
    reader = csv.DictReader(io.StringIO(_text_of(judged), newline=""))
    try:
        rows = list(reader)
    except csv.Error as error:  # a quote that is never closed makes one field of all the rest
        raise UsageError(f"{str(judged)!r} can't be read as CSV: {error}.") from error
    missing = [name for name in _REQUIRED if name not in (reader.fieldnames or ())]
    if missing:
        raise UsageError(
            f"{str(judged)!r} has no column {missing[0]!r}; expected a header with {', '.join(_REQUIRED)}, and perhaps "
            f"{', '.join(_COLUMNS[len(_REQUIRED) :])}."
        )
    return [_of_row(row, judged) for row in rows]


def _of_row(row: Mapping[str, str | None], path: Path) -> NewJudgement:
    """A judgement from a row; the time isn't taken over, for what came in last is what holds."""

    def text(name: str) -> str:
        return (row.get(name) or "").strip()

    if text("split") not in ("", *Split):
        raise UsageError(f"{str(path)!r} has the split {text('split')!r}; expected {' or '.join(Split)}.")
    return NewJudgement(
        row["query"] or "",
        row["document"] or "",
        grade=_whole(text("grade"), path),
        chunk_id=text("chunk"),
        chunk_text_hash=text("text_hash"),
        user=text("user"),
        generation_number=_whole(text("generation"), path) if text("generation") else None,
        mode=text("mode"),
        rank=_whole(text("rank"), path) if text("rank") else None,
        shown=_list_of(text("shown"), path),
        split=Split(text("split")) if text("split") else None,
    )


def _list_of(text: str, path: Path) -> tuple[str, ...]:
    try:
        return tuple(map(str, json.loads(text or "[]")))
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"{str(path)!r} has {text[:80]!r} where a JSON list of document ids is expected.") from error


def _write_csv(judgements: Sequence[Judgement]) -> dict[str, str]:
    stream = io.StringIO(newline="")
    rows = csv.DictWriter(stream, _COLUMNS)
    rows.writeheader()
    rows.writerows(_row_of(one) for one in judgements)
    return {"judgements.csv": stream.getvalue()}


def _row_of(one: Judgement) -> dict[str, Any]:
    values = (
        one.query,
        one.document_id,
        one.grade,
        one.split.value,
        one.user,
        one.chunk_id,
        one.chunk_text_hash,
        one.generation_number,
        one.mode,
        one.rank,
        json.dumps(one.shown, ensure_ascii=False) if one.shown else "",
        one.created_at,
    )
    return dict(zip(_COLUMNS, values, strict=True))


FORMS: Mapping[str, Form] = {
    "beir": Form(_read_beir, _write_beir),
    "trec": Form(_read_trec, _write_trec),
    "csv": Form(_read_csv, _write_csv, has_queries=False),
}


def _numbered(judgements: Sequence[Judgement], line: str) -> tuple[dict[str, str], dict[Split, list[str]]]:
    """Each query's number, and a line for each of its judged documents, by split."""
    numbers: dict[str, str] = {}
    lines: dict[Split, list[str]] = {split: [] for split in Split}
    for (query, split), grades in grades_by_query(judgements).items():
        number = numbers.setdefault(query, f"q{len(numbers) + 1}")
        lines[split] += [line.format(query=number, document=one, grade=grade) for one, grade in grades.items()]
    return numbers, lines


def _files(lines: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: "".join(f"{line}\n" for line in own) for name, own in lines.items()}


def _whole(text: str, path: Path) -> int:
    if _WHOLE.fullmatch(text) is None:
        raise UsageError(f"{str(path)!r} has {text[:80]!r} where a whole number is expected.")
    return int(text)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {str(path)!r}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{str(path)!r} can't be read as text: {error}.") from error
