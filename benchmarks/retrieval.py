"""How well each mode finds the judged answers of public test collections, beside published figures.

    TWINSEARCH_BENCH_DATA=FOLDER python -m benchmarks.retrieval [--home FOLDER]

Collections are set up as the published figures were: one passage a document, title before text, every vector compared.
The home is kept when it is named, so that a second run encodes nothing. Prints one table in Markdown.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.progress import unheard
from search_app.app import SearchApp
from search_app.evaluation import GATE_METRIC, Evaluation, evaluate, read_qrels
from search_app.fusion import reciprocal_rank
from search_app.requests import EvaluateRequest, IngestRequest
from search_app.retrieval import Mode
from search_app.search import Hit, SearchOptions, SearchResult


@dataclass(frozen=True, slots=True)
class Published:
    """nDCG@10 on the test part, in hundredths, by others; None where nobody has published one."""

    dense: str
    lexical: str


COLLECTIONS = {
    # all-MiniLM-L6-v2 on the MTEB board; BM25 of BEIR's paper and of Anserini.
    "scifact": Published("64.51", "66.5 to 68.7"),
    "nfcorpus": Published("31.59", "32.2"),
    "stackfaq": Published("none", "none"),
}


def main() -> None:
    """Loads what isn't loaded yet, measures, and prints the table."""
    parser = argparse.ArgumentParser(description="Measure search on public test collections.")
    parser.add_argument("--home", type=Path, help="A home to keep, with what is encoded; a temporary one by default.")
    parser.add_argument("--data", type=Path, default=os.environ.get("TWINSEARCH_BENCH_DATA"))
    parser.add_argument("--part", default="test", help="Which judgements: train, dev or test.")
    arguments = parser.parse_args()
    if arguments.data is None or not arguments.data.is_dir():
        sys.exit("There is no folder of test collections. Name it with --data or TWINSEARCH_BENCH_DATA.")
    with ExitStack() as stack:
        home = arguments.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twinsearch-bench-")))
        app = stack.enter_context(SearchApp.open(home))
        stack.callback(app.engine.stop)
        print(report(app, arguments.data, arguments.part))


def report(app: SearchApp, data: Path, part: str) -> str:
    """The table, with a row for each collection, and a line about the machine."""
    columns = ("queries", "dense", "published", "lexical", "published", "plain RRF", "hybrid")
    head = [f"| nDCG@10 on {part} | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    rows = [_row(app, data / name, published, part) for name, published in COLLECTIONS.items()]
    return "\n".join([*head, *rows, "", _machine(app)])


def _row(app: SearchApp, folder: Path, published: Published, part: str) -> str:
    app.ingest(IngestRequest((str(folder / "corpus.jsonl"),), folder.name, whole=True))
    files = (folder / "queries.jsonl", folder / "qrels" / f"{part}.tsv")
    dense, lexical, hybrid = (
        app.evaluate(EvaluateRequest(str(files[0]), str(files[1]), folder.name, mode=mode, exact=True)) for mode in Mode
    )
    plain = evaluate(_fusing(app, folder.name), read_qrels(*files), report=unheard)
    figures = (
        _percent(dense),
        published.dense,
        _percent(lexical),
        published.lexical,
        _percent(plain),
        _percent(hybrid),
    )
    return f"| {folder.name} | {dense.query_count} | {' | '.join(figures)} |"


def _fusing(app: SearchApp, collection: str) -> Callable[[Sequence[str], int], list[SearchResult]]:
    """A search by plain reciprocal rank fusion, as a yardstick."""

    def search(queries: Sequence[str], k: int) -> list[SearchResult]:
        dense, lexical = (
            app.searcher.search_batch(queries, collection, SearchOptions(k=k, mode=mode, exact=True))
            for mode in (Mode.DENSE, Mode.LEXICAL)
        )
        return [_fused(*pair, k=k) for pair in zip(dense, lexical, strict=True)]

    return search


def _fused(dense: SearchResult, lexical: SearchResult, *, k: int) -> SearchResult:
    hits: dict[str, Hit] = {hit.document_id: hit for hit in (*dense.hits, *lexical.hits)}
    rankings = ([(hit.document_id, hit.score) for hit in one.hits] for one in (dense, lexical))
    order = [document_id for document_id, _ in reciprocal_rank(*rankings)][:k]
    return replace(dense, hits=tuple(replace(hits[one], rank=rank) for rank, one in enumerate(order, 1)))


def _percent(evaluation: Evaluation) -> str:
    return f"{evaluation.metrics[GATE_METRIC] * 100:.2f}"


def _machine(app: SearchApp) -> str:
    live = app.catalog.collections.live(next(iter(COLLECTIONS)))
    encoder = f"{live.encoder_name} in {live.precision}" if live else "none"
    return f"Encoder {encoder}; {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}."


if __name__ == "__main__":
    main()
