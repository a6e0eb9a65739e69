"""Fills a generation from the catalogue's text, in steps of so many chunks however long the documents are.

A step is encoded, handed to Milvus and committed before the next one begins: whatever stops a build costs one step,
and what was encoded of that one waits in the vector cache.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingest.chunking import Chunk, ChunkingSettings, chunk_document, fit_title
from ingest.counting import TokenCounter
from ingest.documents import Document
from ingest.progress import Progress, Report
from ingest.sink import Encoder
from search_app.catalog import Catalog
from search_app.catalog.commits import BuiltDocument
from search_app.catalog.documents import PendingDocument
from search_app.writing import GenerationWriter, encode_documents

_DOCUMENTS_PER_READ = 5000
_CHARACTERS_PER_READ = 8_000_000


@dataclass(frozen=True, slots=True)
class _Cut:
    """A document with a title short enough for the settings, and its chunks: the catalogue's, else cut now."""

    document: Document
    content_hash: str
    chunks: tuple[Chunk, ...]


def build(catalog: Catalog, writer: GenerationWriter, encoder: Encoder, *, step_chunks: int, report: Report) -> None:
    """Brings the writer's generation up to the catalogue's text; what it has already is not encoded again.

    Args:
        catalog: Where the text comes from.
        writer: Of the generation.
        encoder: The generation's.
        step_chunks: Between two flushes; a longer document is a step of its own.
        report: Hears how far it is.
    """
    generation = writer.generation
    work = _Build(catalog, writer, encoder, report, catalog.documents.pending_count(generation.id))
    counter = TokenCounter(encoder.count_tokens)
    while read := catalog.documents.pending(generation.id, _DOCUMENTS_PER_READ, characters=_CHARACTERS_PER_READ):
        for step in _steps((_cut(one, generation.chunking, counter) for one in read), step_chunks):
            work.do(step)
    writer.sweep()


@dataclass(slots=True)
class _Build:
    """A build under way; `total` is what was pending when it began."""

    catalog: Catalog
    writer: GenerationWriter
    encoder: Encoder
    report: Report
    total: int
    done: int = 0

    def do(self, step: list[_Cut]) -> None:
        """Encode a step, hand it to Milvus, commit it."""
        encoded = encode_documents(self.encoder, [(one.document, one.chunks) for one in step], tell=self.tell)
        self.writer.hand_over(encoded)
        built = [BuiltDocument(one.document.id, one.content_hash, one.chunks) for one in step]
        self.catalog.documents.commit_built(self.writer.generation.id, built)
        self.done += len(step)
        self.tell(0)

    def tell(self, encoded_count: int) -> None:
        """Report, with so many documents of the step at hand encoded."""
        done = self.done + encoded_count
        self.report(Progress("reindex", done, max(self.total, done), "documents"))


def _cut(pending: PendingDocument, settings: ChunkingSettings, counter: TokenCounter) -> _Cut:
    document = fit_title(pending.document, settings, counter)
    own = pending.chunks if pending.chunks is not None else tuple(chunk_document(document, settings, counter))
    return _Cut(document, pending.document.content_hash, own)


def _steps(documents: Iterable[_Cut], step_chunks: int) -> Iterator[list[_Cut]]:
    step: list[_Cut] = []
    count = 0
    for one in documents:
        if step and count + len(one.chunks) > step_chunks:
            yield step
            step, count = [], 0
        step.append(one)
        count += len(one.chunks)
    if step:
        yield step
