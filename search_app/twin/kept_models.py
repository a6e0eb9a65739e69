"""The models that OpenVINO runs, kept beside the encoders: made once, whole or not at all.

    FOLDER/<fingerprint>/converted/    the backbone in float32; made again when it is gone
    FOLDER/<fingerprint>/int8-<key>/   a calibrated backbone; a generation that was filled by it needs it
    FOLDER/<fingerprint>/choice.json   what "auto" chose here, and with what
    FOLDER/<fingerprint>/network.json  what the network told of itself when it was loaded

A calibrated model's key is the beginning of the hash of its files, and is checked whenever it is loaded: two
calibrations of one encoder never mix, and a damaged one answers nothing.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_app.errors import EncoderError
from search_app.twin.publishing import publish

CALIBRATED = "int8"
MODEL_FILE = "model.xml"

_FINGERPRINT_DIGITS = 16
_KEY_DIGITS = 8
_CHOICE_FILE = "choice.json"
_NETWORK_FILE = "network.json"


@dataclass(frozen=True, slots=True)
class KeptModels:
    """What is kept for one encoder; with no folder, nothing is."""

    folder: Path | None
    fingerprint: str

    @property
    def own(self) -> Path | None:
        """The encoder's own folder, which may not exist yet."""
        return None if self.folder is None else self.folder / self.fingerprint[:_FINGERPRINT_DIGITS]

    def converted(self, write: Callable[[Path], None]) -> Path | None:
        """The folder of the float32 model, written first if it isn't there; None where nothing is kept."""
        if self.own is None:
            return None
        folder = self.own / "converted"
        if not (folder / MODEL_FILE).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            self._keep(write, lambda _: folder)
        return folder

    @property
    def has_converted(self) -> bool:
        """Whether the float32 model is there."""
        return self.own is not None and (self.own / "converted" / MODEL_FILE).is_file()

    def keep_calibrated(self, write: Callable[[Path], None]) -> str:
        """Writes a calibrated model into a folder of its own, durable when this returns; its key."""
        own = self._require_own()
        folder = self._keep(write, lambda aside: own / f"{CALIBRATED}-{_key(aside)}")
        return folder.name.removeprefix(f"{CALIBRATED}-")

    def calibrated(self, key: str) -> Path:
        """The folder of the calibrated model with this key.

        Raises:
            EncoderError: It is gone or damaged.
        """
        folder = self._require_own() / f"{CALIBRATED}-{key}"
        if not (folder / MODEL_FILE).is_file() or _key(folder) != key:
            raise EncoderError(
                f"The int8 model {key!r} of encoder {self.fingerprint[:12]} should be in {folder}, and is gone or "
                "damaged. Calibrate again: `twinsearch reindex NAME --encoder ENCODER --precision int8`."
            )
        return folder

    def has_calibrated(self, key: str) -> bool:
        """Whether the calibrated model with this key is there and whole."""
        try:
            self.calibrated(key)
        except EncoderError:
            return False
        return True

    def choice(self, made_with: Mapping[str, Any]) -> str | None:
        """What "auto" chose with the same libraries on the same processor; None if it never did."""
        held = self._note(_CHOICE_FILE)  # where it is damaged, it is measured again
        if held is None or held.get("made_with") != made_with or "precision" not in held:
            return None
        return str(held["precision"])

    def note_choice(self, precision: str, made_with: Mapping[str, Any], measured: object) -> None:
        """Remembers what "auto" chose, and why."""
        self._write_note(_CHOICE_FILE, {"precision": precision, "made_with": made_with, "measured": measured})

    def network_note(self) -> Mapping[str, Any] | None:
        """What the network told of itself when it was loaded; None if it never was, or the note is damaged."""
        return self._note(_NETWORK_FILE)

    def note_network(self, told: Mapping[str, Any]) -> None:
        """Remembers what the network tells of itself."""
        self._write_note(_NETWORK_FILE, told)

    def forget(self) -> None:
        """Deletes all that is kept for the encoder."""
        if self.own is not None:
            shutil.rmtree(self.own, ignore_errors=True)

    def _note(self, name: str) -> Mapping[str, Any] | None:
        try:
            held = None if self.own is None else json.loads((self.own / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return held if isinstance(held, dict) else None

    def _write_note(self, name: str, value: Mapping[str, Any]) -> None:
        if self.own is None:
            return
        self.own.mkdir(parents=True, exist_ok=True)
        aside = self.own / f"{name}.new"
        aside.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        aside.replace(self.own / name)

    def _require_own(self) -> Path:
        if self.own is None:
            raise EncoderError(
                "An int8 model is kept in a folder, and none was named. Give runtimes_folder, or use "
                "`twinsearch reindex NAME --encoder ENCODER --precision int8`."
            )
        return self.own

    def _keep(self, write: Callable[[Path], None], place: Callable[[Path], Path]) -> Path:
        """Writes aside, then moves to its place in one step, unless another process was first."""
        own = self._require_own()
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".new-", dir=own))
        try:
            write(aside)
            folder = place(aside)
            if not folder.exists():
                publish(aside, folder)
            return folder
        except OSError as error:
            raise EncoderError(
                f"The encoder's model for OpenVINO can't be kept in {own} ({error.strerror or error}). "
                "Free some space, and run the command again."
            ) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _key(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            whole.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:_KEY_DIGITS]
