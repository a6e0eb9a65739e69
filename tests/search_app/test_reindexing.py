"""A generation is built beside the live one, and goes live only if the gate lets it through."""

import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest.chunking import ChunkingSettings
from ingest.progress import Progress, unheard
from search_app import reindexing
from search_app.app import SearchApp
from search_app.catalog import generations as catalog_generations
from search_app.catalog.judgements import NewJudgement, Split
from search_app.errors import (
    Cancelled,
    CollectionInUse,
    GateRefused,
    QueryError,
    UnknownEncoder,
    UnknownGeneration,
    UsageError,
)
from search_app.evaluation import Qrels, read_qrels
from search_app.gate.decision import Ruling
from search_app.gate.terms import SwitchTerms
from search_app.locks import building, writing
from search_app.requests import EvaluateRequest, IngestRequest, ReindexRequest


@pytest.fixture
def filled(app: SearchApp, notes: Path) -> SearchApp:
    """Four notes that fluent has read, and that are live."""
    app.ingest(IngestRequest((str(notes),)))
    return app


@pytest.fixture
def qrels(judged: tuple[Path, Path]) -> Qrels:
    return read_qrels(*judged)


def live_of(app: SearchApp) -> tuple[int, str]:
    live = app.catalog.collections.live("docs")
    assert live is not None
    return live.number, live.encoder_name


def test_a_reindex_leaves_the_old_generation_live_until_the_switch(filled: SearchApp) -> None:
    outcome = filled.reindex(ReindexRequest("docs", "literal"))
    assert (outcome.generation.number, outcome.generation.state.value, outcome.is_live) == (2, "ready", False)
    assert outcome.verdict is None
    assert live_of(filled) == (1, "fluent")
    assert filled.search("kitten").encoder.name == "fluent"


def test_a_damaged_encoder_is_refused_by_the_gate(filled: SearchApp, judged: tuple[Path, Path]) -> None:
    queries, qrels = map(str, judged)
    before = filled.search("kitten")
    outcome = filled.reindex(ReindexRequest("docs", "shuffled", switch=True, queries=queries, qrels=qrels))
    assert outcome.verdict is not None
    assert outcome.verdict.live.metrics["nDCG@10"] == 1
    assert outcome.verdict.candidate.metrics["nDCG@10"] < 0.8
    assert (outcome.verdict.is_passed, outcome.verdict.ruling) == (False, Ruling.WORSE)
    assert outcome.verdict.sentence.endswith("The gate keeps the live generation.")
    assert not outcome.is_live
    assert live_of(filled) == (1, "fluent")
    assert filled.search("kitten").hits == before.hits


def test_a_better_encoder_goes_live_by_itself(app: SearchApp, notes: Path, judged: tuple[Path, Path]) -> None:
    app.ingest(IngestRequest((str(notes),), encoder="literal"))
    assert app.search("kitten").hits[0].score == pytest.approx(0, abs=1e-6)
    queries, qrels = map(str, judged)
    outcome = app.reindex(ReindexRequest("docs", "fluent", switch=True, queries=queries, qrels=qrels))
    assert outcome.is_live
    assert live_of(app) == (2, "fluent")
    assert app.search("kitten").hits[0].score == pytest.approx(2 / 5**0.5, abs=1e-6)


def test_force_goes_live_without_a_comparison(filled: SearchApp) -> None:
    outcome = filled.reindex(ReindexRequest("docs", "shuffled", switch=True, force=True))
    assert (outcome.verdict, outcome.is_live) == (None, True)
    assert live_of(filled) == (2, "shuffled")


def test_the_gate_asks_the_held_out_judgements(filled: SearchApp) -> None:
    for query, split in (("kitten", Split.HELDOUT), ("hound", Split.HELDOUT), ("ocean", Split.TRAIN)):
        judge(filled, query, {"kitten": "cat", "hound": "dog", "ocean": "rain"}[query], split)
    number = filled.reindex(ReindexRequest("docs", "literal")).generation.number
    verdict = filled.verdict("docs", number)
    assert set(verdict.live.by_query) == {"kitten", "hound"}
    assert live_of(filled) == (1, "fluent")


