"""What a check of examples says: how bad it is, how often it was found, an example, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether a finding stops the training."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """`count` rows or texts break `rule` in the way that `what` says; `sample` is the beginning of one of them."""

    severity: Severity
    rule: str
    what: str
    count: int
    sample: str
    advice: str
