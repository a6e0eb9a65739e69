"""`kill -9` of builds, switches and reclaims at any step of ours, while four threads of another process ask.

The steps are those that undisturbed commands were seen to take. No question goes unanswered, no answer mixes
generations, the same command ends what was begun, and after `generations reclaim` nothing is left over.
"""

import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ingest.progress import Progress, Report
from search_app.app import SearchApp
from search_app.catalog.generations import Generation
from search_app.errors import IndexFailure, MilvusUnreachable
from search_app.marks import HOME_PROPERTY
from search_app.reclaiming import Soak
from search_app.requests import IngestRequest, ReindexRequest
from search_app.search import SearchResult

SYNONYMS = {"cat": "kitten", "dog": "hound", "sea": "ocean", "fire": "blaze"}
QUERIES = ("cat kitten", "hound dog night", "ocean file sea", "blaze fire road road")
COUNT, HITS, THREADS = 40, 5, 4
NEAR = 1e-4
READY_SECONDS = 300  # of a server that is started again, on a busy machine
REST_SECONDS = 0.2  # between two questions of a thread: the builds beside them want the processor as well
BUILD_ROOMS = ("building", "reindexing", "verifying", "generations", "writing", "index/", "catalog/", "gate/", "locks")
RECLAIM_ROOMS = ("reclaiming", "generations", "index/", "catalog/", "locks")
Chosen = Callable[[dict[str, int], Sequence[str], int], list[tuple[str, int]]]


class Asker:
    """Four threads that ask without pause until they are told to stop.

    `right` has the score of every document: {encoder: {query: {document id: score}}}. An answer is right if it has, for
    the encoder that it names, the best documents with their scores; a mixture of two generations hasn't.
    """

    def __init__(self, app: SearchApp, right: dict[str, dict[str, dict[str, float]]]) -> None:
        self._app = app
        self._right = right
        self._faults: list[str] = []
        self._counts = [0] * THREADS
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def faults(self) -> list[str]:
        """What was wrong with the answers since the last time; by now every thread has asked twice more."""
        goal = [count + 2 for count in self._counts]
        while any(count < least for count, least in zip(self._counts, goal, strict=True)):
            time.sleep(0.01)
        faults, self._faults = self._faults, []
        return faults

    def close(self) -> None:
        """Let the threads end."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        while not self._is_over.wait(REST_SECONDS):
            query = QUERIES[(self._counts[number] + number) % len(QUERIES)]
            try:  # whatever goes wrong, the test is to hear of it and not to wait for a thread that is gone
                result = self._app.search(query, k=HITS, mode="dense")
                if not is_right(result, self._right[result.encoder.name][query]):
                    self._faults.append(f"{query} by {result.encoder.name}: {result.hits}")
            except Exception as error:
                self._faults.append(f"{type(error).__name__}: {error}")
            self._counts[number] += 1


def is_right(result: SearchResult, right: dict[str, float]) -> bool:
    """Whether these are the best documents, each with its score."""
    best = sorted(right.values(), reverse=True)[:HITS]
    if len(result.hits) != len(best):
        return False
    pairs = zip(result.hits, best, strict=True)
    return all(abs(hit.score - score) < NEAR > abs(hit.score - right[hit.document_id]) for hit, score in pairs)


class Serving:
    """A home that is asked all the time, and commands on it that are killed in processes of their own."""

    def __init__(self, home: Any, asker: Asker, folder: Path, server: Any) -> None:
        self.home = home
        self.server = server
        self.app: SearchApp = home.app
        self._asker = asker
        self._folder = folder

    def run(self, *arguments: str, **how: Any) -> int:
        """The exit code of a command that has no vectors to begin with."""
        self.app.vector_cache.close()
        for file in self.home.path.glob("vectors.sqlite*"):
            file.unlink()
        environment = {"TWINSEARCH_SOAK_DAYS": "0"} if "reclaim" in arguments else {}
        return int(self.home.run(*arguments, environment=environment, **how))

    def traced(self, *arguments: str) -> dict[str, int]:
        """The steps of an undisturbed command, with how often each is taken."""
        trace = self._folder / "trace"
        assert self.run(*arguments, trace=str(trace)) == 0, self.home.errors
        steps: dict[str, int] = json.loads(trace.read_text(encoding="utf-8"))
        return steps

    def reclaim(self) -> None:
        """Drops what doesn't answer."""
        Soak(self.app.catalog, self.app.index, self.app.home.locks_folder, 0).reclaim("docs")

    def add_and_remove(self, number: int) -> None:
        """Another document comes and the one before goes: no question is about either."""
        extra = self._folder / "extra.jsonl"
        row = {"_id": f"extra{number}", "title": "", "text": "king physician monarch"}
        extra.write_text(json.dumps(row) + "\n", encoding="utf-8")
        self.app.ingest(IngestRequest((str(extra),), prune=True))

    @property
    def live(self) -> Generation:
        live = self.app.catalog.collections.live("docs")
        assert live is not None
        return live

    @property
    def other_encoder(self) -> str:
        return {"fluent": "literal", "literal": "fluent"}[self.live.encoder_name]

    def assert_answering(self, *, but: tuple[str, ...] = ()) -> None:
        """Every question since the last time has its right answer, or was refused with one of these errors."""
        assert [one for one in self._asker.faults() if not one.startswith(but or "-")] == []

    def assert_settled(self) -> None:
        """The live generation alone is there, it holds exactly the catalogue's chunks, and a check finds nothing."""
        app = self.app
        assert [one.number for one in app.generations.kept("docs")] == [self.live.number]
        own = [one for one in app.index.names() if app.index.properties(one).get(HOME_PROPERTY) == app.catalog.home_id]
        assert own == [self.live.physical_name]
        assert app.generations.difference(self.live) == (set(), set())
        assert app.check().remaining == ()


