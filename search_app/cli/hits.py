"""How answers are printed: hits for reading, the promised JSON, and why a hit was found.

The JSON has an `explanation` in each hit where explanations were asked for, and is as always where not.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ingest.documents import page_label

if TYPE_CHECKING:
    from search_app.explain import Explanation
    from search_app.search import Hit, SearchResult

SCHEMA = 1  # of `search --json`; it changes when a field changes its meaning or goes

_PASSAGE_CHARACTERS = 240
_SENTENCE_CHARACTERS = 160
_WIDTH = 96
_SHOWN_PARTS = {"dense": ("encode", "search"), "lexical": ("words",), "hybrid": ("encode", "search", "words")}
_ALSO_SHOWN = 3
_SHARES_SHOWN = 8


def result_json(result: "SearchResult", explanations: "Sequence[Explanation]" = ()) -> dict[str, Any]:
    """The result as `search --json` promises it."""
    return {
        "schema": SCHEMA,
        "query": result.query,
        "collection": result.collection,
        "generation": result.generation,
        "encoder": {"name": result.encoder.name, "fingerprint": result.encoder.fingerprint},
        "mode": result.mode,
        "fusion": result.fusion,
        "rerank": result.rerank,
        "took_ms": dict(result.took_ms),
        "hits": _explained(result.hits, explanations) if explanations else list(result.hits),
    }


def _explained(hits: "Sequence[Hit]", explanations: "Sequence[Explanation]") -> list[dict[str, Any]]:
    from search_app.jobs import as_json

    return [{**as_json(hit), "explanation": why} for hit, why in zip(hits, explanations, strict=True)]


def result_text(result: "SearchResult", explanations: "Sequence[Explanation]" = ()) -> str:
    """The hits for reading."""
    if not result.hits:
        return f"Nothing found in {result.collection!r}."
    reasons = {one.rank: one for one in explanations}
    blocks = [hit_text(hit) + (explanation_text(hit, reasons[hit.rank]) if reasons else "") for hit in result.hits]
    took = result.took_ms
    parts = ", ".join(f"{part} {took[part]:.0f} ms" for part in _SHOWN_PARTS[result.mode])
    hits = f"{len(result.hits)} {result.mode} hit{'s' if len(result.hits) > 1 else ''}"
    last = f"{hits} from generation {result.generation} of {result.collection!r} ({parts})"
    stage = [result.rerank.sentence] if result.rerank else []
    return "\n".join([*blocks, last, *stage])


def hit_text(hit: "Hit") -> str:
    """Rank, score and title, then the start of the passage, then where it stands, and where the same is."""
    passage = textwrap.shorten(hit.text, _PASSAGE_CHARACTERS, placeholder=" …")
    body = textwrap.indent(textwrap.fill(passage, _WIDTH), "    ")
    more = f" and {hit.more_passages} more passage{'s' if hit.more_passages > 1 else ''}" if hit.more_passages else ""
    copies = f", {hit.copies} more nearly the same" if hit.copies else ""
    where = f"    {place_text(hit)}{more}{copies}\n{_also_text(hit.also_at)}"
    return f"{hit.rank:>2}. {hit.score:.3f}  {hit.title or hit.document_id}\n{body}\n{where}"


def place_text(hit: "Hit") -> str:
    """Where the passage stands: source, page, row or id of a row, headings; what the title says isn't said again."""
    page = [page_label(hit.source, hit.page)] if hit.page else []
    headings = hit.headings[1:] if hit.headings[:1] == (hit.title,) else hit.headings
    under = [f"under {' > '.join(headings)}"] if headings else []
    return ", ".join([hit.source, *page, *_row_text(hit), *under])


def _row_text(hit: "Hit") -> list[str]:
    """The number of a row in its sheet or table, and its id, by which it is judged; nothing for a whole file."""
    number = hit.document_id.removeprefix(f"{hit.source}#")
    is_numbered = number != hit.document_id
    row = hit.metadata.get("row") if "sheet" in hit.metadata else number if is_numbered else None
    is_told = is_numbered or hit.document_id in (hit.source, hit.title)
    return [*([] if row is None else [f"row {row}"]), *([] if is_told else [f"id {hit.document_id}"])]


def explanation_text(hit: "Hit", why: "Explanation") -> str:
    """Both parts of the score, each as a sum over words, then the best sentence."""
    lines = [
        *([f"by meaning {why.similarity:.3f} = {_shares_text(why)}"] if why.similarity is not None else []),
        *([f"by words {sum(why.word_scores.values()):.3f} = {_sum_text(why.word_scores)}"] if why.word_scores else []),
        *([why.note] if why.note else []),
        *(
            [f"best sentence: {_sentence_text(hit, why)}"]
            if why.sentence and why.sentence != (0, len(hit.text))
            else []
        ),
        *([f"the encoder read the first {why.read_end} characters only"] if why.read_end < len(hit.text) else []),
    ]
    return "".join(
        f"{textwrap.fill(line, _WIDTH, initial_indent='    ', subsequent_indent='      ')}\n" for line in lines
    )


def _shares_text(why: "Explanation") -> str:
    """The words that add most, a word that comes twice in one; then all others together, and what is no word."""
    sums: dict[str, float] = {}
    rest = why.rest
    for one in why.words:
        if any(map(str.isalnum, one.word)):
            sums[one.word.lower()] = sums.get(one.word.lower(), 0.0) + one.share
        else:
            rest += one.share  # a comma says nothing to a reader
    first = dict(sorted(sums.items(), key=lambda pair: -abs(pair[1]))[:_SHARES_SHOWN])
    others = sum(share for word, share in sums.items() if word not in first)
    more = {"other words": others} if len(sums) > len(first) else {}
    return _sum_text({**first, **more, "signs": rest})


def _sum_text(shares: Mapping[str, float]) -> str:
    return " + ".join(f"{word} {share:z.3f}" for word, share in shares.items())


def _sentence_text(hit: "Hit", why: "Explanation") -> str:
    return textwrap.shorten(hit.text[slice(*why.sentence or (0, 0))], _SENTENCE_CHARACTERS, placeholder=" …")


def _also_text(sources: Sequence[str]) -> str:
    if not sources:
        return ""
    rest = f" and {len(sources) - _ALSO_SHOWN} more" if len(sources) > _ALSO_SHOWN else ""
    return f"    also at {', '.join(sources[:_ALSO_SHOWN])}{rest}\n"
