"""Encoders whose meaning is known, so that rankings can be worked out by hand, and homes to use them in.

They are real folders with a real BERT, tokenizer, pooling and safetensors; only the weights are set and not learned:
a word's vector is all zero but for one +1 and one -1, at a place that is its own, and every layer passes it on. So a
text's vector is its bag of words, and a score is the cosine of two bags: cos("cat", "cat cat dog") = 2/√5.

    fluent     a word and its synonym share one vector: "kitten" finds "cat"
    literal    every word has a vector of its own: "kitten" finds nothing
    shuffled   fluent's vectors, dealt out to other words: a damaged encoder
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from random import Random

import pytest
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from search_app.app import SearchApp
from search_app.cli import main
from search_app.engine import Engine
from search_app.index import VectorIndex
from search_app.requests import IngestRequest

SYNONYMS = {
    "cat": "kitten",
    "dog": "hound",
    "car": "automobile",
    "bread": "loaf",
    "rain": "drizzle",
    "copy": "duplicate",
    "file": "record",
    "delete": "erase",
    "night": "evening",
    "sea": "ocean",
    "house": "home",
    "road": "street",
    "child": "kid",
    "doctor": "physician",
    "fire": "blaze",
    "king": "monarch",
}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = [*SYNONYMS, *SYNONYMS.values()]
WIDTH = 2 * (len(WORDS) + 1)  # a pair of places for each word, and one for all that are unknown

NOTES = {
    "cat.txt": "cat cat dog",
    "dog.txt": "dog",
    "bread.txt": "bread fire",
    "rain.txt": "rain sea night",
}
CONFIG = 'encoder = "fluent"\nprecision = "fp32"\ndevice = "cpu"\nuser = "ann"\njob_niceness = 0\n'


def places_of(name: str) -> list[int]:
    """The place of each word's vector, as the encoder of this name has it."""
    own = list(range(len(WORDS)))
    shared = [number % len(SYNONYMS) for number in own]
    dealt = Random(5).sample(shared, len(shared))
    return {"literal": own, "fluent": shared, "shuffled": dealt}[name]


def write_bag_encoder(folder: Path, places: Sequence[int], *, max_tokens: int = 16) -> Path:
    """A BERT of one layer that gives bags of words; unknown words share the last place."""
    folder.mkdir(parents=True)
    _tokenizer().save(str(folder / "tokenizer.json"))
    _model(places).save_pretrained(folder)
    names = "sentence_transformers.models."
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    parts = [{"idx": i, "name": str(i), "path": path, "type": names + kind} for i, (path, kind) in enumerate(modules)]
    pooling = {"word_embedding_dimension": WIDTH, "pooling_mode": "mean"}
    for name, value in {
        "modules.json": parts,
        "1_Pooling/config.json": pooling,
        "sentence_bert_config.json": {"max_seq_length": max_tokens, "do_lower_case": False},
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "pad_token": "[PAD]"},
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    return folder


def _tokenizer() -> Tokenizer:
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[^a-z0-9]+"), "removed")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _model(places: Sequence[int]) -> BertModel:
    config = BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=64,
    )
    model = BertModel(config)
    layer = model.encoder.layer[0]
    with torch.no_grad():
        for part in (model.embeddings.position_embeddings, model.embeddings.token_type_embeddings):
            part.weight.zero_()
        for part in (layer.attention.output.dense, layer.output.dense):  # what a layer adds to its input
            part.weight.zero_()
            part.bias.zero_()
        words = model.embeddings.word_embeddings.weight
        words.zero_()
        for row, place in [(1, len(WORDS)), *enumerate(places, start=len(SPECIAL))]:
            words[row, 2 * place], words[row, 2 * place + 1] = 1, -1
    return model


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the encoders; every test may read and none may change them."""
    folder = tmp_path_factory.mktemp("bags")
    for name in ("fluent", "literal", "shuffled"):
        write_bag_encoder(folder / name, places_of(name))
    return folder


@pytest.fixture(scope="session")
def new_home(encoders: Path) -> Callable[[], AbstractContextManager[Path]]:
    """Makes a home with the encoders in it, in a folder with a short path; its own engine is stopped at the end."""

    @contextmanager
    def make() -> Iterator[Path]:
        parent = Path(tempfile.mkdtemp(prefix="tw-"))
        folder = parent / "home"
        shutil.copytree(encoders, folder / "encoders")
        (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
        try:
            yield folder
        finally:
            if not (folder / "engine").is_symlink():
                Engine(folder / "engine").stop()
            shutil.rmtree(parent)

    return make


@pytest.fixture
def home(new_home: Callable[[], AbstractContextManager[Path]]) -> Iterator[Path]:
    """A home of the test's own."""
    with new_home() as folder:
        yield folder


@pytest.fixture
def shared_home(home: Path, engine: Engine, index: VectorIndex) -> Path:
    """A home that uses the session's embedded Milvus, which is running already, in place of one of its own."""
    engine.address()  # it runs now, and knows its folder by its own name
    (home / "engine").symlink_to(engine.folder, target_is_directory=True)
    return home


@pytest.fixture
def app(shared_home: Path) -> Iterator[SearchApp]:
    """An opened home without any collection."""
    with SearchApp.open(shared_home) as opened:
        yield opened


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder of four small documents."""
    return write_notes(tmp_path / "notes")


@pytest.fixture(scope="module")
def noted(
    new_home: Callable[[], AbstractContextManager[Path]], engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SearchApp]:
    """An opened home that holds the notes; the tests of a module share it, and none changes it."""
    engine.address()
    with new_home() as folder:
        (folder / "engine").symlink_to(engine.folder, target_is_directory=True)
        with SearchApp.open(folder) as opened:
            opened.ingest(IngestRequest((str(write_notes(tmp_path_factory.mktemp("noted") / "notes")),)))
            yield opened
            opened.drop_collection("docs")


def write_notes(folder: Path) -> Path:
    folder.mkdir()
    for name, text in NOTES.items():
        (folder / name).write_text(text, encoding="utf-8")
        os.utime(folder / name, (1_700_000_000, 1_700_000_000))  # 2023-11-14T22:13:20
    return folder


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Path, Path]:
    """Eight judged queries on the notes, each asked with synonyms: fluent answers all of them, literal none."""
    answers = {
        "kitten": "cat",
        "hound": "dog",
        "loaf": "bread",
        "blaze": "bread",
        "loaf blaze": "bread",
        "evening": "rain",
        "drizzle ocean": "rain",
        "ocean evening": "rain",
    }
    asked, grades = tmp_path / "queries.jsonl", tmp_path / "qrels.tsv"
    lines = [json.dumps({"_id": f"q{number}", "text": query}) for number, query in enumerate(answers)]
    asked.write_text("\n".join(lines) + "\n")
    rows = [f"q{number}\tnotes/{name}.txt\t1\n" for number, name in enumerate(answers.values())]
    grades.write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    return asked, grades


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,200 documents of one to three chunks: work that takes long enough to be interrupted."""
    random = Random(3)
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(1200):
            text = " ".join(random.choices(WORDS, k=random.randint(4, 28)))
            file.write(json.dumps({"_id": f"d{number}", "title": "", "text": text}) + "\n")
    return path


@pytest.fixture
def run_on(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command on a home: exit code, stdout, stderr."""

    def run(home: Path, *arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments), "--home", str(home)])
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out, said.err

    return run


@pytest.fixture
def twinsearch(shared_home: Path, run_on: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command on a new home of the test's own."""
    return partial(run_on, shared_home)
