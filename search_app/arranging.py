"""The second picture of a collection: t-SNE, which keeps neighbours together and gives up all else.

It takes minutes, so a job draws it. The picture is kept in a file of the home under the physical name of the generation
that it is of, and goes with that. openTSNE draws it, which is an extra.

Source: van der Maaten and Hinton 2008, JMLR 9; the speed: Linderman et al. 2019, doi:10.1038/s41592-018-0308-4.
"""

import os
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ingest.progress import Progress, Report
from ingest.sink import Vectors
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation, GenerationState
from search_app.errors import QueryError, UsageError
from search_app.index import VectorIndex
from search_app.maps import sampled
from search_app.marks import refuse_lost
from search_app.requests import ArrangeRequest

PASSAGES_LEAST = 10
_EARLY_STEPS, _STEPS = 250, 500  # openTSNE's own
# What a file of another version raises, or one that a power cut left half
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
_STEPS_TOGETHER = 10  # between two looks whether somebody wants it to stop


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the passages of a generation lie, by the ids of their chunks."""

    places: Mapping[str, tuple[float, float]]
    drawn_at: float


@dataclass(frozen=True, slots=True)
class Arranged:
    """What was arranged: so many of all passages of a generation."""

    collection: str
    generation: int
    drawn_count: int
    passage_count: int
    seconds: float


def can_arrange() -> bool:
    """Whether openTSNE is installed."""
    return find_spec("openTSNE") is not None


def arrange_collection(
    catalog: Catalog, index: VectorIndex, folder: Path, request: ArrangeRequest, report: Report
) -> Arranged:
    """Draws a collection's live generation by t-SNE and keeps the picture in a folder.

    Args:
        catalog: Which generation is live.
        index: Has its vectors.
        folder: Made when it isn't there.
        request: What to draw, and how.
        report: Hears of each few steps, and may stop them.

    Raises:
        UsageError: openTSNE isn't installed, there are too few passages, or the perplexity is below 1.
        QueryError: The collection holds nothing yet.
        IndexFailure: Milvus has lost its vectors.
    """
    if not can_arrange():
        raise UsageError("t-SNE is drawn by openTSNE, which isn't installed. Run `pip install 'twinsearch[map]'`.")
    if request.perplexity < 1:
        raise UsageError(
            f"A perplexity of {request.perplexity:g} keeps no neighbours together; choose one from 1, such as 30."
        )
    begun = time.monotonic()
    live, total = _live(catalog, request.collection)
    refuse_lost(index, live, request.collection, total)
    ids, vectors = sampled(index.rows(live.physical_name), total, request.seed, report)
    places = tsne(vectors, perplexity=request.perplexity, seed=request.seed, report=report)
    write_layout(folder, live, ids, places)
    sweep(catalog, folder)
    return Arranged(request.collection, live.number, len(ids), total, time.monotonic() - begun)


def tsne(vectors: Vectors, *, perplexity: float, seed: int, report: Report) -> Vectors:
    """A place in the plane for each row, (n, 2) float32: rows that are near to each other come to lie together."""
    from openTSNE import TSNE  # an extra, and its import takes a second

    report(Progress("find neighbours", 0, None, "passages"))
    drawing = TSNE(
        perplexity=min(perplexity, (len(vectors) - 1) / 3),
        early_exaggeration_iter=_EARLY_STEPS,
        n_iter=_STEPS,
        n_jobs=os.cpu_count() or 1,
        random_state=seed,
        callbacks=_told(report),
        callbacks_every_iters=_STEPS_TOGETHER,
    )
    return np.asarray(drawing.fit(vectors), dtype=np.float32)


def write_layout(folder: Path, generation: Generation, chunk_ids: Sequence[str], places: Vectors) -> None:
    """Keeps the picture of a generation: a place, (n, 2), for each chunk."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = _file(folder, generation)
    aside = path.with_suffix(".new")
    with aside.open("wb") as file:
        np.savez_compressed(file, ids=np.array(chunk_ids), places=places)
    aside.replace(path)


def read_layout(folder: Path, generation: Generation) -> Layout | None:
    """The picture of a generation; None where none was drawn, or it can't be read any more."""
    path = _file(folder, generation)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            ids, places = held["ids"].tolist(), held["places"].tolist()
        return Layout({one: (x, y) for one, (x, y) in zip(ids, places, strict=True)}, path.stat().st_mtime)
    except _UNREADABLE:
        return None


def sweep(catalog: Catalog, folder: Path) -> None:
    """Deletes the pictures of generations that are gone."""
    standing = {
        f"{generation.physical_name}.npz"
        for one in catalog.collections.list()
        for generation in catalog.generations.list(one.id)
        if generation.state is not GenerationState.DROPPED
    }
    for path in folder.glob("*.npz"):
        if path.name not in standing:
            path.unlink(missing_ok=True)


def _live(catalog: Catalog, collection: str) -> tuple[Generation, int]:
    """The live generation, and how many passages it has: enough of them."""
    live = catalog.collections.live(collection)
    total = catalog.documents.chunk_count(live.id) if live else 0
    if live is None or not total:
        raise QueryError(
            f"Collection {collection!r} holds nothing yet. Run `twinsearch ingest PATH -c {collection}` first."
        )
    if total < PASSAGES_LEAST:
        raise UsageError(f"{total} passages can't be arranged by their neighbours; t-SNE needs {PASSAGES_LEAST}.")
    return live, total


def _told(report: Report) -> Callable[[int, float, Vectors], None]:
    """A callback that counts the steps of both phases together."""
    done = 0

    def tell(_step: int, divergence: float, _places: Vectors) -> None:
        nonlocal done
        done = min(done + _STEPS_TOGETHER, _EARLY_STEPS + _STEPS)
        report(Progress("arrange", done, _EARLY_STEPS + _STEPS, "steps", f"divergence {divergence:.2f}"))

    return tell


def _file(folder: Path, generation: Generation) -> Path:
    return folder / f"{generation.physical_name}.npz"
