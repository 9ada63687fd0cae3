"""The benches: what each one is called, looks like and asks for.

What a bench does to an order is the domain's business (orders/domain/bench/scanning.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orders.domain.bench.scanning import ScanMode


@dataclass(frozen=True)
class Bench:
    """One mode of scanning. `tone` and `icon` are its looks; the words stand on its answers."""

    mode: ScanMode
    title: str | Promise
    lead: str | Promise
    done_word: str | Promise
    already_word: str | Promise
    tone: str
    icon: str
    path: str
    needs_day: bool = False
    needs_warehouse: bool = False

    @property
    def url(self) -> str:
        return reverse("scan-bench", args=[self.mode.value])

    @property
    def action_url(self) -> str:
        """Where its scans are posted to."""
        return reverse(f"scan-{self.mode.value}")

    @property
    def takes_warehouse(self) -> bool:
        return self.mode.takes_warehouse

    @property
    def needs_reason(self) -> bool:
        return self.mode.needs_reason


BENCHES: dict[ScanMode, Bench] = {
    bench.mode: bench
    for bench in (
        Bench(
            ScanMode.PACK,
            _("Pack"),
            _("Goods are in the box, the box is closed"),
            _("Packed"),
            _("Already packed"),
            "packed",
            "package-check",
            "orders/mark-orders-as-packed-by-scanner",
            needs_day=True,
        ),
        Bench(
            ScanMode.SHIP,
            _("Ship"),
            _("The parcel leaves with its company"),
            _("Shipped"),
            _("Already shipped"),
            "shipped",
            "truck",
            "orders/mark-orders-as-shipped-by-scanner",
            needs_day=True,
            needs_warehouse=True,
        ),
        Bench(
            ScanMode.DELIVER,
            _("Deliver"),
            _("The customer has it and has paid"),
            _("Delivered"),
            _("Already delivered"),
            "delivered",
            "circle-check",
            "orders/mark-orders-as-delivered-by-scanner",
            needs_day=True,
        ),
        Bench(
            ScanMode.RETURN,
            _("Return"),
            _("The parcel is on its way back"),
            _("Returned"),
            _("Already returned"),
            "returned",
            "undo-2",
            "orders/mark-orders-as-returned-by-scanner",
            needs_day=True,
        ),
        Bench(
            ScanMode.CANCEL,
            _("Cancel"),
            _("The order will not be sent"),
            _("Canceled"),
            _("Already canceled"),
            "canceled",
            "ban",
            "orders/mark-orders-as-canceled-by-scanner",
        ),
        Bench(
            ScanMode.RECEIVE,
            _("Receive"),
            _("The returned parcel lies on the bench"),
            _("Received"),
            _("Already received"),
            "returned",
            "package-open",
            "orders/receive-returns-by-scanner",
        ),
        Bench(
            ScanMode.RESTOCK,
            _("Put back"),
            _("All its goods are sound and go back to the shelf"),
            _("Back in stock"),
            _("Already back in stock"),
            "returned",
            "boxes",
            "orders/restock-orders-by-scanner",
        ),
    )
}

# What is done with a returned parcel after it was scanned in as returned.
RETURN_STEPS = (ScanMode.RECEIVE, ScanMode.RESTOCK)
PERMISSIONS = tuple(dict.fromkeys(mode.permission for mode in BENCHES))


def benches_of(request: HttpRequest) -> list[Bench]:
    """The benches that the person may work at."""
    return [bench for bench in BENCHES.values() if request.user.has_perm(f"orders.{bench.mode.permission}")]
