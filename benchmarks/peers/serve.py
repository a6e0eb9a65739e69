"""Runs one peer and does what it is told, line by line; `process` starts it in the peers' environment.

    python -m benchmarks.peers.serve SIDE WEIGHTS

Knows no Twinsearch: SIDE is one of SIDES, WEIGHTS the folder of an encoder. Whatever a peer prints goes to standard
error, since standard output is for answers.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from benchmarks.peers.lance import Lance
from benchmarks.peers.txtai_index import TxtaiIndex
from benchmarks.users import ask_all

Side = Lance | TxtaiIndex

SIDES: Mapping[str, Callable[[str], Side]] = {
    "txtai-dense": lambda weights: TxtaiIndex(weights, is_hybrid=False),
    "txtai-hybrid": lambda weights: TxtaiIndex(weights, is_hybrid=True),
    "lancedb": Lance,
}


def main() -> None:
    """Answers until standard input ends."""
    answers = _answers()
    side = SIDES[sys.argv[1]](sys.argv[2])
    _tell(answers, {"is_ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        _tell(answers, VERBS[order.pop("verb")](side, **order))


def ingest(side: Side, file: str, folder: str) -> dict[str, Any]:
    """Take in every line of a file, durably; the seconds of the clock and of the processor."""
    begun, busy = time.perf_counter(), time.process_time()
    texts = _texts(file)
    side.fill(texts, None, Path(folder))
    _sync(Path(folder))
    return {
        "count": len(texts),
        "seconds": time.perf_counter() - begun,
        "processor_seconds": time.process_time() - busy,
    }


def fill(side: Side, file: str, vectors: str, folder: str) -> dict[str, Any]:
    """Take in every line of a file with the vectors that are given for them."""
    texts = _texts(file)
    side.fill(texts, np.load(vectors), Path(folder))
    return {"count": len(texts)}


def ask(side: Side, queries: list[str], user_count: int) -> dict[str, Any]:
    """Ask every query; the milliseconds of each, whole and of encoding."""
    answers = ask_all(side.ask, queries, user_count)
    return {"total": [ms for ms, _ in answers], "encode": [ms for _, ms in answers]}


VERBS: Mapping[str, Callable[..., dict[str, Any]]] = {"ingest": ingest, "fill": fill, "ask": ask}


def _texts(file: str) -> list[str]:
    with Path(file).open(encoding="utf-8") as lines:
        return [f"{row.get('title', '')} {row['text']}".strip() for row in map(json.loads, lines)]


def _sync(folder: Path) -> None:
    """What is written must survive a power cut, as ours does."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _answers() -> TextIO:
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return kept


def _tell(answers: TextIO, answer: Mapping[str, Any]) -> None:
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
