"""Guards: what an encoder must not forget while it learns something else.

Three kinds: how the collection is usually searched, if that isn't by meaning alone; its own titles, each of which asks
for its document; and a folder in the layout of BEIR, whose documents are encoded for the comparison and nowhere kept
but in the vector cache.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from ingest.chunking import passage
from ingest.progress import Progress, Report
from ingest.sink import Encoder
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.errors import UsageError
from search_app.evaluation import Qrels, read_qrels
from search_app.gate.verdict import GuardOutcome
from search_app.tuning import ndcg

GUARD_MARGIN = 0.03  # what nDCG@10 on a guard may fall by

_TITLES = 200  # enough that a rank or two by chance moves their mean little
_TITLES_LEAST = 20  # fewer say nothing
_SPLITS = ("test", "dev", "train")
_DEPTH = 10
_TEXTS_PER_CALL = 256

Ranked = Callable[[Sequence[str]], list[list[str]]]  # queries -> document ids, best first


@dataclass(frozen=True, slots=True)
class BeirFolder:
    """Documents as an encoder reads them, by id, and judged queries on them."""

    name: str
    texts: Mapping[str, str]
    qrels: Qrels


def title_queries(catalog: Catalog, live: Generation) -> Qrels:
    """A sample of the collection's titles, each with the documents that bear it; empty where too few have one."""
    owners: dict[str, set[str]] = {}
    for one in catalog.documents.all_passages(live):
        if one.title.strip():
            owners.setdefault(one.title.strip(), set()).add(one.chunk.document_id)
    if len(owners) < _TITLES_LEAST:
        return {}
    chosen = Random(0).sample(sorted(owners), min(_TITLES, len(owners)))
    return {title: dict.fromkeys(sorted(owners[title]), 1) for title in chosen}


def guard_outcome(name: str, qrels: Qrels, before: Ranked, after: Ranked) -> GuardOutcome:
    """The guard's figures: mean nDCG@10 of the judged queries, in both generations."""
    judged = {query: grades for query, grades in qrels.items() if any(grade > 0 for grade in grades.values())}
    means = [_mean_ndcg(judged, rank(list(judged))) for rank in (before, after)]
    return GuardOutcome(name, len(judged), means[0], means[1], GUARD_MARGIN)


def _mean_ndcg(qrels: Qrels, rankings: Sequence[Sequence[str]]) -> float:
    pairs = zip(qrels.values(), rankings, strict=True)
    return math.fsum(ndcg(ranking, grades) for grades, ranking in pairs) / len(qrels)


def read_beir(folder: Path) -> BeirFolder:
    """Documents and judged queries of a folder with corpus.jsonl, queries.jsonl and qrels/.

    Raises:
        UsageError: A file is missing or can't be read, or no answer to a query is in the corpus.
    """
    splits = [folder / "qrels" / f"{split}.tsv" for split in _SPLITS]
    judged = next((path for path in splits if path.is_file()), splits[0])
    qrels = read_qrels(folder / "queries.jsonl", judged)
    texts = dict(_read_corpus(folder / "corpus.jsonl"))
    graded = ((document_id, grade) for grades in qrels.values() for document_id, grade in grades.items())
    if not any(grade > 0 and document_id in texts for document_id, grade in graded):
        raise UsageError(f"{str(judged)!r} grades no document of {str(folder / 'corpus.jsonl')!r} above 0.")
    return BeirFolder(folder.name, texts, qrels)


def _read_corpus(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for line in filter(str.strip, lines):
                row: dict[str, Any] = json.loads(line)
                yield str(row["_id"]), passage(str(row.get("title") or ""), (), str(row["text"]))
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {str(path)!r}.") from error
    except OSError as error:
        raise UsageError(f"{str(path)!r} can't be read: {error.strerror}. Let Twinsearch read it.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{str(path)!r} can't be read as documents: {error!r}. Expected one object a line with _id, title and text."
        ) from error


def rank_exactly(folder: BeirFolder, encoder: Encoder, report: Report) -> Ranked:
    """Ranks the folder's documents for queries by comparing every vector."""
    ids, texts = list(folder.texts), list(folder.texts.values())
    parts = []
    for start in range(0, len(texts), _TEXTS_PER_CALL):
        parts.append(encoder.encode(texts[start : start + _TEXTS_PER_CALL]))
        report(Progress("guard", min(start + _TEXTS_PER_CALL, len(texts)), len(texts), "documents"))
    vectors = np.concatenate(parts)

    def rank(queries: Sequence[str]) -> list[list[str]]:
        scores = encoder.encode(queries, kind="query") @ vectors.T
        best = np.argsort(-scores, axis=1, kind="stable")[:, :_DEPTH]
        return [[ids[place] for place in row] for row in best]

    return rank
