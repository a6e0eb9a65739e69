"""OpenVINO gives the vectors that torch gives; what it can't run is refused by sentence."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from search_app.config import DEFAULT_ENCODER
from search_app.errors import EncoderError
from search_app.twin.encoder import TwinEncoder
from search_app.twin.lstm import LstmSettings, begin_lstm
from search_app.twin.resolution import resolve

pytest.importorskip("openvino", reason="the extra `fast` is not installed")
from search_app.twin import fast

TEXTS = ["The cat sleeps.", "", "Bread and salt", "copy a file " * 40, "Rain", "naïve 日本語 café"]
REAL_TEXTS = ["How do I copy a file?", "x", "A vector index answers a query with the rows nearest to it. " * 12]


def load(folder: Path | str, precision: str, runtimes: Path | None = None) -> TwinEncoder:
    return TwinEncoder.load(folder, device="cpu", precision=precision, runtimes_folder=runtimes)


@pytest.mark.parametrize("poolings", [("mean",), ("cls",), ("max", "lasttoken")])
def test_openvino_equals_torch_and_sentence_transformers(
    make_tiny_encoder: Callable[..., Path], poolings: tuple[str, ...]
) -> None:
    folder = make_tiny_encoder(poolings=poolings)
    vectors = load(folder, "fast-fp32").encode(TEXTS)
    np.testing.assert_allclose(vectors, load(folder, "fp32").encode(TEXTS), atol=1e-5)
    theirs = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    np.testing.assert_allclose(vectors, theirs.encode(TEXTS), atol=1e-5)


def test_openvino_equals_torch_and_sentence_transformers_on_the_default_encoder(tmp_path: Path) -> None:
    vectors = load(DEFAULT_ENCODER, "fast-fp32", tmp_path).encode(REAL_TEXTS)
    np.testing.assert_allclose(vectors, load(DEFAULT_ENCODER, "fp32").encode(REAL_TEXTS), atol=1e-5)
    theirs = SentenceTransformer(str(resolve(DEFAULT_ENCODER)), device="cpu", local_files_only=True)
    np.testing.assert_allclose(vectors, theirs.encode(REAL_TEXTS), atol=1e-5)


def test_a_kept_model_gives_the_vectors_of_the_first_conversion(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    first = load(tiny_encoder_folder, "fast-fp32", tmp_path).encode(TEXTS)
    (kept,) = tmp_path.glob("*/converted/model.xml")
    written = kept.stat().st_mtime_ns
    np.testing.assert_array_equal(load(tiny_encoder_folder, "fast-fp32", tmp_path).encode(TEXTS), first)
    assert kept.stat().st_mtime_ns == written


def test_vectors_are_those_of_the_text_when_many_threads_ask_at_once(tiny_encoder_folder: Path) -> None:
    encoder = load(tiny_encoder_folder, "fast-fp32")
    expected = encoder.encode(TEXTS)
    wrong: list[int] = []

    def ask(number: int) -> None:
        for _ in range(20):
            vector = encoder.encode([TEXTS[number]])[0]
            if np.abs(vector - expected[number]).max() > 1e-5:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(TEXTS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_many_batches_side_by_side_give_each_text_its_own_vector(tiny_encoder_folder: Path) -> None:
    words = ["the", "cat", "sleeps", "by", "fire", "and", "rain", "falls", "on", "roof"]
    texts = [" ".join(words[n % 10 :] + words[: n % 7]) for n in range(900)]  # about five batches
    exact = load(tiny_encoder_folder, "fp32").encode(texts)
    encoder = load(tiny_encoder_folder, "fast-fp32")
    np.testing.assert_allclose(encoder.encode(texts), exact, atol=1e-5)
    abandoned = encoder._runtime.stream(iter([(torch.ones(2, 5).long(), torch.ones(2, 5).long())] * 9))
    assert next(abandoned).shape == (2, 5, 32)
    abandoned.close()
    np.testing.assert_allclose(encoder.encode(texts[::-1]), exact[::-1], atol=1e-5)


def test_bfloat16_runs_where_the_processor_has_it_and_is_refused_elsewhere(tiny_encoder_folder: Path) -> None:
    if fast.multiplies_bf16():
        cosines = (
            load(tiny_encoder_folder, "fast-bf16").encode(TEXTS) * load(tiny_encoder_folder, "fp32").encode(TEXTS)
        ).sum(1)
        assert cosines.min() >= 0.999
        return
    with pytest.raises(EncoderError) as refused:
        load(tiny_encoder_folder, "fast-bf16")
    assert str(refused.value) == (
        "Precision 'fast-bf16' needs a processor that multiplies bfloat16 (avx512_bf16, amx_bf16, or Arm's bf16), and "
        "this one doesn't. Go to one that does, or build a generation without it: "
        "`twinsearch reindex NAME --encoder ENCODER --precision fast-fp32`."
    )


class Baked(torch.nn.Module):
    """A backbone whose branch depends on its input: a trace keeps one of the two."""

    vocabulary_size, max_positions, pad_id, width = 50, None, 0, 4

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        scale = 1.0 if ids.shape[0] == 2 else 2.0
        return (ids * mask).unsqueeze(-1).expand(-1, -1, 4).float() * scale


def test_a_conversion_that_gives_other_vectors_is_refused() -> None:
    with pytest.raises(EncoderError) as refused:
        fast.convert(Baked())  # type: ignore[arg-type]  # a backbone in all that a conversion looks at
    assert str(refused.value) == (
        "OpenVINO can't run this encoder's Baked (its vectors differ from torch's). "
        "Use --precision fp32 or bf16, which run on torch."
    )


def test_an_lstm_runs_on_openvino_alike(tmp_path: Path) -> None:
    begin_lstm(TEXTS, LstmSettings(vocabulary_size=400, embedding_dim=8, hidden_dim=8, dim=8)).save(tmp_path / "lstm")
    exact = load(tmp_path / "lstm", "fp32").encode(TEXTS)
    np.testing.assert_allclose(load(tmp_path / "lstm", "fast-fp32").encode(TEXTS), exact, atol=1e-5)
    chosen = load(tmp_path / "lstm", "auto").encode(TEXTS)  # in bfloat16 where the processor has it
    np.testing.assert_allclose(np.sum(chosen * exact, axis=1), 1, atol=1e-4)


@pytest.mark.slow
def test_the_usage_reports_of_the_libraries_are_never_loaded() -> None:
    code = (
        "import sys\nimport search_app.twin.calibration\n"
        "print([name for name, module in sys.modules.items() if name.startswith('openvino_telemetry') and module])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_signal_is_heard_after_an_encoder_was_let_go_in_another_thread(tiny_encoder_folder: Path) -> None:
    code = f"""
import gc, os, signal, threading
from search_app.twin.encoder import TwinEncoder
held = [TwinEncoder.load({str(tiny_encoder_folder)!r}, device="cpu", precision="fast-fp32")]
other = threading.Thread(target=lambda: (held.clear(), gc.collect()))
other.start()
other.join()
signal.signal(signal.SIGINT, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGINT)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, "heard")
