"""What a parsing process gives up before it opens a file: memory, the network, writing, other programs.

What the platform refuses is left out, layer by layer: resource limits hold on every POSIX system (that of memory on
Linux), the network namespace where Linux lets us, the audit hook in all of Python's own code.
"""

import ctypes
import os
import resource
import signal
import sys
from typing import Any

from ingest.limits import MEGABYTE, Limits

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_OPEN_FILES = 64
_REFUSED_EVENTS = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.remove", "os.rename",
    "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "pty.", "shutil.",
    "urllib.", "http.", "ftplib.", "smtplib.",
)  # fmt: skip


def confine(limits: Limits) -> None:
    """Give up, for good, what no parser needs."""
    _limit(resource.RLIMIT_AS, limits.memory_mb * MEGABYTE)
    _limit(resource.RLIMIT_FSIZE, 0)  # no file can be written; a pipe can
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        _die_with_parent_and_leave_network()
    sys.addaudithook(_refuse)


def allow_seconds(seconds: int) -> None:
    """Let this process compute for so many seconds more; beyond them the system ends it (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    total = int(used.ru_utime + used.ru_stime) + 1 + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (total, hard))


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    most = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(kind, (most, most))
    except (OSError, ValueError):  # macOS refuses to limit memory
        return


def _die_with_parent_and_leave_network() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(_CLONE_NEWNET) != 0:  # only root may; others need a user namespace, which some systems refuse
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    del arguments
    if event.startswith(_REFUSED_EVENTS):
        raise PermissionError(f"A parser may not do this: {event} (process {os.getpid()})")
