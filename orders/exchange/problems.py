"""What is wrong with a row: by column, value, code, words and remedy; and the rows given back with it.

Which rows are wrong is found by the imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import QuerySet

from orders.domain.work import files, jobfiles
from orders.domain.work.jobruns import Run
from orders.exchange.columns import PROBLEM, REMEDY
from orders.exchange.formats import FORMATS
from orders.models import JobItem

MAX_VALUE = 200
AT_ONCE = 2_000


@dataclass(frozen=True)
class RowProblem:
    """One thing about one cell. A warning does not keep the row from being taken."""

    column: str
    value: str
    code: str
    message: str
    remedy: str
    is_warning: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"value": self.value[:MAX_VALUE]}

    @property
    def words(self) -> str:
        return f"{self.column}: {self.message}" if self.column else self.message


def give_back_refused_rows(run: Run, *, kind: str, heading: Sequence[str], delimiter: str = ",") -> None:
    """The refused rows as the person wrote them, with two more columns, as a file of the kind uploaded."""
    refused = JobItem.objects.filter(job_id=run.job.pk, outcome=JobItem.Outcome.FAILED).order_by("number")
    if not refused.exists():
        return
    own = [place for place, name in enumerate(heading) if name.strip().lower() not in (PROBLEM, REMEDY)]
    path = jobfiles.result_path(run.job, run.fence, kind)
    with files.writing_file(path) as file:
        FORMATS[kind].write(
            file,
            [*(heading[place] for place in own), PROBLEM, REMEDY],
            _rows_with_words(run, refused, own),
            delimiter=delimiter or ",",
        )
    stem = run.job.upload_name.rpartition(".")[0] or run.job.upload_name or "rows"
    jobfiles.keep_result(run.job, path=path, name=files.shown_name(f"{stem} - refused.{kind}"))


def _rows_with_words(run: Run, refused: QuerySet[JobItem], own: Sequence[int]) -> Iterator[list[str]]:
    """Chunk by chunk: on SQLite an open cursor and heartbeats on one connection get in each other's way."""
    after = 0
    while chunk := list(
        refused.filter(number__gt=after).values_list("number", "payload__cells", "problems")[:AT_ONCE]
    ):
        for _number, cells, problems in chunk:
            errors = [problem for problem in problems if not problem.get("is_warning")]
            said = "; ".join(
                f"{p['column']}: {p['message']}" if p["column"] else p["message"] for p in errors
            )
            remedies = " ".join(dict.fromkeys(p["remedy"] for p in errors))
            yield [*(cells[place] if place < len(cells) else "" for place in own), said, remedies]
        after = chunk[-1][0]
        run.tick()
