"""Tells a process from a later one that was given the same number.

A number and a beginning name one process. The beginning is by a clock that nobody sets: whoever puts the machine's
clock right must not make work that goes on look dead.
"""

import os
from pathlib import Path

import psutil

_STAT_BEGINNING = 19  # of the fields of /proc/PID/stat that follow the name, see proc_pid_stat(5)
_BOOTED_MOST = 1e9  # seconds; more is a time since 1970, as systems without /proc have it, and notes of older versions
_SAME_SECONDS = 1.0  # psutil derives a time since 1970 from that of the boot, which a clock adjustment moves a little


def began(pid: int) -> float:
    """When a process began, to be kept with its number; on Linux in seconds since the boot, elsewhere since 1970.

    Raises:
        psutil.NoSuchProcess: There is no such process.
    """
    process = psutil.Process(pid)
    stat = Path(f"/proc/{pid}/stat")
    try:
        fields = stat.read_bytes().rpartition(b")")[2].split()  # the name before may hold blanks and brackets
        return int(fields[_STAT_BEGINNING]) / os.sysconf("SC_CLK_TCK")
    except ProcessLookupError as error:
        raise psutil.NoSuchProcess(pid) from error
    except (OSError, IndexError):
        return process.create_time()


def lives(pid: int | None, beginning: float | None) -> bool:
    """Whether the very process that began then lives; a later one with the same number doesn't count."""
    if pid is None or beginning is None:
        return False
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if beginning > _BOOTED_MOST:
            return abs(process.create_time() - beginning) < _SAME_SECONDS
        return began(pid) == beginning
    except psutil.Error:
        return False
