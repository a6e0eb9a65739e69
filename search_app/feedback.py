"""Judgements in and out: by hand, from and to the files of test collections, and as training examples.

A judgement hangs on its query, its document and the text that was shown, never on a row of Milvus, so it
survives every re-index. Held-out queries never become training examples.
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from pathlib import Path

from search_app.catalog import Catalog
from search_app.catalog.judgements import Judgement, NewJudgement, Split
from search_app.errors import UnknownDocument, UsageError
from search_app.evaluation import Qrels, read_qrels
from search_app.search import SearchResult, check_query

GRADES = {0: "not an answer", 1: "touches it", 2: "answers it", 3: "the best answer"}


def judge(catalog: Catalog, query: str, document_id: str, grade: int, *, collection: str, user: str) -> int:
    """Writes down a judgement that was made without a result page; returns its number.

    Raises:
        UnknownDocument: The collection holds no such document.
        UsageError: The grade is none of GRADES.
    """
    check_query(query)
    check_grade(grade)
    collection_id = catalog.collections.get(collection).id
    catalog.documents.get(collection_id, document_id)
    return catalog.judgements.add(collection_id, NewJudgement(query, document_id, grade=grade, user=user))


def judge_hit(catalog: Catalog, result: SearchResult, rank: int, grade: int, *, user: str) -> int:
    """Writes down a judgement of the hit at `rank` (from 1) of a result, with all that was shown; its number.

    Raises:
        UsageError: The grade is none of GRADES, or the result has no such rank.
    """
    check_grade(grade)
    hit = next((one for one in result.hits if one.rank == rank), None)
    if hit is None:
        raise UsageError(f"The result has {len(result.hits)} hits; there is none at rank {rank}.")
    return catalog.judgements.add(
        catalog.collections.get(result.collection).id,
        NewJudgement(
            query=result.query,
            document_id=hit.document_id,
            grade=grade,
            user=user,
            chunk_id=hit.chunk_id,
            chunk_text_hash=text_hash(hit.text),
            generation_number=result.generation,
            mode=result.mode,
            rank=rank,
            shown=tuple(one.document_id for one in result.hits),
        ),
    )


def check_grade(grade: int) -> None:
    """Refuses a grade that has no meaning.

    Raises:
        UsageError: It is none of GRADES.
    """
    if grade not in GRADES:
        meanings = ", ".join(f"{number} ({meaning})" for number, meaning in GRADES.items())
        raise UsageError(f"The grade {grade} has no meaning; choose {meanings}.")


def text_hash(text: str) -> str:
    """SHA-256 of a passage as it was shown."""
    return hashlib.sha256(text.encode()).hexdigest()


def import_qrels(catalog: Catalog, collection: str, files: tuple[Path, Path], *, split: Split | None, user: str) -> int:
    """Takes in judged queries in the layout of BEIR, as (queries file, qrels file); returns how many judgements.

    Raises:
        UsageError: A file is missing or malformed, or a grade is out of range.
        UnknownDocument: None of the judged documents is in the collection.
    """
    qrels = read_qrels(*files)
    for grades in qrels.values():
        for grade in grades.values():
            check_grade(grade)
    _refuse_foreign(catalog, collection, {document_id for grades in qrels.values() for document_id in grades})
    collection_id = catalog.collections.get(collection).id
    new = [
        NewJudgement(query, document_id, grade=grade, user=user, split=split)
        for query, grades in qrels.items()
        for document_id, grade in grades.items()
    ]
    return len(catalog.judgements.add_many(collection_id, new))


def _refuse_foreign(catalog: Catalog, collection: str, document_ids: Collection[str]) -> None:
    """Raise UnknownDocument when the collection has none of the documents: then another one was meant."""
    live = catalog.collections.live(collection)
    if live is None or not catalog.documents.held(live.id, sorted(document_ids)):
        raise UnknownDocument(
            f"Collection {collection!r} holds none of the {len(document_ids):,} judged documents. "
            "Name the collection that was judged with -c, or ingest its documents first."
        )


def export_qrels(judgements: Iterable[Judgement], folder: Path) -> tuple[Path, ...]:
    """Writes judgements in the layout of BEIR: queries.jsonl, and qrels/train.tsv and qrels/heldout.tsv."""
    numbers: dict[str, str] = {}
    lines: dict[Split, list[str]] = {split: ["query-id\tcorpus-id\tscore"] for split in Split}
    for (query, split), grades in _grades_by_query(judgements).items():
        query_id = numbers.setdefault(query, f"q{len(numbers) + 1}")
        lines[split] += [f"{query_id}\t{document_id}\t{grade}" for document_id, grade in grades.items()]
    queries = [json.dumps({"_id": number, "text": query}, ensure_ascii=False) for query, number in numbers.items()]
    written = {folder / "queries.jsonl": queries}
    written |= {folder / "qrels" / f"{split.value}.tsv": rows for split, rows in lines.items()}
    for path, rows in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tuple(written)


def qrels_of(judgements: Iterable[Judgement]) -> Qrels:
    """Grades by query and document; where people differ, the lower median of their grades counts."""
    return {query: grades for (query, _), grades in _grades_by_query(judgements).items()}


def _grades_by_query(judgements: Iterable[Judgement]) -> dict[tuple[str, Split], dict[str, int]]:
    voices: dict[tuple[str, Split], dict[str, list[int]]] = {}
    for one in judgements:
        if one.grade is not None:
            voices.setdefault((one.query, one.split), {}).setdefault(one.document_id, []).append(one.grade)
    return {
        key: {document_id: sorted(grades)[(len(grades) - 1) // 2] for document_id, grades in documents.items()}
        for key, documents in voices.items()
    }
