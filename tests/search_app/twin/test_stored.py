"""A kept model encodes as its network does, or isn't used: the fingerprint decides."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from search_app.errors import EncoderError
from search_app.twin.encoder import TwinEncoder
from search_app.twin.kept_models import KeptModels
from search_app.twin.stored import StoredEncoder, load_stored, note_network

pytest.importorskip("openvino")

TEXTS = ["copy a file", "remove the roof", "rain"]


def stored(folder: Path, expected: str, runtimes: Path, precision: str = "fast-fp32") -> StoredEncoder | None:
    return load_stored(
        str(folder), expected, precision=precision, device="cpu", encoders_folder=folder, runtimes_folder=runtimes
    )


@pytest.fixture(scope="module")
def kept(tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TwinEncoder, Path]:
    """An encoder as it was loaded, and what is kept of it."""
    runtimes = tmp_path_factory.mktemp("runtimes")
    whole = TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="fast-fp32", runtimes_folder=runtimes)
    note_network(whole, runtimes)
    return whole, runtimes


@pytest.fixture
def noted(kept: tuple[TwinEncoder, Path], tmp_path: Path) -> tuple[Path, TwinEncoder, Path]:
    """The encoder's folder, the encoder, and what is kept of it, for the test to change."""
    whole, runtimes = kept
    folder = shutil.copytree(whole.name, tmp_path / "tiny")
    return folder, whole, shutil.copytree(runtimes, tmp_path / "runtimes")


def test_a_stored_encoder_gives_the_vectors_and_the_fingerprint_of_the_whole_one(
    noted: tuple[Path, TwinEncoder, Path],
) -> None:
    folder, whole, runtimes = noted
    light = stored(folder, whole.fingerprint, runtimes)
    assert light is not None
    assert np.array_equal(light.encode(TEXTS), whole.encode(TEXTS))
    assert (light.fingerprint, light.dim, light.max_tokens) == (whole.fingerprint, whole.dim, whole.max_tokens)
    assert (light.tokenizer_key, light.precision) == (whole.tokenizer_key, "fast-fp32")
    parts, all_parts = light.parts(TEXTS[0]), whole.parts(TEXTS[0])
    assert parts is not None
    assert all_parts is not None
    assert np.array_equal(parts.vectors, all_parts.vectors)
    with pytest.raises(EncoderError, match=r"which only encodes\. Load it in precision fp32\.$"):
        light.save(runtimes / "copy")


def test_other_weights_settings_or_libraries_are_no_stored_encoder(noted: tuple[Path, TwinEncoder, Path]) -> None:
    folder, whole, runtimes = noted
    note = KeptModels(runtimes, whole.fingerprint).own / "network.json"
    told = json.loads(note.read_text())
    assert stored(folder, "f" * 64, runtimes) is None
    assert stored(folder, whole.fingerprint, runtimes, "fp32") is None
    for damaged in ("{", "[]", json.dumps({**told, "told": {}}), json.dumps({**told, "description": {}})):
        note.write_text(damaged)
        assert stored(folder, whole.fingerprint, runtimes) is None
    note.write_text(json.dumps({**told, "made_from": {**told["made_from"], "transformers": "1.0"}}))
    assert stored(folder, whole.fingerprint, runtimes) is None
    note.write_text(json.dumps(told))
    config, weights = folder / "config.json", folder / "model.safetensors"
    whole_config = config.read_text()
    config.write_text(whole_config.replace("}", " }"))
    assert stored(folder, whole.fingerprint, runtimes) is None
    config.write_text(whole_config)
    save_file({name: tensor + 1 for name, tensor in load_file(weights).items()}, weights)
    assert stored(folder, whole.fingerprint, runtimes) is None


def test_without_its_kept_model_an_encoder_is_loaded_whole(noted: tuple[Path, TwinEncoder, Path]) -> None:
    folder, whole, runtimes = noted
    shutil.rmtree(KeptModels(runtimes, whole.fingerprint).own / "converted")
    assert stored(folder, whole.fingerprint, runtimes) is None


def test_a_stored_encoder_loads_no_transformers(noted: tuple[Path, TwinEncoder, Path]) -> None:
    folder, whole, runtimes = noted
    script = (
        "import sys; from pathlib import Path; from search_app.twin.stored import load_stored\n"
        f"one = load_stored({str(folder)!r}, {whole.fingerprint!r}, precision='fast-fp32', device='cpu',"
        f" encoders_folder=Path({str(folder)!r}), runtimes_folder=Path({str(runtimes)!r}))\n"
        "print(one.encode(['rain']).shape, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == f"(1, {whole.dim}) False\n"
