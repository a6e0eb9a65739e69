"""How long the parts of an answer took."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Timer:
    """Milliseconds by part, in the order in which the parts were first named."""

    parts: dict[str, float] = field(default_factory=dict)
    _begun: float = field(default_factory=time.perf_counter)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, part: str) -> None:
        """Gives the time since the last lap to a part."""
        now = time.perf_counter()
        self.parts[part] = self.parts.get(part, 0.0) + (now - self._last) * 1000
        self._last = now

    def total(self) -> dict[str, float]:
        """The parts and their total, which has what lies between them too."""
        parts = {**self.parts, "total": (time.perf_counter() - self._begun) * 1000}
        return {name: round(value, 3) for name, value in parts.items()}
