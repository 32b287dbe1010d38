"""What a check of the invariants has to say."""

from dataclasses import dataclass, field

MOST = 20
"""Problems of one kind that are named; a damage may concern every row."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`what` is half a sentence about the invoice, or a whole one where there is none."""

    what: str
    source: str | None = None
    invoice_id: str | None = None
    sequence: int | None = None

    @property
    def sentence(self) -> str:
        return self.what if self.invoice_id is None else f"{self.source} {self.invoice_id}: {self.what}"


@dataclass(slots=True)
class Found:
    """Problems by kind, as many of each as are named; how many there are of the others is only counted."""

    problems: list[Problem] = field(default_factory=list[Problem])
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, kind: str, problem: Problem) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= MOST:
            self.problems.append(problem)

    @property
    def total(self) -> int:
        return sum(self.counts.values())
