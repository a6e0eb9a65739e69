"""What a collection's searches go by when nobody says: learned by `tune`, kept with the collection's settings.

A collection that was never tuned goes by meaning and words with the fusion that does no harm elsewhere.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from search_app.fusion import Fusion
from search_app.retrieval import Approach, Mode

_KEY = "search"  # in a collection's settings


def preferred(settings: Mapping[str, Any], *, has_words: bool) -> Approach:
    """The approach of a collection with these settings.

    Args:
        settings: The collection's.
        has_words: Whether its database can search by words.
    """
    if not has_words:
        return Approach(Mode.DENSE)
    kept = settings.get(_KEY)
    return Approach(Mode(kept["mode"]), Fusion(**kept["fusion"])) if kept else Approach()


def with_preference(settings: Mapping[str, Any], approach: Approach | None) -> dict[str, Any]:
    """The settings with this approach in place of the former; None goes back to what no tuning chose."""
    others = {key: value for key, value in settings.items() if key != _KEY}
    if approach is None:
        return others
    return {**others, _KEY: {"mode": approach.mode.value, "fusion": asdict(approach.fusion)}}
