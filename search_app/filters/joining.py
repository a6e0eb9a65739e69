"""How the parts of a filter are joined in any language that it is written in."""

from collections.abc import Sequence


def joined(word: str, parts: Sequence[str]) -> str:
    """The parts in a balanced tree: a Milvus server reads expressions up to a depth of 100 only, SQLite up to 1,000."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({joined(word, parts[:middle])} {word} {joined(word, parts[middle:])})"
