"""What tells two generations apart, in words: the encoder, its weights, its precision, how documents are cut."""

from dataclasses import dataclass

from search_app.catalog.generations import Generation


@dataclass(frozen=True, slots=True)
class Sides:
    """Two generations beside each other.

    Attributes:
        live: What the live one is called beside the other: its encoder, and whatever else differs.
        candidate: The same of the other.
        only: What differs though the encoder is the same, such as "the precision"; empty where another encoder is
            compared.
    """

    live: str
    candidate: str
    only: str


def sides_of(live: Generation, candidate: Generation) -> Sides:
    """What to call a candidate and the live generation in one sentence."""
    pair = (live, candidate)
    is_same = live.fingerprint == candidate.fingerprint
    names = [[one.encoder_name] for one in pair]
    if not is_same and live.encoder_name == candidate.encoder_name:
        _tell(names, [one.fingerprint[:12] for one in pair])
    precisions = [_precision(one, pair) for one in pair]
    cuts = [_cut(one) for one in pair]
    _tell(names, precisions)
    _tell(names, cuts)
    differing = [("the precision", precisions), ("how documents are cut", cuts)]
    others = [what for what, (one, other) in differing if one != other]
    called = [", ".join(parts) for parts in names]
    return Sides(called[0], called[1], " and ".join(others) if is_same else "")


def _tell(names: list[list[str]], words: list[str]) -> None:
    """Adds a word to each name, where the two words differ."""
    if words[0] != words[1]:
        for name, word in zip(names, words, strict=True):
            name.append(word)


def _precision(one: Generation, pair: tuple[Generation, Generation]) -> str:
    """Without the key of a calibration, unless only the keys differ."""
    kinds = {each.precision.partition(":")[0] for each in pair}
    return one.precision if len(kinds) == 1 else one.precision.partition(":")[0]


def _cut(one: Generation) -> str:
    cut = one.chunking
    if cut.whole:
        return "whole documents"
    overlap = f", {cut.overlap_tokens:,} of them repeated" if cut.overlap_tokens else ""
    return f"chunks of {cut.max_tokens:,} tokens{overlap}"
