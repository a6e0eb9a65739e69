"""The encoders at hand, loaded once a process, each checked against the generation that it serves.

An encoder is asked for by name and answers with its fingerprint; what filled a generation is known by
fingerprint. Where the two differ, nothing is encoded.
"""

import re
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np

from ingest.progress import Report
from ingest.sink import Encoder, Vectors
from search_app.catalog import Catalog
from search_app.catalog.encoders import EncoderRecord
from search_app.catalog.generations import Generation, GenerationState
from search_app.config import Home, Settings
from search_app.errors import FingerprintMismatch, UsageError
from search_app.twin.kept_models import CALIBRATED, KeptModels
from search_app.twin.resolution import is_published
from search_app.twin.training_report import read_report, summary
from search_app.vectors import VectorCache, text_hash

if TYPE_CHECKING:  # torch is loaded when the first encoder is
    from search_app.twin.encoder import TwinEncoder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEPT_LOADED = 2  # the live one, and the one that it is compared with


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """What a generation is filled by: the encoder's record, and the precision in which it runs."""

    record: EncoderRecord
    precision: str
    tokenizer_key: str = ""


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    precision: str


class _How(TypedDict):
    """What every way to load an encoder asks for."""

    device: str
    precision: str
    encoders_folder: Path
    runtimes_folder: Path


class CachedEncoder:
    """An encoder that remembers: a text that it has read once costs nothing the second time."""

    def __init__(self, encoder: Encoder, cache: VectorCache, precision: str) -> None:
        self._encoder = encoder
        self._cache = cache
        self._key = f"{encoder.fingerprint}:{precision}"
        self.fingerprint = encoder.fingerprint
        self.dim = encoder.dim
        self.max_tokens = encoder.max_tokens

    def encode(self, texts: Sequence[str], *, kind: Literal["document", "query"] = "document") -> Vectors:
        """Unit rows, (len(texts), dim) float32, in the order of the texts."""
        hashes = [text_hash(text, kind) for text in texts]
        known = dict(self._cache.get_many(self._key, hashes))
        missing = {one: text for one, text in zip(hashes, texts, strict=True) if one not in known}
        if missing:
            fresh = self._encoder.encode(list(missing.values()), kind=kind)
            encoded = dict(zip(missing, fresh, strict=True))
            self._cache.put_many(self._key, encoded)
            known.update(encoded)
        return np.stack([known[one] for one in hashes]) if texts else np.zeros((0, self.dim), np.float32)

    def encode_anew(self, texts: Sequence[str]) -> Vectors:
        """The documents' texts as `encode` gives them, but whether or not they are remembered."""
        return self._encoder.encode(texts, kind="document")

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """Those of some documents' texts that would have to be read, each once."""
        hashes = {text_hash(text, "document"): text for text in texts}
        known = self._cache.get_many(self._key, list(hashes))
        return [text for one, text in hashes.items() if one not in known]

    def count_tokens(self, text: str) -> int:
        """Tokens of the text, special ones included."""
        return self._encoder.count_tokens(text)


