"""Looks at the vectors of a generation that was just built, before it is called ready.

That every chunk is there is checked elsewhere; here it is whether the vectors are such as its encoder gives, and
whether the index over them finds what comparing every one of them finds.
"""

from itertools import islice

import numpy as np

from ingest.chunking import passage
from ingest.progress import Progress, Report
from ingest.sink import Encoder
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.errors import IndexFailure
from search_app.index import VectorIndex
from search_app.index.rows import wrong_rows
from search_app.index_health import recall_at_ten

RECALL_LEAST = 0.95
COSINE_LEAST = 0.99  # bf16 and int8 in batches of other sizes differ by less, other weights by far more

_ENCODED = 32
_QUERIES = 20


def verify_vectors(
    catalog: Catalog, index: VectorIndex, generation: Generation, encoder: Encoder, report: Report
) -> None:
    """Passes in silence if the generation's vectors are fit to answer.

    Args:
        encoder: The generation's own, without a cache before it.

    Raises:
        IndexFailure: Vectors aren't finite unit rows, or aren't those of the encoder, or the index doesn't find them.
    """
    _refuse_spoiled(index, generation, report)
    _refuse_foreign(catalog, index, generation, encoder)
    recall = recall_at_ten(index, generation.physical_name, _QUERIES, report)
    if recall < RECALL_LEAST:
        raise _failure(
            generation,
            f"its index finds {recall:.1%} of the ten nearest vectors, and {RECALL_LEAST:.0%} is the least",
            "Set a larger index.ef or index.kind = 'FLAT' (docs/search.md)",
        )


def _refuse_spoiled(index: VectorIndex, generation: Generation, report: Report) -> None:
    done = 0
    for ids, vectors in index.rows(generation.physical_name):
        wrong = wrong_rows(vectors)
        if wrong.size:
            raise _failure(
                generation,
                f"the vector of chunk {ids[int(wrong[0])]} isn't finite, or not of length 1",
                "Run `twinsearch check --repair`",
            )
        done += len(ids)
        report(Progress("verify", done, None, "vectors"))


def _refuse_foreign(catalog: Catalog, index: VectorIndex, generation: Generation, encoder: Encoder) -> None:
    ids = list(islice(catalog.documents.chunk_ids(generation.id), _ENCODED))  # hashes: the lowest are a fair sample
    held = index.vectors(generation.physical_name, ids) if ids else {}
    found = catalog.documents.passages(generation, list(held))
    texts = [passage(one.title, one.chunk.headings, one.chunk.text) for one in found.values()]
    if not texts:
        return
    fresh = encoder.encode(texts)
    cosines = np.einsum("nd,nd->n", fresh, np.stack([held[one] for one in found]))
    if cosines.min() < COSINE_LEAST:
        raise _failure(
            generation,
            f"a chunk's vector has a cosine of {cosines.min():.3f} to what its encoder {generation.encoder_name!r} "
            "gives now",
            "Delete vectors.sqlite from the home, drop the generation",
        )


def _failure(generation: Generation, problem: str, remedy: str) -> IndexFailure:
    return IndexFailure(
        f"Generation {generation.number} isn't fit to answer: {problem}. {remedy}, then run the same command again."
    )
