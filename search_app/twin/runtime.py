"""Where and in which precision an encoder runs.

"auto" never trades accuracy for nothing: bfloat16 is chosen only where the hardware multiplies it, since
elsewhere it is slower and less exact.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from search_app.errors import EncoderError

Precision = Literal["fp32", "bf16"]

_BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")  # x86 twice, Arm
_one_at_a_time = threading.Lock()  # the thread count belongs to the process
PRECISIONS: dict[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}


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
            f"There is no device {name!r} here; expected auto, cpu, cuda or mps. Use --device cpu."
        ) from error
    return device


def choose_precision(name: str, device: torch.device) -> Precision:
    """The precision of this name; "auto" takes bf16 where the device has it in hardware.

    Raises:
        EncoderError: No precision has this name.
    """
    if name == "auto":
        return "bf16" if _multiplies_bf16(device) else "fp32"
    if name == "fp32":
        return "fp32"
    if name == "bf16":
        return "bf16"
    raise EncoderError(f"There is no precision {name!r}; expected auto, fp32 or bf16. Use --precision auto.")


def _multiplies_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(bool(capabilities.get(name)) for name in _BF16_INSTRUCTIONS)


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
