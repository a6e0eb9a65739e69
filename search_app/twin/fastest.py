"""What `precision="auto"` means: the fastest precision that gives nearly the exact vectors, found by trying.

Every candidate encodes the same few texts, short and long: all at once, as an ingest does, and the first alone,
as a search does; the product of both times counts. One whose worst cosine to float32 is below 0.999 is out; of the
others the fastest is taken, and an exact one stays unless it is beaten by a tenth, so that noise doesn't decide.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from search_app.errors import EncoderError
from search_app.twin.runtime import Surroundings

Vectors = NDArray[np.float32]
Encode = Callable[[int], Vectors]

SMALLEST_COSINE = 0.999
PROBE = (
    "How do I copy a file and keep its timestamps?",
    "statins and the risk of breast cancer",
    "Rückgabe",
    "x = [int(part) for part in line.split(',') if part.strip()]",
    "The committee met on Tuesday, 4 March 1997, and adjourned at 17:45 without a vote.",
    "A vector index answers a query with the rows whose direction is nearest to it. The rows are compared by the "
    "cosine of the angle between them, which for rows of unit length is their inner product. An exact search "
    "compares the query with every row; an approximate one follows a graph of neighbours and looks at a few "
    "thousand. What it misses is measured as recall, and what it costs as the time of one query. ",
    "The river rises in the hills to the north and reaches the plain after sixty kilometres. In spring, when the "
    "snow melts, it carries ten times the water of a dry autumn, and the meadows beside it lie under water for "
    "weeks. People built their houses on the higher bank, and the mill, which needs the current, on the lower. The "
    "bridge of 1864 was taken by the flood of 1910, rebuilt in iron, and widened for cars half a century later. "
    "Since then a gauge below the bridge writes down the level every quarter of an hour; the records show that the "
    "flood comes two weeks earlier than it did when the oldest people of the town were children. ",
)
_RUNS = 5  # after one that isn't counted; the best one counts
_GAIN = 1.1  # so much faster than the one before it in the list, or it isn't taken
_LIBRARIES = ("torch", "transformers", "openvino")


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate's worst cosine to float32 on the probe, and how long the probe and its first text alone took."""

    precision: str
    cosine: float
    seconds: float
    query_seconds: float

    @property
    def cost(self) -> float:
        """What candidates are compared by: half the time for either kind of work is worth the same."""
        return self.seconds * self.query_seconds


def fastest(precisions: Sequence[str], prepare: Callable[[str], Encode], surroundings: Surroundings) -> str:
    """The precision for this encoder here: tried out, or as it was chosen before in the same surroundings.

    Args:
        precisions: The first is exact and the truth for the others.
        prepare: Gives a function that encodes the first n texts of the probe in this precision, unit rows (n, dim), or
            raises EncoderError.
        surroundings: What the choice belongs to, and where it is remembered.
    """
    if len(precisions) == 1:
        return precisions[0]
    models, key = surroundings.models(), _made_with(surroundings.device)
    known = models.choice(key)
    if known is not None and known in precisions:
        return known
    tried = try_out(precisions, prepare)
    models.note_choice(pick(tried), key, [asdict(one) for one in tried])
    return pick(tried)


def try_out(precisions: Sequence[str], prepare: Callable[[str], Encode]) -> list[Tried]:
    """Every precision that can be prepared, tried on the probe.

    The arguments are those of `fastest`.
    """
    encoders = dict(_prepared(precisions, prepare))
    vectors = {precision: encode(len(PROBE)) for precision, encode in encoders.items()}
    truth = next(iter(vectors.values()))
    batches, queries = (_timed(encoders, count) for count in (len(PROBE), 1))
    return [
        Tried(precision, float((own * truth).sum(axis=1).min()), batches[precision], queries[precision])
        for precision, own in vectors.items()
    ]


def _prepared(precisions: Sequence[str], prepare: Callable[[str], Encode]) -> Iterator[tuple[str, Encode]]:
    for precision in precisions:
        try:
            yield precision, prepare(precision)
        except EncoderError:  # a backbone that OpenVINO can't run
            continue


def pick(tried: Sequence[Tried]) -> str:
    """The precision to use: the first, or one after it that is faster by a tenth and near enough."""
    best = tried[0]
    for one in tried[1:]:
        if one.cosine >= SMALLEST_COSINE and one.cost * _GAIN < best.cost:
            best = one
    return best.precision


def _made_with(device: torch.device) -> dict[str, Any]:
    """What a choice depends on besides the encoder: libraries, processor, threads."""
    processor = torch.cuda.get_device_name(device) if device.type == "cuda" else dict(torch.cpu.get_capabilities())
    versions = {name: _version(name) for name in _LIBRARIES}
    return {**versions, "device": device.type, "processor": processor, "threads": torch.get_num_threads()}


def _timed(encoders: Mapping[str, Encode], count: int) -> dict[str, float]:
    """The best seconds of each; they take turns, so that what else the machine does meets all of them."""
    seconds = dict.fromkeys(encoders, math.inf)
    for precision, encode in list(encoders.items()) * _RUNS:
        began = time.perf_counter()
        encode(count)
        seconds[precision] = min(seconds[precision], time.perf_counter() - began)
    return seconds


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
