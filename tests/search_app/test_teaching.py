"""Examples become an encoder of the home, once, whatever interrupts the training."""

import json
import shutil
from pathlib import Path

import pytest

from ingest.progress import Progress, unheard
from search_app.app import SearchApp
from search_app.catalog.judgements import NewJudgement, Split
from search_app.errors import Cancelled, EncoderError, TrainingError, UsageError
from search_app.requests import IngestRequest, ReindexRequest, TrainRequest


@pytest.fixture
def filled(app: SearchApp, notes: Path) -> SearchApp:
    app.ingest(IngestRequest((str(notes),)))
    judge(app, "kitten", {"cat": 3, "bread": 0})
    judge(app, "ocean", {"rain": 3})
    return app


@pytest.fixture
def topical(app: SearchApp, tmp_path: Path) -> SearchApp:
    """Four topics of five documents each, of which the first answers the topic's query and the others come after it."""
    folder = tmp_path / "topics"
    folder.mkdir()
    topics = {
        "kitten": ("cat", "dog"),
        "car": ("automobile", "road"),
        "rain": ("drizzle", "sea"),
        "king": ("king", "home"),
    }
    for query, (word, other) in topics.items():
        (folder / f"{query}-0.txt").write_text(f"{word} {word} {word} {other}")
        for number in range(1, 5):
            (folder / f"{query}-{number}.txt").write_text(" ".join([word, *[other] * (number + 1)]))
    app.ingest(IngestRequest((str(folder),)))
    new = [NewJudgement(query, f"topics/{query}-0.txt", grade=3, split=Split.TRAIN) for query in topics]
    app.catalog.judgements.add_many(app.catalog.collections.get("docs").id, new)
    return app


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    path = tmp_path / "pairs.csv"
    path.write_text("query,positive\ncat,kitten\nsea,ocean\n")
    return str(path)


def judge(app: SearchApp, query: str, grades: dict[str, int]) -> None:
    collection_id = app.catalog.collections.get("docs").id
    new = [NewJudgement(query, f"notes/{name}.txt", grade=grade, split=Split.TRAIN) for name, grade in grades.items()]
    app.catalog.judgements.add_many(collection_id, new)


def test_training_leaves_an_encoder_that_a_collection_can_be_reindexed_with(filled: SearchApp) -> None:
    report = filled.run(TrainRequest("better", epochs=1))
    noted = filled.catalog.encoders.get("better")
    assert noted.fingerprint == report.fingerprint != filled.catalog.encoders.get("fluent").fingerprint
    assert report.base_fingerprint == filled.catalog.encoders.get("fluent").fingerprint
    assert (report.base, report.example_count, report.loss) == ("fluent", 2, "in-batch-negatives")
    assert report.sources == {"judgements": 2, "rejected hits": 1}
    assert (noted.report["base"], noted.report["examples"], noted.report["gain"]) == ("fluent", 2, None)
    assert (
        json.loads((filled.encoders.folder("better") / "report.json").read_text())["fingerprint"] == noted.fingerprint
    )
    filled.reindex(ReindexRequest("docs", "better", switch=True, force=True))
    assert filled.search("kitten").encoder.fingerprint == noted.fingerprint


def test_training_goes_on_from_the_named_encoder_and_learns_from_a_file(app: SearchApp, pairs: str) -> None:
    report = app.run(TrainRequest("first", pairs=pairs, base="literal", epochs=1))
    assert report.base_fingerprint == app.encoders.load("literal").fingerprint
    with pytest.raises(UsageError) as refused:
        app.run(TrainRequest("first", pairs=pairs, epochs=2))
    assert str(refused.value) == "There is an encoder 'first' already. Choose another name with --name."


def test_mined_negatives_are_trained_on(topical: SearchApp) -> None:
    report = topical.run(TrainRequest("better", mine=True, epochs=1))
    assert report.sources == {"judgements": 4, "mined negatives": 16}
    assert (report.step_count, report.example_count) == (1, 4)


