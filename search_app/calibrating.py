"""Chooses int8 for a generation: an encoder whose ranges are measured on the collection's own passages.

The sample is the same for the same text, and so is the model that comes out. A generation that a crash left
half built by an int8 model goes on with that model, also when documents have come in since.
"""

from dataclasses import replace
from itertools import islice

from ingest.chunking import passage
from ingest.progress import Report
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation, GenerationState
from search_app.encoders import EncoderChoice, Encoders
from search_app.errors import UsageError

_PASSAGES = 300  # more change nothing that a search would show


def choose_calibrated(
    catalog: Catalog, encoders: Encoders, live: Generation, encoder_name: str, report: Report
) -> EncoderChoice:
    """The named encoder in int8, for the next generation of the collection that `live` serves.

    Raises:
        UsageError: The collection holds no passages.
        UnknownEncoder, EncoderError: The encoder isn't there, or can't be run or calibrated on this machine.
    """
    choice = encoders.choose(encoder_name, precision="fp32")
    for held in catalog.generations.list(live.collection_id):
        is_begun = held.state is GenerationState.BUILDING and held.fingerprint == choice.record.fingerprint
        if is_begun and encoders.has_calibrated(held.fingerprint, held.precision):
            return replace(choice, precision=held.precision)
    return replace(choice, precision=encoders.calibrate(encoder_name, _sample(catalog, live), report))


def _sample(catalog: Catalog, live: Generation) -> list[str]:
    """Passages as the encoder reads them; their ids are hashes, so that the lowest ids are a fair sample."""
    ids = list(islice(catalog.documents.chunk_ids(live.id), _PASSAGES))
    if not ids:
        raise UsageError("int8 is calibrated on the collection's passages, and it holds none. Ingest some first.")
    found = catalog.documents.passages(live, ids)
    chosen = [found[one] for one in ids if one in found]
    return [passage(one.title, one.chunk.headings, one.chunk.text) for one in chosen]
