"""What is wrong with a row: by column, value, code, words and remedy; and the rows given back with it.

Which rows are wrong is found by the imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from orders.domain import files, jobfiles
from orders.domain.jobruns import Run
from orders.exchange.columns import PROBLEM, REMEDY
from orders.exchange.formats import FORMATS
from orders.models import JobItem

MAX_VALUE = 200


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
    own = [place for place, name in enumerate(heading) if name.strip().lower() not in (PROBLEM, REMEDY)]
    path = jobfiles.result_path(run.job, run.fence, kind)
    written = 0
    with (
        files.writing_file(path) as file,
        FORMATS[kind].writing(
            file, [*(heading[place] for place in own), PROBLEM, REMEDY], delimiter=delimiter or ","
        ) as write_row,
    ):
        for cells, problems in refused.values_list("payload__cells", "problems").iterator(chunk_size=2000):
            errors = [problem for problem in problems if not problem.get("is_warning")]
            row = [cells[place] if place < len(cells) else "" for place in own]
            said = "; ".join(
                f"{p['column']}: {p['message']}" if p["column"] else p["message"] for p in errors
            )
            write_row([*row, said, " ".join(dict.fromkeys(p["remedy"] for p in errors))])
            written += 1
            run.tick()
    if not written:
        files.remove_file(path)
        return
    stem = run.job.upload_name.rpartition(".")[0] or run.job.upload_name or "rows"
    jobfiles.keep_result(run.job, path=path, name=files.shown_name(f"{stem} - refused.{kind}"))
