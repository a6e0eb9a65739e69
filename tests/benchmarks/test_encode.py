"""The encoding benchmark measures what it says: a small encoder, few texts, every precision of this machine."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.encode import main
from benchmarks.texts import choose_texts
from search_app.twin.lstm import LstmSettings, begin_lstm

WORDS = ("copy a file", "the cat sleeps", "rain on the roof", "bread and salt", "judge the answers", "a fire in may")
FIGURE = r"[\d,]+(\.\d+)?"


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    sizes = LstmSettings(vocabulary_size=300, embedding_dim=8, hidden_dim=8, dim=8)
    begin_lstm(WORDS, sizes).save(tmp_path / "encoder")
    return tmp_path / "encoder"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("scifact", "nfcorpus"):
        (tmp_path / name / "qrels").mkdir(parents=True)
        lines = [json.dumps({"_id": str(n), "title": "", "text": text}) for n, text in enumerate(WORDS)]
        (tmp_path / name / "corpus.jsonl").write_text("\n".join(lines))
        (tmp_path / name / "queries.jsonl").write_text("\n".join(lines))
        judged = "".join(f"{n}\t{n}\t1\n" for n in range(len(WORDS)))
        (tmp_path / name / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[list[str]]:
    """The cells of every row of the tables that the command prints."""
    monkeypatch.setenv("RAYON_NUM_THREADS", "1")  # set back at the end, whatever the command sets
    threads = str(torch.get_num_threads())
    monkeypatch.setattr(sys, "argv", ["encode", "--rounds", "2", "--queries", "2", "--threads", threads, *arguments])
    main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_every_precision_stands_beside_sentence_transformers_with_speed_and_likeness(
    encoder: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--encoder", str(encoder), "--data", str(data), "--texts", "4", "--work", str(encoder.parent / "work"))
    head, theirs, *ours = run(capsys, monkeypatch, *options, "--retrieval")
    assert head[0].startswith("4 texts, ")
    assert (theirs[0], theirs[2], theirs[4]) == ("sentence-transformers", "1.00", "1.00")
    speeds, quality = ours[:5], ours[6:]
    assert [row[0] for row in speeds] == ["fp32", "bf16", "fast-fp32", "fast-bf16", "int8"]
    for row in [theirs, *speeds]:
        if row[1] not in ("this processor has no bf16", "the extra `fast` isn't installed"):
            assert all(re.fullmatch(FIGURE, cell) for cell in row[1:5])
            assert float(row[5]) > (0.999 if row[0] != "int8" else 0.5)
    assert [row[0] for row in quality] == [row[0] for row in speeds]
    assert quality[0] == ["fp32", "100.00", "100.00"]  # every text is a query for itself


def test_built_in_texts_are_the_same_each_time_and_none_is_calibrated_on() -> None:
    texts = choose_texts(None, 9, 3)
    assert texts == choose_texts(None, 9, 3)
    assert (len(texts.passages), len(texts.queries), len(texts.calibration)) == (9, 3, 300)
    assert not set(texts.passages) & set(texts.calibration)
    assert min(len(text) for text in texts.passages) >= 200


def test_retrieval_without_data_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWINSEARCH_BENCH_DATA", raising=False)
    monkeypatch.setattr(sys, "argv", ["encode", "--retrieval"])
    with pytest.raises(SystemExit, match=r"^There is no folder of test collections\. Name it with --data or "):
        main()