class Encoders:
    """Loads encoders by name and keeps the latest few."""

    def __init__(self, catalog: Catalog, cache: VectorCache, home: Home, settings: Settings) -> None:
        self._catalog = catalog
        self._cache = cache
        self._home = home
        self._settings = settings
        self._loaded: dict[_Key, TwinEncoder] = {}
        self._chosen: dict[_Key, str] = {}  # what "auto" came out as
        self._served: dict[str, int] = {}  # collection -> the live generation that was last asked for
        self._lock = threading.Lock()

    def load(self, name: str, *, precision: str | None = None, expected: str = "") -> "TwinEncoder":
        """The encoder of that name, from memory if it was used lately.

        Args:
            name: As `search_app.twin.resolution` finds it.
            precision: None is the one that is set.
            expected: The fingerprint that it should have; with it, a kept model is loaded without its network.

        Raises:
            UnknownEncoder: Nothing has that name.
            EncoderError: Its folder can't or mustn't be loaded.
        """
        asked = _Key(name, precision or self._settings.precision)
        with self._lock:
            key = _Key(name, self._chosen.get(asked, asked.precision))
            encoder = self._loaded.pop(key, None) or self._read(key, expected)
            self._chosen[asked] = encoder.precision
            self._loaded[_Key(name, encoder.precision)] = encoder  # the last in the dict was used last
            while len(self._loaded) > _KEPT_LOADED:
                self._loaded.pop(next(iter(self._loaded)))
        return encoder

    def keep_serving(self) -> None:
        """Lets go of the loaded encoders that no live generation needs; called when another one went live."""
        live = (self._catalog.collections.live(one.name) for one in self._catalog.collections.list())
        needed = {_Key(one.encoder_name, one.precision) for one in live if one is not None}
        with self._lock:
            for key in [key for key in self._loaded if key not in needed]:
                del self._loaded[key]

    def choose(self, name: str, *, precision: str | None = None) -> EncoderChoice:
        """Loads an encoder to fill a generation with, and notes its name and fingerprint in the catalogue.

        A name that stood for another fingerprint stands for this one from now on; generations that the other one
        filled refuse to answer.

        Raises:
            UnknownEncoder, EncoderError: It isn't there, or mustn't be loaded.
        """
        encoder = self.load(name, precision=precision)
        trained = read_report(self.folder(name))
        record = EncoderRecord(
            fingerprint=encoder.fingerprint,
            name=name,
            folder=str(self.folder(name)),
            dim=encoder.dim,
            max_tokens=encoder.max_tokens,
            report=summary(trained) if trained and trained.fingerprint == encoder.fingerprint else {},
        )
        held = self._catalog.encoders.find(name)
        if held is not None and held.fingerprint != record.fingerprint:
            self._catalog.encoders.remove(name)
        self._catalog.encoders.add(record)
        return EncoderChoice(record, encoder.precision, encoder.tokenizer_key)

    def calibrate(self, name: str, passages: Sequence[str], report: Report) -> str:
        """Makes an int8 model of an encoder from passages that it is going to read; the precision's name.

        Raises:
            UnknownEncoder, EncoderError: The encoder isn't there, or can't be run or calibrated on this machine.
        """
        return self.load(name, precision="fp32").calibrate(passages, report)

    def has_calibrated(self, fingerprint: str, precision: str) -> bool:
        """Whether this is the name of an int8 model of the encoder that is there and whole."""
        kind, _, key = precision.partition(":")
        return kind == CALIBRATED and self._models_of(fingerprint).has_calibrated(key)

    def of_generation(self, generation: Generation, collection: str) -> "TwinEncoder":
        """The encoder that filled a generation, in the precision that it was filled with.

        Where the collection's live generation is another one than it was the last time, whichever process made the
        switch, encoders that serve nothing any longer are let go.

        Raises:
            FingerprintMismatch: The encoder of that name has other weights or settings today.
        """
        if generation.state is GenerationState.LIVE and self._served.get(collection) != generation.id:
            if self._served.pop(collection, None) is not None:
                self.keep_serving()
            self._served[collection] = generation.id
        encoder = self.load(generation.encoder_name, precision=generation.precision, expected=generation.fingerprint)
        if encoder.fingerprint != generation.fingerprint:
            raise FingerprintMismatch(
                f"Generation {generation.number} of collection {collection!r} was filled by encoder "
                f"{generation.fingerprint[:12]}, but {generation.encoder_name!r} is {encoder.fingerprint[:12]} now. "
                f"Put the old encoder back, or {_without_it(generation, collection)}."
            )
        return encoder

    def filling(self, generation: Generation, collection: str) -> CachedEncoder:
        """The generation's encoder for documents: what it has read before comes from the vector cache."""
        return CachedEncoder(self.of_generation(generation, collection), self._cache, generation.precision)

    def reading(self, name: str, *, precision: str | None = None) -> CachedEncoder:
        """An encoder for documents before a generation of it exists; in the precision that is set, if none is named.

        Raises:
            UnknownEncoder, EncoderError: It isn't there, or mustn't be loaded.
        """
        encoder = self.load(name, precision=precision)
        return CachedEncoder(encoder, self._cache, encoder.precision)

    def is_public(self, name: str) -> bool:
        """Whether anybody may name this encoder: the home knows it, or it is published; other folders are private."""
        is_shelved = _NAME.fullmatch(name) is not None and self.folder(name).is_dir()
        is_known = is_shelved or name == self._settings.encoder or self._catalog.encoders.find(name) is not None
        return is_known or is_published(name)

    def refuse_name(self, name: str, *, is_begun: bool = False) -> None:
        """Raise UsageError for a name that a new encoder can't have.

        Args:
            is_begun: A taken name passes, since this very work may have taken it before it was stopped.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} can't name an encoder. Use 1 to 64 letters, digits, dots, dashes and underscores, "
                "beginning with a letter or a digit."
            )
        if not is_begun and (self._catalog.encoders.find(name) or self.folder(name).exists()):
            raise UsageError(f"There is an encoder {name!r} already. Choose another name with --name.")

    def truncate(self, name: str, dim: int, new_name: str) -> EncoderRecord:
        """Makes a new encoder of the home whose vectors are the first components of another's.

        Raises:
            UsageError: The new name is taken, or can't be a folder's.
            UnknownEncoder, EncoderError: The encoder isn't there, can't be loaded, or has no `dim` components.
        """
        from search_app.twin.encoder import TwinEncoder

        self.refuse_name(new_name)
        whole = TwinEncoder.load(name, device="cpu", precision="fp32", dim=dim, encoders_folder=self.shelf)
        whole.save(self.folder(new_name))
        return self.choose(new_name).record

    def remove(self, name: str) -> None:
        """Deletes a trained encoder from the home.

        Raises:
            UsageError: A generation that isn't dropped was filled by it.
            UnknownEncoder: The home has no encoder of that name.
        """
        record = self._catalog.encoders.get(name)
        user = self._user_of(record.fingerprint)
        if user:
            raise UsageError(
                f"Encoder {name!r} serves {user}. "
                "Drop that generation first, or keep the encoder: without it the generation can't answer."
            )
        self._catalog.encoders.remove(name)
        _remove_folder(self._home.encoders_folder, name)
        self._models_of(record.fingerprint).forget()

    @property
    def device(self) -> str:
        """Where encoders run, as it is set."""
        return self._settings.device

    @property
    def shelf(self) -> Path:
        """The folder that holds the trained encoders."""
        return self._home.encoders_folder

    def folder(self, name: str) -> Path:
        """Where a trained encoder of that name belongs."""
        return self._home.encoders_folder / name

    def _models_of(self, fingerprint: str) -> KeptModels:
        return KeptModels(self._home.runtimes_folder, fingerprint)

    def _user_of(self, fingerprint: str) -> str | None:
        """A generation that needs the encoder to answer."""
        for collection in self._catalog.collections.list():
            for generation in self._catalog.generations.list(collection.id):
                if generation.fingerprint == fingerprint and generation.state is not GenerationState.DROPPED:
                    return f"generation {generation.number} of collection {collection.name!r}"
        return None

    def _read(self, key: _Key, expected: str) -> "TwinEncoder":
        from search_app.twin.encoder import TwinEncoder
        from search_app.twin.stored import load_stored, note_network

        how: _How = {
            "device": self._settings.device,
            "precision": key.precision,
            "encoders_folder": self._home.encoders_folder,
            "runtimes_folder": self._home.runtimes_folder,
        }
        stored = load_stored(key.name, expected, **how) if expected else None
        if stored is not None:
            return stored
        encoder = TwinEncoder.load(key.name, **how)
        note_network(encoder, self._home.runtimes_folder)
        return encoder


def _without_it(generation: Generation, collection: str) -> str:
    """What else can be done about a generation whose encoder is another one now; the gate can't compare with it."""
    if generation.state is GenerationState.LIVE:
        return (
            f"run `twinsearch reindex {collection} --encoder {generation.encoder_name} --force` to let a generation "
            "of the new one answer"
        )
    return f"give the generation up with `twinsearch generations drop {collection} {generation.number}`"


def _remove_folder(shelf: Path, name: str) -> None:
    folder = (shelf / name).resolve()
    if folder.parent == shelf.resolve() and folder.is_dir():  # "..", the name of an encoder one folder up, leads out
        shutil.rmtree(folder)
