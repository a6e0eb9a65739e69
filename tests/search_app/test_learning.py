"""The whole loop in one request: it ends with a better live generation, or with the reason why not."""

from pathlib import Path

import pytest

from ingest.progress import Progress, unheard
from search_app.app import SearchApp
from search_app.catalog.judgements import NewJudgement, Split
from search_app.catalog.switches import SwitchWay
from search_app.errors import Cancelled, UsageError
from search_app.learning.loop import LearnOutcome, name_after
from search_app.learning.moved import MovedQuery
from search_app.learning.report import moved_parts
from search_app.requests import IngestRequest, LearnRequest, ReindexRequest

LEARNED = {"kitten": "cat", "hound": "dog", "loaf": "bread", "blaze": "bread", "drizzle": "rain", "ocean": "rain"}
ASKED = {
    "kitten hound": "cat",
    "kitten kitten hound": "cat",
    "hound kitten kitten kitten": "cat",
    "loaf blaze": "bread",
    "loaf loaf blaze": "bread",
    "blaze loaf blaze": "bread",
    "ocean drizzle": "rain",
    "drizzle ocean drizzle": "rain",
}
GOOD = {"epochs": 20, "learning_rate": 0.01, "batch_size": 6, "options": ("held_out_share=0",)}


def judge(app: SearchApp, answers: dict[str, str], split: Split, grade: int = 3) -> None:
    collection_id = app.catalog.collections.get("docs").id
    new = [NewJudgement(query, f"notes/{name}.txt", grade, user="ann", split=split) for query, name in answers.items()]
    app.catalog.judgements.add_many(collection_id, new)


def test_what_came_from_outside_brings_no_markup_into_a_report() -> None:
    evil = "<script>alert(1)</script>"
    moved = MovedQuery(evil, 0.0, 1.0, (evil,), (evil, "cat"))
    parts = "".join(moved_parts([moved]))
    assert "<script>" not in parts
    assert parts.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3


@pytest.mark.parametrize("collection", ["my docs", "größe", "日本", "-x", "a" * 200, "q&a / faq"])
def test_any_collection_gives_its_encoder_a_name_that_encoders_can_have(app: SearchApp, collection: str) -> None:
    app.encoders.refuse_name(name_after(collection, 12_345))
    assert name_after("my docs", 1) == "my-docs-1"


@pytest.fixture
def judged_app(app: SearchApp, notes: Path) -> SearchApp:
    """The notes that literal has read, with six queries to learn from and eight held out, which it can't answer."""
    app.ingest(IngestRequest((str(notes),), encoder="literal"))
    judge(app, LEARNED, Split.TRAIN)
    judge(app, ASKED, Split.HELDOUT)
    return app


def learned(app: SearchApp, **others: object) -> LearnOutcome:
    outcome = app.run(LearnRequest("docs", **others))  # type: ignore[arg-type]
    assert isinstance(outcome, LearnOutcome)
    return outcome


def test_a_loop_that_learns_ends_with_the_new_generation_live(judged_app: SearchApp) -> None:
    outcome = learned(judged_app, **GOOD)
    assert outcome.verdict is not None
    assert outcome.is_live, outcome.sentence
    live = judged_app.catalog.collections.live("docs")
    assert live is not None
    assert (live.number, live.encoder_name) == (2, "docs-1")
    assert judged_app.catalog.switches.list(live.collection_id)[-1].way is SwitchWay.GATE
    page = Path(outcome.page)
    assert page == judged_app.home.reports_folder / live.physical_name / "report.html"
    told = page.read_text(encoding="utf-8")
    assert "queries held out for the gate</th><td>8<" in told
    assert "The queries that moved most" in told


