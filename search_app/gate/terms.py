"""On which terms a person asks the gate."""

from dataclasses import dataclass
from pathlib import Path

from search_app.errors import UsageError
from search_app.evaluation import Qrels


@dataclass(frozen=True, slots=True)
class SwitchTerms:
    """On which terms to switch.

    Args:
        qrels: Judged queries to compare on; None: the held-out judgements.
        is_forced: Switch without a comparison.
        non_inferior: The loss of mean nDCG@10 that is put up with, 0 to 1; None asks for a gain.
        guard: A folder in the layout of BEIR to guard, in place of the collection's own titles.

    Raises:
        UsageError: The margin is none.
    """

    qrels: Qrels | None = None
    is_forced: bool = False
    non_inferior: float | None = None
    guard: Path | None = None

    def __post_init__(self) -> None:
        if self.non_inferior is not None and not 0 < self.non_inferior < 1:
            raise UsageError(
                f"{self.non_inferior:g} is no margin; expected a loss of nDCG@10 between 0 and 1, such as 0.01."
            )


AS_USUAL = SwitchTerms()
