"""Every bad input gets one sentence with the value, the expectation and the remedy, its exit code, and no traceback.

What was there before is there afterwards: each row ends with the same search giving the same answer.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

Twinsearch = Callable[..., tuple[int, str, str]]


@pytest.fixture
def filled(twinsearch: Twinsearch, notes: Path) -> Iterator[Twinsearch]:
    """Runs commands on a home with the notes in it; nothing of it may be lost by what they do."""

    def answers() -> list[tuple[str, float]]:
        code, out, _ = twinsearch("search", "kitten hound", "--json")
        assert code == 0
        return [(hit["document_id"], hit["score"]) for hit in json.loads(out)["hits"]]

    assert twinsearch("ingest", notes)[0] == 0
    before = answers()
    yield twinsearch
    assert answers() == before


def test_a_missing_path(filled: Twinsearch, tmp_path: Path) -> None:
    told = filled("ingest", tmp_path / "gone")
    assert told == (1, "", f"There is no file or folder '{tmp_path}/gone'. Check the path.\n")


def test_an_unknown_collection(filled: Twinsearch, notes: Path) -> None:
    sentence = "There is no collection 'faq'. There are: 'docs'.\n"
    for arguments in (
        ("search", "cat", "-c", "faq"),
        ("judge", "cat", "notes/cat.txt", "--grade", "1", "-c", "faq"),
        ("reindex", "faq", "--encoder", "literal"),
        ("switch", "faq", "2", "--force"),
        ("rollback", "faq"),
        ("gate", "faq", "2"),
        ("generations", "list", "faq"),
        ("generations", "drop", "faq", "1"),
        ("collections", "drop", "faq", "--yes"),
        ("judgements", "list", "-c", "faq"),
    ):
        assert filled(*arguments) == (1, "", sentence), arguments


def test_an_unknown_encoder(filled: Twinsearch, shared_home: Path, notes: Path) -> None:
    sentence = (
        f"No encoder 'eloquent': not a folder with an encoder, not in {shared_home}/encoders, and no name of the "
        "model hub. See `twinsearch encoders list`.\n"
    )
    assert filled("reindex", "docs", "--encoder", "eloquent") == (1, "", sentence)
    assert filled("ingest", notes, "-c", "faq", "--encoder", "eloquent") == (1, "", sentence)
    assert filled("encoders", "drop", "eloquent") == (
        1,
        "",
        "There is no encoder 'eloquent' in this home. It knows: 'fluent'.\n",
    )


def test_an_empty_query(filled: Twinsearch) -> None:
    sentence = "The query is empty. Type at least one word.\n"
    assert filled("search", " ") == (2, "", sentence)
    assert filled("judge", "", "notes/cat.txt", "--grade", "1") == (2, "", sentence)


def test_a_filter_on_an_unknown_field(filled: Twinsearch) -> None:
    sentence = "No document has a field 'colour'. The fields are: id, title, source, origin, modified.\n"
    assert filled("search", "cat", "--where", "colour=red") == (2, "", sentence)


def test_a_malformed_filter(filled: Twinsearch) -> None:
    sentence = (
        "The filter 'colour' can't be read. Write `key=value`, `key!=value`, `key<=3`, `key in a,b`, "
        "`key between 1 and 5` or `exists key`, joined by `and`, `or`, `not` and parentheses; a value with these in it "
        "goes in quotes.\n"
    )
    assert filled("search", "cat", "--where", "colour") == (2, "", sentence)


def test_a_file_that_can_not_be_decoded(filled: Twinsearch, notes: Path) -> None:
    (notes / "broken.txt").write_bytes(b"cat\0dog")
    code, out, err = filled("ingest", notes)
    (notes / "broken.txt").unlink()
    assert code == 3
    assert re.fullmatch(r"docs: 0 new, 0 changed, 4 unchanged, 0 removed, 1 failed \(0 chunks, \d+\.\d s\)\n", out)
    assert err == "failed: 'notes/broken.txt' holds NUL bytes, so it isn't text. Convert it to text first.\n"


def test_a_table_without_a_text_column_whose_rows_are_asked_for(filled: Twinsearch, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("sku,price\n1,2\n")
    code, _, err = filled("ingest", path, "--id-column", "sku")
    assert code == 3
    assert err.startswith("failed: The table 'prices.csv' has no column that can serve as text: it has ")
    assert err.count("\n") == 1


def damaged(shared_home: Path, name: str) -> Path:
    return shutil.copytree(shared_home / "encoders" / "fluent", shared_home / "encoders" / name)


def test_nan_weights(filled: Twinsearch, shared_home: Path) -> None:
    folder = damaged(shared_home, "nan")
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.0.output.dense.weight"][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert filled("reindex", "docs", "--encoder", "nan") == (
        1,
        "",
        f"The weights in {folder} hold NaN or infinity in 'backbone.model.encoder.layer.0.output.dense.weight'; "
        "expected finite numbers. Go back to the encoder that it was trained from, or fetch it again.\n",
    )


def test_a_bin_pickle(filled: Twinsearch, shared_home: Path) -> None:
    folder = damaged(shared_home, "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert filled("reindex", "docs", "--encoder", "pickled") == (
        1,
        "",
        f"The weights of {folder} must be safetensors, but there is only pytorch_model.bin, a pickle, which is never "
        "loaded. Save the encoder as safetensors, or choose another.\n",
    )


def test_a_fingerprint_that_differs(filled: Twinsearch, shared_home: Path, notes: Path) -> None:
    fluent, aside = shared_home / "encoders" / "fluent", shared_home / "aside"
    fluent.rename(aside)
    shutil.copytree(shared_home / "encoders" / "literal", fluent)
    new_note = notes / "later.txt"
    new_note.write_text("snow")
    for arguments in (("search", "cat"), ("ingest", new_note)):
        code, out, err = filled(*arguments)
        assert (code, out) == (1, "")
        assert re.fullmatch(
            r"Generation 1 of collection 'docs' was filled by encoder \w{12}, but 'fluent' is \w{12} now\. Put the "
            r"old encoder back, or run `twinsearch reindex docs --encoder fluent --force` to let a generation of the "
            r"new one answer\.\n",
            err,
        )
    shutil.rmtree(fluent)
    aside.rename(fluent)


def test_milvus_down(filled: Twinsearch, notes: Path) -> None:
    code, out, err = filled("search", "kitten", "--milvus-uri", "http://127.0.0.1:9")
    assert (code, out) == (5, "")
    assert err.startswith("No Milvus answers at http://127.0.0.1:9 (")
    assert err.endswith(
        "). Start it with `docker compose up -d`, or give its address with `--milvus-uri`.\n",
    )
    assert filled("ingest", notes, "-c", "faq", "--milvus-uri", "http://127.0.0.1:9")[0] == 5


def test_a_wrong_setting(filled: Twinsearch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINSEARCH_PRECISION", "fp64")
    code, out, err = filled("search", "cat")
    assert (code, out) == (2, "")
    assert err.startswith("The setting 'precision' has the value 'fp64': input should be 'auto', 'fp32', 'bf16', ")
    monkeypatch.delenv("TWINSEARCH_PRECISION")


def test_a_traceback_is_shown_with_debug_only(shared_home: Path) -> None:
    from search_app.cli import main
    from search_app.errors import UnknownCollection

    with pytest.raises(UnknownCollection):
        main(["search", "cat", "--debug", "--home", str(shared_home)])


def test_a_home_that_is_none(twinsearch: Twinsearch, shared_home: Path) -> None:
    (shared_home / "jobs").write_text("not a folder")
    assert twinsearch("status") == (
        2,
        "",
        f"The home '{shared_home}' can't be used: File exists. Name a folder that you may write to with --home or "
        "TWINSEARCH_HOME.\n",
    )


def test_a_catalogue_that_is_none(twinsearch: Twinsearch, shared_home: Path) -> None:
    (shared_home / "catalog.sqlite").write_text("not a database")
    code, out, err = twinsearch("status")
    assert (code, out) == (1, "")
    assert str(shared_home / "catalog.sqlite") in err
    assert err.count("\n") == 1
