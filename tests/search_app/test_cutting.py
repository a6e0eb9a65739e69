"""A collection is cut into chunks as a person wants it, and cut anew from its own texts, by the tokenizer in use."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.chunking import ChunkingSettings
from search_app.app import SearchApp
from search_app.catalog.encoders import EncoderRecord
from search_app.catalog.generations import Generation
from search_app.cutting import Cut, first_cut, next_cut
from search_app.encoders import EncoderChoice
from search_app.errors import UsageError
from search_app.requests import IngestRequest, ReindexRequest

Twinsearch = Callable[..., tuple[int, str, str]]
LONG = "cat dog car bread rain copy file delete night sea house road child doctor fire king " * 2


@pytest.fixture
def wide(app: SearchApp, notes: Path) -> SearchApp:
    """Four short notes and a long one, read by an encoder that takes 48 tokens."""
    write_encoder(app, "wide", reads=48)
    (notes / "long.txt").write_text(LONG)
    app.ingest(IngestRequest((str(notes),), encoder="wide"))
    return app


def write_encoder(app: SearchApp, name: str, *, reads: int, tokenizer: str | None = None) -> None:
    folder = app.home.encoders_folder / name
    shutil.copytree(app.home.encoders_folder / "fluent", folder)
    settings = {"max_seq_length": reads, "do_lower_case": False}
    (folder / "sentence_bert_config.json").write_text(json.dumps(settings))
    if tokenizer is not None:
        (folder / "tokenizer.json").write_text(tokenizer)


def live_of(app: SearchApp) -> Generation:
    live = app.catalog.collections.live("docs")
    assert live is not None
    return live


def texts(app: SearchApp, generation: Generation) -> list[str]:
    return [one.chunk.text for one in app.catalog.documents.all_passages(generation)]


def choice(*, reads: int, tokenizer: str = "t") -> EncoderChoice:
    return EncoderChoice(EncoderRecord("f" * 64, "wide", "", 8, reads), "fp32", tokenizer)


def test_a_new_collection_is_cut_as_long_as_its_encoder_reads() -> None:
    assert first_cut(Cut(), choice(reads=256)) == ChunkingSettings(256, tokenizer="t")


def test_what_is_wanted_counts_before_what_is_usual() -> None:
    usual = Cut(128, 32)
    assert first_cut(Cut(), choice(reads=256), usual=usual) == ChunkingSettings(128, 32, tokenizer="t")
    assert first_cut(Cut(64, 8), choice(reads=256), usual=usual) == ChunkingSettings(64, 8, tokenizer="t")
    assert first_cut(Cut(), choice(reads=40), usual=usual) == ChunkingSettings(40, 20, tokenizer="t")


def test_an_encoder_that_reads_less_makes_chunks_shorter_and_one_that_reads_more_leaves_them() -> None:
    held = ChunkingSettings(128, 16, tokenizer="old")
    assert next_cut(held, Cut(), choice(reads=64)) == ChunkingSettings(64, 16, tokenizer="t")
    assert next_cut(held, Cut(), choice(reads=512)) == ChunkingSettings(128, 16, tokenizer="t")
    assert next_cut(held, Cut(), choice(reads=20)) == ChunkingSettings(20, 10, tokenizer="t")


def test_a_collection_of_whole_documents_is_cut_once_that_is_wanted() -> None:
    held = ChunkingSettings(128, whole=True)
    assert next_cut(held, Cut(), choice(reads=256)).whole
    assert next_cut(held, Cut(chunk_tokens=64), choice(reads=256)) == ChunkingSettings(64, tokenizer="t")


def test_chunks_that_can_not_be_are_refused() -> None:
    with pytest.raises(UsageError, match=r"'wide' would read 256 only. Give at most 256, or another encoder.$"):
        next_cut(ChunkingSettings(128), Cut(512), choice(reads=256))
    with pytest.raises(UsageError, match="Chunks of 8 tokens and 8192 bytes can't hold a sentence"):
        first_cut(Cut(8), choice(reads=256))
    with pytest.raises(UsageError, match=r"An overlap of 40 tokens doesn't fit chunks of 64. Give 0 to 32"):
        next_cut(ChunkingSettings(64), Cut(chunk_overlap=40), choice(reads=256))
    with pytest.raises(UsageError, match=r"leave out --whole, or --chunk-tokens 64.$"):
        first_cut(Cut(64), choice(reads=256), is_whole=True)


def test_a_reindex_cuts_anew_without_the_files_and_encodes_only_what_is_new(wide: SearchApp, notes: Path) -> None:
    before = texts(wide, live_of(wide))
    assert before == ["bread fire", "cat cat dog", "dog", LONG.rstrip(), "rain sea night"]
    encoded = wide.vector_cache.size
    shutil.rmtree(notes)
    outcome = wide.reindex(ReindexRequest("docs", chunk_tokens=24, chunk_overlap=4, switch=True, force=True))
    after = texts(wide, outcome.generation)
    assert (outcome.is_live, live_of(wide).encoder_name) == (True, "wide")
    assert [text for text in after if text in before] == ["bread fire", "cat cat dog", "dog", "rain sea night"]
    assert all(len(text.split()) <= 24 - 3 for text in after)  # the title, [CLS] and [SEP]
    assert wide.vector_cache.size - encoded == len(set(after) - set(before))
    assert {hit.document_id for hit in wide.search("king", mode="lexical").hits} == {"notes/long.txt"}
    assert wide.search("kitten", mode="dense").hits[0].document_id == "notes/cat.txt"
    assert not wide.check(is_repairing=False).remaining


def test_two_tokenizers_with_equal_settings_share_no_chunks(wide: SearchApp) -> None:
    fluent = json.loads((wide.home.encoders_folder / "fluent" / "tokenizer.json").read_text())
    fluent["pre_tokenizer"]["pattern"] = {"Regex": "[^a-z]+"}
    write_encoder(wide, "other", reads=48, tokenizer=json.dumps(fluent))
    first, second = live_of(wide), wide.reindex(ReindexRequest("docs", "other")).generation
    assert first.chunking.max_tokens == second.chunking.max_tokens
    assert texts(wide, first) == texts(wide, second)
    ids = [set(wide.catalog.documents.chunk_ids(one.id)) for one in (first, second)]
    assert (len(ids[0]), len(ids[1]), ids[0] & ids[1]) == (5, 5, set())


def test_a_collection_from_before_tokenizers_were_noted_goes_on_and_is_told_apart_next_time(
    app: SearchApp, notes: Path
) -> None:
    encoder = app.encoders.choose("fluent")
    app.catalog.collections.create("docs")
    old = app.generations.begin_first("docs", encoder, ChunkingSettings(16))
    app.ingest(IngestRequest((str(notes),)))
    (notes / "king.txt").write_text("king")
    assert app.ingest(IngestRequest((str(notes),))).new == 1
    assert app.catalog.documents.chunk_count(old.id) == 5
    new = app.reindex(ReindexRequest("docs")).generation
    assert (new.chunking.tokenizer, new.chunking.max_tokens) == (encoder.tokenizer_key, 16)
    ids = [set(app.catalog.documents.chunk_ids(one.id)) for one in (old, new)]
    assert (len(ids[0]), len(ids[1]), ids[0] & ids[1]) == (5, 5, set())


def test_the_commands_cut_and_cut_anew(twinsearch: Twinsearch, notes: Path) -> None:
    asked = ("ingest", notes, "--chunk-tokens", 16, "--chunk-overlap", 2)
    assert twinsearch(*asked)[0] == 0
    assert "4 unchanged" in twinsearch(*asked)[1]
    code, _, err = twinsearch("ingest", notes, "--chunk-overlap", 4)
    assert (code, err) == (
        2,
        "Collection 'docs' has chunks of 16 tokens, 2 of them repeated. To cut all of it anew, from its own texts, "
        "run `twinsearch reindex docs --chunk-overlap 4 --switch`.\n",
    )
    code, out, _ = twinsearch("reindex", "docs", "--chunk-overlap", 4, "--force", "--json")
    made = json.loads(out)
    assert (code, made["is_live"], made["generation"]["chunking"]["overlap_tokens"]) == (0, True, 4)
    assert "4 unchanged" in twinsearch("ingest", notes, "--chunk-overlap", 4)[1]
