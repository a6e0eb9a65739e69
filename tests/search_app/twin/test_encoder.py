import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from search_app.config import DEFAULT_ENCODER
from search_app.errors import EncoderError
from search_app.twin.encoder import TwinEncoder
from search_app.twin.pooling import POOLINGS
from search_app.twin.resolution import resolve

TEXTS = ["The cat sleeps.", "", "Bread and salt", "copy a file " * 40, "Rain", "naïve 日本語 café"]
MakeEncoder = Callable[..., Path]


def edit_json(path: Path, **entries: object) -> None:
    held = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({**held, **entries}))


def reference(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def load(folder: Path) -> TwinEncoder:
    return TwinEncoder.load(folder, device="cpu", precision="fp32")


def assert_same_both_ways(folder: Path, saved: Path) -> None:
    encoder = load(folder)
    vectors = encoder.encode(TEXTS)
    np.testing.assert_allclose(vectors, reference(folder).encode(TEXTS), atol=1e-5)
    encoder.save(saved)
    np.testing.assert_allclose(reference(saved).encode(TEXTS), vectors, atol=1e-5)


@pytest.mark.parametrize("poolings", [*((name,) for name in POOLINGS), ("max", "cls")])
def test_every_pooling_equals_sentence_transformers_both_ways(
    make_tiny_encoder: MakeEncoder, tmp_path: Path, poolings: tuple[str, ...]
) -> None:
    assert_same_both_ways(make_tiny_encoder(poolings=poolings), tmp_path / "saved")


def with_a_dense_layer(folder: Path) -> Path:
    (folder / "2_Dense").mkdir()
    save_file(
        {"linear.weight": torch.randn(8, 32), "linear.bias": torch.randn(8)},
        folder / "2_Dense" / "model.safetensors",
    )
    edit_json(folder / "2_Dense" / "config.json", in_features=32, out_features=8, bias=True)
    modules = json.loads((folder / "modules.json").read_text())
    dense = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    (folder / "modules.json").write_text(json.dumps([*modules[:2], dense, {**modules[2], "idx": 3, "name": "3"}]))
    return folder


def test_a_dense_layer_equals_sentence_transformers_both_ways(make_tiny_encoder: MakeEncoder, tmp_path: Path) -> None:
    folder = with_a_dense_layer(make_tiny_encoder())
    assert load(folder).dim == 8
    assert_same_both_ways(folder, tmp_path / "saved")


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ({"module_output_name": "elsewhere"}, "Tanh' on 'elsewhere'"),
        ({"module_input_name": "token_embeddings"}, "Tanh' on 'token_embeddings'"),
        ({"activation_function": ["os.system"]}, "['os.system'] on 'sentence_embedding'"),
        ({"use_residual": True}, "expected a plain layer on sentence_embedding"),
    ],
)
def test_a_dense_layer_that_does_something_else_is_refused(
    make_tiny_encoder: MakeEncoder, entry: dict[str, object], what: str
) -> None:
    folder = with_a_dense_layer(make_tiny_encoder())
    edit_json(folder / "2_Dense" / "config.json", **entry)
    with pytest.raises(EncoderError) as caught:
        load(folder)
    assert what in str(caught.value)


def test_a_folder_of_the_current_sentence_transformers_is_the_same_encoder(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    reference(tiny_encoder_folder).save(str(tmp_path / "current"))
    old, current = load(tiny_encoder_folder), load(tmp_path / "current")
    assert (current.fingerprint, current.max_tokens) == (old.fingerprint, 32)


def test_the_default_encoder_equals_sentence_transformers() -> None:
    encoder = TwinEncoder.load(DEFAULT_ENCODER, device="cpu", precision="fp32")
    theirs = reference(resolve(DEFAULT_ENCODER)).encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), theirs, atol=1e-5)
    assert (encoder.dim, encoder.max_tokens) == (384, 256)