def test_a_loop_that_was_stopped_after_its_switch_ends_as_it_would_have(judged_app: SearchApp, tmp_path: Path) -> None:
    request = LearnRequest("docs", **GOOD)  # type: ignore[arg-type]
    with SearchApp.open(judged_app.home.path, soak_days=0) as app:  # the generation before goes at once
        first = app.learner.learn(request, unheard, folder=tmp_path, user="ann")
        judge(app, {"erase the record": "dog"}, Split.TRAIN)
        again = app.learner.learn(request, unheard, folder=tmp_path, user="ann")
        states = [one.state.value for one in app.generations.list("docs")]
    assert (again.is_live, again.sentence, again.page) == (True, first.sentence, first.page)
    assert states == ["dropped", "live"]


def test_a_loop_that_was_stopped_goes_on_with_its_own_name_though_another_has_learned_since(
    judged_app: SearchApp,
) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "train":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        judged_app.run(LearnRequest("docs", **GOOD), stop)  # type: ignore[arg-type]
    assert learned(judged_app, **GOOD | {"epochs": 21}).encoder == "docs-2"
    assert learned(judged_app, **GOOD).encoder == "docs-1"


def test_a_loop_that_was_killed_as_its_encoder_was_made_goes_on_with_it_whatever_was_judged_since(
    judged_app: SearchApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(name: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(judged_app.encoders, "choose", die)
        with pytest.raises(KeyboardInterrupt):
            learned(judged_app, **GOOD)
    judge(judged_app, {"erase the record": "dog"}, Split.TRAIN)
    assert learned(judged_app, **GOOD).encoder == "docs-1"


def test_a_loop_that_ends_with_the_weights_that_serve_builds_nothing_even_if_it_is_run_again(
    judged_app: SearchApp, tmp_path: Path
) -> None:
    assert learned(judged_app, **GOOD).is_live
    request = LearnRequest("docs", base="literal", **GOOD)  # type: ignore[arg-type]
    for _ in range(2):
        same = judged_app.learner.learn(request, unheard, folder=tmp_path, user="ann")
        assert (same.is_live, same.verdict, same.generation) == (False, None, None)
        assert same.sentence.endswith("Nothing was built: the live generation stays.")
    assert [one.state.value for one in judged_app.generations.list("docs")] == ["retired", "live"]


def test_a_loop_that_learns_nothing_keeps_the_live_generation(judged_app: SearchApp) -> None:
    outcome = learned(judged_app, epochs=1, learning_rate=1e-9, options=("held_out_share=0",))
    assert not outcome.is_live
    live = judged_app.catalog.collections.live("docs")
    assert live is not None
    assert live.number == 1
    assert outcome.sentence.endswith("he live generation stays.")
    assert Path(outcome.page).exists()


def test_too_few_held_out_queries_are_refused_before_anything_is_trained(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),), encoder="literal"))
    judge(app, LEARNED, Split.TRAIN)
    judge(app, ASKED, Split.HELDOUT, grade=0)  # nothing can be found for these
    with pytest.raises(UsageError) as refused:
        learned(app)
    assert str(refused.value) == (
        "Collection 'docs' has 0 answered queries held out; to show a gain takes 5 at the very least, and a hundred to "
        "show a small one. Judge more answers."
    )
    assert not app.encoders.folder("docs-1").exists()


@pytest.mark.parametrize(
    ("terms", "told"),
    [({"guard": "/nowhere"}, "There is no file '/nowhere/queries.jsonl'."), ({"non_inferior": 2.0}, "2 is no margin")],
)
def test_terms_that_the_gate_can_not_go_by_are_refused_before_anything_is_made(
    judged_app: SearchApp, terms: dict[str, object], told: str
) -> None:
    for request in (LearnRequest("docs", **GOOD, **terms), ReindexRequest("docs", "fluent", switch=True, **terms)):  # type: ignore[arg-type]
        with pytest.raises(UsageError) as refused:
            judged_app.run(request)
        assert str(refused.value).startswith(told)
    assert not judged_app.encoders.folder("docs-1").exists()
    assert len(judged_app.generations.list("docs")) == 1
