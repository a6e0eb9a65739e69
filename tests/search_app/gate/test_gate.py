"""What the gate keeps out: an encoder that tells nothing apart, and one that learned the wrong way round.

Shuffled weights are in test_reindexing.py, and one that learned well in test_learning.py.
"""

from pathlib import Path

import pytest
import torch

from search_app.app import SearchApp
from search_app.catalog.judgements import NewJudgement, Split
from search_app.errors import GateRefused, UsageError
from search_app.evaluation import read_qrels
from search_app.gate.decision import Ruling
from search_app.gate.guard import read_beir
from search_app.gate.terms import SwitchTerms
from search_app.requests import IngestRequest, ReindexRequest, TrainRequest
from search_app.twin.encoder import TwinEncoder

WRONG = {"kitten": "dog", "hound": "cat", "loaf": "rain", "blaze": "cat", "drizzle": "dog", "ocean": "bread"}


@pytest.fixture
def filled(app: SearchApp, notes: Path) -> SearchApp:
    """Four notes that fluent has read, and that are live."""
    app.ingest(IngestRequest((str(notes),)))
    return app


def live_number(app: SearchApp) -> int:
    live = app.catalog.collections.live("docs")
    assert live is not None
    return live.number


def write_collapsed(app: SearchApp, name: str) -> None:
    """Literal with one and the same vector for every word."""
    encoder = TwinEncoder.load("literal", device="cpu", precision="fp32", encoders_folder=app.encoders.shelf)
    with torch.no_grad():
        for tensor, weights in encoder.network.named_parameters():
            if tensor.endswith("word_embeddings.weight"):
                weights.copy_(weights[-1].expand_as(weights))
    encoder.save(app.encoders.folder(name))


def test_a_collapsed_encoder_is_refused_whatever_is_asked(filled: SearchApp, judged: tuple[Path, Path]) -> None:
    write_collapsed(filled, "collapsed")
    number = filled.reindex(ReindexRequest("docs", "collapsed")).generation.number
    terms = SwitchTerms(read_qrels(*judged), non_inferior=0.99)
    assert filled.verdict("docs", number, terms).ruling is Ruling.COLLAPSED
    with pytest.raises(GateRefused, match=r"random chunks have a mean cosine of 1\.000\. Encoder 'collapsed' has "):
        filled.switch("docs", number, SwitchTerms(is_forced=True))
    assert live_number(filled) == 1


def test_an_encoder_trained_on_reversed_labels_is_refused(filled: SearchApp, judged: tuple[Path, Path]) -> None:
    collection_id = filled.catalog.collections.get("docs").id
    told = [NewJudgement(query, f"notes/{name}.txt", 3, user="eve", split=Split.TRAIN) for query, name in WRONG.items()]
    filled.catalog.judgements.add_many(collection_id, told)
    options = ("held_out_share=0",)
    filled.run(TrainRequest("reversed", epochs=20, learning_rate=0.01, batch_size=6, options=options))
    queries, qrels = map(str, judged)
    outcome = filled.reindex(ReindexRequest("docs", "reversed", switch=True, queries=queries, qrels=qrels))
    assert outcome.verdict is not None
    assert outcome.verdict.ruling is Ruling.WORSE
    assert outcome.verdict.candidate.metrics["nDCG@10"] < outcome.verdict.live.metrics["nDCG@10"] == 1
    assert live_number(filled) == 1


def test_a_guard_whose_documents_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n")
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "cat"}\n')
    corpus = tmp_path / "corpus.jsonl"
    corpus.mkdir()
    with pytest.raises(UsageError) as refused:
        read_beir(tmp_path)
    assert str(refused.value) == f"{str(corpus)!r} can't be read: Is a directory. Let Twinsearch read it."


def test_a_guard_in_which_nothing_answers_is_told(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t0\n")
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "cat"}\n')
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d", "title": "", "text": "cat"}\n\n')
    with pytest.raises(UsageError, match=r"test\.tsv' grades no document of '.*corpus\.jsonl' above 0\.$"):
        read_beir(tmp_path)
