"""Judgements, files and documents become examples as the encoder will read them, with negatives from the live index.

Every score can be worked out on paper: to "kitten hound", cat.txt ("cat cat dog") has 3/√10 = 0.95 and dog.txt 0.71.
"""

import json
from pathlib import Path

import pytest

from ingest.progress import Progress, unheard
from search_app.app import SearchApp
from search_app.catalog.judgements import NewJudgement, Split
from search_app.errors import TrainingError, UnknownCollection, UsageError
from search_app.requests import IngestRequest, MineRequest, TrainRequest
from search_app.twin.examples import Examples, Shape
from search_app.twin.lint import lint

CAT, DOG, BREAD, RAIN = "cat cat dog", "dog", "bread fire", "rain sea night"


@pytest.fixture
def filled(app: SearchApp, notes: Path) -> SearchApp:
    app.ingest(IngestRequest((str(notes),)))
    return app


def judge(
    app: SearchApp, query: str, grades: dict[str, int], *, split: Split = Split.TRAIN, ranks: tuple[int, ...] = ()
) -> None:
    places = [*ranks, *[None] * (len(grades) - len(ranks))]
    new = [
        NewJudgement(query, f"notes/{name}.txt", grade=grade, split=split, rank=rank)
        for (name, grade), rank in zip(grades.items(), places, strict=True)
    ]
    app.catalog.judgements.add_many(app.catalog.collections.get("docs").id, new)


def gathered(app: SearchApp, suspects: Path | None = None, **asked: object) -> Examples:
    request = TrainRequest("x", **asked)  # type: ignore[arg-type]  # each test names what it asks
    return app.teacher.examples(request, report=unheard, suspects=suspects)


def texts(examples: Examples) -> list[tuple[str, ...]]:
    return [row.texts for row in examples.rows]


def test_an_example_is_a_query_a_passage_that_answers_it_and_those_that_do_not(filled: SearchApp) -> None:
    judge(filled, "kitten", {"cat": 3, "dog": 1, "rain": 0, "bread": 0})
    examples = gathered(filled)
    assert examples.shape is Shape.QUERIES
    assert texts(examples) == [("kitten", CAT, RAIN, BREAD), ("kitten", DOG, RAIN, BREAD)]
    assert examples.provenance.counts == {"judgements": 2, "rejected hits": 4}


def test_rejected_hits_come_in_the_order_in_which_they_were_shown(filled: SearchApp) -> None:
    judge(filled, "kitten", {"rain": 0, "cat": 3, "bread": 0, "dog": 0}, ranks=(7, 3, 1))
    assert texts(gathered(filled)) == [("kitten", CAT, BREAD, RAIN, DOG)]


def test_one_query_gives_no_more_answers_than_the_cap_and_the_best_graded_first(filled: SearchApp) -> None:
    judge(filled, "kitten", {"rain": 1, "dog": 3, "cat": 2})
    assert texts(gathered(filled, per_query=2)) == [("kitten", DOG), ("kitten", CAT)]


def test_held_out_queries_are_not_learned_from(filled: SearchApp, tmp_path: Path) -> None:
    judge(filled, "kitten", {"cat": 3})
    judge(filled, "hound", {"dog": 3}, split=Split.HELDOUT)
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("query,positive\n HOUND,a dog\nhome,a house\n")
    examples = gathered(filled, from_judgements=True, pairs=str(pairs))
    assert texts(examples) == [("home", "a house"), ("kitten", CAT)]
    (finding,) = lint(examples, lambda texts: [len(one) for one in texts], max_tokens=100)
    assert (finding.rule, finding.what, finding.count, finding.sample) == (
        "held-out",
        "a query is held out for the gate, or nearly the same as one that is, and was left out",
        1,
        "HOUND",
    )


def test_a_document_that_is_gone_teaches_nothing(filled: SearchApp, notes: Path) -> None:
    judge(filled, "kitten", {"cat": 3, "dog": 3})
    (notes / "cat.txt").unlink()
    filled.ingest(IngestRequest((str(notes),), prune=True))
    assert texts(gathered(filled)) == [("kitten", DOG)]


