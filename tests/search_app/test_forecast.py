"""Before a generation is built, what it takes is predicted from a sample, which is encoded for good."""

from collections.abc import Callable
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.errors import QueryError, UnknownEncoder
from search_app.gate.preview import disk_bytes
from search_app.requests import ReindexRequest

DIM = 66


def test_what_was_encoded_for_a_forecast_need_not_be_encoded_again(noted: SearchApp) -> None:
    first, second = (noted.forecast(ReindexRequest("docs", "literal")) for _ in range(2))
    assert (first.chunk_count, first.disk_bytes) == (4, disk_bytes(4, DIM))
    assert first.seconds > 0
    assert (second.chunk_count, second.seconds, second.disk_bytes) == (0, 0, disk_bytes(4, DIM))


def test_the_encoder_that_serves_has_read_everything(noted: SearchApp) -> None:
    assert noted.forecast(ReindexRequest("docs")).chunk_count == 0


def test_shorter_steps_make_more_chunks_all_of_which_are_new(noted: SearchApp) -> None:
    cost = noted.forecast(ReindexRequest("docs", chunk_overlap=8))  # a chunk begins every 8 tokens and not every 16
    assert (cost.chunk_count, cost.disk_bytes) == (8, disk_bytes(8, DIM))
    assert cost.seconds > 0  # though the encoder has read all that they are cut from


def test_a_forecast_builds_nothing_and_refuses_what_a_build_would(noted: SearchApp) -> None:
    before = noted.generations.list("docs")
    with pytest.raises(UnknownEncoder):
        noted.forecast(ReindexRequest("docs", "eloquent"))
    noted.catalog.collections.create("empty")
    with pytest.raises(QueryError):
        noted.forecast(ReindexRequest("empty", "literal"))
    noted.drop_collection("empty")
    assert noted.generations.list("docs") == before


def test_the_command_tells_it_before_it_builds(
    noted: SearchApp, run_on: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, err = run_on(noted.home.path, "reindex", "docs", "--encoder", "shuffled")
    assert (code, out.splitlines()[0][:13]) == (0, "Generation 2 ")
    assert err.startswith("The full build encodes 4 chunks: about 0 s and 0 MB of disk.")
    noted.drop_generation("docs", 2)
