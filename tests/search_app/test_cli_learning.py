"""What judge, judgements, evaluate, reindex, gate, switch, rollback, generations and encoders print."""

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


def test_a_judgement_is_made_listed_and_withdrawn(filled: Twinsearch) -> None:
    told = filled("judge", "kitten", "notes/cat.txt", "--grade", "3")
    undo = "`twinsearch judgements withdraw 1` takes it back."
    assert told == (0, f"Judgement 1: notes/cat.txt has grade 3 for 'kitten'. {undo}\n", "")
    head, row = filled("judgements", "list")[1].splitlines()
    assert head.split() == ["id", "grade", "document", "query", "split", "user", "when"]
    assert row.split()[:6] == ["1", "3", "notes/cat.txt", "kitten", "train", "ann"]
    assert filled("judgements", "withdraw", "1") == (0, "Judgement 1 is withdrawn.\n", "")
    assert filled("judgements", "list") == (0, "(none)\n", "")


def test_a_judgement_that_can_not_be_made_is_told(filled: Twinsearch) -> None:
    code, out, err = filled("judge", "kitten", "notes/gone.txt", "--grade", "3")
    assert (code, out) == (1, "")
    assert err == "The collection holds no document 'notes/gone.txt'. It may have been removed.\n"
    assert filled("judge", "kitten", "notes/cat.txt", "--grade", "7")[0] == 2


def test_judgements_go_in_and_out(filled: Twinsearch, judged: tuple[Path, Path], tmp_path: Path) -> None:
    queries, qrels = judged
    told = filled("judgements", "import", qrels, "--queries", queries, "--split", "heldout")
    sentence = "8 judgements imported into 'docs', which has judged queries now: 0 to train on, 8 held out.\n"
    assert told == (0, sentence, "")
    out = tmp_path / "out"
    written = f"{out}/queries.jsonl\n{out}/qrels/train.tsv\n{out}/qrels/heldout.tsv\n"
    assert filled("judgements", "export", out) == (0, written, "")


def test_an_evaluation_is_one_line(filled: Twinsearch, judged: tuple[Path, Path]) -> None:
    queries, qrels = judged
    assert filled("evaluate", "--queries", queries, "--qrels", qrels) == (
        0,
        "nDCG@10 1.0000  R@100 1.0000  RR@10 1.0000  (8 queries, hybrid, generation 1 of 'docs', encoder fluent)\n",
        "",
    )
    by_words = json.loads(filled("evaluate", "--queries", queries, "--qrels", qrels, "--mode", "lexical", "--json")[1])
    assert (by_words["mode"], by_words["metrics"]["R@100"]) == ("lexical", 0.0)  # they are asked with synonyms


def test_an_evaluation_in_json_has_the_promised_shape(filled: Twinsearch, judged: tuple[Path, Path]) -> None:
    queries, qrels = judged
    found = json.loads(filled("evaluate", "--queries", queries, "--qrels", qrels, "--json")[1])
    assert found["metrics"] == {"nDCG@10": 1.0, "R@100": 1.0, "RR@10": 1.0}
    assert (found["query_count"], found["collection"], found["generation"], found["encoder"]) == (
        8,
        "docs",
        1,
        "fluent",
    )


def test_a_reindex_says_what_comes_next(filled: Twinsearch) -> None:
    assert filled("reindex", "docs", "--encoder", "literal") == (
        0,
        "Generation 2 of 'docs' is ready. `twinsearch switch docs 2` asks the gate.\n",
        "The full build encodes 4 chunks: about 0 s and 0 MB of disk.\n",
    )


REFUSAL = (
    r"Generation 2 \(shuffled\) against generation 1 \(fluent\) on 8 held-out queries, by meaning: nDCG@10 1\.0000 -> "
    r"0\.\d{4} \(-0\.\d{4}, 95 % interval -0\.\d{4} to -0\.\d{4}, paired permutation test p = 1\.000; 0 better, "
    r"\d worse, \d equal\)\. The gate keeps the live generation\. It is worse: train on more or cleaner examples, and "
    r"look at the queries that lost\. Most lost '.+\. Guarded: as people search \(hybrid\) 1\.0000 -> 0\.\d{4} "
    r"\(8 queries; may fall by 0\.030\)\."
)


def test_the_gate_refuses_a_damaged_encoder_with_1_and_force_overrides_it(
    filled: Twinsearch, judged: tuple[Path, Path]
) -> None:
    files = ("--queries", judged[0], "--qrels", judged[1])
    code, out, _ = filled("reindex", "docs", "--encoder", "shuffled", "--switch", *files)
    first, second = out.splitlines()
    assert code == 0
    assert re.fullmatch(REFUSAL, first)
    assert second == "Generation 2 of 'docs' stays ready. `twinsearch generations drop docs 2` gives its disk back."
    assert re.fullmatch(REFUSAL + "\n", filled("gate", "docs", "2", *files)[1])
    code, out, err = filled("switch", "docs", "2", *files)
    assert (code, out) == (1, "")
    assert re.fullmatch(REFUSAL + r" Override it with --force\.\n", err)
    forced = filled("switch", "docs", "2", "--force")
    assert forced == (0, "Generation 2 of 'docs' is live. `twinsearch rollback docs` goes back.\n", "")


