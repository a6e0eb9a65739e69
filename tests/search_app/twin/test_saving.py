import resource
import subprocess
import sys
from pathlib import Path

import pytest

from search_app.errors import EncoderError
from search_app.twin.encoder import TwinEncoder


@pytest.fixture
def encoder(tiny_encoder_folder: Path) -> TwinEncoder:
    return TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="fp32")


def test_a_saved_folder_holds_the_files_of_an_encoder_and_nothing_stays_beside(
    encoder: TwinEncoder, tmp_path: Path
) -> None:
    encoder.save(tmp_path / "saved")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]
    files = {str(path.relative_to(tmp_path / "saved")) for path in (tmp_path / "saved").rglob("*.*")}
    assert files == {
        "1_Pooling/config.json",
        "config.json",
        "config_sentence_transformers.json",
        "model.safetensors",
        "modules.json",
        "sentence_bert_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "twinsearch.json",
    }


def test_an_encoder_is_never_overwritten(encoder: TwinEncoder, tiny_encoder_folder: Path) -> None:
    with pytest.raises(EncoderError) as caught:
        encoder.save(tiny_encoder_folder)
    assert str(caught.value) == (
        f"{tiny_encoder_folder} exists already; expected a new folder. Choose another name for the encoder."
    )


def test_a_save_that_fails_leaves_nothing(encoder: TwinEncoder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EncoderError, match=r"The encoder can't be saved as .*/file/saved \(File exists\)"):
        encoder.save(tmp_path / "file" / "saved")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing(encoder: TwinEncoder, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(EncoderError, match=r"^The encoder can't be saved as .*/saved \(.*File too large"):
            encoder.save(tmp_path / "saved")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_the_package_is_imported_without_torch() -> None:
    code = "import sys, search_app.twin, search_app.twin.resolution; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
