from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from search_app.errors import TrainingError
from search_app.twin.example_files import read_examples
from search_app.twin.examples import Example, Examples, Provenance, Shape


def written(folder: Path, text: str, name: str = "examples.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_same_table_gives_the_same_examples_in_every_format(tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": [1, 0], "sentence2": ["a kitten", "a car"], "Sentence1": ["a cat", "a cat"]})
    frame.to_csv(tmp_path / "e.csv", index=False)
    frame.to_csv(tmp_path / "e.tsv", index=False, sep="\t")
    frame.to_json(tmp_path / "e.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "e.parquet")
    expected = Examples(Shape.LABELLED_PAIRS, (Example(("a cat", "a kitten"), 1.0), Example(("a cat", "a car"), 0.0)))
    read = [read_examples(tmp_path / f"e.{kind}") for kind in ("csv", "tsv", "jsonl", "parquet")]
    assert [bare(one) for one in read] == [expected] * 4
    assert len({str(one.provenance) for one in read}) == 1


def bare(examples: Examples) -> Examples:
    return replace(examples, provenance=Provenance())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "positive,query,negative_1,negative_2\np1,q1,n1,n2\np2,q2,,n3\n",
            Examples(Shape.QUERIES, (Example(("q1", "p1", "n1", "n2")), Example(("q2", "p2", "n3")))),
        ),
        (
            "anchor,positive,negative\na1,p1,n1\na2,p2,n2\n",
            Examples(Shape.TRIPLETS, (Example(("a1", "p1", "n1")), Example(("a2", "p2", "n2")))),
        ),
        (
            "text,label\nt1,card\nt2,account\n",
            Examples(Shape.CLASSES, (Example(("t1",), 1.0), Example(("t2",), 0.0)), classes=("account", "card")),
        ),
        (
            "premise,hypothesis,label\np,h,neutral\np,i,entailment\n",
            Examples(
                Shape.CLASSIFIED_PAIRS,
                (Example(("p", "h"), 1.0), Example(("p", "i"), 0.0)),
                classes=("entailment", "neutral"),
            ),
        ),
        (
            "sentence1,sentence2,label\np,h,neutral\np,i,entailment\n",
            Examples(
                Shape.CLASSIFIED_PAIRS,
                (Example(("p", "h"), 1.0), Example(("p", "i"), 0.0)),
                classes=("entailment", "neutral"),
            ),
        ),
    ],
)
def test_the_columns_names_say_what_the_rows_are(tmp_path: Path, text: str, expected: Examples) -> None:
    assert bare(read_examples(written(tmp_path, text))) == expected


def test_it_is_said_what_each_column_was_taken_for(tmp_path: Path) -> None:
    labelled = read_examples(written(tmp_path, "nr,sentence1,sentence2,label,split\n1,a,b,0,train\n2,c,d,1,train\n"))
    assert labelled.provenance.columns == {
        "nr": "not used",
        "sentence1": "one text of a pair",
        "sentence2": "the other text",
        "label": "1 for alike, 0 for unlike",
        "split": "whether a row is trained on or held out",
    }
    mined = read_examples(written(tmp_path, "query,positive,negative_1\nq,p,n\nr,p,n\n"))
    assert mined.provenance.columns == {
        "query": "what is asked",
        "positive": "what is near to it",
        "negative_1": "what is not near to it",
    }
    classed = read_examples(written(tmp_path, "text,label\na,x\nb,y\n"))
    assert classed.provenance.columns == {"text": "the text", "label": "one of 2 classes"}
    scored = read_examples(written(tmp_path, "sentence1,sentence2,score\na,b,4\nc,d,1\n"))
    assert scored.provenance.columns["score"] == "how alike the two are, from 0 to 5"


@pytest.mark.parametrize(
    ("scores", "stated", "expected_range", "expected"),
    [
        (("0.25", "1"), None, (0.0, 1.0), (0.25, 1.0)),
        (("-0.5", "1"), None, (-1.0, 1.0), (-0.5, 1.0)),
        (("2.5", "5"), None, (0.0, 5.0), (0.5, 1.0)),
        (("20", "100"), None, (20.0, 100.0), (0.0, 1.0)),
        (("1", "0"), (0.0, 4.0), (0.0, 4.0), (0.25, 0.0)),
    ],
)
def test_scores_are_mapped_from_their_range(
    tmp_path: Path,
    scores: tuple[str, str],
    stated: tuple[float, float] | None,
    expected_range: tuple[float, float],
    expected: tuple[float, float],
) -> None:
    text = f"sentence1,sentence2,score\na,b,{scores[0]}\nc,d,{scores[1]}\n"
    examples = read_examples(written(tmp_path, text), score_range=stated)
    assert examples.score_range == expected_range
    assert tuple(row.label for row in examples.rows) == expected


