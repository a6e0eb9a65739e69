"""Runs commands as processes that end in a chosen moment: `python killer.py`, an order a line in, what came of it out.

It imports what commands need once and forks for each, so that hundreds of kills take minutes and not hours. An order:

    arguments    of the command line
    environment  on top of this process's
    trace        a file for the steps: how often each function of the product was entered and left
    kill         a step and which of its times, entered or left: SIGKILL there
    interrupt    a list of such: SIGINT there, as Ctrl-C sends it
    file_bytes   no file may grow beyond (RLIMIT_FSIZE), as on a full disk

A command that hasn't ended after HANG_SECONDS tells in its "err" where each of its threads is, and ends.
"""

import faulthandler
import importlib
import json
import os
import resource
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOMS = ("search_app/", "ingest/")
HANG_SECONDS = 600  # a hundred times what a command takes on a quiet machine
EDGES = {"call": "enter", "return": "leave"}


class Watch:
    """Counts the steps of all threads; a step is "enter search_app/writing.py GenerationWriter.write"."""

    def __init__(self, root: str, signals: dict[tuple[str, int], int]) -> None:
        self.counts: Counter[str] = Counter()
        self._root = root
        self._signals = signals
        self._names: dict[CodeType, str] = {}

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event not in EDGES:
            return
        name = self._names.get(frame.f_code)
        if name is None:
            name = self._names[frame.f_code] = self._name_of(frame.f_code)
        if not name:
            return
        step = f"{EDGES[event]} {name}"
        self.counts[step] += 1
        number = self._signals.get((step, self.counts[step]))
        if number is not None:
            os.kill(os.getpid(), number)

    def _name_of(self, code: CodeType) -> str:
        path = str(Path(code.co_filename).absolute()).removeprefix(self._root)
        return f"{path} {code.co_qualname}" if path.startswith(ROOMS) and "<" not in code.co_qualname else ""


def run(order: dict[str, Any], root: str) -> None:
    """The command, in this process, which ends with it."""
    os.environ.update(order.get("environment", {}))
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if order.get("file_bytes"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_bytes"], order["file_bytes"]))
    moments = [(signal.SIGKILL, one) for one in [order.get("kill")] if one]
    moments += [(signal.SIGINT, one) for one in order.get("interrupt", [])]
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    watch = Watch(root, {(step, time): number for number, (step, time) in moments})
    if moments or order.get("trace"):
        threading.setprofile(watch)
        sys.setprofile(watch)
    code: Any = 1
    try:
        from search_app.cli import main as command

        command(order["arguments"])
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.setprofile(None)
        if order.get("trace"):
            Path(order["trace"]).write_text(json.dumps(watch.counts), encoding="utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)


def main() -> None:
    """Serve orders until there are no more."""
    root = f"{Path(__file__).resolve().parents[3]}/"
    for name in ("search_app.app", "search_app.twin.encoder", "transformers.models.bert.modeling_bert", "pymilvus"):
        importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run(json.loads(line), root)
        print(child, file=answers, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


if __name__ == "__main__":
    main()
