"""The examples of a run, kept in a file: what was learned from, and what a resumed run goes on with.

The file is complete or absent. Its first line says what the examples are and by which key they were gathered;
every further line is a row. Whoever asks with another key finds nothing.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from search_app.twin.examples import Example, Examples, Provenance, Shape
from search_app.twin.findings import Finding, Severity


def keep_examples(path: Path, key: str, examples: Examples) -> None:
    """Writes the examples down, in place of what was kept there before."""
    aside = path.with_suffix(".new")
    with aside.open("w", encoding="utf-8") as file:
        for line in _lines(key, examples):
            file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def kept_examples(path: Path, key: str | None) -> Examples | None:
    """The examples that were kept by this key, or by whatever key; None when there are none."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8") as file:
        head = json.loads(next(file))
        if key not in (None, head["key"]):
            return None
        rows: dict[bool, list[Example]] = {False: [], True: []}
        for line in file:
            row = json.loads(line)
            rows[row["is_held_out"]].append(Example(tuple(row["texts"]), row["label"]))
    return replace(_described(head), rows=tuple(rows[False]), held_out=tuple(rows[True]))


def _lines(key: str, examples: Examples) -> Iterator[dict[str, Any]]:
    yield {
        "key": key,
        "shape": examples.shape.value,
        "classes": examples.classes,
        "score_range": examples.score_range,
        "provenance": asdict(examples.provenance),
    }
    for is_held_out, rows in ((False, examples.rows), (True, examples.held_out)):
        for row in rows:
            yield {"texts": row.texts, "label": row.label, "is_held_out": is_held_out}


def _described(head: dict[str, Any]) -> Examples:
    """What the first line says, without rows."""
    known = head["provenance"]
    findings = [Finding(**one | {"severity": Severity(one["severity"])}) for one in known["findings"]]
    return Examples(
        Shape(head["shape"]),
        (),
        classes=tuple(head["classes"]),
        score_range=tuple(head["score_range"]) if head["score_range"] else None,
        provenance=Provenance(known["counts"], known["columns"], tuple(findings)),
    )
