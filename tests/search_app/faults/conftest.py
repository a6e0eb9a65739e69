"""Homes to be harmed, mixed files to fill them with, and processes that end when they are told to."""

import io
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import docx
import numpy as np
import openpyxl
import psutil
import pytest

from search_app.app import SearchApp
from search_app.errors import IndexFailure, MilvusUnreachable
from search_app.index import Server, VectorIndex
from search_app.requests import IngestRequest

IS_CAMPAIGN = os.environ.get("TWINSEARCH_CAMPAIGN") == "1"
HUNG = "Timeout ("  # so faulthandler begins what it tells of a process that doesn't end
ONE_THREAD = {"OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}  # a process that forks
VOCABULARY = ("cat", "dog", "car", "bread", "rain", "copy", "file", "night", "sea", "house", "road", "child", "fire")


@pytest.fixture(scope="session")
def is_campaign() -> bool:
    """Whether the long campaign is asked for (TWINSEARCH_CAMPAIGN=1)."""
    return IS_CAMPAIGN


@pytest.fixture(scope="session")
def part_of() -> Callable[[list[str]], list[str]]:
    """Those steps of a campaign that this run takes, since all take hours: TWINSEARCH_PART=2/5 is the second fifth."""
    number, count = map(int, os.environ.get("TWINSEARCH_PART", "1/1").split("/"))
    return lambda steps: steps[number - 1 :: count]


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Chance that can be repeated: TWINSEARCH_SEED, which a failing test prints."""
    seed = os.environ.get("TWINSEARCH_SEED", str(random.randrange(2**32)))
    print(f"TWINSEARCH_SEED={seed}")
    return random.Random(f"{seed}{request.node.name}")


@pytest.fixture(scope="session")
def write_rows() -> Callable[[Path, int, int], Path]:
    """Writes a JSONL file of so many short documents; the seed decides the words."""

    def write(path: Path, count: int, seed: int) -> Path:
        words = random.Random(seed)
        rows = [{"_id": f"d{n}", "title": "", "text": " ".join(words.choices(VOCABULARY, k=8))} for n in range(count)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def filled_home(
    new_home: Callable[[], AbstractContextManager[Path]],
    write_rows: Callable[[Path, int, int], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    """A home with 100 documents, all of which were changed and 20 others removed; its engine is closed."""
    rows = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    with new_home() as folder:
        with SearchApp.open(folder, flush_chunks=40) as app:
            for count, seed in ((120, 1), (100, 2)):
                app.ingest(IngestRequest((str(write_rows(rows, count, seed)),), prune=True))
            app.engine.stop()
        yield folder


@pytest.fixture(scope="session")
def mixed_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 files (300 in a campaign) in twelve formats; two of them are broken."""
    folder = tmp_path_factory.mktemp("mixed")
    words = random.Random(7)
    makers = list(MAKERS.items())
    for number in range(300 if IS_CAMPAIGN else 60):
        suffix, make = makers[number % len(makers)]
        texts = [f"{' '.join(words.choices(VOCABULARY, k=20))} n{number}x{part}" for part in range(3)]
        place = folder / f"sub{number % 5}" / f"{number:03}{suffix}"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(make(texts))
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 no package")
    (folder / "empty.json").write_bytes(b"{")
    return folder


def csv_of(texts: list[str]) -> bytes:
    return "".join(["id,text\n", *(f"{n},{text}\n" for n, text in enumerate(texts))]).encode()


def jsonl_of(texts: list[str]) -> bytes:
    return "".join(json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate(texts)).encode()


def docx_of(texts: list[str]) -> bytes:
    document, stream = docx.Document(), io.BytesIO()
    for text in texts:
        document.add_paragraph(text)
    document.save(stream)
    return stream.getvalue()


def xlsx_of(texts: list[str]) -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in [("id", "text"), *enumerate(texts)]:
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()


def zip_of(texts: list[str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        for number, text in enumerate(texts):
            package.writestr(zipfile.ZipInfo(f"{number}.txt"), text)
    return stream.getvalue()


def pdf_of(texts: list[str]) -> bytes:
    """A page with a line a text; without a table of its parts, which a reader makes for itself."""
    lines = " ".join(f"1 0 0 1 50 {700 - 20 * n} Tm ({text}) Tj" for n, text in enumerate(texts))
    parts = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 2000 800]/Resources<</Font<</F 5 0 R>>>>/Contents 4 0 R>>",
        f"<</Length {len(lines) + 14}>>stream\nBT /F 9 Tf {lines} ET\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    body = "".join(f"{number} 0 obj{part}endobj\n" for number, part in enumerate(parts, 1))
    return f"%PDF-1.4\n{body}trailer<</Root 1 0 R/Size 6>>\n%%EOF\n".encode()


MAKERS: dict[str, Callable[[list[str]], bytes]] = {
    ".txt": lambda texts: "\n\n".join(texts).encode(),
    ".md": lambda texts: "".join(f"# Part {n}\n\n{text}\n\n" for n, text in enumerate(texts)).encode(),
    ".rst": lambda texts: "\n\n".join(texts).encode(),
    ".html": lambda texts: f"<html><body>{''.join(f'<p>{text}</p>' for text in texts)}</body></html>".encode(),
    ".csv": csv_of,
    ".jsonl": jsonl_of,
    ".json": lambda texts: json.dumps([{"id": n, "text": text} for n, text in enumerate(texts)]).encode(),
    ".docx": docx_of,
    ".xlsx": xlsx_of,
    ".zip": zip_of,
    ".pdf": pdf_of,
    ".eml": lambda texts: ("From: a@b.c\nSubject: Mail\n\n" + "\n\n".join(texts)).encode(),
}


class FaultHome:
    """A home whose ingests run as processes that may be killed; each ingest encodes everything anew."""

    def __init__(self, home: Path, killer: "subprocess.Popen[str]") -> None:
        self.app = SearchApp.open(home)
        self.path = home
        self._killer = killer
        self._said = Path(tempfile.mkdtemp(prefix="tw-said-"))  # not in the home, whose disk may be full

    def close(self) -> None:
        """Let go of the home."""
        self.app.close()
        shutil.rmtree(self._said)

    def ingest(self, source: Path, collection: str, **how: Any) -> int:
        """The exit code of an ingest, -9 if it was killed; `how` as in `killer.py`, or `kill_after` seconds."""
        for file in self.path.glob("vectors.sqlite*"):
            file.unlink()
        return self.run("ingest", str(source), "-c", collection, **how)

    def run(self, *arguments: str, kill_after: float | None = None, **how: Any) -> int:
        """The exit code of a command; what went wrong is in `errors`."""
        order = {
            "arguments": [*arguments, "--home", str(self.path)],
            "environment": {"TWINSEARCH_FLUSH_CHUNKS": "60"},
            "out": str(self._said / "out"),
            "err": str(self._said / "err"),
            **how,
        }
        assert self._killer.stdin is not None
        assert self._killer.stdout is not None
        print(json.dumps(order), file=self._killer.stdin, flush=True)
        process = int(self._killer.stdout.readline())
        timer = threading.Timer(kill_after, os.kill, (process, signal.SIGKILL)) if kill_after is not None else None
        if timer:
            timer.start()
        code = int(self._killer.stdout.readline())
        if timer:
            timer.cancel()
            timer.join()
        assert HUNG not in self.errors, self.errors
        return code

    @property
    def errors(self) -> str:
        """What the last command said on stderr."""
        return (self._said / "err").read_text(encoding="utf-8")

    def traced(self, source: Path, collection: str) -> dict[str, int]:
        """The steps of an undisturbed ingest, with how often each was taken."""
        trace = self._said / "trace"
        self.ingest(source, collection, trace=str(trace))
        steps: dict[str, int] = json.loads(trace.read_text(encoding="utf-8"))
        return steps

    def drop(self, collection: str) -> None:
        """Forget a collection."""
        self.app.drop_collection(collection)

    def contents(self, collection: str) -> dict[str, object]:
        """All that a search could find: documents, chunks, vectors, words; and what waits to be deleted."""
        found = self.app.catalog.collections.get(collection)
        live = self.app.catalog.collections.live(collection)
        assert live is not None
        ids = list(chain.from_iterable(self.app.index.ids(live.physical_name)))
        vectors = self.app.index.vectors(live.physical_name, ids)
        with closing(sqlite3.connect(self.path / "catalog.sqlite")) as catalog:
            own = "FROM chunks c JOIN documents d ON d.pk = c.document_pk WHERE d.collection_id = ?"
            chunks = catalog.execute(f"SELECT d.id, c.ordinal, c.id, c.text {own} ORDER BY 1, 2", (found.id,))
            texts = "SELECT id, content_hash, title, text FROM documents WHERE collection_id = ? ORDER BY id"
            held = "SELECT document_id FROM generation_documents WHERE generation_id = ? ORDER BY 1"
            waiting = "SELECT chunk_id FROM deletions WHERE generation_id = ? ORDER BY 1"
            return {
                "documents": catalog.execute(texts, (found.id,)).fetchall(),
                "chunks": chunks.fetchall(),
                "held": catalog.execute(held, (live.id,)).fetchall(),
                "deletions": catalog.execute(waiting, (live.id,)).fetchall(),
                "vectors": {id_: tuple(np.round(vector, 5)) for id_, vector in sorted(vectors.items())},
                "words": self.app.catalog.words.problem(live),
                "twice": len(ids) - len(set(ids)),
            }


class PackagedMilvus:
    """The server of the package milvus==2.3.5, in an environment of its own, which may be killed and started again."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self._command = [str(environment / "bin" / "milvus-server"), "--data", str(folder / "data")]
        self._log = folder / "log"
        self._processes: list[psutil.Process] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self.uri = f"http://127.0.0.1:{self._port}"

    def start(self, seconds: float = 120) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("a") as log:
            command = [*self._command, "--proxy-port", str(self._port)]
            process = psutil.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._processes = [process]
        deadline = time.monotonic() + seconds
        while True:
            try:
                with closing(VectorIndex(Server(self.uri))) as door:
                    door.names()
                self._processes += process.children(recursive=True)
                return
            except (MilvusUnreachable, IndexFailure):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def kill(self) -> None:
        """End it as the system does when memory runs out."""
        for process in self._processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(self._processes, timeout=30)
        self._processes = []


@pytest.fixture(scope="module")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PackagedMilvus]:
    """A real Milvus of the module's own, from the environment at TWINSEARCH_TEST_MILVUS."""
    environment = os.environ.get("TWINSEARCH_TEST_MILVUS")
    if not environment:
        pytest.skip("no Milvus server: run `make test-server`")
    server = PackagedMilvus(Path(environment), tmp_path_factory.mktemp("milvus"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def killer() -> Iterator["subprocess.Popen[str]"]:
    """The process that starts commands and tells how they ended; what commands import costs it 5 s of processor."""
    command = [sys.executable, str(Path(__file__).with_name("killer.py"))]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(Path(__file__).parents[3])}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def open_home(killer: "subprocess.Popen[str]") -> Callable[[Path], FaultHome]:
    """Opens a home for commands that may be killed."""
    return lambda folder: FaultHome(folder, killer)


@pytest.fixture(scope="module")
def fault_home(
    new_home: Callable[[], AbstractContextManager[Path]], killer: "subprocess.Popen[str]"
) -> Iterator[FaultHome]:
    """A home of the module's own."""
    with new_home() as folder, closing(FaultHome(folder, killer)) as home:
        yield home


@pytest.fixture(scope="module")
def small_home(
    new_home: Callable[[], AbstractContextManager[Path]], killer: "subprocess.Popen[str]"
) -> Iterator[FaultHome]:
    """A home in a file system of its own, of 64 MB, whose room a ballast file takes; root may make one, on Linux."""
    disk = Path(tempfile.mkdtemp(prefix="tw-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        disk.rmdir()
        pytest.skip("a file system of its own can't be made here: that takes root, on Linux")
    try:
        with new_home() as folder:
            shutil.copytree(folder, disk / "home")
        with closing(FaultHome(disk / "home", killer)) as home:
            yield home
            home.app.engine.stop()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
        disk.rmdir()
