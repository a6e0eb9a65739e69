"""A second stage orders the first documents anew, whole and in time, or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification

from search_app.app import SearchApp
from search_app.errors import EncoderError, UnknownEncoder, UsageError
from search_app.search import Rerank, SearchOptions, SearchResult


@pytest.fixture(scope="module")
def sea_lover(encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder that likes passages by how much of the pair is "sea": its logit is 1/3 of the word's share."""
    folder = tmp_path_factory.mktemp("cross") / "sea-lover"
    tokenizer = Tokenizer.from_file(str(encoders / "literal" / "tokenizer.json"))
    size = tokenizer.get_vocab_size()
    config = BertConfig(
        vocab_size=size,
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=4,
        max_position_embeddings=64,
        num_labels=1,
    )
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        embeddings, layer = model.bert.embeddings, model.bert.encoder.layer[0]
        for norm in (embeddings.LayerNorm, layer.attention.output.LayerNorm, layer.output.LayerNorm):
            norm.weight.fill_(1)
        embeddings.word_embeddings.weight[tokenizer.token_to_id("sea")] = torch.tensor([1.0, -1, 0, 0])
        for part in (layer.attention.self.value, layer.attention.output.dense, model.bert.pooler.dense):
            part.weight.copy_(torch.eye(4))  # attention is even, so [CLS] gets the mean of all words
        model.classifier.weight[0, 0] = 1
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def ask(app: SearchApp, folder: Path, **options: object) -> SearchResult:
    rerank = Rerank(str(folder), **options)  # type: ignore[arg-type]
    return app.search("cat dog", mode="dense", options=SearchOptions(rerank=rerank))


def names(result: SearchResult) -> list[str]:
    return [hit.title for hit in result.hits]


def test_the_second_stage_decides_and_tells_both_scores(noted: SearchApp, sea_lover: Path) -> None:
    first = noted.search("cat dog", mode="dense")
    result = ask(noted, sea_lover, milliseconds=60_000)
    assert names(first)[:2] == ["cat", "dog"]
    assert names(result)[0] == "rain"
    assert result.hits[0].score > 0.5
    assert [hit.rank for hit in result.hits] == [1, 2, 3, 4]
    before = {hit.title: hit.score for hit in first.hits}
    assert {hit.title: hit.parts["first stage"] for hit in result.hits} == before
    assert all(hit.parts["rerank"] == hit.score for hit in result.hits)
    assert names(result)[1:] == [
        name for name in names(first) if name != "rain"
    ]  # of equal ones the first stage decides
    assert result.rerank is not None
    assert (result.rerank.name, result.rerank.count, result.rerank.is_done) == (str(sea_lover), 4, True)
    assert result.took_ms["rerank"] > 0


def test_what_stands_below_the_first_documents_stays_there(noted: SearchApp, sea_lover: Path) -> None:
    first = noted.search("cat dog", mode="dense")
    assert names(ask(noted, sea_lover, top=2, milliseconds=60_000))[2:] == names(first)[2:]


def test_pages_of_a_new_order_fit_together(noted: SearchApp, sea_lover: Path) -> None:
    rerank = Rerank(str(sea_lover), top=3, milliseconds=60_000)
    pages = [
        noted.search("cat dog", k=1, mode="dense", options=SearchOptions(rerank=rerank, offset=offset))
        for offset in range(4)
    ]
    assert [name for page in pages for name in names(page)] == names(ask(noted, sea_lover, top=3, milliseconds=60_000))


def test_without_enough_time_the_first_order_stands_and_the_answer_says_so(noted: SearchApp, sea_lover: Path) -> None:
    first, result = noted.search("cat dog", mode="dense"), ask(noted, sea_lover, milliseconds=0)
    assert result.hits == first.hits
    assert result.rerank is not None
    assert not result.rerank.is_done
    assert result.rerank.sentence == (
        f"{sea_lover} didn't read 4 documents within {result.rerank.milliseconds:.0f} ms, so the order of the first "
        "stage stands."
    )


def test_the_command_tells_what_became_of_it(
    noted: SearchApp, sea_lover: Path, run_on: Callable[..., tuple[int, str, str]]
) -> None:
    asked = ("search", "cat dog", "--mode", "dense", "--rerank", sea_lover, "--rerank-top", "3")
    code, out, err = run_on(noted.home.path, *asked, "--rerank-ms", "60000")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith(f"{sea_lover} ordered the first 3 documents anew in ")
    code, out, _ = run_on(noted.home.path, *asked, "--rerank-ms", "0", "--json")
    assert (code, json.loads(out)["rerank"]["is_done"]) == (0, False)


def test_what_is_no_cross_encoder_is_refused(noted: SearchApp, encoders: Path) -> None:
    with pytest.raises(EncoderError, match="expected those of a cross-encoder"):
        ask(noted, encoders / "literal")
    with pytest.raises(UnknownEncoder):
        ask(noted, encoders / "nobody")
    with pytest.raises(UsageError, match=r"^0 documents can't be ordered anew; choose a number from 1 to 1,000"):
        ask(noted, encoders / "literal", top=0)