def test_what_people_write_for_alike_is_read(tmp_path: Path) -> None:
    text = '{"sentence1": "a", "sentence2": "b", "label": true}\n{"sentence1": "c", "sentence2": "d", "label": false}'
    for start in ("", "\ufeff"):  # a mark that some editors put before a file
        read = read_examples(written(tmp_path, start + text, "e.jsonl"))
        assert (read.shape, [row.label for row in read.rows]) == (Shape.LABELLED_PAIRS, [1.0, 0.0])


def test_a_column_that_is_not_used_may_hold_anything(tmp_path: Path) -> None:
    row = '{"query": "q%d", "positive": "p", "meta": {"a": [1]}}\n'
    assert len(read_examples(written(tmp_path, row % 1 + row % 2, "e.jsonl")).rows) == 2


def test_a_split_column_says_what_is_held_out(tmp_path: Path) -> None:
    text = "query,positive,split\nq1,p1,train\nq2,p2,Dev\nq3,p3,test\nq4,p4,Train\n"
    examples = read_examples(written(tmp_path, text))
    assert [row.texts[0] for row in examples.rows] == ["q1", "q4"]
    assert [row.texts[0] for row in examples.held_out] == ["q2"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("e.txt", "a", "ends in '.txt'; expected one of .csv, .tsv, .jsonl, .parquet. Save the examples so."),
        ("e.csv", "", "can't be read as csv (No columns to parse from file). Mend the file"),
        ("e.csv", "query,answer\nq,a\n", "has the columns query, answer; expected one of: sentence1,sentence2,"),
        ("e.csv", "query,positive\nq,p\n,p\n", "Row 2 of {path} has no query; expected text."),
        ("e.csv", "query,negative\nq,n\nr,m\n", "has the columns query, negative; expected one of: sentence1,"),
        ("e.csv", "query,positive\nq,\nr,\n", "Row 1 of {path} has no positive; expected text."),
        ("e.csv", "query,positive\nq,p\n", "has 1 row(s) to train on; expected at least 2"),
        ("e.csv", "query,positive\n", "has 0 row(s) to train on; expected at least 2"),
        ("e.csv", "query,positive,split\nq,p,test\nr,s,test\n", "where there is a column split, only those of train"),
        ("e.csv", "query,Query,positive\nq,r,p\nq,r,p\n", "{path} has two columns 'query'; expected different names."),
        ("e.csv", "sentence1,sentence2,label\na,b,1\nc,d,0.4\n", "Row 2 of {path} has the label '0.4'; expected 1 for"),
        ("e.csv", "sentence1,sentence2,label\na,b,-1\nc,d,1\n", "Name the column score if it says how alike"),
        (
            "e.jsonl",
            '{"query": "q", "positive": "p", "negative": ["n", "m"]}\n' * 2,
            "Row 1 of {path} holds a list in the column negative; expected a text. Give each text a column of its own",
        ),
        ("e.csv", "query,positive\nq,p,x\nq,p,y\n", "can't be read as csv (its rows have more cells"),
        ("e.csv", 'query,positive\n"q,p\nq,p\n', "can't be read as csv (Error tokenizing data."),
        ("e.csv", "text,label\na,x\nb,x\n", "The labels of {path} are 'x'; expected two classes or more"),
        ("e.csv", "sentence1,sentence2,score\na,b,1\nc,d,high\n", "Row 2 of {path} has the score 'high'"),
        ("e.csv", "sentence1,sentence2,score\na,b,1\nc,d,1\n", "lie between 1 and 1; expected different ones"),
        ("e.jsonl", '{"query": "q", "positive":', "can't be read as jsonl ("),
        ("e.jsonl", '{"query": "\\udc00", "positive": "p"}\n' * 2, "('utf-8' codec can't encode character '\\udc00'"),
        ("e.parquet", "no parquet", "can't be read as parquet ("),
    ],
)
def test_a_damaged_file_gives_one_sentence(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    path = written(tmp_path, content, name)
    with pytest.raises(TrainingError) as caught:
        read_examples(path)
    assert sentence.format(path=path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf_8_or_not_there_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_bytes(b"query,positive\n\xff\xfe,p\nq,p\n")
    with pytest.raises(TrainingError, match=r"can't be read as csv \('utf-8' codec can't decode byte 0xff"):
        read_examples(tmp_path / "e.csv")
    with pytest.raises(TrainingError, match=r"gone.csv does not exist; expected a file of examples"):
        read_examples(tmp_path / "gone.csv")


def test_a_score_outside_of_the_stated_range_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "sentence1,sentence2,score\na,b,1\nc,d,5\n")
    with pytest.raises(TrainingError, match="between 1 and 5; expected different ones within 0 and 1"):
        read_examples(path, score_range=(0.0, 1.0))
