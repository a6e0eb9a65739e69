"""The README's commands are commands that exist, with options that they take, and its links lead somewhere."""

import re
import shlex
from pathlib import Path

import click
import pytest

from search_app.cli import commands

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
TYPED = re.findall(r"(?:^    \$ |`)(twinsearch .+?)(?:`|$)", TEXT, re.M)
SHOWN = [line for line in TYPED if "COLLECTION" not in line and "dense|lexical" not in line]


def parsed(words: list[str], group: click.Group) -> click.Context:
    """What click makes of the words, without running anything."""
    context = group.make_context("twinsearch", words[:1], resilient_parsing=True)
    command = group.get_command(context, words[0])
    assert command is not None, f"There is no command {words[0]!r}."
    if isinstance(command, click.Group) and len(words) > 1:
        return parsed(words[1:], command)
    return command.make_context(words[0], words[1:], resilient_parsing=len(words) == 1)


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_of_the_readme_can_be_typed(line: str) -> None:
    assert parsed(shlex.split(line)[1:], commands).info_name


def test_the_readme_shows_the_whole_path() -> None:
    shown = {shlex.split(line)[1] for line in SHOWN}
    assert {"ingest", "search", "judge", "train", "reindex", "rollback", "ui"} <= shown


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", TEXT))))
def test_a_link_of_the_readme_leads_to_a_file(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("target", [*re.findall(r"^    make (\w+)", TEXT, re.M), "loop"])
def test_a_target_of_the_readme_is_in_the_makefile(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
