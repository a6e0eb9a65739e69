"""A backbone in int8, its ranges measured on a sample of the texts that it is going to read.

Post-training quantisation of weights and activations by NNCF, with smoothing of outliers and correction of
biases, as it does for transformers. Calibrating again may give another model, so a model goes by its own key.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import nncf
import numpy as np
import openvino
from numpy.typing import NDArray

from ingest.progress import Progress, Report
from search_app.errors import EncoderError
from search_app.twin.backbone import Backbone, first_line
from search_app.twin.fast import convert, multiplies_bf16, save
from search_app.twin.kept_models import KeptModels
from search_app.twin.network import Features

_PASSES = 2  # NNCF reads the sample once to smooth outliers, and once to find the ranges


def calibrate(backbone: Backbone, batches: Sequence[Features], models: KeptModels, report: Report) -> str:
    """The key of a new int8 model of this backbone, kept when this returns.

    Args:
        backbone: In float32, on the processor.
        batches: At least one, with `input_ids` and `attention_mask`.
        models: Where to keep it.
        report: Hears before every batch.

    Raises:
        EncoderError: OpenVINO can't run this backbone, or NNCF can't quantise it.
    """
    model = convert(backbone)
    try:
        with _silence(), ThreadPoolExecutor(1) as apart:  # see fast._core: NNCF loads plugins and lets them go
            quantised = apart.submit(_quantised, model, _Passing(batches, report), len(batches)).result()
    except RuntimeError as error:  # NNCF's errors, and OpenVINO's
        raise EncoderError(
            f"The encoder can't be quantised to int8 ({first_line(error)}). Use --precision auto."
        ) from error
    is_half = multiplies_bf16()
    return models.keep_calibrated(lambda folder: save(quantised, folder, is_half=is_half))


def _quantised(model: "openvino.Model", passing: Iterable[list[NDArray[np.int64]]], count: int) -> "openvino.Model":
    data = nncf.Dataset(passing)
    return nncf.quantize(model, data, model_type=nncf.ModelType.TRANSFORMER, subset_size=count)


class _Passing:
    """The batches as NNCF reads them, as often as it likes, with a word before each."""

    def __init__(self, batches: Sequence[Features], report: Report) -> None:
        self._batches = batches
        self._report = report
        self._passed = 0

    def __iter__(self) -> Iterator[list[NDArray[np.int64]]]:
        for batch in self._batches:
            self._passed += 1
            total = max(self._passed, _PASSES * len(self._batches))
            self._report(Progress("calibrate", self._passed, total, "batches"))
            yield [batch[name].numpy() for name in ("input_ids", "attention_mask")]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """NNCF draws bars on stdout, which holds one JSON value, and warns about itself."""
    nncf.set_log_level(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
