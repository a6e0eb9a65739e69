"""A backbone in int8, its ranges measured on a sample of the texts that it is going to read.

Post-training quantisation of weights and activations by NNCF, with smoothing of outliers and correction of
biases, as it does for transformers. The same backbone and the same sample give the same model.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence

import nncf
import numpy as np
from torch import Tensor

from search_app.errors import EncoderError
from search_app.twin.backbone import Backbone, first_line
from search_app.twin.fast import convert, multiplies_bf16, save
from search_app.twin.kept_models import KeptModels

Batch = tuple[Tensor, Tensor]  # ids and mask, (batch, tokens) each


def calibrate(backbone: Backbone, batches: Sequence[Batch], models: KeptModels, *, heard: Callable[[int], None]) -> str:
    """The key of a new int8 model of this backbone, kept when this returns.

    Args:
        backbone: In float32, on the processor.
        batches: At least one; 300 texts are enough.
        models: Where to keep it.
        heard: Is told after every batch how many have passed; each passes twice or more.

    Raises:
        EncoderError: OpenVINO can't run this backbone, or NNCF can't quantise it.
    """
    model = convert(backbone)
    try:
        with _silence():
            quantised = nncf.quantize(
                model,
                nncf.Dataset(_Passing(batches, heard)),
                model_type=nncf.ModelType.TRANSFORMER,
                subset_size=len(batches),
            )
    except Exception as error:  # NNCF has no errors of its own for a network that it can't follow
        raise EncoderError(
            f"The encoder can't be quantised to int8 ({first_line(error)}). Use --precision auto."
        ) from error
    is_half = multiplies_bf16()
    return models.keep_calibrated(lambda folder: save(quantised, folder, is_half=is_half))


class _Passing:
    """The batches as NNCF reads them, any number of times, with a word after each."""

    def __init__(self, batches: Sequence[Batch], heard: Callable[[int], None]) -> None:
        self._batches = batches
        self._heard = heard
        self._passed = 0

    def __iter__(self) -> Iterator[list[np.ndarray]]:
        for ids, mask in self._batches:
            yield [ids.numpy(), mask.numpy()]
            self._passed += 1
            self._heard(self._passed)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """NNCF draws bars on stdout, which holds one JSON value, and warns about itself."""
    nncf.set_log_level(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
