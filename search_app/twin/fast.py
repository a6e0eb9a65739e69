"""Runs a backbone with OpenVINO, converted directly from the torch module.

Token vectors come out in float32 and are pooled by the network's own code, so that only the backbone differs
between two precisions. A conversion counts only if it gives torch's vectors for batches of other shapes than
the one that it was made from.
"""

import json
import threading
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import openvino
import torch
from torch import Tensor

from search_app.errors import EncoderError
from search_app.twin.backbone import Backbone, first_line, quiet_transformers
from search_app.twin.kept_models import MODEL_FILE, KeptModels

_HINTS = {False: "f32", True: "bf16"}
_SETTINGS_FILE = "runtime.json"
_EXAMPLE = ((8, 8), (8, 5))  # lengths of a batch's rows, and how much of each is not padding
_TRIED = (((3,), (3,)), ((19, 19, 19), (19, 7, 1)))
_TOLERANCE = 1e-3  # of the largest component; float32 in another order of sums is at 1e-6


class OpenVinoRuntime:
    """A compiled model as a function: ids and mask (batch, tokens) -> token vectors in float32.

    All threads share a single batch, so that a query is answered soon. Of many batches each thread computes one of its
    own: then nobody waits for the others after every layer.
    """

    def __init__(self, model: "openvino.Model | Path", *, is_half: bool) -> None:
        self._model = _core().read_model(model) if isinstance(model, Path) else model
        self._is_half, self._threads = is_half, torch.get_num_threads()
        self._request = self._requests("LATENCY", 1)[0]
        self._one_at_a_time, self._one_stream_at_a_time = threading.Lock(), threading.Lock()

    def __call__(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token vectors (batch, tokens, width) float32, the caller's own."""
        with self._one_at_a_time:
            self._request.infer([ids.numpy(), mask.numpy()], share_inputs=True)
            return _result(self._request)

    def stream(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
        """Token vectors of each batch, in order; a batch for each thread is on its way at a time."""
        remaining = iter(batches)
        first = list(islice(remaining, 2))
        if len(first) < 2:
            yield from (self(*batch) for batch in first)
            return
        with self._one_stream_at_a_time:
            yield from _side_by_side(self._lanes, chain(first, remaining))

    @cached_property
    def _lanes(self) -> list[Any]:
        """A request for each thread; compiled when there are several batches for the first time."""
        return self._requests("THROUGHPUT", self._threads)

    def _requests(self, hint: str, count: int) -> list[Any]:
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[self._is_half],
            "PERFORMANCE_HINT": hint,
            "NUM_STREAMS": count,
            "INFERENCE_NUM_THREADS": self._threads,
            "ENABLE_CPU_PINNING": False,  # other processes use these cores too
        }
        compiled = _core().compile_model(self._model, "CPU", settings)
        return [compiled.create_infer_request() for _ in range(count)]


@cache
def _core() -> "openvino.Core":
    """The one way to the devices, held as long as the process lives.

    The processor's plugin gives the thread that loads it a signal stack and frees that with the last reference, in
    whichever thread that goes: from then on the first thread's next signal, a Ctrl-C, would be a segmentation fault.
    """
    return openvino.Core()


def _side_by_side(requests: Sequence[Any], batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
    running: deque[tuple[Any, list[Any]]] = deque()  # requests with their inputs, which must outlive them
    try:
        for request, batch in zip(cycle(requests), batches, strict=False):
            if len(running) == len(requests):  # then the oldest is this very request
                yield _awaited(running.popleft()[0])
            arrays = [tensor.numpy() for tensor in batch]
            request.start_async(arrays, share_inputs=True)
            running.append((request, arrays))
        while running:
            yield _awaited(running.popleft()[0])
    finally:  # whoever listens may have gone
        for request, _ in running:
            request.wait()


def _awaited(request: Any) -> Tensor:
    request.wait()
    return _result(request)


def _result(request: Any) -> Tensor:
    return torch.from_numpy(request.get_output_tensor(0).data.copy())


def multiplies_bf16() -> bool:
    """Whether OpenVINO has bfloat16 in hardware here; without, it computes in float32 and says nothing."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def run_converted(backbone: Backbone, models: KeptModels, *, is_half: bool) -> OpenVinoRuntime:
    """The backbone in float32 or bfloat16, from the model that is kept, or converted now.

    Raises:
        EncoderError: It can't be converted, or bfloat16 is asked of a processor that doesn't have it.
    """
    if is_half:
        _refuse_slow_half("fast-bf16")
    folder = models.converted(lambda aside: save(convert(backbone), aside))
    return OpenVinoRuntime(convert(backbone) if folder is None else folder / MODEL_FILE, is_half=is_half)


def run_calibrated(models: KeptModels, key: str) -> OpenVinoRuntime:
    """The calibrated model with this key.

    Raises:
        EncoderError: It is gone, or was calibrated for bfloat16 beside int8, which this processor doesn't have.
    """
    folder = models.calibrated(key)
    is_half = bool(json.loads((folder / _SETTINGS_FILE).read_text(encoding="utf-8"))["is_half"])
    if is_half:
        _refuse_slow_half(f"int8:{key}")
    return OpenVinoRuntime(folder / MODEL_FILE, is_half=is_half)


def save(model: "openvino.Model", folder: Path, *, is_half: bool = False) -> None:
    """Writes a model into an existing folder, its weights as they are, with the precision of what isn't int8."""
    openvino.save_model(model, folder / MODEL_FILE, compress_to_fp16=False)
    (folder / _SETTINGS_FILE).write_text(json.dumps({"is_half": is_half}), encoding="utf-8")


def convert(backbone: Backbone) -> "openvino.Model":
    """The backbone as an OpenVINO model in float32, for batches of any shape.

    Raises:
        EncoderError: OpenVINO can't convert it, or what comes out gives other vectors.
    """
    try:
        with warnings.catch_warnings(), quiet_transformers(), torch.inference_mode():
            warnings.simplefilter("ignore")  # the tracer's; whether they matter is tried below
            model = openvino.convert_model(backbone, example_input=_batch(backbone, *_EXAMPLE))
        fits = all(_is_equal(model, backbone, lengths, used) for lengths, used in _TRIED)
    except Exception as error:  # the converter passes on whatever the traced module raises
        raise _unconvertible(backbone, first_line(error)) from error
    if not fits:
        raise _unconvertible(backbone, "its vectors differ from torch's")
    return model


def _unconvertible(backbone: Backbone, reason: str) -> EncoderError:
    return EncoderError(
        f"OpenVINO can't run this encoder's {type(backbone).__name__} ({reason}). "
        "Use --precision fp32 or bf16, which run on torch."
    )


def _is_equal(model: "openvino.Model", backbone: Backbone, lengths: tuple[int, ...], used: tuple[int, ...]) -> bool:
    ids, mask = _batch(backbone, lengths, used)
    with torch.inference_mode():
        exact = backbone(ids, mask) * mask.unsqueeze(-1)
    given = OpenVinoRuntime(model, is_half=False)(ids, mask) * mask.unsqueeze(-1)
    return given.shape == exact.shape and bool((given - exact).abs().max() <= _TOLERANCE * exact.abs().max())


def _batch(backbone: Backbone, lengths: tuple[int, ...], used: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Ids that run through the vocabulary, and a mask with so many ones in each row."""
    longest = min(lengths[0], backbone.max_positions or lengths[0])
    ids = torch.arange(len(lengths) * longest).reshape(len(lengths), longest) * 7 % backbone.vocabulary_size
    mask = (torch.arange(longest) < torch.tensor(used).unsqueeze(1)).long()
    return torch.where(mask == 1, ids, backbone.pad_id or 0), mask


def _refuse_slow_half(precision: str) -> None:
    if not multiplies_bf16():
        raise EncoderError(
            f"Precision {precision!r} needs a processor that multiplies bfloat16 (avx512_bf16, amx_bf16, or Arm's "
            "bf16), and this one doesn't. Go to one that does, or build a generation without it: "
            "`twinsearch reindex NAME --encoder ENCODER --precision fast-fp32`."
        )
