"""What train, lint, mine and review print."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

Twinsearch = Callable[..., tuple[int, str, str]]


@pytest.fixture
def filled(twinsearch: Twinsearch, notes: Path) -> Twinsearch:
    twinsearch("ingest", notes)
    return twinsearch


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.csv"
    path.write_text("query,positive\ncat,kitten\nsea,ocean\n")
    return path


@pytest.fixture
def doubtful(filled: Twinsearch) -> Twinsearch:
    """dog.txt answers "hound kitten" to people, though cat.txt is nearer to it."""
    filled("judge", "hound kitten", "notes/dog.txt", "--grade", "2")
    return filled


def test_training_says_what_it_learned_from_and_what_comes_next(twinsearch: Twinsearch, pairs: Path) -> None:
    code, out, _ = twinsearch("train", "--pairs", pairs, "--base", "literal", "--name", "better", "--epochs", "1")
    assert code == 0
    assert re.fullmatch(
        r"Encoder 'better' \(\w{12}\) began as 'literal' \(\w{12}\) and has learned from 2 examples in 1 steps with "
        r"loss 'in-batch-negatives'\.\nLearned from: file 2\.\n"
        r"To use it: `twinsearch reindex COLLECTION --encoder better --switch`\.\n",
        out,
    )


def test_one_of_several_processes_that_train_together_begins_nothing_in_the_background(
    twinsearch: Twinsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, _, told = twinsearch("train", "--name", "better", "--background")
    assert (code, told.splitlines()[-1]) == (
        2,
        "Error: torchrun's processes end with the terminal: leave --background out.",
    )


def test_training_says_what_it_gained_on_held_out_examples_and_how_sure_that_is(
    twinsearch: Twinsearch, pairs: Path, tmp_path: Path
) -> None:
    held_out = tmp_path / "held-out.csv"
    held_out.write_text("query,positive\nhouse,home\nroad,street\nking,monarch\n")
    asked = ("--pairs", pairs, "--held-out", held_out, "--base", "fluent", "--name", "better", "--max-steps", "1")
    _, out, _ = twinsearch("train", *asked)
    assert re.search(r"^loss on 3 held-out examples: 0\.\d{4} -> 0\.\d{4}$", out, re.M)
    assert re.search(
        r"^RR@10 on 3 held-out examples: 1\.0000 -> 1\.0000 \(\+0\.0000, 95 % interval \+0\.0000 to \+0\.0000\)$",
        out,
        re.M,
    )


def test_a_training_needs_a_name_and_known_settings(twinsearch: Twinsearch, pairs: Path) -> None:
    code, _, err = twinsearch("train", "--pairs", pairs)
    assert (code, err.splitlines()[-1]) == (2, "Error: The new encoder needs a name: give --name NAME.")
    code, _, err = twinsearch("train", "--pairs", pairs, "--name", "x", "--set", "tempo=3")
    assert (code, err[:34]) == (2, "'tempo=3' is no setting of a train")
    code, _, err = twinsearch("train", "--pairs", pairs, "--name", "x", "--dims", "many")
    assert (code, err.splitlines()[-1]) == (
        2,
        "Error: Invalid value for '--dims': 'many' is no list of whole numbers such as 384,128.",
    )
    code, _, err = twinsearch("lint", pairs, "--score-range", "5")
    assert (code, err.splitlines()[-1]) == (
        2,
        "Error: Invalid value for '--score-range': '5' is no range such as 0,5.",
    )


def test_training_without_judgements_is_told_what_to_do(filled: Twinsearch) -> None:
    code, out, err = filled("train", "--name", "better")
    assert (code, out) == (1, "")
    assert err.startswith("The judgements of collection 'docs' give nothing to learn from. Judge hits as good first")


def test_a_loop_learns_from_the_corpus_too_as_its_advice_says(filled: Twinsearch) -> None:
    filled("learn", "docs", "--from-corpus", "title,cloze")
    job, *_ = json.loads(filled("jobs", "list", "--json")[1])
    assert (job["job"]["kind"], job["job"]["arguments"]["from_corpus"]) == ("learn", ["title", "cloze"])


def test_the_ways_to_learn_from_a_corpus_are_listed_or_all_of_them(filled: Twinsearch) -> None:
    code, _, err = filled("train", "--name", "x", "--from-corpus", "title,subtitle")
    assert (code, err) == (
        2,
        "A corpus gives no examples by 'subtitle'; choose from title, heading, neighbours, cloze.\n",
    )
    code, _, err = filled("train", "--from-corpus", "--name", "x")
    assert (code, err[:46]) == (1, "The documents of collection 'docs' give nothin")


def test_lint_prints_what_the_examples_are_and_a_table_of_what_is_wrong(twinsearch: Twinsearch, tmp_path: Path) -> None:
    path = tmp_path / "scored.csv"
    path.write_text("sentence1,sentence2,score\na cat,a kitten,4.5\nsea,sea,0\nroad,sea,1\n")
    code, out, _ = twinsearch("lint", path, "--base", "fluent")
    assert code == 0
    assert out.splitlines() == [
        "3 examples of sentence1,sentence2,score, 0 more held out. From: file 3.",
        "Column sentence1: one text of a pair.",
        "Column sentence2: the other text.",
        "Column score: how alike the two are, from 0 to 5.",
        "Loss 'cosent': it brings the pairs into the order of their scores, whatever their scale. It begins with "
        "encoder 'fluent'.",
        "severity  rule          count  what                                                         such as  "
        "what to do",
        "warning   turned-round  1      equal texts have a low score; the scale may be turned round  'sea'    "
        "Look at some rows: 1 must mean alike. Turn the scores round if it doesn't.",
    ]


def test_lint_ends_with_1_when_the_examples_can_not_be_trained_on(twinsearch: Twinsearch, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("query,positive,negative\na cat,a kitten,A  kitten\nsea,ocean,road\n")
    code, out, _ = twinsearch("lint", path, "--base", "fluent")
    assert (code, out.splitlines()[-1]) == (1, "These examples can't be trained on: mend the errors first.")
    code, out, _ = twinsearch("train", "--pairs", path, "--base", "fluent", "--dry-run", "--json")
    assert (code, json.loads(out)["findings"][0]["rule"]) == (1, "contradicting")


def test_texts_alone_are_looked_at_for_a_teacher(twinsearch: Twinsearch, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("text\na cat\nsea\n")
    code, _, err = twinsearch("lint", path, "--base", "fluent")
    assert (code, err[-25:]) == (1, "Give one with --teacher.\n")
    code, out, _ = twinsearch("lint", path, "--base", "fluent", "--teacher", "literal")
    assert (code, out.splitlines()[2][:58]) == (0, "Loss 'distillation': the teacher's vectors are what is lea")


def test_a_dry_run_trains_nothing(filled: Twinsearch, pairs: Path) -> None:
    code, out, _ = filled("train", "--pairs", pairs, "--dry-run")
    assert (code, out.splitlines()[-1]) == (0, "Nothing is wrong with them.")
    assert "better" not in filled("encoders", "list")[1]
    assert filled("jobs", "list")[1].count("train") == 0


def test_mining_says_what_it_wrote_and_what_is_left_to_people(doubtful: Twinsearch, tmp_path: Path) -> None:
    out = tmp_path / "mined.jsonl"
    code, text, _ = doubtful("mine", "--out", out, "--negatives", "1")
    assert code == 0
    first, second = text.splitlines()
    assert first == f"{out}: 1 examples of 1 queries with 1 negatives (judgements 1, mined negatives 1)."
    assert re.fullmatch(
        r"/.*/suspects\.jsonl: 1 passages that may be answers nobody judged; they were left out\. The most doubtful "
        r"are in `twinsearch review list -c docs`\.",
        second,
    )


NOTHING = "Nothing is on the list. `twinsearch mine` and `--mine` put there what may be an answer nobody judged.\n"


def test_the_review_list_is_shown_judged_and_dismissed(doubtful: Twinsearch) -> None:
    assert doubtful("review", "list") == (0, NOTHING, "")
    doubtful("mine")
    head, row, what_to_do = doubtful("review", "list")[1].splitlines()
    assert head.split() == ["id", "state", "score", "answer's", "query", "document", "passage"]
    assert row.split() == ["1", "open", "0.949", "0.707", "hound", "kitten", "notes/cat.txt", "cat", "cat", "dog"]
    assert what_to_do == (
        "Judge one with `twinsearch review judge ID --grade 0..3`, or take it off with `twinsearch review dismiss ID`."
    )
    assert doubtful("review", "judge", "1", "--grade", "3") == (0, "Judgement 2: entry 1 has grade 3.\n", "")
    assert doubtful("review", "list") == (0, NOTHING, "")
    (judged,) = json.loads(doubtful("review", "list", "--state", "judged", "--json")[1])
    assert (judged["review"]["document_id"], judged["text"]) == ("notes/cat.txt", "cat cat dog")
    grades = {row.split()[2]: row.split()[1] for row in doubtful("judgements", "list")[1].splitlines()[1:]}
    assert grades == {"notes/dog.txt": "2", "notes/cat.txt": "3"}


def test_a_dismissed_entry_stays_off_the_list(doubtful: Twinsearch) -> None:
    doubtful("mine")
    assert doubtful("review", "dismiss", "1") == (0, "Dismissed: 1.\n", "")
    doubtful("mine", "--negatives", "2")
    assert doubtful("review", "list") == (0, NOTHING, "")
    assert len(doubtful("review", "list", "--state", "any")[1].splitlines()) == 3


def test_an_entry_that_is_not_there_is_told(filled: Twinsearch) -> None:
    sentence = "There is no entry 9 in a review list. List them to see their numbers.\n"
    assert filled("review", "judge", "9", "--grade", "1") == (1, "", sentence)
    assert filled("review", "dismiss", "9") == (1, "", sentence)
    assert filled("review", "judge", "9", "--grade", "5")[0] == 2
