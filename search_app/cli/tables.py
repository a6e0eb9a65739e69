"""Tables in plain text: columns padded to their widest cell, no lines, nothing cut off."""

import time
from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under their head; a sentence when there are none."""
    if not rows:
        return "(none)"
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def moment(seconds: float | None) -> str:
    """Seconds since 1970 as local time; a dash when there is none."""
    return "-" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
