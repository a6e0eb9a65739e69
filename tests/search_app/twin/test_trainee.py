"""How texts go through the network in training: in groups of like length, in parts, in bfloat16."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from search_app.twin.encoder import TwinEncoder
from search_app.twin.energies import COSINE
from search_app.twin.examples import Shape, query_positive
from search_app.twin.objectives import OBJECTIVES, LossOptions, VectorBatch, narrowed
from search_app.twin.trainee import Trainee, collate, groups_of_like_length, texts_by_kind

WORDS = ("fox", "dog", "wood", "copy", "file", "folder", "engine", "query", "people", "bread", "rain", "roof", "cat")
OPTIONS = LossOptions(temperature=0.05, margin=0.5, energy=COSINE)


def rows_of_all_lengths(count: int) -> list:
    chance = random.Random(4)
    return [
        query_positive(
            " ".join(chance.choices(WORDS, k=chance.randint(1, 6))),
            " ".join(chance.choices(WORDS, k=chance.randint(1, 28))),
            [" ".join(chance.choices(WORDS, k=chance.randint(1, 28)))] * (number % 3 == 0),
        )
        for number in range(count)
    ]


def vectors_in_training(encoder: TwinEncoder, rows: Sequence) -> VectorBatch:
    seen: list[VectorBatch] = []

    def loss(batch: VectorBatch) -> Tensor:
        seen.append(batch)
        return batch.anchors.sum()

    Trainee(encoder.network, loss).eval()(**collate(encoder, Shape.QUERIES, rows, max_tokens=32))
    return seen[0]


def test_vectors_in_training_are_those_of_encoding_in_the_order_of_the_texts(tiny_encoder_folder: Path) -> None:
    encoder = TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="fp32")
    rows = rows_of_all_lengths(60)
    batch = vectors_in_training(encoder, rows)
    others = [row.texts[1] for row in rows] + [text for row in rows for text in row.texts[2:]]
    for found, texts in ((batch.anchors, [row.texts[0] for row in rows]), (batch.others, others)):
        torch.testing.assert_close(found.detach(), torch.from_numpy(encoder.encode(texts)), rtol=1e-5, atol=1e-5)


def test_a_prompt_that_is_not_pooled_keeps_queries_and_passages_apart(tiny_encoder_folder: Path) -> None:
    encoder = TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="fp32")
    rows = rows_of_all_lengths(20)
    batch = collate(encoder, Shape.QUERIES, rows, max_tokens=32)
    batch["anchors"]["pooling_mask"] = batch["anchors"]["attention_mask"].clone()
    batch["anchors"]["pooling_mask"][:, 0] = 0
    seen: list[VectorBatch] = []
    trainee = Trainee(encoder.network, lambda vectors: seen.append(vectors) or vectors.anchors.sum()).eval()
    trainee(**batch)
    torch.testing.assert_close(seen[0].anchors, encoder.network(batch["anchors"]), rtol=1e-5, atol=1e-5)


def test_groups_hold_every_text_once_and_lose_little_to_padding() -> None:
    chance = random.Random(9)
    lengths = [min(int(chance.lognormvariate(2.6, 0.6)) + 3, 128) for _ in range(64)]  # as of sentence pairs
    groups = groups_of_like_length(lengths)
    assert sorted(place for group in groups for place in group) == list(range(64))
    computed = sum(max(lengths[place] for place in group) * len(group) for group in groups)
    assert computed < 1.2 * sum(lengths) < 0.6 * max(lengths) * len(lengths)
    assert all(lengths[group[0]] == max(lengths[place] for place in group) for group in groups)
    assert max(map(len, groups_of_like_length([7] * 500, 32))) == 32


def test_in_bf16_the_backbone_multiplies_in_half_and_the_loss_is_float32(tiny_encoder_folder: Path) -> None:
    encoder = TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="fp32")
    dtypes: set[torch.dtype] = set()
    for module in encoder.network.backbone.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda _module, _given, out: dtypes.add(out.dtype))
    batch = collate(encoder, Shape.QUERIES, rows_of_all_lengths(12), max_tokens=32)
    losses = {}
    for is_half in (False, True):
        dtypes.clear()
        loss = narrowed(OBJECTIVES["in-batch-negatives"].compute, OPTIONS, ())
        value = Trainee(encoder.network, loss, is_half=is_half).eval()(**batch)["loss"]
        value.backward()
        assert dtypes == {torch.bfloat16 if is_half else torch.float32}
        assert value.dtype == torch.float32
        losses[is_half] = value.item()
    assert losses[True] == pytest.approx(losses[False], rel=0.05)
    assert losses[True] != losses[False]


@pytest.mark.parametrize("name", ["cached-in-batch-negatives", "cached-symmetric"])
def test_a_cached_batch_of_512_holds_the_graph_of_few_texts_and_gives_the_plain_gradients(
    tiny_encoder_folder: Path, name: str
) -> None:
    rows = [query_positive(*one.texts[:2]) for one in rows_of_all_lengths(512)]
    results, sizes = [], {}
    for cached_rows in (None, 32):
        encoder = TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="fp32")
        with_graph: list[int] = []
        encoder.network.register_forward_pre_hook(
            lambda _network, given, seen=with_graph: seen.append(len(given[0]["input_ids"]) * torch.is_grad_enabled())
        )
        trainee = Trainee(encoder.network, narrowed(OBJECTIVES[name].compute, OPTIONS, ()), cached_rows=cached_rows)
        loss = trainee.eval()(**collate(encoder, Shape.QUERIES, rows, max_tokens=32))["loss"]
        loss.backward()
        results.append([loss.detach(), *(one.grad for one in encoder.network.parameters() if one.grad is not None)])
        sizes[cached_rows] = with_graph
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)
    assert max(sizes[32]) == 32
    assert sum(sizes[32]) == sum(sizes[None]) == 1024


def test_a_batch_whose_graph_is_too_large_is_cached_of_its_own_accord(
    tiny_encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [query_positive(*one.texts[:2]) for one in rows_of_all_lengths(64)]
    results, sizes = [], []
    for most in (100_000, 256):
        monkeypatch.setattr("search_app.twin.trainee._TOKENS_WITH_GRAPH", most)
        encoder = TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="fp32")
        passes: list[bool] = []
        encoder.network.register_forward_pre_hook(lambda *_, seen=passes: seen.append(torch.is_grad_enabled()))
        trainee = Trainee(encoder.network, narrowed(OBJECTIVES["in-batch-negatives"].compute, OPTIONS, ()))
        loss = trainee.eval()(**collate(encoder, Shape.QUERIES, rows, max_tokens=32))["loss"]
        loss.backward()
        results.append([loss.detach(), *(one.grad for one in encoder.network.parameters() if one.grad is not None)])
        sizes.append((passes.count(False), passes.count(True)))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)
    assert sizes[0] == (0, sizes[1][1])  # without a graph never, and then each part once
    assert sizes[1][0] == sizes[1][1]


def test_texts_are_told_apart_by_what_they_stand_for_and_each_comes_once() -> None:
    rows = [query_positive("a", "b", ["c"]), query_positive("a", "c"), query_positive("b", "d")]
    assert texts_by_kind(rows, Shape.QUERIES) == {"query": ["a", "b"], "document": ["b", "c", "d"]}
    assert texts_by_kind(rows, Shape.TRIPLETS) == {"query": [], "document": ["a", "b", "c", "d"]}
