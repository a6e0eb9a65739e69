"""A peer as a process of its own: a line of JSON in, a line of JSON out."""

import json
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

SIDES = {
    "txtai, dense": "txtai-dense",
    "txtai, hybrid": "txtai-hybrid",
    "sentence-transformers + LanceDB": "lancedb",
}
_ROOT = Path(__file__).parents[2]


def open_peers(stack: ExitStack, python: Path | None, weights: Path) -> dict[str, "Peer"]:
    """Every side by its name, ended with the stack; none without an interpreter."""
    return {name: stack.enter_context(Peer(python, side, weights)) for name, side in SIDES.items()} if python else {}


class Peer:
    """One side with its encoder loaded.

    Args:
        python: The interpreter of the environment that has the peers.
        side: One of the values of SIDES.
        weights: The encoder's folder.
    """

    def __init__(self, python: Path, side: str, weights: Path) -> None:
        self._process = subprocess.Popen(
            [str(python), "-m", "benchmarks.peers.serve", side, str(weights)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()  # it is ready

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.close()
            self._process.stdout.close()
        self._process.wait()

    def do(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """What `serve` answers to this verb; paths are given as they are.

        Raises:
            RuntimeError: The process ended; it has told why on standard error.
        """
        if self._process.stdin is not None:
            print(json.dumps({"verb": verb, **arguments}, default=str), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError(f"A peer ended: {self._process.args!r}. See what it wrote above.")
        answer: dict[str, Any] = json.loads(line)
        return answer
