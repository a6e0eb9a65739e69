"""Runs a backbone with OpenVINO, converted directly from the torch module.

Token vectors come out in float32 and are pooled by the network's own code, so that only the backbone differs
between two precisions. A conversion counts only if it gives torch's vectors for batches of other shapes than
the one that it was made from.
"""

import json
import threading
import warnings
from pathlib import Path

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
    """A compiled model as a function: ids and mask (batch, tokens) -> token vectors in float32."""

    def __init__(self, model: "openvino.Model | Path", *, is_half: bool) -> None:
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[is_half],
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "ENABLE_CPU_PINNING": False,  # other processes use these cores too
        }
        self._request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
        self._one_at_a_time = threading.Lock()

    def __call__(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token vectors (batch, tokens, width) float32, the caller's own."""
        with self._one_at_a_time:
            self._request.infer([ids.numpy(), mask.numpy()], share_inputs=True)
            return torch.from_numpy(self._request.get_output_tensor(0).data.copy())


def multiplies_bf16() -> bool:
    """Whether OpenVINO has bfloat16 in hardware here; without, it computes in float32 and says nothing."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


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