def test_a_rollback_says_who_answers_again(filled: Twinsearch) -> None:
    nothing = (
        "Collection 'docs' has no earlier generation to go back to. A rollback needs a switch before it, and that the "
        "generation before it isn't dropped.\n"
    )
    assert filled("rollback", "docs") == (1, "", nothing)
    filled("reindex", "docs", "--encoder", "literal", "--force")
    assert filled("rollback", "docs") == (0, "Generation 1 of 'docs' (fluent) is live again.\n", "")


def test_an_outcome_in_json_has_the_verdict(filled: Twinsearch, judged: tuple[Path, Path]) -> None:
    files = ("--queries", judged[0], "--qrels", judged[1])
    outcome = json.loads(filled("reindex", "docs", "--encoder", "literal", "--switch", *files, "--json")[1])
    assert set(outcome) == {"generation", "is_live", "sentence", "verdict"}
    assert (outcome["generation"]["number"], outcome["is_live"]) == (2, False)
    assert outcome["verdict"]["live"]["metrics"] == {"nDCG@10": 1.0, "R@100": 1.0, "RR@10": 1.0}
    assert "The gate keeps the live generation. " in outcome["sentence"]
    assert outcome["verdict"]["ruling"] == "worse"


def test_half_of_the_judged_files_is_a_usage_error(filled: Twinsearch, judged: tuple[Path, Path]) -> None:
    filled("reindex", "docs", "--encoder", "literal")
    sentence = "Judged queries come as two files: give both --queries and --qrels, or neither.\n"
    assert filled("gate", "docs", "2", "--queries", judged[0]) == (2, "", sentence)


def test_a_preview_refuses_what_it_would_not_heed(filled: Twinsearch) -> None:
    code, _, err = filled("reindex", "docs", "--encoder", "literal", "--preview", "--precision", "fp32", "--switch")
    assert (code, err.splitlines()[-1]) == (
        2,
        "Error: A preview heeds --encoder, --queries and --qrels only; leave out --precision and --switch.",
    )


def test_generations_are_listed_and_dropped(filled: Twinsearch) -> None:
    filled("reindex", "docs", "--encoder", "literal")
    head, *rows = filled("generations", "list", "docs")[1].splitlines()
    assert head.split()[:6] == ["number", "state", "encoder", "fingerprint", "precision", "chunks"]
    assert filled("generations", "docs")[1].splitlines()[0] == head
    kept = "Generation 2 of 'docs' is kept as yet; `twinsearch generations drop docs 2` drops it now.\n"
    assert filled("generations", "reclaim", "docs") == (0, f"There is nothing to reclaim.\n{kept}", "")
    assert [row.split()[:3] for row in rows] == [["1", "live", "fluent"], ["2", "ready", "literal"]]
    assert filled("generations", "drop", "docs", "2") == (0, "Generation 2 of 'docs' is dropped.\n", "")
    assert filled("generations", "drop", "docs", "1")[0] == 2


def test_an_encoder_is_shortened_under_a_name_of_its_own(filled: Twinsearch) -> None:
    code, out, err = filled("encoders", "truncate", "fluent", "--dim", "8", "--name", "short")
    assert (code, err) == (0, "")
    assert re.fullmatch(
        r"Encoder 'short' \([0-9a-f]{12}\) gives the first 8 components of 'fluent'\.\n"
        r"To use it: `twinsearch reindex COLLECTION --encoder short --switch`\.\n",
        out,
    )
    assert filled("encoders", "list")[1].splitlines()[-1].split()[::2][:2] == ["short", "8"]
    taken = filled("encoders", "truncate", "fluent", "--dim", "8", "--name", "short")
    assert taken == (2, "", "There is an encoder 'short' already. Choose another name with --name.\n")


def test_encoders_are_listed_and_dropped(filled: Twinsearch) -> None:
    filled("reindex", "docs", "--encoder", "literal")
    filled("generations", "drop", "docs", "2")
    head, *rows = filled("encoders", "list")[1].splitlines()
    assert head.split() == ["encoder", "fingerprint", "dimension", "longest", "text", "since"]
    assert [row.split()[0] for row in rows] == ["fluent", "literal"]
    assert filled("encoders", "drop", "literal") == (0, "Encoder 'literal' is gone.\n", "")
    assert filled("encoders", "drop", "fluent")[0] == 2