def judge(app: SearchApp, query: str, name: str, split: Split) -> None:
    collection_id = app.catalog.collections.get("docs").id
    app.catalog.judgements.add(collection_id, NewJudgement(query, f"notes/{name}.txt", grade=3, split=split))


def test_a_judged_copy_counts_at_its_original_for_the_gate_too(filled: SearchApp, notes: Path) -> None:
    (notes / "copies").mkdir()
    shutil.copy2(notes / "cat.txt", notes / "copies")
    filled.ingest(IngestRequest((str(notes),)))
    judge(filled, "kitten", "copies/cat", Split.HELDOUT)
    number = filled.reindex(ReindexRequest("docs", "shuffled")).generation.number
    assert filled.verdict("docs", number).live.by_query == {"kitten": 1}


def test_the_gate_blames_no_generation_for_what_came_in_since_it_was_built(
    filled: SearchApp, notes: Path, qrels: Qrels
) -> None:
    number = filled.reindex(ReindexRequest("docs", "fluent")).generation.number
    (notes / "cat.txt").write_text("cat cat dog dog")
    filled.ingest(IngestRequest((str(notes),)))
    verdict = filled.verdict("docs", number, SwitchTerms(qrels))
    assert verdict.live.by_query == verdict.candidate.by_query


def test_without_held_out_judgements_the_gate_asks_for_some(filled: SearchApp) -> None:
    number = filled.reindex(ReindexRequest("docs", "literal")).generation.number
    with pytest.raises(UsageError) as refused:
        filled.switch("docs", number, SwitchTerms())
    assert str(refused.value) == (
        "Collection 'docs' has no held-out judgements to compare generations on. Judge more answers, give judged "
        "queries with --queries and --qrels, or switch without a comparison with --force."
    )
    assert live_of(filled) == (1, "fluent")


def test_a_refused_switch_says_how_to_override_it(filled: SearchApp, qrels: Qrels) -> None:
    number = filled.reindex(ReindexRequest("docs", "shuffled")).generation.number
    with pytest.raises(GateRefused) as refused:
        filled.switch("docs", number, SwitchTerms(qrels))
    assert str(refused.value).startswith(
        "Generation 2 (shuffled) against generation 1 (fluent) on 8 held-out queries, by meaning:"
    )
    assert str(refused.value).endswith(" Override it with --force.")
    assert live_of(filled) == (1, "fluent")
    assert filled.switch("docs", number, SwitchTerms(qrels, is_forced=True)).is_live


def test_a_verdict_is_written_down_with_its_generation(filled: SearchApp, qrels: Qrels) -> None:
    number = filled.reindex(ReindexRequest("docs", "shuffled")).generation.number
    verdict = filled.verdict("docs", number, SwitchTerms(qrels))
    noted = filled.generations.get("docs", number).evaluation
    assert noted is not None
    assert (noted["difference"], noted["is_passed"]) == (verdict.difference, False)
    assert noted["live"]["metrics"] == {"nDCG@10": 1, "R@100": 1, "RR@10": 1}


def test_a_generation_is_compared_anew_if_another_went_live_meanwhile(
    app: SearchApp, notes: Path, qrels: Qrels
) -> None:
    app.ingest(IngestRequest((str(notes),), encoder="literal"))
    better, as_good = (app.reindex(ReindexRequest("docs", "fluent")).generation.number for _ in range(2))

    def overtake(progress: Progress) -> None:
        if progress.stage == "evaluate" and live_of(app) == (1, "literal"):
            app.generations.make_live("docs", better)

    outcome = app.reindexer.switch("docs", as_good, SwitchTerms(qrels), overtake)
    assert outcome.verdict is not None
    assert (outcome.verdict.live.generation, outcome.is_live) == (better, False)
    assert live_of(app) == (better, "fluent")


