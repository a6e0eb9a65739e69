"""Measures how well searches answer judged queries, and compares them."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from ingest.progress import Report, unheard
from search_app.app.wiring import Wiring
from search_app.arranging import Arranged, Layout, arrange_collection, read_layout
from search_app.catalog.judgements import Split
from search_app.errors import UsageError
from search_app.evaluation import METRICS, Comparison, Evaluation, JudgedQueries, Measurement, compare, measure
from search_app.evaluation.chart import comparison_svg
from search_app.evaluation.comparison import Run
from search_app.evaluation.judged import beir_files, read_judged, read_run, write_run, write_text
from search_app.evaluation.measuring import check_metrics, positive
from search_app.evaluation.runs import FileRun, SearchedRun, parse_run
from search_app.feedback import at_originals, qrels_of
from search_app.maps import CollectionMap, MapSettings, draw_map
from search_app.requests import ArrangeRequest, CompareRequest, EvaluateRequest
from search_app.retrieval import Mode, mode_of
from search_app.search import SearchOptions, SearchResult, check_query

_TABLES = {".csv": ",", ".tsv": "\t"}
_CHARTS = (".svg", ".html")
_RUNS_LEAST = 2
_NEAREST = 5  # passages that a query is put amid, where there is no plane for it


class Measuring(Wiring):
    """The verbs about how good searches are."""

    def evaluate(self, request: EvaluateRequest, report: Report = unheard) -> Evaluation:
        """Measures one way to search a collection, and writes the files that were asked for.

        Raises:
            UsageError: The judged queries can't be read or say nothing, or a metric or a file's suffix is unknown.
        """
        metrics = request.metrics or METRICS
        check_metrics(metrics)
        _check_suffix(request.per_query, (*_TABLES, ".jsonl"))
        judged = self._judged(request)
        options = SearchOptions(generation=request.generation, mode=mode_of(request.mode), exact=request.exact)
        measured = self._measure(request.collection, options, judged, metrics, report)
        if request.per_query:
            _write_per_query(Path(request.per_query), measured.values)
        if request.run_file:
            name = f"{measured.evaluation.generation}:{measured.evaluation.mode}"
            write_run(Path(request.run_file), measured.rankings, judged.texts, name)
        return measured.evaluation

    def compare(self, request: CompareRequest, report: Report = unheard) -> Comparison:
        """Compares ways to search on the same judged queries, and draws the chart that was asked for.

        Raises:
            UsageError: A run has no meaning or comes twice, or as for `evaluate`.
        """
        if len(set(request.runs)) < max(_RUNS_LEAST, len(request.runs)):
            raise UsageError(f"{', '.join(request.runs)!r} can't be compared: name at least two runs, each once.")
        check_metrics([request.metric])
        _check_suffix(request.chart, _CHARTS)
        judged = self._judged(request)
        generations = self.catalog.generations.list(self.catalog.collections.get(request.collection).id)
        spelled = {name: parse_run(name, generations) for name in request.runs}
        runs = [self._run(name, run, judged, request, report) for name, run in spelled.items()]
        found = compare(runs, positive(judged.qrels), collection=request.collection, metric=request.metric)
        if request.chart:
            write_text(Path(request.chart), _page(comparison_svg(found), Path(request.chart).suffix))
        return found

    def map_of(
        self,
        collection: str,
        topic_count: int = 8,
        *,
        layout: Layout | None = None,
        seed: int = 0,
        report: Report = unheard,
    ) -> CollectionMap:
        """A picture of the collection's passages in the plane that shows most of their differences, or as arranged.

        Raises:
            QueryError: The collection holds nothing yet.
        """
        settings = MapSettings(topic_count, seed, layout.places if layout else None)
        return draw_map(self.catalog, self.index, collection, settings, report)

    def arrange(self, request: ArrangeRequest, report: Report = unheard) -> Arranged:
        """Draws a collection by t-SNE and keeps the picture with its live generation.

        Raises:
            UsageError: openTSNE isn't installed, or there are too few passages.
        """
        return arrange_collection(self.catalog, self.index, self.home.maps_folder, request, report)

    def layout_of(self, collection: str) -> Layout | None:
        """How the live generation was arranged; None where it wasn't."""
        live = self.catalog.collections.live(collection)
        return read_layout(self.home.maps_folder, live) if live else None

    def place_on_map(self, drawn: CollectionMap, query: str) -> tuple[float, float] | None:
        """Where a query lies among the points of a map, as the encoder of the map's generation understands it.

        Where passages were arranged there is no plane to put it into, and it lies amid the nearest of them, if any of
        these are drawn.
        """
        check_query(query)
        if drawn.shown_share is None:
            return self._amid_nearest(drawn, query)
        generation = self.generations.get(drawn.collection, drawn.generation)
        encoder = self.encoders.of_generation(generation, drawn.collection)
        x, y = drawn.places(encoder.encode([query], kind="query"))[0].tolist()
        return x, y

    def _amid_nearest(self, drawn: CollectionMap, query: str) -> tuple[float, float] | None:
        options = SearchOptions(k=_NEAREST, generation=drawn.generation, mode=Mode.DENSE)
        hits = {hit.chunk_id for hit in self.searcher.search(query, drawn.collection, options).hits}
        near = [point for point in drawn.points if point.chunk_id in hits]
        return (median(one.x for one in near), median(one.y for one in near)) if near else None

    def _run(
        self, name: str, run: SearchedRun | FileRun, judged: JudgedQueries, request: CompareRequest, report: Report
    ) -> Run:
        if isinstance(run, FileRun):
            return Run(name, "a run file", read_run(run.path, judged.texts))
        options = SearchOptions(generation=run.generation, mode=run.mode, exact=request.exact)
        measured = self._measure(request.collection, options, judged, [request.metric], report)
        by = measured.evaluation
        return Run(name, f"generation {by.generation} ({by.encoder}), {by.mode}", measured.rankings)

    def _measure(
        self, collection: str, options: SearchOptions, judged: JudgedQueries, metrics: Sequence[str], report: Report
    ) -> Measurement:
        def search(queries: Sequence[str], k: int) -> list[SearchResult]:
            return self.searcher.search_batch(queries, collection, replace(options, k=k))

        return measure(search, judged.qrels, report=report, metrics=metrics)

    def _judged(self, request: EvaluateRequest | CompareRequest) -> JudgedQueries:
        """The judged queries that were named, their documents under the ids by which they are searched."""
        judged = self._read_judged(request)
        collection_id = self.catalog.collections.get(request.collection).id
        return replace(judged, qrels=at_originals(self.catalog, collection_id, judged.qrels))

    def _read_judged(self, request: EvaluateRequest | CompareRequest) -> JudgedQueries:
        files = (request.queries, request.qrels)
        if request.beir and not any(files):
            return read_judged(*beir_files(Path(request.beir), request.split))
        if request.queries and request.qrels and not request.beir:
            return read_judged(Path(request.queries), Path(request.qrels))
        if request.beir or any(files):
            raise UsageError("Judged queries come as --queries with --qrels, or as --beir alone: give one of these.")
        return self._held_out(request.collection)

    def _held_out(self, collection: str) -> JudgedQueries:
        collection_id = self.catalog.collections.get(collection).id
        qrels = qrels_of(self.catalog.judgements.current(collection_id, split=Split.HELDOUT))
        if not qrels:
            raise UsageError(
                f"Collection {collection!r} has no held-out judgements to measure on. Judge more answers, or give "
                "judged queries with --queries and --qrels, or with --beir."
            )
        return JudgedQueries(qrels, {f"q{number}": query for number, query in enumerate(qrels, 1)})


def _check_suffix(path: str | None, suffixes: Sequence[str]) -> None:
    if path and Path(path).suffix not in suffixes:
        raise UsageError(f"{path!r} can't be written: its name must end in {', '.join(suffixes)}.")


def _write_per_query(path: Path, values: Mapping[str, Mapping[str, float]]) -> None:
    """A row for each query: its text, then each metric."""
    queries = next(iter(values.values()))
    rows = [{"query": query, **{metric: own[query] for metric, own in values.items()}} for query in queries]
    if path.suffix == ".jsonl":
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        return
    lines = io.StringIO(newline="")
    table = csv.DictWriter(lines, fieldnames=list(rows[0]), delimiter=_TABLES[path.suffix], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(path, lines.getvalue())


def _page(svg: str, suffix: str) -> str:
    return svg if suffix == ".svg" else f'<!doctype html>\n<meta charset="utf-8">\n{svg}\n'
