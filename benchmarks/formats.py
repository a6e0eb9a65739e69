"""What comes of each file of the public folders, by format: text, or the reason why not.

    TWINSEARCH_BENCH_DATA=FOLDER python -m benchmarks.formats

Files are read as an ingest reads them, in limited processes; nothing is encoded or written. Prints Markdown.
"""

import argparse
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import machine, table
from ingest.discovery import SourceFile, discover, suffix_of
from ingest.readers import READERS
from ingest.readers.found import Broken, Found, Told
from ingest.sandbox.ahead import ParsingSettings, parse_files

FOLDERS = ("docs-milvus", "docs-office-mix")


@dataclass(slots=True)
class Outcome:
    """What came of the files of one format: how many gave text, wholly or in part, and the reasons of the others."""

    files: int = 0
    with_text: int = 0
    documents: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, told: list[Told]) -> None:
        """Count a file."""
        documents = sum(isinstance(one, Found) for one in told)
        self.files += 1
        self.documents += documents
        self.with_text += documents > 0
        self.reasons += [one.reason for one in told if isinstance(one, Broken)][: 1 if not documents else 0]


def measure(folder: Path) -> str:
    """A table of the folder's formats."""
    begun = time.monotonic()
    discovery = discover([folder], suffixes=READERS)
    told: dict[SourceFile, list[Told]] = {file: [] for file in discovery.files}
    for file, one in parse_files(discovery.files, ParsingSettings()):
        told[file].append(one)
    outcomes: dict[str, Outcome] = {}
    for file, items in told.items():
        outcomes.setdefault(suffix_of(file.path.name), Outcome()).add(items)
    rows = [
        (name, str(one.files), str(one.with_text), f"{one.documents:,}", _reasons(one.reasons))
        for name, one in sorted(outcomes.items())
    ]
    rows += [(name or "none", str(count), "", "", "no reader: counted") for name, count in discovery.skipped]
    total = len(discovery.files) + sum(count for _, count in discovery.skipped)
    head = f"{folder.name}: {total:,} files, {time.monotonic() - begun:.1f} s"
    return f"{head}\n\n{table(('format', 'files', 'with text', 'documents', 'why the others gave none'), rows)}"


def _reasons(reasons: list[str]) -> str:
    """The first clause of each sentence, without the file that it begins with."""
    short = Counter(
        reason.partition("' ")[2].partition(". ")[0].partition(": ")[0].rstrip(".") or reason for reason in reasons
    )
    return "; ".join(f"{count} {reason}" for reason, count in short.most_common())


def main() -> None:
    """Print a table for each folder."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    data = os.environ.get("TWINSEARCH_BENCH_DATA")
    if data is None:
        raise SystemExit("Skipped: TWINSEARCH_BENCH_DATA names no folder with public data.")
    for name in FOLDERS:
        print(measure(Path(data, name)), end="\n\n", flush=True)
    print(machine())


if __name__ == "__main__":
    main()