@pytest.mark.parametrize("name", ["", "..", "a/b", ".x", "a b", "x" * 65])
def test_a_name_that_can_not_be_a_folders_is_refused(app: SearchApp, name: str) -> None:
    with pytest.raises(UsageError) as refused:
        app.run(TrainRequest(name))
    assert str(refused.value) == (
        f"{name!r} can't name an encoder. Use 1 to 64 letters, digits, dots, dashes and underscores, beginning with "
        "a letter or a digit."
    )


def test_an_encoder_that_was_published_but_not_noted_is_found_by_the_same_run(
    filled: SearchApp, tmp_path: Path
) -> None:
    request = TrainRequest("better", epochs=1)
    first = filled.teacher.train(request, report=unheard, folder=tmp_path)
    filled.catalog.encoders.remove("better")  # as if the process had ended a moment before
    assert filled.teacher.train(request, report=unheard, folder=tmp_path).fingerprint == first.fingerprint
    assert filled.catalog.encoders.get("better").fingerprint == first.fingerprint


def test_a_name_that_another_run_took_meanwhile_is_refused(filled: SearchApp, pairs: str, tmp_path: Path) -> None:
    request = TrainRequest("better", epochs=1)
    filled.teacher.train(request, report=unheard, folder=tmp_path)
    filled.encoders.remove("better")
    filled.run(TrainRequest("better", pairs=pairs, epochs=1))
    with pytest.raises(TrainingError) as refused:
        filled.teacher.train(request, report=unheard, folder=tmp_path)
    assert "exists already" in str(refused.value)


def stop_at_the_first_step(progress: Progress) -> None:
    if progress.stage == "train":
        raise Cancelled("Stopped.")


def test_a_resumed_run_learns_from_the_same_examples_though_the_collection_has_changed(
    topical: SearchApp, tmp_path: Path
) -> None:
    request = TrainRequest("better", mine=True, epochs=1)
    with pytest.raises(Cancelled):
        topical.teacher.train(request, report=stop_at_the_first_step, folder=tmp_path)
    kept = (tmp_path / "examples.jsonl").read_bytes()
    (tmp_path / "topics" / "kitten-1.txt").write_text("bread")
    topical.ingest(IngestRequest((str(tmp_path / "topics"),)))
    assert "bread" in json.dumps([row.texts for row in topical.teacher.examples(request, report=unheard).rows])
    report = topical.teacher.train(request, report=unheard, folder=tmp_path)
    assert (tmp_path / "examples.jsonl").read_bytes() == kept
    assert report.sources["mined negatives"] == 16


def test_new_judgements_and_a_changed_file_are_learned_from(filled: SearchApp, pairs: str, tmp_path: Path) -> None:
    request = TrainRequest("better", from_judgements=True, pairs=pairs, epochs=1)

    def learned() -> dict[str, int]:
        with pytest.raises(Cancelled):
            filled.teacher.train(request, report=stop_at_the_first_step, folder=tmp_path)
        head = json.loads((tmp_path / "examples.jsonl").read_text().splitlines()[0])
        counts: dict[str, int] = head["provenance"]["counts"]
        return counts

    assert learned() == {"file": 2, "judgements": 2, "rejected hits": 1}
    judge(filled, "hound", {"dog": 3})
    assert learned() == {"file": 2, "judgements": 3, "rejected hits": 1}
    with Path(pairs).open("a") as file:
        file.write("house,home\n")
    assert learned() == {"file": 3, "judgements": 3, "rejected hits": 1}


def test_a_held_out_file_is_measured_on_and_must_be_of_the_same_kind(
    filled: SearchApp, pairs: str, tmp_path: Path
) -> None:
    held_out = tmp_path / "held-out.csv"
    held_out.write_text("query,positive\nhouse,home\nroad,street\nking,monarch\n")
    report = filled.run(TrainRequest("better", held_out=str(held_out), epochs=1))
    assert (report.held_out_count, set(report.before)) == (3, {"loss", "RR@10"})
    held_out.write_text("text,label\na,x\nb,y\n")
    with pytest.raises(TrainingError) as refused:
        filled.run(TrainRequest("other", held_out=str(held_out), epochs=1))
    assert str(refused.value) == (
        f"{held_out} has examples of text,label with classes x, y, but those to train on are of query,positive; "
        "expected the same. Give a held-out file of their kind."
    )


