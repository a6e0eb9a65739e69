"""Tells which documents of a batch are exact copies of others, so that they are not stored twice.

A copy has the title, the text and the metadata of its original, and lies in another file. Rows of one file are never
copies of each other: whoever gave them ids of their own wants to find each.
"""

from collections.abc import Mapping, Sequence

from ingest.documents import Document
from ingest.sink import EncodedDocument
from search_app.catalog.aliases import Copy, Original


def part_copies(
    batch: Sequence[EncodedDocument], held: Mapping[str, Sequence[Original]], heirs: Sequence[Document] = ()
) -> tuple[list[EncodedDocument], list[Copy]]:
    """The documents of the batch that are stored as such, and those that are copies of these or of what is held.

    Args:
        batch: Documents that come in or change.
        held: Documents with the same bodies, by the hash of the body; those that are in the batch too don't count.
        heirs: Documents that come to stand beside the batch, in place of others that change with it.
    """
    own_ids = {one.document.id for one in batch}
    originals = {body: [one for one in known if one.id not in own_ids] for body, known in held.items()}
    for heir in heirs:
        originals.setdefault(heir.body_hash, []).append(Original(heir.id, heir.origin))
    kept: list[EncodedDocument] = []
    copies: list[Copy] = []
    for one in batch:
        document = one.document
        known = originals.setdefault(document.body_hash, [])
        original = next((other for other in known if other.origin != document.origin), None)
        if original is None:
            kept.append(one)
            known.append(Original(document.id, document.origin))
        else:
            copies.append(Copy(document, original.id))
    return kept, copies
