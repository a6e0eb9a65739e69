"""Judgements become examples as the encoder will read them, and examples become an encoder of the home."""

import json
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.catalog.judgements import NewJudgement, Split
from search_app.errors import TrainingError, UsageError
from search_app.requests import IngestRequest, ReindexRequest, TrainRequest
from search_app.twin.examples import Shape


@pytest.fixture
def filled(app: SearchApp, notes: Path) -> SearchApp:
    app.ingest(IngestRequest((str(notes),)))
    return app


def judge(app: SearchApp, query: str, grades: dict[str, int], split: Split = Split.TRAIN) -> None:
    collection_id = app.catalog.collections.get("docs").id
    new = [NewJudgement(query, f"notes/{name}.txt", grade=grade, split=split) for name, grade in grades.items()]
    app.catalog.judgements.add_many(collection_id, new)


def test_an_example_is_a_query_a_passage_that_answers_it_and_those_that_do_not(filled: SearchApp) -> None:
    judge(filled, "kitten", {"cat": 3, "dog": 1, "rain": 0, "bread": 0})
    examples = filled.teacher.examples("docs")
    assert examples.shape is Shape.QUERIES
    assert [row.texts for row in examples.rows] == [
        ("kitten", "cat cat dog", "rain sea night", "bread fire"),
        ("kitten", "dog", "rain sea night", "bread fire"),
    ]


def test_held_out_queries_are_not_learned_from(filled: SearchApp) -> None:
    judge(filled, "kitten", {"cat": 3})
    judge(filled, "hound", {"dog": 3}, Split.HELDOUT)
    assert [row.texts for row in filled.teacher.examples("docs").rows] == [("kitten", "cat cat dog")]


def test_a_document_that_is_gone_teaches_nothing(filled: SearchApp, notes: Path) -> None:
    judge(filled, "kitten", {"cat": 3, "dog": 3})
    (notes / "cat.txt").unlink()
    filled.ingest(IngestRequest((str(notes),), prune=True))
    assert [row.texts for row in filled.teacher.examples("docs").rows] == [("kitten", "dog")]


def test_the_passage_is_the_one_that_is_nearest_to_the_query(app: SearchApp, tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    text = "\n\n".join(["sea " * 11, "dog " * 11, "fire " * 11])
    path.write_text(json.dumps({"_id": "notes/mixed.txt", "title": "king", "text": text}) + "\n")
    app.ingest(IngestRequest((str(path),)))
    judge(app, "hound", {"mixed": 2})
    assert [row.texts for row in app.teacher.examples("docs").rows] == [("hound", "king " + ("dog " * 11).strip())]


def test_without_an_answer_there_is_nothing_to_learn(filled: SearchApp) -> None:
    judge(filled, "kitten", {"dog": 0})
    with pytest.raises(TrainingError) as refused:
        filled.teacher.examples("docs")
    assert str(refused.value) == (
        "The judgements of collection 'docs' hold no answer to learn from. Judge hits as good first (thumbs in the "
        "page, or `twinsearch judge`), import judged queries with `twinsearch judgements import`, or train on a file "
        "with --pairs."
    )


def test_an_empty_collection_teaches_nothing(app: SearchApp) -> None:
    app.catalog.collections.create("docs")
    with pytest.raises(TrainingError) as refused:
        app.teacher.examples("docs")
    assert str(refused.value) == "Collection 'docs' holds nothing yet; ingest documents before training on it."


def test_training_leaves_an_encoder_that_a_collection_can_be_reindexed_with(filled: SearchApp) -> None:
    judge(filled, "kitten", {"cat": 3, "bread": 0})
    judge(filled, "ocean", {"rain": 3})
    report = filled.run(TrainRequest("better", epochs=1))
    noted = filled.catalog.encoders.get("better")
    assert noted.fingerprint == report.fingerprint != filled.catalog.encoders.get("fluent").fingerprint
    assert report.base_fingerprint == filled.catalog.encoders.get("fluent").fingerprint
    assert (report.example_count, report.loss) == (2, "in-batch-negatives")
    assert (
        json.loads((filled.encoders.folder("better") / "report.json").read_text())["fingerprint"] == noted.fingerprint
    )
    filled.reindex(ReindexRequest("docs", "better", switch=True, force=True))
    assert filled.search("kitten").encoder.fingerprint == noted.fingerprint


def test_training_goes_on_from_the_named_encoder_and_learns_from_a_file(app: SearchApp, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("anchor,positive\ncat,kitten\nsea,ocean\n")
    report = app.run(TrainRequest("first", pairs=str(pairs), base="literal", epochs=1))
    assert report.base_fingerprint == app.encoders.load("literal").fingerprint
    with pytest.raises(UsageError) as refused:
        app.run(TrainRequest("first", pairs=str(pairs), epochs=2))
    assert str(refused.value) == "There is an encoder 'first' already. Choose another name with --name."


@pytest.mark.parametrize("name", ["", "..", "a/b", ".x", "a b", "x" * 65])
def test_a_name_that_can_not_be_a_folders_is_refused(app: SearchApp, name: str) -> None:
    with pytest.raises(UsageError) as refused:
        app.run(TrainRequest(name))
    assert str(refused.value) == (
        f"{name!r} can't name an encoder. Use 1 to 64 letters, digits, dots, dashes and underscores, beginning with "
        "a letter or a digit."
    )
