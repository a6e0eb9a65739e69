"""The command line: reads options, calls one method of SearchApp, prints.

Data goes to stdout, everything else to stderr. Every error that Twinsearch raises on purpose ends here as
one sentence and its exit code; a traceback is shown with --debug only.
Nothing here imports torch or pymilvus: help must come at once.
"""

import errno
import sys

import click

from ingest.errors import TwinsearchError
from search_app.cli import (
    care,
    comparing,
    documents,
    encoders,
    generations,
    grouping,
    indexing,
    jobs,
    judging,
    learning,
    loading,
    measuring,
    reviewing,
    searching,
    serving,
    training,
    tuning,
    users,
)

_INTERRUPTED = 130
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with:  twinsearch ingest PATH   then:  twinsearch search 'what you want to know'",
)
@click.version_option(package_name="twinsearch", prog_name="twinsearch")
def commands() -> None:
    """Semantic search over your own documents that learns from the people who use it."""


_ROOMS = (
    loading,
    documents,
    searching,
    comparing,
    measuring,
    judging,
    reviewing,
    training,
    learning,
    generations,
    encoders,
    tuning,
    grouping,
    indexing,
    users,
    jobs,
    care,
    serving,
)
for room in _ROOMS:
    for command in room.COMMANDS:
        commands.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and ends the process with the command's exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        sys.exit(commands.main(given, prog_name="twinsearch", standalone_mode=False) or 0)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end("Interrupted.", _INTERRUPTED)
    except TwinsearchError as error:
        _reraise_for_debugging(given)
        _end(str(error), error.exit_code)
    except Exception as error:  # a fault of ours is told in one sentence too
        _reraise_for_debugging(given)
        _end(_sentence_of(error), 1)


def _sentence_of(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return f"There is no room left on the disk ({error}). Make room, then the same command goes on."
    return f"A fault in Twinsearch: {type(error).__name__}: {error}. The same command with --debug says where."


def _reraise_for_debugging(arguments: list[str]) -> None:
    if "--debug" in arguments:
        raise


def _end(sentence: str, exit_code: int) -> None:
    click.echo(sentence, err=True)
    sys.exit(exit_code)