def test_only_a_generation_that_is_ready_or_retired_goes_live(filled: SearchApp) -> None:
    with pytest.raises(UsageError) as refused:
        filled.switch("docs", 1, SwitchTerms(is_forced=True))
    assert str(refused.value) == (
        "Generation 1 of collection 'docs' is live; only one that is ready or retired can be compared with the live "
        "one, or switched to."
    )
    with pytest.raises(UsageError, match=r"^Generation 1 of collection 'docs' is live; "):
        filled.verdict("docs", 1)
    with pytest.raises(UnknownGeneration, match=r"^The collection has no generation 5\. It has: 1\.$"):
        filled.switch("docs", 5, SwitchTerms(is_forced=True))


def test_a_switch_catches_up_with_what_came_in_since_the_build(filled: SearchApp, notes: Path) -> None:
    number = filled.reindex(ReindexRequest("docs", "literal")).generation.number
    (notes / "king.txt").write_text("king king road")
    filled.ingest(IngestRequest((str(notes),)))
    filled.switch("docs", number, SwitchTerms(is_forced=True))
    assert [hit.document_id for hit in filled.search("king", k=1).hits] == ["notes/king.txt"]
    assert filled.generations.difference(filled.generations.get("docs", number)) == (set(), set())


def test_a_rollback_answers_as_before_and_catches_up(filled: SearchApp, notes: Path) -> None:
    before = filled.search("kitten").hits
    filled.reindex(ReindexRequest("docs", "literal", switch=True, force=True))
    (notes / "king.txt").write_text("king")
    filled.ingest(IngestRequest((str(notes),)))
    assert filled.rollback("docs").number == 1
    assert live_of(filled) == (1, "fluent")
    assert filled.search("kitten", k=1).hits == before[:1]
    assert filled.search("monarch", k=1).hits[0].document_id == "notes/king.txt"


def test_a_rollback_that_was_stopped_goes_on_and_does_not_lead_back(filled: SearchApp, notes: Path) -> None:
    filled.reindex(ReindexRequest("docs", "literal", switch=True, force=True))
    (notes / "king.txt").write_text("king")
    filled.ingest(IngestRequest((str(notes),)))

    def stop(progress: Progress) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        filled.rollback("docs", stop)
    assert live_of(filled) == (1, "fluent")
    assert filled.rollback("docs").number == 1
    assert filled.search("monarch", k=1).hits[0].document_id == "notes/king.txt"
    assert filled.rollback("docs").number == 2


