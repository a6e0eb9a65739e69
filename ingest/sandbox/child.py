"""The loop of a parsing process: a request in, frames out, until the pipe is closed.

Standard input and output are the pipe; nothing else may be written to it.
"""

import json
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ingest.errors import ReadError
from ingest.limits import Limits
from ingest.readers import hides_ids, read_file
from ingest.readers.found import Begun, Opened, TableMapping
from ingest.sandbox.confinement import allow_seconds, confine
from ingest.sandbox.messages import READY, End, Packer, framed
from ingest.sandbox.opening import open_regular


@dataclass(frozen=True, slots=True)
class Parsing:
    """What a process is told once."""

    limits: Limits
    columns: TableMapping


def main() -> None:
    """Serve requests, one a line, until there are no more."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr  # a parser that prints must not spoil the frames
    warnings.simplefilter("ignore")
    told: dict[str, Any] = json.loads(requests.readline())
    columns = told["columns"] | {"metadata": told["columns"]["metadata"] and tuple(told["columns"]["metadata"])}
    parsing = Parsing(Limits(**told["limits"]), TableMapping(**columns))
    confine(parsing.limits)
    _send(answers, iter([READY]))
    for line in requests:
        _answer(parsing, json.loads(line), answers)


def _answer(parsing: Parsing, request: dict[str, Any], answers: BinaryIO) -> None:
    allow_seconds(parsing.limits.seconds)
    packer = Packer()
    try:
        end = _parse(parsing, request, packer, answers)
    except MemoryError:
        packer = Packer()
        end = End(is_exhausted=True)
    _send(answers, packer.end(end))


def _parse(parsing: Parsing, request: dict[str, Any], packer: Packer, answers: BinaryIO) -> End:
    """Send what the file holds; what is left in the packer goes with the end."""
    name = request["id"]
    try:
        root = Path(request["root"])
        stream, modified = open_regular(Path(request["path"]), root=root, shown=name, limits=parsing.limits)
        with stream:
            file = Opened(name, "", stream, modified, parsing.limits, parsing.columns)
            for item in read_file(file, skip=request["skip"]):
                _send(answers, packer.pack(item))
                if isinstance(item, Begun):
                    _send(answers, packer.flush())
                    allow_seconds(parsing.limits.seconds)
    except ReadError as error:
        return End(str(error), hides_ids=hides_ids(name))
    return End()


def _send(answers: BinaryIO, frames: Iterator[bytes]) -> None:
    for frame in frames:
        answers.write(framed(frame))
        answers.flush()


if __name__ == "__main__":
    main()
