"""What is noted with a Milvus collection: the encoder that filled it, and the home that it belongs to.

And what must be looked at before all its rows are read: whether there are any.

Somebody else may make a collection anew under its name, or change the catalogue's row. Vectors of another network of
the same width answer every query, only wrongly; so whoever opens a collection looks at its mark first.
"""

from search_app.catalog.generations import Generation
from search_app.errors import FingerprintMismatch, IndexFailure
from search_app.index import VectorIndex

FINGERPRINT_PROPERTY = "twinsearch.fingerprint"
HOME_PROPERTY = "twinsearch.home"


def refuse_foreign(index: VectorIndex, generation: Generation) -> None:
    """Passes in silence if the generation's encoder has filled its physical collection.

    Raises:
        FingerprintMismatch: Another one has.
        IndexFailure: Milvus has no such collection.
    """
    name = generation.physical_name
    held = index.properties(name).get(FINGERPRINT_PROPERTY)
    if held != generation.fingerprint:
        raise FingerprintMismatch(
            f"The Milvus collection {name!r} says that it was filled by encoder {str(held)[:12]}, the catalogue says "
            f"{generation.fingerprint[:12]}. Run `twinsearch check --repair` to build it again."
        )


def refuse_lost(index: VectorIndex, generation: Generation, collection: str, passage_count: int) -> None:
    """Passes in silence if there are vectors to be read.

    Args:
        passage_count: What the catalogue has in the generation.

    Raises:
        IndexFailure: Milvus holds none, or has no such collection.
    """
    if not index.count(generation.physical_name):
        raise IndexFailure(
            f"Milvus has lost the vectors of collection {collection!r}: it holds none, and the catalogue has "
            f"{passage_count:,} passages. Run `twinsearch check --repair` to restore them."
        )