def test_the_way_back_is_the_last_switch_though_the_clock_was_set_back(
    filled: SearchApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.reindex(ReindexRequest("docs", "literal", switch=True, force=True))
    monkeypatch.setattr(catalog_generations, "time", SimpleNamespace(time=lambda: time.time() - 3600))
    filled.reindex(ReindexRequest("docs", "shuffled", switch=True, force=True))
    assert [one.state.value for one in filled.generations.list("docs")] == ["dropped", "retired", "live"]
    assert filled.rollback("docs").number == 2


def test_a_rollback_needs_a_switch_before_it(filled: SearchApp) -> None:
    with pytest.raises(UnknownGeneration):
        filled.rollback("docs")
    assert live_of(filled) == (1, "fluent")


def test_a_rollback_to_an_encoder_that_is_gone_changes_nothing(filled: SearchApp) -> None:
    filled.reindex(ReindexRequest("docs", "literal", switch=True, force=True))
    shutil.rmtree(filled.encoders.folder("fluent"))
    with SearchApp.open(filled.home.path) as later, pytest.raises(UnknownEncoder):
        later.rollback("docs")
    assert live_of(filled) == (2, "literal")


def test_evaluating_measures_the_live_or_a_named_generation(filled: SearchApp, judged: tuple[Path, Path]) -> None:
    filled.reindex(ReindexRequest("docs", "shuffled"))
    queries, qrels = map(str, judged)
    live = filled.evaluate(EvaluateRequest(queries, qrels))
    named = filled.evaluate(EvaluateRequest(queries, qrels, generation=2))
    assert (live.generation, live.encoder, live.metrics["nDCG@10"]) == (1, "fluent", 1)
    assert (named.generation, named.encoder) == (2, "shuffled")
    assert named.metrics["nDCG@10"] < 0.8


def test_nothing_can_be_built_of_a_collection_that_holds_nothing(app: SearchApp) -> None:
    app.catalog.collections.create("docs")
    with pytest.raises(QueryError) as refused:
        app.reindex(ReindexRequest("docs", "fluent"))
    assert str(refused.value) == "Collection 'docs' holds nothing yet. Run `twinsearch ingest PATH -c docs` first."


def test_two_builds_of_one_collection_exclude_each_other(filled: SearchApp) -> None:
    with building(filled.home.locks_folder, "docs"), pytest.raises(CollectionInUse) as refused:
        filled.reindex(ReindexRequest("docs", "literal"))
    assert str(refused.value).startswith("A generation of collection 'docs' is being built by process ")


def test_ingest_goes_on_while_a_generation_is_built(filled: SearchApp, notes: Path) -> None:
    (notes / "king.txt").write_text("king")

    def ingest_once(progress: Progress) -> None:
        if filled.catalog.documents.count(1) == 4:
            filled.ingest(IngestRequest((str(notes),)))

    generation = filled.reindexer.reindex("docs", "literal", ingest_once)
    assert filled.generations.difference(generation) == (set(), set())
    assert filled.catalog.documents.chunk_count(generation.id) == 5


def test_an_ingest_after_one_that_was_killed_mends_the_live_generation_beside_a_build(
    filled: SearchApp, notes: Path
) -> None:
    live = filled.generations.get("docs", 1)
    filled.generations.delete(live, [next(filled.catalog.documents.chunk_ids(live.id))])
    filled.catalog.ingests.begin(live.collection_id)
    with building(filled.home.locks_folder, "docs"):
        filled.ingest(IngestRequest((str(notes),)))
    assert filled.generations.difference(live) == (set(), set())


def test_a_build_waits_at_its_end_for_whoever_writes(filled: SearchApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "_WAIT_SECONDS", 0.0)
    writer = ExitStack()
    writer.enter_context(writing(filled.home.locks_folder, "docs"))
    told: list[str] = []

    def listen(progress: Progress) -> None:
        if progress.stage == "wait":
            told.append(progress.note)
            writer.close()

    assert filled.reindexer.reindex("docs", "literal", listen).state.value == "ready"
    assert told[0].startswith("Collection 'docs' is being written to by process ")


def test_a_generation_is_not_dropped_while_it_is_built(filled: SearchApp) -> None:
    generation = filled.generations.begin("docs", filled.encoders.choose("literal"), ChunkingSettings(16))
    with building(filled.home.locks_folder, "docs"), pytest.raises(CollectionInUse):
        filled.drop_generation("docs", generation.number)
    assert filled.drop_generation("docs", generation.number).state.value == "dropped"


def test_a_reindex_that_was_stopped_after_its_build_or_its_switch_builds_nothing_again(
    app: SearchApp, notes: Path, judged: tuple[Path, Path]
) -> None:
    app.ingest(IngestRequest((str(notes),), encoder="literal"))
    app.import_judgements(*judged, split=Split.HELDOUT)
    request = ReindexRequest("docs", "fluent", switch=True)

    def stop(progress: Progress) -> None:
        if progress.stage == "evaluate":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        app.run(request, stop)
    folder = app.jobs.folder(app.jobs.views()[0].job.id)
    outcome = app.run(request)
    assert (outcome.is_live, outcome.generation.number) == (True, 2)
    again = app.reindex(request, folder=folder)
    assert (again.is_live, again.verdict) == (True, outcome.verdict)
    assert [one.state.value for one in app.generations.list("docs")] == ["retired", "live"]


def test_reports_of_a_reindex_are_heard(filled: SearchApp) -> None:
    heard: list[Progress] = []
    filled.reindex(ReindexRequest("docs", "literal"), heard.append)
    assert heard[:2] == [Progress("reindex", 0, 4, "documents"), Progress("reindex", 4, 4, "documents")]
    assert filled.reindexer.reindex("docs", "literal", unheard).number == 3
