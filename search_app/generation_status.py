"""How the generations of a collection stand, from the catalogue and the disk; Milvus isn't asked."""

from dataclasses import dataclass
from pathlib import Path

from search_app.catalog import Catalog
from search_app.catalog.generations import Generation
from search_app.catalog.switches import Switch
from search_app.gate.verdict import verdict_of


@dataclass(frozen=True, slots=True)
class GenerationStatus:
    """A generation with what it holds.

    Attributes:
        disk_bytes: Of embedded Milvus; None where there is nothing on this disk.
        switch: How it went live last; None if it never did.
        gate: What the gate said of it last, in a few words; "-" if it was never asked.
    """

    generation: Generation
    chunk_count: int
    disk_bytes: int | None
    switch: Switch | None
    gate: str


def generation_status(catalog: Catalog, data_folder: Path, collection: str) -> tuple[GenerationStatus, ...]:
    """Every generation of the collection by number."""
    collection_id = catalog.collections.get(collection).id
    switches = {one.number: one for one in catalog.switches.list(collection_id)}
    return tuple(
        GenerationStatus(
            one,
            catalog.documents.chunk_count(one.id),
            _folder_bytes(data_folder / "collections" / one.physical_name),
            switches.get(one.number),
            _gate_text(one),
        )
        for one in catalog.generations.list(collection_id)
    )


def _folder_bytes(folder: Path) -> int | None:
    if not folder.is_dir():
        return None
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # a compaction has replaced it meanwhile
            continue
    return total


def _gate_text(generation: Generation) -> str:
    if not generation.evaluation:
        return "-"
    verdict = verdict_of(generation.evaluation)
    return f"{verdict.ruling.value} ({verdict.difference:+.4f})"
