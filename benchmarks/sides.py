"""Who encodes: sentence-transformers, and Twinsearch in every precision that this machine runs.

All of them run in one process on the same threads, so that they meet the same weather.
"""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from search_app.twin.encoder import TwinEncoder, Vectors
from search_app.twin.kept_models import CALIBRATED
from search_app.twin.resolution import resolve
from search_app.twin.runtime import PRECISIONS, candidates

THEIRS = "sentence-transformers"


@dataclass(frozen=True, slots=True)
class Side:
    """One who encodes: texts in, unit rows out."""

    name: str
    encode: Callable[[Sequence[str]], Vectors]


class OurEncoders:
    """Encoders of one name, in each precision; models for OpenVINO are kept in the work folder."""

    def __init__(self, name: str, work: Path) -> None:
        self._name = name
        self._runtimes = work / "runtimes"
        self.exact = self._load("fp32")

    def load(self, precision: str, passages: Sequence[str]) -> TwinEncoder:
        """The encoder in this precision; int8 is calibrated on the passages."""
        if precision != CALIBRATED:
            return self._load(precision)
        return self._load(self._load("fp32").calibrate(passages))

    def _load(self, precision: str) -> TwinEncoder:
        return TwinEncoder.load(self._name, device="cpu", precision=precision, runtimes_folder=self._runtimes)


def precisions_here() -> dict[str, str | None]:
    """Every precision, and why this machine doesn't run it; None where it does."""
    runnable = candidates(torch.device("cpu"))
    if importlib.util.find_spec("openvino") and importlib.util.find_spec("nncf"):
        runnable = [*runnable, CALIBRATED]
    return {one: None if one in runnable else _what_lacks(one) for one in (*PRECISIONS, CALIBRATED)}


def _what_lacks(precision: str) -> str:
    if precision != "bf16" and importlib.util.find_spec("openvino") is None:
        return "the extra `fast` isn't installed"
    return "this processor has no bf16"


def sentence_transformers(name: str) -> Side | None:
    """Its `encode` with its defaults, without its progress bar; None where it isn't installed."""
    if importlib.util.find_spec("sentence_transformers") is None:
        return None
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer(str(resolve(name)), device="cpu", local_files_only=True)
    return Side(THEIRS, lambda texts: model.encode(list(texts), show_progress_bar=False))
