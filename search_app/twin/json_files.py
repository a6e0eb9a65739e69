"""The JSON files of an encoder's folder: what can't be read is one sentence that names the file."""

import json
from pathlib import Path
from typing import Any

from search_app.errors import EncoderError


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        EncoderError: The file is missing, or holds something else than one JSON object.
    """
    value = read_value(path)
    if not isinstance(value, dict):
        raise EncoderError(f"{path} holds no JSON object. Fetch the encoder again.")
    return value


def optional_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file, an empty one where there is no such file."""
    return read_json(path) if path.is_file() else {}


def read_value(path: Path) -> Any:
    """The JSON value in a file, of whatever kind.

    Raises:
        EncoderError: The file is missing, or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EncoderError(
            f"{path.parent} is no encoder: {path.name} is missing. Name a folder that sentence-transformers "
            "or `twinsearch train` wrote."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(f"{path} can't be read as JSON ({error}). Fetch the encoder again.") from error


def write_json(path: Path, value: object) -> None:
    """A JSON file for people and programs, in a folder that is made if it is missing.

    Raises:
        OSError: It can't be written.
    """
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
