"""Where and in which precision an encoder runs.

    fp32       torch, as the weights are stored                bf16       torch, its matrices in bfloat16
    fast-fp32  OpenVINO (the extra `fast`), on the processor   fast-bf16  the same in bfloat16
    int8:KEY   OpenVINO with the numbers of calibration KEY; made for one collection's texts, and only when asked for

A precision is written down with what it filled, and queries use the same one: a name is never a wish. What
this machine can't run is refused, with what is missing, and not replaced by something near it.
"""

import copy
import importlib.util
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from search_app.errors import EncoderError
from search_app.twin.backbone import Backbone
from search_app.twin.kept_models import CALIBRATED, KeptModels

Runtime = Callable[[Tensor, Tensor], Tensor]  # ids and mask (batch, tokens) -> token vectors (batch, tokens, width)

PRECISIONS = ("fp32", "bf16", "fast-fp32", "fast-bf16")  # what can be asked for by name alone

_BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")  # x86 twice, Arm
_one_at_a_time = threading.Lock()  # the thread count belongs to the process


@runtime_checkable
class Streaming(Protocol):
    """A runtime that computes several batches at a time."""

    def stream(self, batches: Iterable[tuple[Tensor, Tensor]], /) -> Iterator[Tensor]:
        """Token vectors of each batch of ids and mask, in order."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a runtime is made from: the float32 backbone, its device, and the models that are kept for it."""

    backbone: Backbone
    device: torch.device
    models: Callable[[], KeptModels]


def choose_device(name: str) -> torch.device:
    """The device of this name; "auto" takes the fastest that is present.

    Raises:
        EncoderError: The device is unknown or not present.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was compiled for the device
        raise EncoderError(
            f"There is no device {name!r} here; expected auto, cpu, cuda or mps. Choose one that is: "
            "TWINSEARCH_DEVICE=auto, device in config.toml, or for a training --set device=auto."
        ) from error
    return device


def make_runtime(precision: str, surroundings: Surroundings) -> Runtime:
    """The runtime of this precision.

    Raises:
        EncoderError: No precision has this name, or this machine can't run it.
    """
    kind, _, key = precision.partition(":")
    if kind not in _MAKERS or bool(key) != (kind == CALIBRATED):
        raise EncoderError(
            f"There is no precision {precision!r}; expected auto, {', '.join(PRECISIONS)}, or int8 for a collection "
            "that is indexed already. Use --precision auto."
        )
    return _MAKERS[kind](precision, surroundings)


def candidates(device: torch.device) -> list[str]:
    """The precisions among which "auto" chooses on this device, the exact one first; never a calibrated one."""
    found = ["fp32"]
    if _multiplies_bf16(device):
        found.append("bf16")
    if device.type == "cpu" and importlib.util.find_spec("openvino") is not None:
        from search_app.twin.fast import multiplies_bf16

        found += ["fast-fp32", "fast-bf16"] if multiplies_bf16() else ["fast-fp32"]
    return found


def _multiplies_bf16(device: torch.device) -> bool:
    """Whether torch has bfloat16 in hardware there: elsewhere it is slower than float32, and less exact."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "mps":
        return bool(torch.backends.mps.is_macos_or_newer(14, 0))
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return any(bool(capabilities.get(name)) for name in _BF16_INSTRUCTIONS)


def _exact(precision: str, surroundings: Surroundings) -> Runtime:
    del precision
    return surroundings.backbone


def _half(precision: str, surroundings: Surroundings) -> Runtime:
    del precision
    return copy.deepcopy(surroundings.backbone).to(torch.bfloat16).eval()


def _fast(precision: str, surroundings: Surroundings) -> Runtime:
    refuse_without_openvino(precision, surroundings.device)
    from search_app.twin.fast import run_converted

    return run_converted(surroundings.backbone, surroundings.models(), is_half=precision.endswith("bf16"))


def _calibrated(precision: str, surroundings: Surroundings) -> Runtime:
    refuse_without_openvino(precision, surroundings.device)
    from search_app.twin.fast import run_calibrated

    return run_calibrated(surroundings.models(), precision.partition(":")[2])


_MAKERS: Mapping[str, Callable[[str, Surroundings], Runtime]] = MappingProxyType(
    {"fp32": _exact, "bf16": _half, "fast-fp32": _fast, "fast-bf16": _fast, CALIBRATED: _calibrated}
)


def refuse_without_openvino(precision: str, device: torch.device) -> None:
    """Raise EncoderError when this precision needs OpenVINO, and it can't be used on this device or isn't here."""
    if device.type != "cpu":
        raise EncoderError(
            f"Precision {precision!r} runs on the processor, but the device is {device.type!r}. "
            "Set TWINSEARCH_DEVICE=cpu for it, or use --precision bf16 on this device."
        )
    if importlib.util.find_spec("openvino") is None:
        raise EncoderError(
            f"Precision {precision!r} runs on OpenVINO, which isn't installed here. Install it with "
            "`pip install 'twinsearch[fast]'`, or build a generation without it: "
            "`twinsearch reindex NAME --encoder ENCODER --precision fp32`."
        )


def token_vectors(runtime: Runtime, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
    """Token vectors of each batch of ids and mask, in order, as the runtime likes to compute them."""
    if isinstance(runtime, Streaming):
        return runtime.stream(batches)
    return (runtime(ids, mask) for ids, mask in batches)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on the calling thread alone.

    A short query has too little work to share: on two busy cores the threads wait for each other, and a query
    took 440 ms instead of 15.
    """
    with _one_at_a_time:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