def test_bf16_stays_near_fp32_on_the_default_encoder() -> None:
    texts = ["How do I copy a file and keep its timestamps?", "Milvus holds the vectors. " * 5]
    exact = TwinEncoder.load(DEFAULT_ENCODER, device="cpu", precision="fp32").encode(texts)
    half = TwinEncoder.load(DEFAULT_ENCODER, device="cpu", precision="bf16").encode(texts)
    assert (exact * half).sum(axis=1).min() >= 0.9998


def test_prompts_are_applied_by_kind(make_tiny_encoder: MakeEncoder) -> None:
    folder = make_tiny_encoder()
    plain = load(folder)
    edit_json(folder / "config_sentence_transformers.json", prompts={"query": "query: ", "passage": "text: "})
    prompted = load(folder)
    for kind, prompt in (("query", "query: "), ("document", "text: ")):
        np.testing.assert_array_equal(prompted.encode(["rain"], kind=kind), plain.encode([prompt + "rain"], kind=kind))
    assert prompted.count_tokens("rain") == plain.count_tokens("text: rain")


PROMPTS = {
    "E5": {"query": "query: ", "passage": "passage: "},
    "BGE": {"query": "Represent this sentence for searching relevant passages: "},
    "other words": {"query": "copy a file ", "document": "rain "},
}


@pytest.mark.parametrize("family", PROMPTS)
def test_prompts_equal_sentence_transformers_both_ways(
    make_tiny_encoder: MakeEncoder, tmp_path: Path, family: str
) -> None:
    folder = make_tiny_encoder()
    edit_json(folder / "config_sentence_transformers.json", prompts=PROMPTS[family])
    encoder = load(folder)
    encoder.save(tmp_path / "saved")
    passage = PROMPTS[family].get("passage")  # sentence-transformers 6.2 prefers its own empty "document" to it
    for theirs, stated in ((reference(folder), passage), (reference(tmp_path / "saved"), None)):
        np.testing.assert_allclose(encoder.encode(TEXTS, kind="query"), theirs.encode_query(TEXTS), atol=1e-5)
        np.testing.assert_allclose(encoder.encode(TEXTS), theirs.encode_document(TEXTS, prompt=stated), atol=1e-5)
    assert load(tmp_path / "saved").fingerprint == encoder.fingerprint


def test_a_prompt_that_is_not_pooled_equals_sentence_transformers(make_tiny_encoder: MakeEncoder) -> None:
    folder = make_tiny_encoder()
    edit_json(folder / "config_sentence_transformers.json", prompts={"query": "the fire: "})
    edit_json(folder / "1_Pooling" / "config.json", include_prompt=False)
    theirs = reference(folder).encode_query(TEXTS)
    np.testing.assert_allclose(load(folder).encode(TEXTS, kind="query"), theirs, atol=1e-5)


def test_vectors_depend_neither_on_order_nor_on_company(tiny_encoder_folder: Path) -> None:
    encoder = load(tiny_encoder_folder)
    texts = [" ".join(["rain"] * (i % 37)) for i in range(1100)]  # more than one window
    together = encoder.encode(texts)
    for i in (0, 36, 500, 1099):
        np.testing.assert_allclose(together[i], encoder.encode([texts[i]])[0], atol=1e-6)


def test_a_stream_is_read_only_as_far_as_it_is_encoded(tiny_encoder_folder: Path) -> None:
    taken: list[int] = []

    def texts() -> Iterator[str]:
        for number in range(5000):
            taken.append(number)
            yield "rain"

    window = next(load(tiny_encoder_folder).encode_stream(texts()))
    assert (window.shape, len(taken)) == ((1024, 32), 1024)


def test_long_texts_are_read_few_at_a_time(tiny_encoder_folder: Path) -> None:
    taken: list[int] = []

    def texts() -> Iterator[str]:
        for number in range(100):
            taken.append(number)
            yield "rain " * 100_000

    window = next(load(tiny_encoder_folder).encode_stream(texts()))
    assert (window.shape, len(taken)) == ((4, 32), 5)  # 2,000,000 characters, and the one that doesn't fit


@pytest.mark.parametrize("text", ["", " ", "\x00", "a\ud800b", "x" * 1_000_000, "word " * 100_000, "\U0001f98a" * 50])
def test_any_string_gets_a_finite_unit_row(tiny_encoder_folder: Path, text: str) -> None:
    vectors = load(tiny_encoder_folder).encode([text])
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1.0], abs=1e-5)


