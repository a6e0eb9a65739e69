"""What "auto" chooses, and that it chooses once."""

import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from search_app.errors import EncoderError
from search_app.twin.backbone import Backbone
from search_app.twin.encoder import TwinEncoder
from search_app.twin.fastest import Encode, Tried, Vectors, fastest, pick, try_out
from search_app.twin.kept_models import KeptModels
from search_app.twin.runtime import Surroundings, candidates


def answering(seconds: float, angle: float) -> Encode:
    """Encodes any part of the probe in so many seconds, each row so far turned from the truth."""

    def encode(_count: int) -> Vectors:
        time.sleep(seconds)
        return np.array([[np.cos(angle), np.sin(angle)], [1, 0]], np.float32)

    return encode


RUNTIMES = {
    "fp32": (0.05, 0.0),
    "bf16": (0.02, 0.01),  # cos(0.01) = 0.99995
    "fast-fp32": (0.03, 0.0),
    "fast-bf16": (0.005, 0.1),  # cos(0.1) = 0.995: the fastest, and too far away
}


def prepare(precision: str) -> Encode:
    return answering(*RUNTIMES[precision])


def test_the_fastest_that_is_near_enough_is_chosen() -> None:
    tried = try_out(list(RUNTIMES), prepare)
    assert [one.cosine for one in tried] == pytest.approx([1, np.cos(0.01), 1, np.cos(0.1)], abs=1e-6)
    assert pick(tried) == "bf16"


def test_an_exact_precision_stays_unless_it_is_beaten_by_a_tenth() -> None:
    exact = Tried("fp32", 1.0, 1.0, 1.0)
    assert pick([exact, Tried("bf16", 0.9999, 0.95, 1.0)]) == "fp32"
    assert pick([exact, Tried("bf16", 0.9999, 0.85, 1.0)]) == "bf16"


def test_a_query_counts_as_much_as_a_batch() -> None:
    exact = Tried("fp32", 1.0, 1.0, 0.020)
    assert pick([exact, Tried("fast-fp32", 1.0, 0.97, 0.008)]) == "fast-fp32"
    assert pick([exact, Tried("fast-fp32", 1.0, 0.5, 0.041)]) == "fp32"


def test_a_precision_that_can_not_be_prepared_is_passed_over() -> None:
    def fails_on_openvino(precision: str) -> Encode:
        if precision.startswith("fast"):
            raise EncoderError("OpenVINO can't run this encoder's LstmBackbone.")
        return prepare(precision)

    assert [one.precision for one in try_out(list(RUNTIMES), fails_on_openvino)] == ["fp32", "bf16"]


class Counting:
    """Prepares precisions, and remembers which."""

    def __init__(self) -> None:
        self.prepared: list[str] = []

    def __call__(self, precision: str) -> Encode:
        self.prepared.append(precision)
        return prepare(precision)


class Unused(Backbone):
    """The backbone of nobody: what `Counting` prepares has none."""

    description = "nothing"
    forward = write = None


def surroundings(models: KeptModels) -> Surroundings:
    return Surroundings(Unused.__new__(Unused), torch.device("cpu"), lambda: models)


def test_a_choice_is_remembered_for_the_encoder_and_made_again_for_another(tmp_path: Path) -> None:
    preparing = Counting()
    choose = partial(fastest, ["fp32", "bf16"], preparing)
    for _ in range(2):
        assert choose(surroundings(KeptModels(tmp_path, "a" * 64))) == "bf16"
    assert preparing.prepared == ["fp32", "bf16"]
    choose(surroundings(KeptModels(tmp_path, "b" * 64)))
    assert preparing.prepared == ["fp32", "bf16"] * 2


def test_a_choice_made_with_other_threads_is_made_again(tmp_path: Path) -> None:
    preparing, models = Counting(), KeptModels(tmp_path, "a" * 64)
    threads = torch.get_num_threads()
    fastest(["fp32", "bf16"], preparing, surroundings(models))
    try:
        torch.set_num_threads(threads + 1)
        fastest(["fp32", "bf16"], preparing, surroundings(models))
    finally:
        torch.set_num_threads(threads)
    assert preparing.prepared == ["fp32", "bf16"] * 2


def test_a_choice_that_can_not_be_read_is_made_again(tmp_path: Path) -> None:
    preparing, models = Counting(), KeptModels(tmp_path, "a" * 64)
    fastest(["fp32", "bf16"], preparing, surroundings(models))
    (noted,) = tmp_path.glob("*/choice.json")
    noted.write_text("{")
    assert fastest(["fp32", "bf16"], preparing, surroundings(models)) == "bf16"
    assert len(preparing.prepared) == 4


def test_one_candidate_is_taken_without_a_trial() -> None:
    assert fastest(["fp32"], Counting(), surroundings(KeptModels(None, "a" * 64))) == "fp32"


def test_auto_is_one_of_the_candidates_and_near_fp32(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    texts = ["The cat sleeps.", "copy a file " * 9]
    auto = TwinEncoder.load(tiny_encoder_folder, device="cpu", runtimes_folder=tmp_path)
    exact = TwinEncoder.load(tiny_encoder_folder, device="cpu", precision="fp32")
    assert auto.precision in candidates(torch.device("cpu"))
    assert (auto.encode(texts) * exact.encode(texts)).sum(axis=1).min() >= 0.999


def test_calibrated_precisions_are_never_candidates() -> None:
    found = candidates(torch.device("cpu"))
    assert found[0] == "fp32"
    assert set(found) <= {"fp32", "bf16", "fast-fp32", "fast-bf16"}
