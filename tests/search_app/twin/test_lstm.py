import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import LSTM, Normalize, Pooling, WordEmbeddings
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import PreTrainedTokenizerFast

from search_app.errors import EncoderError, TrainingError
from search_app.twin.encoder import TwinEncoder
from search_app.twin.lstm import LSTM_POOLINGS, LstmSettings, begin_lstm
from search_app.twin.lstm_backbone import LstmBackbone

SENTENCES = [
    "A fox jumps over the lazy dog and runs into the wood.",
    "Copy a file and keep its time stamps, then remove the folder.",
    "Bread is baked from flour, water, salt and time.",
    "Rain falls on the roof while the cat sleeps by the fire; the fire warms the cat and the dog.",
]
SMALL = LstmSettings(vocabulary_size=300, embedding_dim=12, hidden_dim=10, dim=16, max_tokens=20)
TEXTS = ["The cat sleeps.", "", "copy a file " * 40, "naïve 日本語 café", "\x00"]


def reference(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def saved(folder: Path, settings: LstmSettings = SMALL) -> Path:
    begin_lstm(SENTENCES, settings).save(folder)
    return folder


def load(folder: Path) -> TwinEncoder:
    return TwinEncoder.load(folder, device="cpu", precision="fp32")


@pytest.mark.parametrize("pooling", LSTM_POOLINGS)
@pytest.mark.parametrize("layers", [1, 3])
def test_what_is_saved_equals_sentence_transformers(tmp_path: Path, pooling: str, layers: int) -> None:
    encoder = begin_lstm(SENTENCES, replace(SMALL, pooling=pooling, layers=layers))
    encoder.save(tmp_path / "saved")
    vectors = encoder.encode(TEXTS)
    np.testing.assert_allclose(reference(tmp_path / "saved").encode(TEXTS), vectors, atol=1e-5)
    again = load(tmp_path / "saved")
    np.testing.assert_array_equal(again.encode(TEXTS), vectors)
    assert (again.fingerprint, again.max_tokens, again.dim) == (encoder.fingerprint, 20, 16)


@pytest.mark.parametrize("is_bidirectional", [True, False])
def test_what_sentence_transformers_saves_gives_its_vectors(tmp_path: Path, is_bidirectional: bool) -> None:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(saved(tmp_path / "begun") / "tokenizer.json"), pad_token="[PAD]"
    )
    words = WordEmbeddings(tokenizer, torch.randn(300, 12), max_seq_length=20)
    lstm = LSTM(12, 10, num_layers=2, bidirectional=is_bidirectional)
    theirs = SentenceTransformer(modules=[words, lstm, Pooling(lstm.get_embedding_dimension()), Normalize()])
    theirs.save(str(tmp_path / "theirs"))
    np.testing.assert_allclose(load(tmp_path / "theirs").encode(TEXTS), theirs.encode(TEXTS), atol=1e-5)


def test_the_backbone_gives_what_packed_sequences_give(tmp_path: Path) -> None:
    torch.manual_seed(5)
    backbone = LstmBackbone(30, 6, 4, layers=2)
    backbone.write(tmp_path, max_tokens=20)
    weights = load_file(tmp_path / "1_LSTM" / "model.safetensors")
    slow = torch.nn.LSTM(6, 4, num_layers=2, bidirectional=True, batch_first=True)
    slow.load_state_dict({name.removeprefix("encoder."): tensor for name, tensor in weights.items()})
    ids, lengths = torch.randint(30, (3, 7)), torch.tensor([7, 1, 4])
    mask = (torch.arange(7) < lengths.unsqueeze(1)).long()
    packed = pack_padded_sequence(backbone.embeddings(ids), lengths, batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(slow(packed)[0], batch_first=True)[0]
    torch.testing.assert_close(backbone(ids, mask) * mask.unsqueeze(-1), expected)


@pytest.mark.slow
def test_vectors_do_not_depend_on_what_is_encoded_beside_them() -> None:
    encoder = begin_lstm(SENTENCES, replace(SMALL, layers=2))
    together = encoder.encode(TEXTS)
    for number, text in enumerate(TEXTS):
        np.testing.assert_allclose(together[number], encoder.encode([text])[0], atol=1e-6)


def test_the_same_texts_and_settings_begin_the_same_encoder_in_another_process() -> None:
    code = (
        "import json, sys; from search_app.twin.lstm import LstmSettings, begin_lstm\n"
        "texts, settings = json.load(sys.stdin)\n"
        "print(begin_lstm(texts, LstmSettings(**settings)).fingerprint)"
    )
    given = json.dumps([SENTENCES, asdict(SMALL)])
    other = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, text=True, check=True)
    mine = begin_lstm(iter(SENTENCES), SMALL).fingerprint
    assert other.stdout.strip() == mine
    assert begin_lstm(SENTENCES, replace(SMALL, seed=1)).fingerprint != mine