def test_an_encoder_can_begin_from_scratch_and_a_resumed_run_begins_the_same(filled: SearchApp, tmp_path: Path) -> None:
    request = TrainRequest("small", from_corpus=("cloze",), from_judgements=True, from_scratch="lstm", epochs=1)
    with pytest.raises(Cancelled):
        filled.teacher.train(request, report=stop_at_the_first_step, folder=tmp_path)
    begun = {path.name: path.read_bytes() for path in (tmp_path / "begun" / "lstm").iterdir() if path.is_file()}
    report = filled.teacher.train(request, report=unheard, folder=tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "begun" / "lstm").iterdir() if path.is_file()} == begun
    assert report.base == "lstm"
    assert filled.catalog.encoders.get("small").dim == 384
    shutil.rmtree(tmp_path / "begun")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"from_scratch": "gru"},
            "A training can't begin from scratch as 'gru'; it can as 'lstm', without a base.",
        ),
        (
            {"from_scratch": "lstm", "base": "fluent"},
            "A training can't begin from scratch as 'lstm' and with base 'fluent'; it can as 'lstm', without a base.",
        ),
    ],
)
def test_only_an_lstm_begins_from_scratch(filled: SearchApp, asked: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        filled.run(TrainRequest("small", **asked))  # type: ignore[arg-type]  # strings, as the fields are
    assert str(refused.value) == said


def test_the_device_that_a_training_names_is_the_one_it_runs_on(app: SearchApp, pairs: str) -> None:
    request = TrainRequest("x", pairs=pairs, base="fluent", options=("device=abacus",))
    for ask in (app.lint, app.run):
        with pytest.raises(EncoderError, match="There is no device 'abacus' here"):
            ask(request)


def test_an_encoder_learns_the_vectors_of_a_teacher(filled: SearchApp) -> None:
    report = filled.run(TrainRequest("copy", base="literal", teacher="fluent", epochs=1))
    assert (report.loss, report.teacher, report.base) == ("distillation", "fluent", "literal")


def test_lint_tells_what_would_be_learned_from_and_writes_nothing(filled: SearchApp, tmp_path: Path) -> None:
    found = filled.lint(TrainRequest("", mine=True))
    assert (found.shape, found.loss, found.base, found.example_count) == (
        "query,positive",
        "in-batch-negatives",
        "fluent",
        2,
    )
    assert found.reason == "in each batch, the passages of the other queries are what a query is told apart from"
    assert found.counts == {"judgements": 2, "rejected hits": 1, "mined negatives": 5}
    assert found.is_trainable
    assert filled.reviews() == ()


def test_lint_shows_roles_range_and_what_stops_the_training(app: SearchApp, tmp_path: Path) -> None:
    path = tmp_path / "scored.csv"
    path.write_text("id,sentence1,sentence2,score\n1,a cat,a kitten,4.5\n2,sea,sea,0\n3,road,sea,1\n")
    found = app.lint(TrainRequest("", pairs=str(path), base="fluent"))
    assert (found.loss, found.score_range, found.is_trainable) == ("cosent", (0.0, 5.0), True)
    assert found.columns == {
        "id": "not used",
        "sentence1": "one text of a pair",
        "sentence2": "the other text",
        "score": "how alike the two are, from 0 to 5",
    }
    assert [one.rule for one in found.findings] == ["turned-round"]
    stated = app.lint(TrainRequest("", pairs=str(path), base="fluent", score_range=(0, 10), loss="cosent"))
    assert (stated.score_range, stated.reason) == ((0, 10), "it was asked for")
    path.write_text("query,positive,negative\na cat,a kitten,A  kitten\nsea,ocean,road\n")
    stopped = app.lint(TrainRequest("", pairs=str(path), base="fluent"))
    assert (stopped.is_trainable, [one.rule for one in stopped.findings]) == (False, ["contradicting"])
