"""A preview predicts what the gate says of an encoder, from a part of the documents."""

from dataclasses import replace
from math import log2
from pathlib import Path

import numpy as np
import pytest

from search_app.app import SearchApp
from search_app.errors import QueryError
from search_app.evaluation import read_qrels
from search_app.gate.decision import Ruling, decide
from search_app.gate.preview import Cost, Preview, estimated_ndcg
from search_app.gate.terms import SwitchTerms
from search_app.requests import IngestRequest, ReindexRequest

WEIGHTS = np.array([1.0, 1.0, 1.0, 5.0, 5.0])


def test_a_document_that_nothing_outranks_has_rank_one() -> None:
    scores = np.array([0.9, 0.5, 0.4, 0.3, 0.2], dtype=np.float32)
    assert estimated_ndcg(scores, [1, 0, 0, 0, 0], WEIGHTS) == 1


def test_each_random_document_above_counts_for_all_that_it_stands_for() -> None:
    scores = np.array([0.9, 0.5, 0.4, 0.95, 0.2], dtype=np.float32)
    assert estimated_ndcg(scores, [1, 0, 0, 0, 0], WEIGHTS) == pytest.approx(1 / log2(7))  # rank 6
    assert estimated_ndcg(scores, [0, 1, 0, 0, 0], WEIGHTS) == pytest.approx(1 / log2(8))


def test_what_falls_below_rank_ten_gains_nothing() -> None:
    scores = np.array([0.1, 0.5, 0.4, 0.95, 0.9], dtype=np.float32)
    assert estimated_ndcg(scores, [3, 0, 0, 0, 0], WEIGHTS) == 0


def test_grades_count_by_the_best_possible_ranking() -> None:
    scores = np.array([0.9, 0.5, 0.4, 0.3, 0.2], dtype=np.float32)
    best = 2 + 1 / log2(3)
    assert estimated_ndcg(scores, [1, 2, 0, 0, 0], WEIGHTS) == pytest.approx((1 + 2 / log2(3)) / best)


def test_a_query_whose_judged_documents_are_gone_counts_as_nothing_found() -> None:
    assert estimated_ndcg(np.zeros(5, dtype=np.float32), [0, 0, 0, 0, 0], WEIGHTS) == 0


def test_an_answer_that_the_collection_no_longer_has_is_missed_as_the_gate_misses_it(
    noted: SearchApp, judged: tuple[Path, Path]
) -> None:
    queries, qrels = judged
    qrels.write_text(qrels.read_text() + "".join(f"q{number}\tnotes/gone.txt\t1\n" for number in range(8)))
    found = noted.preview("docs", "fluent", SwitchTerms(read_qrels(queries, qrels)))
    assert found.live == pytest.approx(1 / (1 + 1 / log2(3)))
    assert found.candidate == pytest.approx(found.live)


def test_where_every_document_is_near_the_preview_is_what_the_gate_finds(
    noted: SearchApp, judged: tuple[Path, Path]
) -> None:
    terms = SwitchTerms(read_qrels(*judged))
    found = noted.preview("docs", "shuffled", terms)
    generation = noted.reindex(ReindexRequest("docs", "shuffled")).generation
    verdict = noted.verdict("docs", generation.number, terms)
    noted.drop_generation("docs", generation.number)
    assert (found.decision.difference, found.decision.low, found.decision.high) == pytest.approx(
        (verdict.difference, verdict.low, verdict.high), abs=0.04
    )  # shuffled knows many ties, which a search breaks by id
    assert (found.decision.ruling, found.encoded_count, found.is_hopeless) == (verdict.ruling, 4, True)
    assert found.cost.chunk_count == 0


def test_a_preview_rules_out_no_more_than_the_gate_does() -> None:
    decision = decide([-0.01, -0.02, -0.01, -0.02, -0.01, -0.02], margin=0.05)
    found = Preview("e", 6, 9, 0.5, 0.485, decision, 0.95, Cost(1, 1, 1), live_mean_cosine=0.93, margin=0.05)
    assert (found.is_hopeless, "The gate would let it through." in found.sentence) == (False, True)
    collapsed = replace(found, live_mean_cosine=0.4)
    assert (collapsed.is_hopeless, "keep the live one (collapsed)" in collapsed.sentence) == (True, True)
    assert replace(found, margin=None).is_hopeless


def test_a_preview_heeds_the_margin_that_was_asked_for(noted: SearchApp, judged: tuple[Path, Path]) -> None:
    found = noted.preview("docs", "fluent", SwitchTerms(read_qrels(*judged), non_inferior=0.01))
    assert (found.decision.ruling, found.is_hopeless) == (Ruling.NOT_WORSE, False)


def test_an_emptied_collection_has_no_preview(app: SearchApp, notes: Path, judged: tuple[Path, Path]) -> None:
    app.ingest(IngestRequest((str(notes),)))
    app.remove_documents([one.id for one in app.catalog.documents.list(app.catalog.collections.get("docs").id)])
    with pytest.raises(QueryError, match=r"^Collection 'docs' holds nothing yet\. Run `twinsearch ingest PATH"):
        app.preview("docs", "fluent", SwitchTerms(read_qrels(*judged)))


def test_a_preview_leaves_no_generation(noted: SearchApp, judged: tuple[Path, Path]) -> None:
    before = noted.generations.list("docs")
    sentence = noted.preview("docs", "literal", SwitchTerms(read_qrels(*judged))).sentence
    assert noted.generations.list("docs") == before
    assert sentence.startswith("Preview on 8 held-out queries and 4 encoded chunks: nDCG@10 1.0000 -> about 0.")
    assert "The gate would keep the live one (worse). The full build encodes 0 chunks: about 0 s and" in sentence