def test_the_passage_is_the_one_that_is_nearest_to_the_query(app: SearchApp, tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    text = "\n\n".join(["sea " * 11, "dog " * 11, "fire " * 11])
    path.write_text(json.dumps({"_id": "notes/mixed.txt", "title": "king", "text": text}) + "\n")
    app.ingest(IngestRequest((str(path),)))
    judge(app, "hound", {"mixed": 2})
    assert texts(gathered(app)) == [("hound", "king " + ("dog " * 11).strip())]


def test_people_who_disagree_are_listed(filled: SearchApp) -> None:
    judge(filled, "kitten", {"cat": 3})
    collection = filled.catalog.collections.get("docs").id
    for user, grade in (("bob", 0), ("eve", 2)):
        filled.catalog.judgements.add(collection, NewJudgement("Kitten", "notes/cat.txt", grade=grade, user=user))
    (finding,) = gathered(filled).provenance.findings
    assert (finding.rule, finding.count, finding.sample) == ("conflict", 1, "kitten · notes/cat.txt")


def test_without_an_answer_there_is_nothing_to_learn(filled: SearchApp) -> None:
    judge(filled, "kitten", {"dog": 0})
    with pytest.raises(TrainingError) as refused:
        gathered(filled)
    assert str(refused.value) == (
        "The judgements of collection 'docs' give nothing to learn from. Judge hits as good first (thumbs in the page, "
        "or `twinsearch judge`), import judged queries with `twinsearch judgements import`, or train without "
        "judgements: on a file with --pairs, or on the documents themselves with --from-corpus."
    )


def test_an_empty_collection_teaches_nothing(app: SearchApp) -> None:
    app.catalog.collections.create("docs")
    with pytest.raises(TrainingError) as refused:
        gathered(app)
    assert str(refused.value) == "Collection 'docs' holds nothing yet; ingest documents before training on it."
    with pytest.raises(UnknownCollection):
        gathered(app, collection="nowhere")


def test_a_file_alone_may_have_any_shape_and_with_others_queries_only(filled: SearchApp, tmp_path: Path) -> None:
    judge(filled, "kitten", {"cat": 3})
    scored = tmp_path / "scored.csv"
    scored.write_text("sentence1,sentence2,score\na,b,0.1\nc,d,0.9\n")
    examples = gathered(filled, pairs=str(scored))
    assert (examples.shape, examples.provenance.counts) == (Shape.SCORED_PAIRS, {"file": 2})
    for asked in ({"mine": True}, {"from_judgements": True}, {"from_corpus": ("title",)}):
        with pytest.raises(TrainingError) as refused:
            gathered(filled, pairs=str(scored), **asked)
        assert str(refused.value) == (
            "The file has examples of sentence1,sentence2,score; expected query,positive where negatives are mined or "
            "other sources are learned from besides. Train on it alone, or name its columns so."
        )


@pytest.fixture
def titled(app: SearchApp, tmp_path: Path) -> SearchApp:
    """Documents whose first passages end before the second paragraph."""
    path = tmp_path / "titled.jsonl"
    animals = f"{'kitten ' * 10}\n\n{'hound ' * 9}child."
    weather = f"{'ocean ' * 10}\n\n{'evening ' * 9}fire."
    rows = [{"_id": "a", "title": "king", "text": animals}, {"_id": "w", "title": "road", "text": weather}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    app.ingest(IngestRequest((str(path),)))
    return app


def test_documents_teach_without_any_judgement(titled: SearchApp) -> None:
    cats, dogs = ("kitten " * 10).strip(), "hound " * 9 + "child."
    seas, nights = ("ocean " * 10).strip(), "evening " * 9 + "fire."
    examples = gathered(titled, from_corpus=("title", "neighbours"))
    assert texts(examples) == [("king", cats), ("road", seas), (cats, dogs), (seas, nights)]
    assert examples.provenance.counts == {"corpus title": 2, "corpus neighbours": 2}
    assert len(gathered(titled, from_corpus=("title", "neighbours"), corpus_limit=1).rows) == 2


def test_documents_without_what_is_asked_give_nothing(filled: SearchApp) -> None:
    with pytest.raises(TrainingError) as refused:
        gathered(filled, from_corpus=("heading",))
    assert str(refused.value).startswith("The documents of collection 'docs' give nothing to learn from. ")
    with pytest.raises(UsageError) as unknown:
        gathered(filled, from_corpus=("subtitle",))
    assert str(unknown.value) == (
        "A corpus gives no examples by 'subtitle'; choose from title, heading, neighbours, cloze."
    )


def test_negatives_are_mined_from_the_live_index(filled: SearchApp) -> None:
    judge(filled, "kitten hound", {"cat": 3})
    examples = gathered(filled, mine=True)
    ((query, answer, nearest, *others),) = texts(examples)
    assert (query, answer, nearest, sorted(others)) == ("kitten hound", CAT, DOG, [BREAD, RAIN])
    assert examples.provenance.counts == {"judgements": 1, "mined negatives": 3}


def test_what_may_be_an_answer_is_left_to_people_and_written_down(filled: SearchApp, tmp_path: Path) -> None:
    judge(filled, "kitten hound", {"dog": 2, "rain": 0})
    examples = gathered(filled, tmp_path / "suspects.jsonl", mine=True)
    assert texts(examples) == [("kitten hound", DOG, RAIN, BREAD)]
    (line,) = map(json.loads, (tmp_path / "suspects.jsonl").read_text().splitlines())
    assert (line["query"], line["document_id"], line["text"]) == ("kitten hound", "notes/cat.txt", CAT)
    assert (line["score"], line["answer_score"]) == (pytest.approx(3 / 10**0.5), pytest.approx(0.5**0.5))
    (entry,) = filled.reviews()
    assert (entry.review.document_id, entry.review.source, entry.text) == (
        "notes/cat.txt",
        "mining, generation 1 (fluent)",
        CAT,
    )
    judge(filled, "kitten hound", {"cat": 3})
    assert filled.reviews() == ()
    assert texts(gathered(filled, mine=True))[0][:3] == ("kitten hound", CAT, RAIN)


def test_a_file_can_be_mined_for_though_its_answers_lie_in_no_document(filled: SearchApp, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("query,positive,negative\nkitten hound,cat dog,loaf\nkitten hound,a cat cat dog,\nhound,hound,\n")
    examples = gathered(filled, pairs=str(pairs), mine=True)
    first, second, third = texts(examples)
    assert (first[:3], set(first[3:])) == (("kitten hound", "cat dog", "loaf"), {DOG, BREAD, RAIN})
    assert second[1:3] == ("a cat cat dog", "loaf")
    assert third[:2] == ("hound", "hound")
    assert DOG not in third


def test_examples_of_the_corpus_are_mined_for_but_not_given_to_people(titled: SearchApp, tmp_path: Path) -> None:
    examples = gathered(titled, tmp_path / "suspects.jsonl", from_corpus=("title",), mine=True)
    assert examples.provenance.counts["corpus title"] == 2
    assert (tmp_path / "suspects.jsonl").is_file()
    assert titled.reviews() == ()


def test_a_training_file_is_mined_without_training(filled: SearchApp, tmp_path: Path) -> None:
    judge(filled, "kitten hound", {"cat": 3})
    judge(filled, "ocean", {"rain": 3})
    heard: list[Progress] = []
    outcome = filled.run(MineRequest(out=str(tmp_path / "mined.jsonl"), negatives=1), heard.append)
    rows = [json.loads(line) for line in (tmp_path / "mined.jsonl").read_text().splitlines()]
    assert rows[0] == {"query": "kitten hound", "positive": CAT, "negative_1": DOG}
    assert (rows[1]["query"], rows[1]["positive"]) == ("ocean", RAIN)
    assert (outcome.query_count, outcome.example_count, outcome.negative_count, outcome.suspected_count) == (2, 2, 2, 0)
    assert heard == [Progress("mine", 2, 2, "queries")]
    assert texts(gathered(filled, pairs=outcome.out)) == [tuple(row.values()) for row in rows]


def test_a_training_file_needs_a_name_that_says_what_it_is(filled: SearchApp, tmp_path: Path) -> None:
    judge(filled, "kitten", {"cat": 3})
    with pytest.raises(UsageError) as refused:
        filled.run(MineRequest(out=str(tmp_path / "mined.txt")))
    assert str(refused.value) == (
        f"The mined examples can't be written to '{tmp_path}/mined.txt'; name a file that ends in .jsonl."
    )
    with pytest.raises(UsageError) as nowhere:
        filled.run(MineRequest(out=str(tmp_path / "no" / "mined.jsonl")))
    assert str(nowhere.value).endswith("no/mined.jsonl': No such file or directory.")
