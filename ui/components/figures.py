"""Numbers and times as people read them."""

import time

_MINUTE = 60
_HOUR = 3600


def counted(number: int, one: str, many: str | None = None) -> str:
    """For example "1 document" or "4,012 documents"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """For example "39 s", "2 min 10 s" or "1 h 5 min"."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def moment(seconds: float | None) -> str:
    """Seconds since 1970 as local time, to the minute; a dash when there is none."""
    return "–" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
