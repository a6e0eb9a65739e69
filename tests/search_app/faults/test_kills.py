"""`kill -9` of an ingest, at any step of ours and at any moment: resumed, it ends as an undisturbed one.

The steps are those that an undisturbed run was seen to take: every function of the product that it entered or left.
"""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

Ingest = Callable[..., int]
PARTLY_DONE = 3  # two of the files are broken on purpose


@pytest.fixture(scope="module")
def calm(fault_home, mixed_files: Path) -> dict[str, object]:
    """What an undisturbed ingest holds."""
    assert fault_home.ingest(mixed_files, "calm") == PARTLY_DONE
    return fault_home.contents("calm")


@pytest.fixture(scope="module")
def steps(fault_home, mixed_files: Path, calm: dict[str, object]) -> dict[str, int]:
    """Every step of an undisturbed ingest, with how often it is taken."""
    found = fault_home.traced(mixed_files, "traced")
    assert fault_home.contents("traced") == calm
    return found


def test_an_undisturbed_ingest_takes_the_steps_that_make_documents_durable(steps: dict[str, int]) -> None:
    entered = {name.rpartition(" ")[2] for name in steps}
    assert entered >= {"GenerationWriter.hand_over", "Documents.commit", "VectorIndex.flush", "VectorCache.put_many"}


@pytest.mark.slow
def test_an_ingest_killed_at_a_step_goes_on_to_the_same_end(
    fault_home,
    mixed_files: Path,
    calm: dict[str, object],
    steps: dict[str, int],
    chance: Random,
    is_campaign: bool,
    part_of: Callable[[list[str]], list[str]],
) -> None:
    names = part_of(sorted(steps)) if is_campaign else chance.sample(sorted(steps), 3)
    for number, name in enumerate(names):
        kill = (name, chance.randint(1, steps[name]))
        print(f"kill {number + 1} of {len(names)}: {kill}")
        code = fault_home.ingest(mixed_files, f"step{number}", kill=kill)
        assert code in {-9, PARTLY_DONE}, kill  # threads of ours may be at another step by the time of this one
        assert fault_home.ingest(mixed_files, f"step{number}") == PARTLY_DONE, kill
        assert fault_home.contents(f"step{number}") == calm, kill
        fault_home.drop(f"step{number}")


def test_an_ingest_killed_at_any_moment_goes_on_to_the_same_end(
    fault_home, mixed_files: Path, calm: dict[str, object], chance: Random, is_campaign: bool
) -> None:
    begun = time.monotonic()
    assert fault_home.ingest(mixed_files, "timed") == PARTLY_DONE
    seconds = time.monotonic() - begun
    for number in range(30 if is_campaign else 2):
        moments = [chance.uniform(0, seconds) for _ in range(chance.randint(1, 3))]  # some are killed more than once
        print(f"kill after {moments} seconds")
        for moment in moments:
            fault_home.ingest(mixed_files, f"moment{number}", kill_after=moment)
        assert fault_home.ingest(mixed_files, f"moment{number}") == PARTLY_DONE, moments
        assert fault_home.contents(f"moment{number}") == calm, moments
        fault_home.drop(f"moment{number}")


def test_a_killed_ingest_leaves_nothing_that_a_check_finds(fault_home, calm: dict[str, object]) -> None:
    assert fault_home.app.check().remaining == ()
