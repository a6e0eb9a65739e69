"""Which documents are copies of one another, exactly or nearly: kept beside them, true at the end of every transaction.

Every document has a leader: the oldest one that it is nearly the same as, or itself. Only leaders are looked for, so a
group is all that is like its leader, and no chain of small differences joins what is unlike.
Every function works inside the transaction that its caller opened.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, delete, insert, select

from ingest.documents import Document
from search_app.catalog.passages import document_of
from search_app.catalog.store import pieces
from search_app.catalog.tables import bands, documents, likenesses
from search_app.likeness import NEARLY_THE_SAME, bands_of, likeness, signatures

_LEADERS_A_BAND = 50  # more share what every document has, such as a template
_COMPARED = 20  # leaders that share the most bands


@dataclass(frozen=True, slots=True)
class Body:
    """What a document's copies are known by."""

    body_hash: str
    signature: bytes


def bodies_of(batch: Sequence[Document]) -> dict[str, Body]:
    """The body of each document, by its id."""
    made = signatures([f"{document.title} {document.text}" for document in batch])
    return {one.id: Body(one.body_hash, signature) for one, signature in zip(batch, made, strict=True)}


def note_bodies(connection: Connection, collection_id: int, fresh: Sequence[tuple[int, Body]]) -> None:
    """Write down the bodies of these documents, given by pk, in place of those that they had."""
    forget_bodies(connection, collection_id, [pk for pk, _ in fresh])
    known = _Leaders(connection, collection_id, [body.signature for _, body in fresh])
    rows, new_bands = [], []
    for pk, body in fresh:
        leader_pk = known.like(body.signature)
        if leader_pk is None:
            leader_pk = pk
            new_bands += [
                {"collection_id": collection_id, "band": band, "document_pk": pk}
                for band in known.add(pk, body.signature)
            ]
        rows.append(
            {
                "document_pk": pk,
                "collection_id": collection_id,
                "body_hash": body.body_hash,
                "leader_pk": leader_pk,
                "signature": body.signature,
            }
        )
    if rows:
        connection.execute(insert(likenesses), rows)
    if new_bands:
        connection.execute(insert(bands), new_bands)


def forget_bodies(connection: Connection, collection_id: int, document_pks: Sequence[int]) -> None:
    """Forget the bodies of documents that change or go; whoever they led is grouped anew."""
    led: list[tuple[int, Body]] = []
    for some in pieces(document_pks):
        rows = connection.execute(select(likenesses).where(likenesses.c.document_pk.in_(some))).all()
        leading = [row for row in rows if row.leader_pk == row.document_pk]
        _forget_bands(connection, collection_id, [(row.document_pk, row.signature) for row in leading])
        connection.execute(delete(likenesses).where(likenesses.c.document_pk.in_(some)))
        followers = likenesses.c.leader_pk.in_([row.document_pk for row in leading])
        led += [
            (row.document_pk, Body(row.body_hash, row.signature))
            for row in connection.execute(select(likenesses).where(followers))
        ]
        connection.execute(delete(likenesses).where(followers))
    going = set(document_pks)
    staying = sorted((pk, body) for pk, body in led if pk not in going)
    if staying:
        note_bodies(connection, collection_id, staying)


def note_all_bodies(connection: Connection) -> None:
    """Write down the bodies of a catalogue whose documents have none yet."""
    last = 0
    query = select(documents).order_by(documents.c.pk).limit(200)
    while rows := connection.execute(query.where(documents.c.pk > last)).all():
        last = rows[-1].pk
        by_collection = defaultdict(list)
        for row in rows:
            by_collection[row.collection_id].append(row)
        for collection_id, own in by_collection.items():
            bodies = bodies_of([document_of(row) for row in own])
            note_bodies(connection, collection_id, [(row.pk, bodies[row.id]) for row in own])


class _Leaders:
    """The leaders that may be like some documents, and those that join them meanwhile."""

    def __init__(self, connection: Connection, collection_id: int, wanted: Sequence[bytes]) -> None:
        self._of_band: defaultdict[int, list[int]] = defaultdict(list)
        self._signatures: dict[int, bytes] = {}
        for row in _leaders(connection, collection_id, sorted({band for one in wanted for band in bands_of(one)})):
            self._of_band[row.band].append(row.document_pk)
            self._signatures[row.document_pk] = row.signature

    def like(self, signature: bytes) -> int | None:
        """The oldest leader that is nearly the same, of those that share most bands."""
        shared = Counter(pk for band in bands_of(signature) for pk in self._of_band[band])
        nearest = sorted(shared, key=lambda pk: (-shared[pk], pk))[:_COMPARED]
        alike = (pk for pk in nearest if likeness(self._signatures[pk], signature) >= NEARLY_THE_SAME)
        return min(alike, default=None)

    def add(self, pk: int, signature: bytes) -> Iterator[int]:
        """Take a new leader in; the bands by which it is to be found."""
        self._signatures[pk] = signature
        for band in bands_of(signature):
            if len(self._of_band[band]) < _LEADERS_A_BAND:
                self._of_band[band].append(pk)
                yield band


def _leaders(connection: Connection, collection_id: int, wanted: Sequence[int]) -> Iterator[Row[int, int, bytes]]:
    query = select(bands.c.band, bands.c.document_pk, likenesses.c.signature).join(
        likenesses, likenesses.c.document_pk == bands.c.document_pk
    )
    for some in pieces(wanted):
        yield from connection.execute(query.where(bands.c.collection_id == collection_id, bands.c.band.in_(some)))


def _forget_bands(connection: Connection, collection_id: int, leading: Sequence[tuple[int, bytes]]) -> None:
    rows = [{"band_": band, "pk_": pk} for pk, signature in leading for band in bands_of(signature)]
    if rows:
        this = (bands.c.band == bindparam("band_")) & (bands.c.document_pk == bindparam("pk_"))
        connection.execute(delete(bands).where(bands.c.collection_id == collection_id, this), rows)