def test_one_text_is_not_taken_for_a_list_of_letters(tiny_encoder_folder: Path) -> None:
    with pytest.raises(EncoderError, match=r"come as a list; got one text, 'rain'\. Write it as \[text\]\."):
        load(tiny_encoder_folder).encode("rain")


def test_no_texts_give_no_rows(tiny_encoder_folder: Path) -> None:
    assert load(tiny_encoder_folder).encode([]).shape == (0, 32)


def test_a_text_of_max_tokens_is_whole_and_a_longer_one_loses_its_end(tiny_encoder_folder: Path) -> None:
    encoder = load(tiny_encoder_folder)
    whole, longer = " ".join(["rain"] * 30), " ".join(["rain"] * 31)
    assert [encoder.count_tokens(text) for text in (whole, longer)] == [32, 33]
    np.testing.assert_array_equal(encoder.encode([whole]), encoder.encode([longer]))


def test_the_tokenizer_json_counts_as_the_encoder_does(tiny_encoder_folder: Path) -> None:
    encoder = load(tiny_encoder_folder)
    tokenizer = Tokenizer.from_str(encoder.tokenizer_json())
    assert (tokenizer.truncation, tokenizer.padding) == (None, None)
    assert [len(tokenizer.encode(t)) for t in TEXTS] == [encoder.count_tokens(t) for t in TEXTS]


def test_texts_are_counted_together_as_they_are_one_by_one(make_tiny_encoder: MakeEncoder) -> None:
    folder = make_tiny_encoder()
    edit_json(folder / "config_sentence_transformers.json", prompts=PROMPTS["E5"])
    encoder = load(folder)
    many = [*TEXTS * 200, "", "\ud800", "x" * 2_000_001]  # longer than a window, of texts and of characters
    for kind in ("document", "query"):
        assert encoder.token_counts(many, kind=kind) == [encoder.count_tokens(text, kind=kind) for text in many]


def test_features_keep_the_last_token_when_training_cuts_shorter(tiny_encoder_folder: Path) -> None:
    features = load(tiny_encoder_folder).features(["rain " * 20, "fire"], max_tokens=6)
    ids, mask = features["input_ids"], features["attention_mask"]
    assert ids.shape == (2, 6)
    assert (int(ids[0, 0]), int(ids[0, 5])) == (2, 3)  # [CLS] … [SEP]
    assert mask.sum(dim=1).tolist() == [6, 3]


def test_the_network_gives_gradients(tiny_encoder_folder: Path) -> None:
    encoder = load(tiny_encoder_folder)
    rows = encoder.network(encoder.features(["rain", "fire"]))
    (rows[0] @ rows[1]).backward()
    table = encoder.network.backbone.get_parameter("model.embeddings.word_embeddings.weight")
    assert table.grad is not None
    assert table.grad.abs().sum() > 0


def test_a_network_that_gives_no_direction_is_refused(tiny_encoder_folder: Path) -> None:
    encoder = load(tiny_encoder_folder)
    with torch.no_grad():
        for weight in encoder.network.parameters():
            weight.zero_()
    with pytest.raises(EncoderError) as caught:
        encoder.encode(["rain"])
    assert str(caught.value) == (
        "The encoder gives a vector of length 0 for the text 'rain'; expected length 1. "
        "The encoder is damaged: fetch it again, or go back to the one before."
    )


def test_an_unknown_precision_or_device_is_refused(tiny_encoder_folder: Path) -> None:
    with pytest.raises(EncoderError, match="There is no precision 'int2'; expected auto, fp32, bf16, fast-fp32"):
        TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="int2")
    with pytest.raises(EncoderError) as caught:
        TwinEncoder.load(tiny_encoder_folder, device="abacus")
    assert str(caught.value) == (
        "There is no device 'abacus' here; expected auto, cpu, cuda or mps. Choose one that is: "
        "TWINSEARCH_DEVICE=auto, device in config.toml, or for a training --set device=auto."
    )
