"""What can go wrong with a person's files.

    TwinsearchError            every error that Twinsearch raises on purpose
    ├── IngestError
    │   ├── SourceNotFound     a path that isn't there
    │   └── ReadError          a file that can't be turned into text
    │       ├── TableError     a table without a text column
    │       ├── IdTaken        a document whose id another one has
    │       ├── EmptyText      a file that holds no text
    │       └── TooLarge       a file that goes beyond one of the limits
    └── (search_app.errors)

`str(error)` is one sentence for people: what happened with the value, what was expected, what to do next.
"""


class TwinsearchError(Exception):
    """The root of all errors that are shown to people as one sentence."""

    exit_code = 1


class IngestError(TwinsearchError):
    """A document could not be taken in."""


class SourceNotFound(IngestError):
    """A path that was given does not exist."""


class ReadError(IngestError):
    """A file could not be turned into text."""


class TableError(ReadError):
    """A table has no column that can serve as text."""


class IdTaken(ReadError):
    """A document has the id of another one."""


class EmptyText(ReadError):
    """A file was read and holds no text."""


class TooLarge(ReadError):
    """A file goes beyond one of the limits."""
