"""Predicts what building a generation takes, from a sample of the passages that are live.

What the sample costs isn't lost: its vectors wait in the vector cache. A passage that waits there costs nothing.
"""

import time
from collections.abc import Callable, Sequence
from itertools import islice

from ingest.chunking import ChunkingSettings, passage
from ingest.sink import Vectors
from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.encoders import CachedEncoder
from search_app.gate.preview import Cost, disk_bytes

_LOOKED_UP = 512  # passages whose vectors are asked for in the cache
_TIMED = 64  # of those without, how many are encoded: about a second on two cores
_WARMING = 2  # the first texts load what the others find loaded


def forecast(catalog: Catalog, live: Generation, encoder: CachedEncoder, chunking: ChunkingSettings) -> Cost:
    """What a generation takes that the encoder fills, in chunks that are cut by these settings.

    Chunks of another length are guessed to be as many more as they are shorter; the time goes by the text and stays.
    """
    ids = list(islice(catalog.documents.chunk_ids(live.id), _LOOKED_UP))  # hashes: the lowest are a fair sample
    found = catalog.documents.passages(live, ids)
    texts = [passage(one.title, one.chunk.headings, one.chunk.text) for one in found.values()]
    is_cut_anew = chunking.key != live.chunking_key  # then no chunk waits in the cache, though what it is cut from does
    timed = texts if is_cut_anew else encoder.unknown(texts)
    share = len(timed) / max(len(texts), 1)
    total = catalog.documents.chunk_count(live.id)
    seconds = total * share * _seconds_each(encoder.encode_anew if is_cut_anew else encoder.encode, timed)
    count = round(total * _step(live.chunking) / _step(chunking)) if is_cut_anew else total
    return Cost(round(count * share), seconds, disk_bytes(count, encoder.dim))


def _seconds_each(encode: Callable[[Sequence[str]], Vectors], texts: Sequence[str]) -> float:
    """The time that one of the texts takes; 0 where none is left to be encoded."""
    timed = texts[_WARMING : _WARMING + _TIMED] or texts
    if timed is not texts:
        encode(texts[:_WARMING])
    begun = time.perf_counter()
    encode(timed)
    return (time.perf_counter() - begun) / max(len(timed), 1)


def _step(chunking: ChunkingSettings) -> int:
    """The tokens from the beginning of a chunk to that of the next one."""
    return max(chunking.max_tokens - chunking.overlap_tokens, 1)
