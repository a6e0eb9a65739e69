"""What one file may cost before it is given up.

Every limit is one of a file, not of a run: a file that goes beyond one fails with the limit's name, the rest goes on.
"""

from dataclasses import dataclass

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may take.

    Args:
        file_mb: Size of a file, and of a member of an archive once it is unpacked.
        memory_mb: Address space of the process that parses; bound where the platform can (Linux).
        seconds: Time that the parser computes, and time that it is waited for; for an archive, of each member.
        archive_seconds: Time that an archive is waited for, with all of its members.
        characters: Text of a document.
        chunks: Chunks of a document.
        members: Files in an archive or an Office file.
        unpacked_mb: All members of an archive or an Office file together.
        ratio: Unpacked size by packed size, from 32 MB unpacked on.
        depth: Archives within archives.
    """

    file_mb: int = 200
    memory_mb: int = 2048
    seconds: int = 60
    archive_seconds: int = 600
    characters: int = 20_000_000
    chunks: int = 20_000
    members: int = 10_000
    unpacked_mb: int = 1024
    ratio: int = 200
    depth: int = 2

    @property
    def file_bytes(self) -> int:
        """`file_mb` in bytes."""
        return self.file_mb * MEGABYTE

    @property
    def unpacked_bytes(self) -> int:
        """`unpacked_mb` in bytes."""
        return self.unpacked_mb * MEGABYTE
