"""What a finished job has to tell: sentences made from the result that its row keeps."""

from collections.abc import Callable, Mapping
from typing import Any

from search_app.gate.preview import preview_of
from search_app.gate.verdict import verdict_of
from search_app.learning.loop import told_by
from ui.components.compared import comparison_text
from ui.components.figures import counted, duration

Result = Mapping[str, Any]

_INGEST_PARTS = ("new", "changed", "unchanged", "removed")


def outcome_text(kind: str, result: Result) -> str:
    """One or two sentences about what the job did."""
    tell = TELLERS.get(kind)
    return tell(result) if tell else "Done."


def failures(result: Result | None) -> list[tuple[str, str]]:
    """What could not be taken in, and why."""
    return [(one["source"], one["reason"]) for one in (result or {}).get("failed", [])]


def _ingested(result: Result) -> str:
    counts = [f"{result[part]:,} {part}" for part in _INGEST_PARTS if result[part]]
    counts += [f"{len(result['failed']):,} failed"] if result["failed"] else []
    parts = ", ".join(counts) or "nothing to do"
    skipped = result.get("skipped_count", 0)
    left_out = f" {counted(skipped, 'file')} of a kind that can't be read stayed out." if skipped else ""
    cut = result["truncated_tokens"]
    beyond = f" The encoder didn't read {counted(cut, 'token')} beyond its length." if cut else ""
    return f"{parts} ({counted(result['chunk_count'], 'chunk')}, {duration(result['seconds'])}).{left_out}{beyond}"


def _trained(result: Result) -> str:
    learned = f"Learned from {counted(result['example_count'], 'example')} in {duration(result['seconds'])}."
    before, after = result["before"].get("loss"), result["after"].get("loss")
    if before is None or after is None:
        return learned
    return f"{learned} Loss on the examples set aside: {before:.3f} before, {after:.3f} after."


def _reindexed(result: Result) -> str:
    number = result["generation"]["number"]
    stand = f"Generation {number} is live." if result["is_live"] else f"Generation {number} is ready; it isn't live."
    return f"{verdict_of(result['verdict']).sentence} {stand}" if result["verdict"] else stand


def _evaluated(result: Result) -> str:
    figures = ", ".join(f"{name} {value:.4f}" for name, value in result["metrics"].items())
    return f"{figures} on {counted(result['query_count'], 'query', 'queries')}."


def _previewed(result: Result) -> str:
    return preview_of(result).sentence


def _arranged(result: Result) -> str:
    return f"Drew {counted(result['drawn_count'], 'passage')} in {duration(result['seconds'])}."


def _mined(result: Result) -> str:
    examples, queries = counted(result["example_count"], "example"), counted(result["query_count"], "query", "queries")
    written = f"Wrote {examples} of {queries} with {counted(result['negative_count'], 'negative')} to {result['out']}."
    doubtful = result["suspected_count"]
    if not doubtful:
        return written
    left_out = counted(doubtful, "likely answer")
    return f"{written} {left_out} that nobody judged stayed out; the page Judge asks about the most doubtful."


def _tuned(result: Result) -> str:
    judged = counted(result["query_count"], "judged query", "judged queries")
    gain = f"The best way to search gains {result['gain']:+.4f} nDCG@10 on {judged}, cross-validated."
    if result["is_changed"]:
        return f"{gain} {result['collection']} goes by it from now on."
    why = "the one it has is the best" if result["best"] == result["before"] else "that may be chance"
    return f"{gain} Nothing is changed: {why}."


TELLERS: Mapping[str, Callable[[Result], str]] = {
    "ingest": _ingested,
    "train": _trained,
    "mine": _mined,
    "tune": _tuned,
    "reindex": _reindexed,
    "evaluate": _evaluated,
    "preview": _previewed,
    "compare": comparison_text,
    "learn": told_by,
    "arrange": _arranged,
}
