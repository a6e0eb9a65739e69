"""What jobs and engine print, and that every command explains itself."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import click
import pytest

from ingest.progress import Pace, Progress
from search_app.app import SearchApp
from search_app.cli import commands, main
from search_app.cli.shell import progress_line
from search_app.cli.tables import moment, table
from search_app.requests import IngestRequest

Twinsearch = Callable[..., tuple[int, str, str]]


def test_jobs_are_listed_shown_and_logged(twinsearch: Twinsearch, shared_home: Path, notes: Path) -> None:
    assert twinsearch("jobs", "list") == (0, "(none)\n", "")
    twinsearch("ingest", notes)
    head, row = twinsearch("jobs", "list")[1].splitlines()
    assert re.split(r"  +", head) == ["job", "kind", "collection", "state", "progress", "asked for"]
    job_id, *rest = re.split(r"  +", row)
    assert rest[:4] == ["ingest", "docs", "done", "ingest 4 of 4 documents"]
    assert twinsearch("jobs", "show", job_id)[1].splitlines() == [
        head,
        row,
        f"Asked for: paths {notes.resolve()}, collection docs.",
    ]
    told = f"Nothing was said here so far; what is begun in a terminal speaks there. `twinsearch jobs show {job_id}`"
    assert twinsearch("jobs", "log", job_id) == (0, f"{told} tells how it stands.\n", "")


def test_a_job_is_cancelled_and_run_again(twinsearch: Twinsearch, shared_home: Path, notes: Path) -> None:
    with SearchApp.open(shared_home) as app:
        job_id = app.jobs.take_up("ingest", IngestRequest((str(notes),))).id
    told = f"Job {job_id} was asked to stop. `twinsearch jobs resume {job_id}` lets it go on later.\n"
    assert twinsearch("jobs", "cancel", job_id) == (0, told, "")
    sentence = f"Job {job_id} is cancelled. `twinsearch jobs resume {job_id}` starts it again.\n"
    assert twinsearch("jobs", "run", job_id) == (2, "", sentence)
    with SearchApp.open(shared_home) as app:
        app.jobs.again(job_id)
    code, out, err = twinsearch("jobs", "run", job_id)
    assert (code, err) == (0, "")
    first, last = out.splitlines()  # what the command that asks for it prints, then how the job ended
    assert first.startswith("docs: 4 new, 0 changed, ")
    assert last == f"Job {job_id} is done."
    assert twinsearch("jobs", "resume", job_id) == (
        2,
        "",
        f"Job {job_id} is done; only one that was stopped or failed can go on.\n",
    )


@pytest.fixture
def idle(new_home: Callable[[], AbstractContextManager[Path]]) -> Iterator[Path]:
    with new_home() as folder:
        yield folder


def test_the_engine_is_started_and_stopped_by_command(idle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for verb in ("status", "start", "stop", "stop"):
        with pytest.raises(SystemExit) as ended:
            main(["engine", verb, "--home", str(idle)])
        told.append((ended.value.code, re.sub(r"process \d+ since [^,]+", "process …", capsys.readouterr().out)))
    assert told == [
        (0, "embedded Milvus: not running, 0.0 MB of data\n"),
        (0, "embedded Milvus: process …, 0.0 MB of data\n"),
        (0, "The engine is stopped.\n"),
        (0, "No engine was running.\n"),
    ]


def all_commands(group: click.Group = commands, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from all_commands(command, *path, name)
        else:
            yield (*path, name), command


@pytest.mark.parametrize("path", [path for path, _ in all_commands()], ids=" ".join)
def test_every_command_has_the_common_options_and_examples_of_itself(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*path, "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    for option in ("--home FOLDER", "--json", "--milvus-uri URI", "--debug"):
        assert option in said
    assert f"Examples:\n    twinsearch {' '.join(path)}" in said


def test_the_examples_use_options_that_there_are() -> None:
    for path, command in all_commands():
        known = {name for option in command.params for name in option.opts}
        used = set(re.findall(r"(?<= )--?[a-z][a-z-]*", (command.epilog or "").split(" | ")[0]))
        assert used <= known, path


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert " ".join(said.split()).startswith(
        "Usage: twinsearch [OPTIONS] COMMAND [ARGS]... "
        "Semantic search over your own documents that learns from the people who use it. "
    )
    assert [line.split()[0] for line in said.split("Commands:\n")[1].split("\n\n")[0].splitlines()] == sorted(
        commands.commands
    )


def test_usage_errors_end_with_2(twinsearch: Twinsearch) -> None:
    for arguments in (("search",), ("dream",), ("search", "cat", "-k", "many"), ("switch", "docs", "two")):
        code, out, err = twinsearch(*arguments)
        assert (code, out) == (2, "")
        assert err.splitlines()[-1].startswith("Error: ")


def test_progress_is_one_line_with_rate_and_time_to_go() -> None:
    pace = Pace()
    assert progress_line(Progress("encode", 0, 4000, "chunks"), pace).startswith("encode  0 of 4,000 chunks  0%")
    assert progress_line(Progress("read", 7, None, "files"), Pace()).startswith("read  7 files")
    with_loss = Progress("train", 7, 10, "steps", "loss 0.1234")
    assert progress_line(with_loss, Pace()) == "train  7 of 10 steps  70%  loss 0.1234"


def test_a_table_is_padded_and_nothing_is_cut_off() -> None:
    assert table(("a", "long head"), [("a long cell", "b"), ("c", "")]) == ("a            long head\na long cell  b\nc")
    assert table(("a",), []) == "(none)"
    assert moment(None) == "-"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", moment(1_700_000_000))
