"""Orders and their lines: tables, constraints and questions about one row.

Nothing here moves an order: `status` is written by orders/domain/life/moving.py alone.
"""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orders.models.catalogue import Product
from orders.models.choices import (
    OPEN_TABS,
    TAB_MEMBERS,
    CallCenter,
    Payment,
    PaymentMethod,
    Status,
    Tab,
)
from orders.models.merchants import Merchant, Warehouse
from orders.models.people import User
from orders.models.places import City
from orders.models.querysets import OrderQuerySet

MONEY_DIGITS = 16
ALIVE = Q(deleted_at__isnull=True)


class Order(models.Model):
    """One customer's order; the row carries the facts of the present cycle.

    Money is in `currency`, which is the merchant's. `total` is what the customer
    pays, `amount_due` what the courier collects, `amount_collected` what was.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="orders", db_index=False)
    reference = models.CharField(_("reference"), max_length=20, unique=True)
    external_reference = models.CharField(_("your reference"), max_length=100, null=True, blank=True)  # noqa: DJ001 - unique where given
    source = models.CharField(_("source"), max_length=40)
    created_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)
    deleted_at = models.DateTimeField(null=True, blank=True)

    # The three axes.
    status = models.CharField(_("status"), max_length=32, choices=Status, default=Status.NEW)
    remembered_status = models.CharField(max_length=32, choices=Status, blank=True, default="")
    status_changed_at = models.DateTimeField(default=timezone.now)
    call_center = models.CharField(
        _("call centre"), max_length=12, choices=CallCenter, default=CallCenter.CONFIRMED
    )
    call_attempts = models.PositiveSmallIntegerField(default=0)
    postponed_to = models.DateField(null=True, blank=True)
    payment_status = models.CharField(_("payment"), max_length=12, choices=Payment, default=Payment.AWAITING)
    payment_method = models.CharField(
        _("payment method"), max_length=12, choices=PaymentMethod, default=PaymentMethod.COD
    )
    tab = models.GeneratedField(
        expression=Case(
            *(
                When(status__in=[s.value for s in members], then=Value(tab.value))
                for tab, members in TAB_MEMBERS.items()
            ),
            default=F("status"),
        ),
        output_field=models.CharField(max_length=32, choices=Tab),
        db_persist=True,
    )

    # Money, in the merchant's currency.
    currency = models.CharField(max_length=3)
    total = models.DecimalField(_("total"), max_digits=MONEY_DIGITS, decimal_places=2)
    prepaid = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2, default=Decimal(0))
    amount_due = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2)
    amount_collected = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2, default=Decimal(0))

    # The customer.
    full_name = models.CharField(_("full name"), max_length=100)
    search_name = models.CharField(max_length=100, editable=False, default="")
    phone = models.CharField(_("phone"), max_length=100)
    phone_e164 = models.CharField(max_length=20, blank=True, default="", editable=False)
    # Digits back to front, so that "ends with 7919" is a prefix and an index finds it.
    phone_reversed = models.CharField(max_length=40, blank=True, default="", editable=False)
    second_phone = models.CharField(_("second phone"), max_length=100, blank=True, default="")
    second_phone_reversed = models.CharField(max_length=40, blank=True, default="", editable=False)
    email = models.CharField(_("e-mail"), max_length=254, blank=True, default="")
    country = models.CharField(_("country"), max_length=2)
    city = models.CharField(_("city"), max_length=100)
    city_place = models.ForeignKey(
        City, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    area = models.CharField(_("area"), max_length=100, blank=True, default="")
    address = models.CharField(_("address"), max_length=1000)
    notes = models.CharField(_("notes"), max_length=1000, blank=True, default="")
    shipment_way = models.PositiveSmallIntegerField(null=True, blank=True)
    is_fees_paid_by_customer = models.BooleanField(_("customer pays the fees"), default=True)

    # The present cycle.
    cycle = models.PositiveSmallIntegerField(default=1)
    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="+", db_index=False)
    packed_at = models.DateTimeField(null=True, blank=True)
    reserved_warehouse = models.ForeignKey(
        Warehouse, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    company_key = models.CharField(max_length=64, blank=True, default="")
    company_name = models.CharField(max_length=100, blank=True, default="")
    company_status = models.CharField(max_length=100, blank=True, default="")
    tracking = models.CharField(_("tracking"), max_length=64, blank=True, default="")
    pushed_at = models.DateTimeField(null=True, blank=True)
    from_stock = models.BooleanField(
        default=False, help_text=_("The goods lie in the company's own warehouse; ours move nothing")
    )

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        permissions = (
            ("markAsPackedByScanner", "Can pick, prepare and pack orders, and mark them out of stock"),
            ("markAsShippedByScanner", "Can ship orders"),
            ("markAsDeliveredByScanner", "Can mark orders as delivered"),
            ("markAsReturnedByScanner", "Can take back returns and restock them"),
            ("markAsCanceledByScanner", "Can cancel orders"),
            ("ReNewOrder", "Can renew orders"),
            ("rollbackOrder", "Can roll orders back"),
            ("assignOrderToShippingCompany", "Can push orders to a shipping company"),
            ("assignOrderToDeliveryBoys", "Can assign orders to a delivery person"),
            ("importOrders", "Can import orders"),
            ("exportOrders", "Can export orders"),
            ("confirmOrder", "Can record call-centre outcomes"),
            ("printLabels", "Can print labels"),
            ("manageStock", "Can receive, adjust and count stock"),
            ("managePlaces", "Can edit cities and their spellings"),
            ("manageCompanies", "Can set up shipping companies"),
            ("manageCash", "Can match statements and book cash"),
            ("handOver", "Can hand parcels over to a company"),
            ("driveDeliveries", "Can close own deliveries"),
            ("manageUsers", "Can manage people, roles, merchants and warehouses"),
            ("issueApiTokens", "Can issue API tokens"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("merchant", "external_reference"), name="order_external_reference_unique"
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="order_status_known"),
            models.CheckConstraint(
                condition=Q(status=Status.ROLLBACK) & ~Q(remembered_status="")
                | ~Q(status=Status.ROLLBACK) & Q(remembered_status=""),
                name="order_remembers_only_in_rollback",
            ),
            models.CheckConstraint(
                condition=Q(total__gte=0) & Q(prepaid__gte=0) & Q(amount_due__gte=0),
                name="order_money_not_negative",
            ),
        )
        # Each list index exists with and without the merchant: staff see all, sellers one.
        indexes = (
            models.Index(fields=("tab", "-created_at", "-id"), name="order_tab_created", condition=ALIVE),
            models.Index(fields=("-created_at", "-id"), name="order_created", condition=ALIVE),
            models.Index(
                fields=("merchant", "tab", "-created_at", "-id"), name="order_merchant_tab", condition=ALIVE
            ),
            models.Index(
                fields=("merchant", "-created_at", "-id"), name="order_merchant_created", condition=ALIVE
            ),
            models.Index(fields=("tab", "-total", "-id"), name="order_tab_total", condition=ALIVE),
            models.Index(fields=("-total", "-id"), name="order_total", condition=ALIVE),
            models.Index(
                fields=("city_place", "-created_at", "-id"), name="order_city_created", condition=ALIVE
            ),
            models.Index(
                fields=("phone_reversed",), name="order_phone_tail", opclasses=("varchar_pattern_ops",)
            ),
            models.Index(
                fields=("second_phone_reversed",),
                name="order_second_phone_tail",
                opclasses=("varchar_pattern_ops",),
                condition=~Q(second_phone_reversed=""),
            ),
            models.Index(
                fields=("tracking",),
                name="order_tracking",
                opclasses=("varchar_pattern_ops",),
                condition=~Q(tracking=""),
            ),
            models.Index(
                fields=("external_reference",),
                name="order_external_reference",
                opclasses=("varchar_pattern_ops",),
            ),
            # The tabs' counts: narrow, and as small as what is open, however long the history.
            models.Index(
                fields=("tab", "merchant"),
                name="order_open_counts",
                condition=ALIVE & Q(tab__in=[tab.value for tab in OPEN_TABS]),
            ),
            # Work that waits inside of a large tab: returns not yet back on the shelf, calls to be made.
            models.Index(
                fields=("status", "-created_at", "-id"),
                name="order_returns_open",
                condition=ALIVE & Q(status__in=[Status.RETURNED, Status.RETURN_RECEIVED]),
            ),
            models.Index(
                fields=("call_center", "-created_at", "-id"),
                name="order_to_call",
                condition=ALIVE
                & Q(tab=Tab.NEW)
                & Q(call_center__in=[CallCenter.PENDING, CallCenter.NO_ANSWER, CallCenter.POSTPONED]),
            ),
        )

    def __str__(self) -> str:
        return self.reference

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def is_prepaid(self) -> bool:
        return self.payment_method != PaymentMethod.COD


class OrderLine(models.Model):
    """So many units of a product in one cycle of an order; sku, name and price are a snapshot.

    A line whose product is unknown (or not tracked) moves no stock.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines", db_index=False)
    cycle = models.PositiveSmallIntegerField(default=1)
    position = models.PositiveSmallIntegerField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True, related_name="lines")
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2)
    total = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2)
    # Units a company took although the shelf lacked them: a task for a person, never negative stock.
    owed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("order", "cycle", "position")
        constraints = (
            models.UniqueConstraint(fields=("order", "cycle", "position"), name="line_position_unique"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="line_quantity_positive"),
            models.CheckConstraint(condition=Q(owed__lte=F("quantity")), name="line_owed_within_quantity"),
        )
        indexes = (
            models.Index(fields=("order",), name="line_owed", condition=Q(owed__gt=0)),
            models.Index(fields=("sku",), name="line_sku_unknown", condition=Q(product__isnull=True)),
        )

    def __str__(self) -> str:
        return f"{self.quantity} × {self.sku}"
