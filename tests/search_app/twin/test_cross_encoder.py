"""A cross-encoder's scores are those of the library that trains them, and what isn't one is refused."""

import json
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder as Reference
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
)

from search_app.errors import EncoderError, UnknownEncoder
from search_app.twin.cross_encoder import CrossEncoder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cat", "dog", "sea", "fire", "a", "the", "rain"]
TEXTS = ["the cat", "dog sea fire", "", "a " * 100, "unknown words only", *(["rain dog"] * 9)]


def write_cross_encoder(folder: Path, *, labels: int = 1) -> Path:
    """A BERT of random weights that gives `labels` numbers for a pair."""
    torch.manual_seed(4)
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=48,
        num_labels=labels,
        initializer_range=0.5,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    inputs = ["input_ids", "token_type_ids", "attention_mask"]  # as a tokenizer for BERT has them
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=48, model_input_names=inputs, **marks
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cross_encoder(tmp_path_factory.mktemp("cross") / "tiny")


def test_scores_are_those_of_sentence_transformers(folder: Path) -> None:
    scores = CrossEncoder.load(str(folder), device="cpu").scores("cat rain", TEXTS, deadline=time.monotonic() + 60)
    reference = Reference(str(folder), device="cpu")
    expected = reference.predict([("cat rain", text) for text in TEXTS], activation_fn=torch.nn.Sigmoid())
    assert scores == pytest.approx(expected.tolist(), abs=1e-5)
    assert len(set(scores)) > 4


@pytest.mark.parametrize("family", ["roberta", "mpnet"])
def test_a_pair_as_long_as_the_network_reads_has_a_position_for_every_token(tmp_path: Path, family: str) -> None:
    folder = write_cross_encoder(tmp_path / "tiny")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    ids = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    config = AutoConfig.for_model(
        family, vocab_size=len(WORDS), max_position_embeddings=48, num_labels=1, **sizes, **ids
    )
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    encoder = CrossEncoder.load(str(folder), device="cpu")
    short, long = encoder.scores("cat", ["dog", "dog " * 100], deadline=time.monotonic() + 60) or []
    assert 0 < short < 1
    assert 0 < long < 1


def test_a_deadline_that_has_passed_leaves_no_scores(folder: Path) -> None:
    assert CrossEncoder.load(str(folder)).scores("cat", TEXTS, deadline=time.monotonic()) is None


def test_an_unknown_name_is_told_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UnknownEncoder, match=r"^No encoder 'nobody': not a folder with an encoder"):
        CrossEncoder.load("nobody", folder=tmp_path)


def test_a_classifier_of_several_classes_is_refused(tmp_path: Path) -> None:
    folder = write_cross_encoder(tmp_path / "three", labels=3)
    with pytest.raises(EncoderError) as refused:
        CrossEncoder.load(str(folder))
    assert str(refused.value) == (
        f"The classifier in {folder} gives 3 numbers for a pair; expected one score. "
        "Choose a cross-encoder that was trained for ranking."
    )


def test_weights_that_are_missing_pickled_or_not_finite_are_refused(tmp_path: Path) -> None:
    folder = write_cross_encoder(tmp_path / "tiny")
    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file({name: one for name, one in weights.items() if "classifier" not in name}, path, metadata={"format": "pt"})
    with pytest.raises(
        EncoderError, match=r"lack 2 tensors, 'classifier\.bias' among them; expected those of a cross-"
    ):
        CrossEncoder.load(str(folder))
    save_file({**weights, "classifier.bias": torch.tensor([float("nan")])}, path, metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"hold NaN or infinity in 'classifier\.bias'"):
        CrossEncoder.load(str(folder))
    path.rename(folder / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"can't be loaded .* expected config\.json, model\.safetensors"):
        CrossEncoder.load(str(folder))


def test_code_in_the_folder_is_never_run(tmp_path: Path) -> None:
    folder = write_cross_encoder(tmp_path / "tiny")
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoModelForSequenceClassification": "own.Model", "AutoConfig": "own.Config"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(EncoderError, match="can't be loaded"):
        CrossEncoder.load(str(folder))
    assert not (tmp_path / "ran").exists()


def test_a_damaged_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = write_cross_encoder(tmp_path / "tiny")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(EncoderError, match="can't be loaded"):
        CrossEncoder.load(str(folder))