def test_no_word_is_unknown_and_the_vocabulary_is_as_large_as_asked() -> None:
    encoder = begin_lstm(SENTENCES, SMALL)
    assert encoder.tokenizer.highest_id == 299
    assert encoder.count_tokens("日") == 4  # its three bytes, after [CLS]


def test_every_weight_gets_a_gradient() -> None:
    encoder = begin_lstm(SENTENCES, SMALL)
    rows = encoder.network(encoder.features(SENTENCES))
    (rows @ rows.T).sum().backward()
    without = [name for name, weights in encoder.network.named_parameters() if weights.grad is None]
    assert without == []


def test_features_of_a_cut_text_lose_their_end_only() -> None:
    encoder = begin_lstm(SENTENCES, SMALL)
    whole, cut = (encoder.features(["cat dog fire rain"], max_tokens=limit)["input_ids"][0] for limit in (None, 4))
    assert cut.tolist() == whole[:4].tolist()


def test_texts_without_a_word_begin_nothing() -> None:
    with pytest.raises(TrainingError) as caught:
        begin_lstm(["", " ", "\x00"], SMALL)
    assert str(caught.value) == "There is no word in the texts to begin an encoder from; expected some. Add texts."


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"hidden_dim": 0}, "The setting hidden_dim is 0; expected at least 1. Raise it."),
        ({"vocabulary_size": 10}, "The setting vocabulary_size is 10; expected at least 300. Raise it."),
        (
            {"pooling": "median"},
            "An LSTM can't be pooled by 'median'; expected one of max, mean, mean_sqrt_len_tokens, weightedmean, "
            "lasttoken. Choose one.",
        ),
    ],
)
def test_settings_of_no_network_are_refused(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TrainingError) as caught:
        begin_lstm(SENTENCES, replace(SMALL, **changed))
    assert str(caught.value) == sentence


def state(path: Path, **entries: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def lose_the_way_back(folder: Path) -> None:
    weights = load_file(folder / "1_LSTM" / "model.safetensors")
    save_file(
        {name: one for name, one in weights.items() if "reverse" not in name}, folder / "1_LSTM" / "model.safetensors"
    )


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a list of words": (
        lambda folder: state(folder / "wordembedding_config.json", tokenizer_class="a.WhitespaceTokenizer"),
        "The LSTM in {folder} reads words by 'a.WhitespaceTokenizer'; expected TransformersTokenizerWrapper with a "
        "tokenizer.json. Choose another encoder.",
    ),
    "a size that the weights don't have": (
        lambda folder: state(folder / "1_LSTM" / "lstm_config.json", hidden_dim=10**12),
        "The LSTM in {folder} can't be loaded (lstm_config.json states hidden_dim 1000000000000, the weights 10); "
        "expected the weights of one WordEmbeddings and one LSTM module. Fetch or train the encoder again.",
    ),
    "weights for one direction": (
        lose_the_way_back,
        "The LSTM in {folder} can't be loaded (lstm_config.json states bidirectional True, the weights False); "
        "expected the weights of one WordEmbeddings and one LSTM module. Fetch or train the encoder again.",
    ),
    "embeddings of another width": (
        lambda folder: save_file({"emb_layer.weight": torch.zeros(300, 5)}, folder / "model.safetensors"),
        "The LSTM in {folder} can't be loaded (Error(s) in loading state_dict for LstmBackbone); "
        "expected the weights of one WordEmbeddings and one LSTM module. Fetch or train the encoder again.",
    ),
    "a closing token": (
        lambda folder: state(folder / "tokenizer.json", post_processor=_CLOSING),
        "The tokenizer of the LSTM in {folder} writes a token after a text, which sentence-transformers would cut from "
        "a long one; expected none. Choose another encoder.",
    ),
}
_CLOSING = {
    "type": "TemplateProcessing",
    "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[CLS]", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]}},
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_folder_that_gives_other_vectors_elsewhere_is_refused(tmp_path: Path, case: str) -> None:
    folder = saved(tmp_path / "saved")
    damage, sentence = REFUSED[case]
    damage(folder)
    with pytest.raises(EncoderError) as caught:
        load(folder)
    assert str(caught.value) == sentence.format(folder=folder)


def test_a_megabyte_without_a_space_is_learned_from_in_parts() -> None:
    encoder = begin_lstm(["ab" * 500_000], SMALL)
    assert encoder.count_tokens("ab" * 50) == 2  # [CLS] and one piece
