"""Tiny encoders with random weights: real networks and tokenizers in folders, written without our own code."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from ingest.progress import Report, unheard
from search_app.twin.encoder import TwinEncoder
from search_app.twin.examples import Examples, Shape, query_positive
from search_app.twin.training_report import TrainingReport
from search_app.twin.training_settings import TrainingSettings

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SENTENCES = [
    "A fox jumps over the lazy dog and runs into the wood.",
    "Copy a file and keep its time stamps, then remove the folder.",
    "The engine starts when the first query comes in.",
    "People judge the answers, and the network learns from them.",
    "Bread is baked from flour, water, salt and time.",
    "Rain falls on the roof while the cat sleeps by the fire.",
]


def wordpiece(sentences: list[str]) -> Tokenizer:
    """A lower-casing WordPiece tokenizer of BERT's kind that knows the sentences' words and all their letters."""
    words = sorted({word.strip(",.") for sentence in sentences for word in sentence.lower().split()})
    letters = sorted(set("".join(words)))
    pieces = [*SPECIAL, ",", ".", *letters, *(f"##{letter}" for letter in letters), *words]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def write_tiny_encoder(folder: Path, *, poolings: tuple[str, ...] = ("mean",), max_tokens: int = 32) -> Path:
    """A BERT of two layers and 32 dimensions, mean-pooled and normalised, in the layout of old folders."""
    folder.mkdir(parents=True)
    tokenizer = wordpiece(SENTENCES)
    tokenizer.save(str(folder / "tokenizer.json"))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        config = BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=64,
            initializer_range=0.2,  # wide enough that different texts get different vectors
        )
        BertModel(config).save_pretrained(folder)
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "pad_token": "[PAD]"})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
    pooling = {"word_embedding_dimension": 32, "pooling_mode": list(poolings)}
    write_json(folder / "1_Pooling" / "config.json", pooling)
    write_modules(folder, ("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    return folder


def write_modules(folder: Path, *modules: tuple[str, str]) -> None:
    """modules.json with these paths and kinds."""
    names = "sentence_transformers.models."
    entries = [{"idx": i, "name": str(i), "path": path, "type": names + kind} for i, (path, kind) in enumerate(modules)]
    write_json(folder / "modules.json", entries)


@pytest.fixture(scope="session")
def tiny_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder that every test may read and none may change."""
    return write_tiny_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture
def make_tiny_encoder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a tiny encoder of the test's own; options as `write_tiny_encoder`."""

    def make(name: str = "own", **options: Any) -> Path:
        return write_tiny_encoder(tmp_path / name, **options)

    return make


@pytest.fixture(scope="session")
def forty_queries() -> Examples:
    """Queries for passages that share one word with them; every word of both is known to the tiny encoder."""
    openings, objects = (
        ("copy a", "remove the", "judge the", "the engine", "rain on"),
        ("file", "folder", "roof", "cat"),
    )
    rows = [
        query_positive(f"{opening} {thing}", f"the {thing} and {opening.split()[-1]} {end}")
        for opening in openings
        for thing in objects
        for end in ("water", "time")
    ]
    return Examples(Shape.QUERIES, tuple(rows))


TrainTiny = Callable[..., TrainingReport]


@pytest.fixture
def train_tiny(tiny_encoder_folder: Path, tmp_path: Path) -> TrainTiny:
    """Trains the tiny encoder in a place of the test's own: `out` and `checkpoints` there."""

    def train_there(
        examples: Examples,
        *,
        base: Path = tiny_encoder_folder,
        place: Path = tmp_path,
        out: Path | None = None,
        report: Report = unheard,
        **how: Any,
    ) -> TrainingReport:
        from search_app.twin.training import train  # slow to import

        usual = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "device": "cpu", "precision": "fp32"}
        settings = TrainingSettings(**{**usual, **how})
        return train(base, examples, settings, out or place / "out", report=report, checkpoints=place / "checkpoints")

    return train_there


@pytest.fixture
def one_thread() -> Iterator[None]:
    """A tiny network is slower on many threads, far slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoders run in fp32 where no precision is named: which is fastest takes 2 s to try, as test_fastest does."""
    monkeypatch.setattr(TwinEncoder, "_fastest", lambda *_: "fp32")
