import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

from search_app.errors import EncoderError
from search_app.twin.encoder import TwinEncoder
from search_app.twin.layout import read_layout

MakeEncoder = Callable[..., Path]


def edit(path: Path, **entries: object) -> None:
    held = json.loads(path.read_text()) if path.is_file() else {}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**held, **entries}))


def set_module(folder: Path, index: int, **entries: str) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules[index].update(entries)
    (folder / "modules.json").write_text(json.dumps(modules))


def pickle_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def poison(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.LayerNorm.weight"][3] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def lose_a_layer(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "layer.1." not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def shrink_the_vocabulary(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.word_embeddings.weight"] = torch.zeros(50, 32)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    edit(folder / "config.json", vocab_size=50)


def truncate_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickled weights": (
        pickle_weights,
        "The weights of {folder} must be safetensors, but there is only pytorch_model.bin, a pickle, which is never "
        "loaded. Save the encoder as safetensors, or choose another.",
    ),
    "a module of its own": (
        lambda folder: set_module(folder, 1, type="custom_code.Pooling"),
        "The encoder in {folder} has a module 'custom_code.Pooling'; expected Transformer, WordEmbeddings, LSTM, "
        "Pooling, Dense, Normalize of sentence-transformers and no code of its own. Choose another encoder.",
    ),
    "another module": (
        lambda folder: set_module(folder, 1, type="sentence_transformers.models.CNN"),
        "The encoder in {folder} has a module 'sentence_transformers.models.CNN'; expected "
        "Transformer, WordEmbeddings, LSTM, Pooling, Dense, Normalize of sentence-transformers and no code of its own. "
        "Choose another encoder.",
    ),
    "another order": (
        lambda folder: set_module(folder, 2, type="sentence_transformers.models.Pooling"),
        "The modules of {folder} are Transformer Pooling Pooling; expected Transformer (or WordEmbeddings and LSTM), "
        "Pooling, then Dense if any, then Normalize. Choose another encoder.",
    ),
    "a path that leaves the folder": (
        lambda folder: set_module(folder, 1, path="../1_Pooling"),
        "A module of {folder} lies at '../1_Pooling', outside of its folder; expected a folder inside. "
        "Don't use this encoder.",
    ),
    "remote code": (
        lambda folder: edit(folder / "config.json", auto_map={"AutoModel": "evil.Model"}),
        "{folder}/config.json asks for code of its own (auto_map), which is never run; expected an encoder that "
        "transformers knows. Choose another encoder.",
    ),
    "an adapter": (
        lambda folder: edit(folder / "adapter_config.json", base_model_name_or_path="elsewhere"),
        "The encoder in {folder} is an adapter that needs another model; expected whole weights. "
        "Merge the adapter into its model and save that.",
    ),
    "an unknown pooling": (
        lambda folder: edit(folder / "1_Pooling" / "config.json", pooling_mode="median"),
        "The encoder in {folder} pools by 'median'; expected cls, max, mean, mean_sqrt_len_tokens, weightedmean, "
        "lasttoken. Choose another encoder.",
    ),
    "NaN weights": (
        poison,
        "The weights in {folder} hold NaN or infinity in 'backbone.model.embeddings.LayerNorm.weight'; expected "
        "finite numbers. Go back to the encoder that it was trained from, or fetch it again.",
    ),
    "missing weights": (
        lose_a_layer,
        "The weights in {folder} lack 16 tensors, 'encoder.layer.1.attention.output.LayerNorm.bias' among them; "
        "expected all that config.json asks for. Fetch or train the encoder again.",
    ),
    "a tokenizer of another encoder": (
        shrink_the_vocabulary,
        "The tokenizer in {folder} gives ids up to 106, but the network knows 50; expected a tokenizer and "
        "weights of one encoder. Fetch the encoder again.",
    ),
    "an absurd length": (
        lambda folder: edit(folder / "sentence_bert_config.json", max_seq_length=0),
        "The encoder in {folder} states a maximum of 0 tokens; expected a number from 3 on. "
        "Mend max_seq_length in sentence_bert_config.json.",
    ),
    "a length that is no number": (
        lambda folder: edit(folder / "sentence_bert_config.json", max_seq_length="long"),
        "The encoder in {folder} states a maximum of 'long' tokens; expected a number from 3 on. "
        "Mend max_seq_length in sentence_bert_config.json.",
    ),
    "a pooling that is no name": (
        lambda folder: edit(folder / "1_Pooling" / "config.json", pooling_mode=7),
        "The encoder in {folder} pools by 7; expected cls, max, mean, mean_sqrt_len_tokens, weightedmean, "
        "lasttoken. Choose another encoder.",
    ),
    "prompts without names": (
        lambda folder: edit(folder / "config_sentence_transformers.json", prompts=["query: "]),
        "The encoder in {folder} states the prompts ['query: ']; expected texts by their names. "
        "Mend prompts in config_sentence_transformers.json.",
    ),
    "a prompt that is no text": (
        lambda folder: edit(folder / "config_sentence_transformers.json", prompts={"query": 3}),
        "The encoder in {folder} states the prompts {{'query': 3}}; expected texts by their names. "
        "Mend prompts in config_sentence_transformers.json.",
    ),
    "no configuration": (
        lambda folder: (folder / "1_Pooling" / "config.json").unlink(),
        "{folder}/1_Pooling is no encoder: config.json is missing. "
        "Name a folder that sentence-transformers or `twinsearch train` wrote.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_encoder_is_refused_with_a_sentence(make_tiny_encoder: MakeEncoder, case: str) -> None:
    folder = make_tiny_encoder()
    damage, sentence = REFUSED[case]
    damage(folder)
    with pytest.raises(EncoderError) as caught:
        TwinEncoder.load(folder, device="cpu", precision="fp32")
    assert str(caught.value) == sentence.format(folder=folder)


@pytest.mark.parametrize(
    "damage",
    [
        truncate_weights,
        lambda folder: (folder / "config.json").write_text("{"),
        lambda folder: edit(folder / "config.json", model_type="abacus"),
        lambda folder: edit(folder / "tokenizer.json", model={"type": "Abacus"}),
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: (folder / "modules.json").write_text("7"),
    ],
    ids=["truncated weights", "broken JSON", "unknown family", "unknown tokenizer", "no tokenizer", "no modules"],
)
def test_a_damaged_folder_is_an_encoder_error(make_tiny_encoder: MakeEncoder, damage: Callable[[Path], object]) -> None:
    folder = make_tiny_encoder()
    damage(folder)
    with pytest.raises(EncoderError, match=r"^[^\n]*(again|with a current version of sentence-transformers)\.$"):
        TwinEncoder.load(folder, device="cpu", precision="fp32")


def test_an_unstated_length_is_that_of_the_position_table(make_tiny_encoder: MakeEncoder) -> None:
    folder = make_tiny_encoder()
    (folder / "sentence_bert_config.json").unlink()
    assert TwinEncoder.load(folder, device="cpu", precision="fp32").max_tokens == 64


def test_a_length_beyond_the_position_table_is_cut_to_it(make_tiny_encoder: MakeEncoder) -> None:
    assert TwinEncoder.load(make_tiny_encoder(max_tokens=5000), device="cpu", precision="fp32").max_tokens == 64


@pytest.mark.parametrize("family", ["roberta", "distilbert", "xlm-roberta"])
def test_the_length_is_read_from_the_file_that_older_versions_named_by_the_family(
    make_tiny_encoder: MakeEncoder, family: str
) -> None:
    folder = make_tiny_encoder(max_tokens=9)
    (folder / "sentence_bert_config.json").rename(folder / f"sentence_{family}_config.json")
    theirs = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    assert read_layout(folder).max_tokens == theirs.max_seq_length == 9


def test_a_bare_transformer_is_read_with_mean_pooling(make_tiny_encoder: MakeEncoder) -> None:
    folder = make_tiny_encoder()
    (folder / "modules.json").unlink()
    assert read_layout(folder).poolings == ("mean",)


def test_pooling_flags_of_old_folders_are_read(make_tiny_encoder: MakeEncoder) -> None:
    folder = make_tiny_encoder()
    flags = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True, "pooling_mode_max_tokens": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(flags))
    assert read_layout(folder).poolings == ("cls", "mean")
