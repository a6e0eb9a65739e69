"""int8 stays near float32, is the same in every process, and is checked whenever it is loaded."""

import ctypes
import sys
from pathlib import Path

import numpy as np
import pytest

from ingest.progress import Progress
from search_app.config import DEFAULT_ENCODER
from search_app.errors import EncoderError
from search_app.twin.encoder import TwinEncoder
from search_app.twin.fastest import PROBE

pytest.importorskip("nncf", reason="the extra `fast` is not installed")

SAMPLE = ["The cat sleeps.", "Bread and salt", "copy a file " * 3, "Rain falls on the roof", "fire", "a dog"]


def load(folder: Path | str, precision: str, runtimes: Path | None) -> TwinEncoder:
    return TwinEncoder.load(folder, device="cpu", precision=precision, runtimes_folder=runtimes)


@pytest.mark.slow
def test_int8_on_the_default_encoder_stays_near_fp32(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    exact = load(DEFAULT_ENCODER, "fp32", tmp_path)
    heard: list[Progress] = []
    precision = exact.calibrate(PROBE, heard.append)
    assert capfd.readouterr().out == ""
    assert {one.stage for one in heard} == {"calibrate"}
    assert heard[-1].done == heard[-1].total
    encoder = load(DEFAULT_ENCODER, precision, tmp_path)
    assert encoder.precision == precision
    cosines = (encoder.encode(PROBE) * exact.encode(PROBE)).sum(axis=1)
    assert cosines.min() >= 0.96
    assert cosines.mean() >= 0.99


def test_a_calibrated_model_that_is_damaged_or_gone_answers_nothing(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    precision = load(tiny_encoder_folder, "fp32", tmp_path).calibrate(SAMPLE)
    key = precision.removeprefix("int8:")
    (weights,) = tmp_path.glob(f"*/int8-{key}/model.bin")
    held = bytearray(weights.read_bytes())
    held[len(held) // 2] ^= 1
    weights.write_bytes(held)
    with pytest.raises(EncoderError) as refused:
        load(tiny_encoder_folder, precision, tmp_path)
    fingerprint = load(tiny_encoder_folder, "fp32", None).fingerprint
    assert str(refused.value) == (
        f"The int8 model {key!r} of encoder {fingerprint[:12]} should be in {weights.parent}, and is gone or damaged. "
        "Calibrate again: `twinsearch reindex NAME --encoder ENCODER --precision int8`."
    )


def signal_stack() -> bytes:
    """Where this thread's signals are handled, as the kernel has it."""
    held = ctypes.create_string_buffer(24)
    assert ctypes.CDLL(None).sigaltstack(None, held) == 0
    return held.raw


@pytest.mark.skipif(sys.platform != "linux", reason="the layout of the answer is Linux'")
def test_calibrating_leaves_the_callers_signal_stack_as_it_was(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    encoder = load(tiny_encoder_folder, "fast-fp32", tmp_path)
    before = signal_stack()
    load(tiny_encoder_folder, "fp32", tmp_path).calibrate(SAMPLE)
    assert signal_stack() == before
    assert encoder.precision == "fast-fp32"


def test_int8_needs_a_place_to_be_kept(tiny_encoder_folder: Path) -> None:
    with pytest.raises(EncoderError, match="An int8 model is kept in a folder, and none was named"):
        load(tiny_encoder_folder, "fp32", None).calibrate(SAMPLE)


def test_a_calibrated_model_gives_the_same_vectors_in_every_process(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    precision = load(tiny_encoder_folder, "fp32", tmp_path).calibrate(SAMPLE)
    first, second = (load(tiny_encoder_folder, precision, tmp_path).encode(SAMPLE) for _ in range(2))
    np.testing.assert_array_equal(first, second)