def cosines(texts: dict[str, str], synonyms: dict[str, str]) -> dict[str, dict[str, float]]:
    """What an encoder of bags of words gives each document for each query; synonyms share a place."""
    words = {synonym: word for word, synonym in synonyms.items()}

    def bag(text: str) -> Counter[str]:
        return Counter(words.get(word, word) for word in text.split())

    def cosine(one: Counter[str], other: Counter[str]) -> float:
        lengths = [math.sqrt(sum(count * count for count in each.values())) for each in (one, other)]
        return sum(one[word] * other[word] for word in one) / math.prod(lengths)

    return {query: {name: cosine(bag(query), bag(text)) for name, text in texts.items()} for query in QUERIES}


@pytest.fixture(scope="module", params=["embedded", "server"])
def serving(
    request: pytest.FixtureRequest,
    new_home: Callable[[], AbstractContextManager[Path]],
    open_home: Callable[[Path], Any],
    write_rows: Callable[[Path, int, int], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Serving]:
    """A home on either Milvus, with 40 documents that fluent has read."""
    server = request.getfixturevalue("milvus_server") if request.param == "server" else None
    place = f'milvus_uri = "{server.uri}"\nmilvus_timeout_seconds = 10\n' if server else ""
    rows = write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", COUNT, 5)
    texts = {row["_id"]: row["text"] for row in map(json.loads, rows.read_text(encoding="utf-8").splitlines())}
    right = {"fluent": cosines(texts, SYNONYMS), "literal": cosines(texts, {})}
    with new_home() as folder:
        with (folder / "config.toml").open("a", encoding="utf-8") as config:
            config.write(f"flush_chunks = 15\n{place}")
        with closing(open_home(folder)) as home, SearchApp.open(folder) as asked:
            home.app.ingest(IngestRequest((str(rows),)))
            with closing(Asker(asked, right)) as asker:
                yield Serving(home, asker, rows.parent, server)
            home.app.drop_collection("docs")


@pytest.fixture(scope="module")
def steps(serving: Serving) -> dict[str, dict[str, int]]:
    """The steps of both commands, with how often each is taken."""
    built = serving.traced("reindex", "docs", "--encoder", "literal", "--switch", "--force")
    serving.assert_answering()
    return {"reindex": built, "reclaim": serving.traced("generations", "reclaim", "docs")}


@pytest.fixture
def chosen(chance: Random, is_campaign: bool, part_of: Callable[[list[str]], list[str]]) -> Chosen:
    """Steps to be killed at, each at one of its times: all of them in a campaign, else so many of the rooms' own."""

    def choose(steps: dict[str, int], rooms: Sequence[str], count: int) -> list[tuple[str, int]]:
        own = [name for name in sorted(steps) if name.partition("search_app/")[2].startswith(tuple(rooms))]
        names = part_of(sorted(steps)) if is_campaign else chance.sample(own, count)
        return [(name, chance.randint(1, steps[name])) for name in names]

    return choose


def test_undisturbed_commands_take_the_steps_that_are_to_be_survived(steps: dict[str, dict[str, int]]) -> None:
    entered = {command: {name.rpartition(" ")[2] for name in own} for command, own in steps.items()}
    built = {
        "build",
        "GenerationWriter.hand_over",
        "Documents.commit_built",
        "verify_vectors",
        "Generations.mark_ready",
    }
    assert entered["reindex"] >= {*built, "GenerationWriter.sweep", "note_switch"}
    assert entered["reclaim"] >= {"Soak.reclaim", "VectorIndex.drop", "Generations.mark_dropped"}


@pytest.mark.slow
def test_a_build_and_its_switch_killed_at_a_step_are_ended_by_the_next_command(
    serving: Serving, steps: dict[str, dict[str, int]], chosen: Chosen
) -> None:
    kills = chosen(steps["reindex"], BUILD_ROOMS, 2)
    for number, kill in enumerate(kills):
        print(f"reindex: kill {number + 1} of {len(kills)}: {kill}")
        before, encoder = serving.live.number, serving.other_encoder
        command = ("reindex", "docs", "--encoder", encoder, "--switch", "--force")
        assert serving.run(*command, kill=kill) in {-9, 0}, kill
        serving.add_and_remove(number)  # what was built must catch up with it
        if serving.live.number == before:
            serving.app.run(ReindexRequest("docs", encoder, switch=True, force=True))
        assert (serving.live.number > before, serving.live.encoder_name) == (True, encoder), kill
        serving.assert_answering()
        serving.reclaim()
        serving.assert_settled()


def test_a_reclaim_killed_at_a_step_is_ended_by_the_next_one(
    serving: Serving, steps: dict[str, dict[str, int]], chosen: Chosen
) -> None:
    kills = chosen(steps["reclaim"], RECLAIM_ROOMS, 1)
    for number, kill in enumerate(kills):
        print(f"reclaim: kill {number + 1} of {len(kills)}: {kill}")
        serving.app.run(ReindexRequest("docs", serving.other_encoder, switch=True, force=True))
        serving.assert_answering()  # and no thread asks the generation any longer that is dropped now
        assert serving.run("generations", "reclaim", "docs", kill=kill) in {-9, 0}, kill
        serving.assert_answering()
        serving.reclaim()
        serving.assert_settled()


def test_a_server_killed_under_a_build_and_a_switch_costs_a_second_command_only(
    serving: Serving, chance: Random, is_campaign: bool
) -> None:
    if serving.server is None:
        pytest.skip("embedded Milvus is killed in test_engine_kills.py")
    heard: list[Progress] = []
    serving.app.run(ReindexRequest("docs", serving.other_encoder, switch=True, force=True), heard.append)
    for moment in range(len(heard)) if is_campaign else chance.sample(range(len(heard)), 1):
        print(f"kill the server at report {moment}: {heard[moment]}")
        before = serving.live.number
        request = ReindexRequest("docs", serving.other_encoder, switch=True, force=True)
        with suppress(MilvusUnreachable, IndexFailure):
            serving.app.run(request, at_report(moment, serving.server.kill))
        serving.server.kill()
        serving.server.start()
        if serving.live.number == before:
            run_once_it_is_ready(serving, request)
        serving.assert_answering(but=("MilvusUnreachable", "IndexFailure"))
        serving.assert_answering()
        serving.reclaim()
        serving.assert_settled()


def run_once_it_is_ready(serving: Serving, request: ReindexRequest) -> None:
    """Runs it; a server that has begun to answer takes writes only when the session of the one before is over."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            serving.app.run(request)
            return
        except (MilvusUnreachable, IndexFailure):
            if time.monotonic() > deadline:
                raise
            time.sleep(2)


def at_report(moment: int, what: Callable[[], None]) -> Report:
    """A listener that does something when it hears the report with this number."""
    numbers = count()

    def listen(progress: Progress) -> None:
        if next(numbers) == moment:
            what()

    return listen
