"""The demonstration: two merchants, their goods, the people who work there, and a month of orders.

It comes about as a real month would: through intake, moves and the shelves, at moments of the past.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from orders.domain.actors import Actor
from orders.domain.geography.gazetteer import load_places
from orders.domain.goods.catalogue import ProductDraft, save_products
from orders.domain.goods.stock import Disposition
from orders.domain.goods.stocktaking import receive_stock
from orders.domain.incoming.intake import DASHBOARD, LineDraft, OrderDraft, create_orders
from orders.domain.life.confirming import confirm_orders
from orders.domain.life.moving import move_orders
from orders.domain.refusals import Code
from orders.models import (
    Country,
    Merchant,
    OrderLine,
    PaymentMethod,
    Product,
    StockLevel,
    User,
    Warehouse,
)

DATA = Path(__file__).resolve().parent.parent / "data"
PASSWORD = "demo-packhouse"  # noqa: S105 - printed for everybody who tries the demonstration
DAYS = 30
SYSTEM = Actor.system("demo")


@dataclass(frozen=True)
class Person:
    username: str
    first_name: str
    last_name: str
    merchant: str = ""  # empty for staff of every merchant
    is_superuser: bool = False


PEOPLE = (
    Person("admin", "Nadia", "Benkirane", is_superuser=True),
    Person("manager", "Rachid", "Alaoui"),
    Person("packer", "Hicham", "Ouali"),
    Person("shipper", "Samira", "Tazi"),
    Person("returns", "Mounir", "Haddad"),
    Person("callcentre", "Lamia", "Chérif"),
    Person("driver", "Yassine", "Amrani"),
    Person("viewer", "Sofia", "Lahlou"),
    Person("seller", "Karim", "Bennani", merchant="atlas"),
)


@dataclass(frozen=True)
class Account:
    """An account as it is printed; `is_new` False: it was there before and stays as it was."""

    username: str
    name: str
    what: str
    is_new: bool


@dataclass(frozen=True)
class Demonstration:
    accounts: tuple[Account, ...]
    products: int
    orders: int


def load_demonstration() -> Demonstration | None:
    """What was loaded; None when it is there already: then nothing was changed.

    All of it or nothing: a run that is cut short leaves no trace.
    """
    if Merchant.objects.filter(slug="atlas").exists():
        return None
    # Slow on purpose, so not while the database is held.
    passwords = {person.username: make_password(PASSWORD) for person in PEOPLE}
    with transaction.atomic():
        load_places()
        month = _Month(*_open_shop())
        accounts = _hire(passwords)
        month.play()
        return Demonstration(accounts, Product.objects.count(), len(month.orders))


# --- the set-up ---------------------------------------------------------------------------


def _open_shop() -> tuple[Merchant, Merchant]:
    casablanca, _new = Warehouse.objects.get_or_create(
        code="casablanca",
        defaults={"name": "Casablanca", "address": "Zone industrielle Sidi Bernoussi, Casablanca"},
    )
    algiers, _new = Warehouse.objects.get_or_create(
        code="algiers", defaults={"name": "Algiers", "address": "Zone d'activité de Rouiba, Alger"}
    )
    atlas = Merchant.objects.create(
        slug="atlas",
        name="Atlas",
        country=Country.MOROCCO,
        currency="MAD",
        timezone="Africa/Casablanca",
        default_warehouse=casablanca,
        contact_name="Karim Bennani",
        contact_phone="+212600000100",
        contact_address="12 rue Abou Inane, Casablanca",
    )
    casbah = Merchant.objects.create(
        slug="casbah",
        name="Casbah",
        country=Country.ALGERIA,
        currency="DZD",
        timezone="Africa/Algiers",
        confirm_by_phone=True,
        default_warehouse=algiers,
        contact_name="Amel Zerrouki",
        contact_phone="+213550000100",
        contact_address="5 rue Didouche Mourad, Alger",
    )
    for merchant, name in ((atlas, "products.csv"), (casbah, "casbah_products.csv")):
        drafts = [
            ProductDraft(
                sku=row["sku"],
                name=row["name"],
                price=Decimal(row["price"]),
                track_stock=row.get("track_stock", "1") == "1",
            )
            for row in _read(name)
        ]
        save_products(drafts, merchant_id=merchant.pk, actor=SYSTEM)
    return atlas, casbah


def _hire(passwords: dict[str, str]) -> tuple[Account, ...]:
    """An account a role; one whose name is taken is left to whoever has it."""
    taken = set(
        User.objects.filter(username__in=passwords).values_list("username", flat=True),
    )
    merchants = dict(Merchant.objects.values_list("slug", "id"))
    groups = {group.name: group for group in Group.objects.filter(name__in=passwords)}
    accounts = []
    for person in PEOPLE:
        if person.username not in taken:
            user = User.objects.create(
                username=person.username,
                password=passwords[person.username],
                first_name=person.first_name,
                last_name=person.last_name,
                email=f"{person.username}@packhouse.example",
                merchant_id=merchants.get(person.merchant),
                is_staff=person.is_superuser,
                is_superuser=person.is_superuser,
            )
            user.groups.add(groups[person.username])
        what = f"bound to {person.merchant}" if person.merchant else "staff of every merchant"
        accounts.append(
            Account(
                person.username,
                f"{person.first_name} {person.last_name}",
                what,
                is_new=person.username not in taken,
            )
        )
    return tuple(accounts)


def _read(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


# --- what customers order -------------------------------------------------------------------


@dataclass(frozen=True)
class Customers:
    """Invented people of a country: no name belongs to its number, no number to anybody known."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    phone_spellings: tuple[str, ...]
    cities: tuple[tuple[str, int], ...]  # with how often parcels go there
    streets: tuple[str, ...]
    unknown_cities: tuple[str, ...]


MOROCCANS = Customers(
    first_names=(
        *("Youssef", "Amina", "Imane", "Hind", "Driss", "Houda", "Anas", "Salma", "Ilyas", "Zineb"),
        *("Othmane", "Meryem", "Ayoub", "Ghita", "خديجة", "محمد", "يوسف", "فاطمة الزهراء"),
    ),
    last_names=(
        *("El Idrissi", "Tazi", "M'Barek", "Berrada", "Amrani", "Rhazi", "Kettani", "Ouazzani", "Ziani"),
        *("El Fassi", "Bouzidi", "Sefrioui", "العلوي", "الإدريسي", "التازي"),
    ),
    phone_spellings=("+21260000{}", "060000{}", "0021260000{}", "21260000{}", "06 00 00 {}"),
    cities=(
        *(("Casablanca", 12), ("Rabat", 6), ("Marrakech", 6), ("Fès", 5), ("Tanger", 5), ("Agadir", 4)),
        *(("Meknès", 3), ("Oujda", 3), ("Salé", 3), ("Kénitra", 2), ("Tétouan", 2), ("BENI MELLAL", 2)),
        *(("الدار البيضاء", 3), ("مراكش", 2), ("فاس", 2), ("Azrou", 1), ("Essaouira", 1), ("casa", 2)),
    ),
    streets=(
        *("Bd Mohammed V, n° {}", "Rue 45, Maarif, n° {}", "Résidence Yasmine, Apt {}"),
        *("Hay Salam, rue {}", "Avenue Hassan II, n° {}", "حي السلام، رقم {}", "شارع الحسن الثاني، رقم {}"),
    ),
    unknown_cities=("Casablanca Sidi Maarouf", "Mrirtt centre", "Douar Lhaj"),
)
ALGERIANS = Customers(
    first_names=(
        *("Amel", "Sofiane", "Yacine", "Nassima", "Walid", "Kahina", "Farid", "Lynda", "Mehdi", "Samia"),
        *("Hocine", "Ryma", "أمين", "سارة", "نور الدين"),
    ),
    last_names=(
        *("Zerrouki", "Boudiaf", "Mammeri", "Hamidi", "Aït Ahmed", "Cherfaoui", "Belkacem", "Saïdi"),
        *("Bensalem", "بن علي", "حميدي"),
    ),
    phone_spellings=("+21355000{}", "055000{}", "0021355000{}", "0550 00 {}", "55000{}"),
    cities=(
        *(("Alger", 8), ("Oran", 6), ("Constantine", 5), ("Sétif", 4), ("Annaba", 3), ("Blida", 3)),
        *(("Tizi Ouzou", 3), ("Béjaïa", 3), ("Bab Ezzouar", 2), ("قسنطينة", 2), ("وهران", 2), ("Tlemcen", 2)),
        *(("Ain Beida, Oum El Bouaghi", 1), ("Ghardaïa", 1), ("GHARDAIA", 1)),
    ),
    streets=(
        *("Cité 200 logements, Bt {}", "Rue Larbi Ben M'hidi, n° {}", "Lotissement El Feth, villa {}"),
        *("Boulevard de l'ALN, n° {}", "حي 5 جويلية، رقم {}"),
    ),
    unknown_cities=("Ain Beida", "Cité El Moustakbel"),
)


# --- what becomes of orders -------------------------------------------------------------------


@dataclass(frozen=True)
class Fate:
    """How a kind of order goes: how many a merchant has, how old they are, and their steps.

    A step is (action, days after the order came in, hour, minute). Hours are the merchant's;
    several orders in one step at one time are a bench or a bulk action at work.
    """

    counts: tuple[int, int]  # of atlas, of casbah
    ages: tuple[int, int]
    steps: tuple[tuple[str, int, int, int], ...] = ()
    lacks_stock: bool = False
    loses_a_unit: bool = False


PACK = ("pack", 1, 9, 20)
PACK_LATE = ("pack", 1, 14, 40)
SHIP = ("ship", 1, 16, 45)
SENT = (PACK, SHIP)
BACK = (*SENT, ("return", 4, 18, 10))
RECEIVED = (*BACK, ("receive_return", 6, 10, 30))
RESTOCKED = (*RECEIVED, ("restock", 6, 11, 15))

FATES = (
    # Open.
    Fate((18, 6), (0, 1)),
    Fate((3, 4), (0, 1), (("no_answer", 0, 19, 30),)),
    Fate((0, 2), (0, 1), (("postponed", 0, 19, 40),)),
    Fate((6, 3), (1, 1), (("pick", 1, 8, 50),)),
    Fate((5, 2), (1, 1), (("pick", 1, 8, 50), ("prepare", 1, 9, 5))),
    Fate((9, 5), (1, 3), (PACK,)),
    Fate((7, 3), (1, 2), (PACK_LATE,)),
    Fate((6, 3), (1, 3), (PACK, ("push", 1, 10, 15))),
    Fate((3, 2), (1, 2), (("push", 1, 10, 15),)),
    Fate((8, 3), (1, 5), (PACK,), lacks_stock=True),
    # On the road.
    Fate((16, 8), (1, 3), SENT),
    Fate((8, 4), (2, 6), (PACK_LATE, ("push", 1, 15, 10), SHIP)),
    # Closed.
    Fate((44, 22), (2, 29), (*SENT, ("deliver", 2, 11, 30))),
    Fate((38, 20), (3, 29), (*SENT, ("deliver", 3, 17, 40))),
    Fate((20, 10), (4, 29), (PACK_LATE, SHIP, ("deliver", 4, 12, 5))),
    Fate((4, 2), (9, 20), (*SENT, ("deliver", 2, 11, 30), ("return", 8, 15, 20))),
    Fate((6, 4), (5, 9), BACK),
    Fate((5, 3), (7, 12), RECEIVED),
    Fate((11, 5), (8, 28), RESTOCKED),
    Fate((3, 2), (8, 28), RESTOCKED, loses_a_unit=True),
    Fate((9, 5), (1, 28), (("cancel", 1, 12, 20),)),
    Fate((5, 3), (2, 28), (PACK, ("cancel", 2, 9, 55))),
    # Corrected, and begun again.
    Fate((3, 2), (2, 5), (*SENT, ("rollback", 2, 8, 35))),
    Fate((2, 1), (3, 6), (("cancel", 1, 12, 20), ("renew", 2, 9, 10))),
    Fate(
        (4, 2),
        (12, 28),
        (*RESTOCKED, ("renew", 7, 9, 10), ("pack", 7, 14, 40), ("ship", 7, 16, 45), ("deliver", 9, 13, 15)),
    ),
)

# Who takes a step, through which door, and the words it needs.
DONE_BY = {
    "no_answer": ("callcentre", "dashboard", ""),
    "postponed": ("callcentre", "dashboard", "Asked for the week-end"),
    "confirmed": ("callcentre", "dashboard", ""),
    "pick": ("packer", "scanner", ""),
    "prepare": ("packer", "scanner", ""),
    "pack": ("packer", "scanner", ""),
    "push": ("shipper", "dashboard", ""),
    "ship": ("shipper", "scanner", ""),
    "deliver": ("shipper", "dashboard", ""),
    "return": ("returns", "scanner", ""),
    "receive_return": ("returns", "scanner", ""),
    "restock": ("returns", "scanner", ""),
    "cancel": ("callcentre", "dashboard", "The customer changed their mind"),
    "renew": ("manager", "dashboard", ""),
    "rollback": ("manager", "dashboard", "Scanned on the wrong bench"),
}
STATIONS = {"packer": "bench-1", "shipper": "dock-1", "returns": "bench-3"}
COMPANIES = {"MA": ("forcelog", "Forcelog"), "DZ": ("ecotrack", "Ecotrack")}


@dataclass(eq=False)
class Story:
    """One order to be: what was asked for, when, and what becomes of it."""

    merchant: Merchant
    draft: OrderDraft
    born_at: dt.datetime
    fate: Fate
    by: str
    source: str
    order_id: int = 0


@dataclass(frozen=True)
class Scene:
    """Something that happens to an order at a planned moment."""

    at: dt.datetime
    rank: int
    action: str
    story: Story = field(compare=False)


class _Month:
    """The last 30 days of both merchants, played in the order in which things happened.

    Chance is seeded: the same day gives the same month. What is planned for later today
    happens now.
    """

    def __init__(self, atlas: Merchant, casbah: Merchant) -> None:
        self.merchants = (atlas, casbah)
        self.now = timezone.now()
        self.chance = random.Random(20260101)  # noqa: S311 - a story, no secret
        self.orders: list[Story] = []
        self._number = 10_000

    def play(self) -> None:
        self._people = {user.username: user for user in User.objects.all()}
        self._fill_shelves()
        for place, merchant in enumerate(self.merchants):
            shop = _Shop(merchant, self.chance)
            for fate in FATES:
                self.orders.extend(self._imagine(shop, fate) for _ in range(fate.counts[place]))
        scenes = sorted(
            (scene for story in self.orders for scene in self._scenes(story)),
            key=lambda scene: (scene.at, scene.rank, scene.action, scene.story.merchant.pk),
        )
        for (at, action, _merchant), group in groupby(
            scenes, key=lambda scene: (scene.at, scene.action, scene.story.merchant.pk)
        ):
            self._happen(action, [scene.story for scene in group], min(at, self.now))
        self._refill_atlas()

    # Before the first order, and after the last.

    def _fill_shelves(self) -> None:
        for merchant, name in zip(self.merchants, ("products.csv", "casbah_products.csv"), strict=True):
            ids = dict(Product.objects.filter(merchant=merchant).values_list("sku", "id"))
            receive_stock(
                [(ids[row["sku"]], int(row["on_hand"])) for row in _read(name) if int(row["on_hand"])],
                warehouse_id=merchant.default_warehouse_id,
                actor=SYSTEM,
                reason="Opening stock",
                at=self._moment(merchant, DAYS + 1, 7, 30),
            )

    def _refill_atlas(self) -> None:
        """Brings what was sold back, so that the shelves offer what the list of products says."""
        atlas = self.merchants[0]
        wanted = {row["sku"]: int(row["on_hand"]) for row in _read("products.csv")}
        levels = StockLevel.objects.filter(
            product__merchant=atlas, warehouse=atlas.default_warehouse_id
        ).values_list("product_id", "product__sku", "on_hand", "reserved")
        lacking = [
            (product_id, wanted[sku] - on_hand + reserved)
            for product_id, sku, on_hand, reserved in levels
            if wanted[sku] > on_hand - reserved
        ]
        if lacking:
            receive_stock(
                lacking,
                warehouse_id=atlas.default_warehouse_id,
                actor=SYSTEM,
                reason="Delivery from the supplier",
                at=self.now,
            )

    # One order.

    def _imagine(self, shop: _Shop, fate: Fate) -> Story:
        chance = self.chance
        age = chance.randint(*fate.ages)
        # Half of a day's orders come in by the morning's file, the others one by one.
        by_file = chance.random() < 0.5
        hour, minute = (9, 5) if by_file else (chance.randint(8, 18), chance.randint(0, 59))
        self._number += 1
        seller = shop.merchant.slug == "atlas"
        return Story(
            merchant=shop.merchant,
            draft=shop.order(self._number, lacks_stock=fate.lacks_stock, is_open=not fate.steps),
            born_at=self._moment(shop.merchant, age, hour, minute),
            fate=fate,
            by="seller" if seller else "callcentre",
            source="import" if by_file else "dashboard",
        )

    def _scenes(self, story: Story) -> Iterator[Scene]:
        yield Scene(story.born_at, 0, "create", story)
        born_on = story.born_at.astimezone(story.merchant.zone).date()
        steps = story.fate.steps
        if story.merchant.confirm_by_phone and steps and steps[0][0] not in ("no_answer", "postponed"):
            yield Scene(self._on(story.merchant, born_on, 19, 15), 1, "confirmed", story)
        for rank, (action, days, hour, minute) in enumerate(steps, start=2):
            if action in ("no_answer", "postponed") and not story.merchant.confirm_by_phone:
                continue
            day = born_on + dt.timedelta(days=days)
            yield Scene(self._on(story.merchant, day, hour, minute), rank, action, story)

    def _moment(self, merchant: Merchant, days_ago: int, hour: int, minute: int) -> dt.datetime:
        today = self.now.astimezone(merchant.zone).date()
        return self._on(merchant, today - dt.timedelta(days=days_ago), hour, minute)

    def _on(self, merchant: Merchant, day: dt.date, hour: int, minute: int) -> dt.datetime:
        return dt.datetime(
            day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(merchant.timezone)
        ).astimezone(dt.UTC)

    # One scene.

    def _happen(self, action: str, stories: Sequence[Story], at: dt.datetime) -> None:
        if action == "create":
            self._create(stories, at)
            return
        role, source, message = DONE_BY[action]
        actor = self._actor(role, source)
        ids = [story.order_id for story in stories]
        if action in ("confirmed", "no_answer", "postponed"):
            report = confirm_orders(
                ids,
                action,
                message,
                actor=actor,
                postponed_to=at.date() + dt.timedelta(days=3) if action == "postponed" else None,
                at=at,
            )
        else:
            key, name = COMPANIES[stories[0].merchant.country] if action == "push" else ("", "")
            report = move_orders(
                action,
                ids,
                actor=actor,
                message=message,
                company_key=key,
                company_name=name,
                dispositions=self._seen_at_the_bench(stories) if action == "restock" else None,
                at=at,
            )
        for story, result in zip(stories, report.results, strict=True):
            expected = Code.OUT_OF_STOCK if story.fate.lacks_stock and action == "pack" else Code.DONE
            if result.code != expected:
                raise RuntimeError(f"The demonstration came to a halt at {action}: {result.message}")

    def _create(self, stories: Sequence[Story], at: dt.datetime) -> None:
        for source, of_source in groupby(
            sorted(stories, key=lambda story: story.source), key=lambda story: story.source
        ):
            group = list(of_source)
            made = create_orders(
                [story.draft for story in group],
                merchant=group[0].merchant,
                actor=self._actor(group[0].by, source),
                rules=DASHBOARD,
                at=at,
            )
            for story, order in zip(group, made, strict=True):
                story.order_id = order.id

    def _actor(self, role: str, source: str) -> Actor:
        station = STATIONS.get(role, "") if source == "scanner" else ""
        return Actor.of(self._people[role], source=source, station=station)

    def _seen_at_the_bench(self, stories: Sequence[Story]) -> dict[int, dict[int, Disposition]]:
        """What came back less than sound: of some orders, one unit of the first line is damaged."""
        ids = [story.order_id for story in stories if story.fate.loses_a_unit]
        seen: dict[int, dict[int, Disposition]] = {}
        lines = OrderLine.objects.filter(order__in=ids, product__track_stock=True)
        for order_id, line_id, position, quantity in lines.values_list(
            "order_id", "id", "position", "quantity"
        ):
            lost = 1 if position == 1 else 0
            seen.setdefault(order_id, {})[line_id] = Disposition(sound=quantity - lost, damaged=lost)
        return seen


class _Shop:
    """What a merchant sells, and to whom."""

    def __init__(self, merchant: Merchant, chance: random.Random) -> None:
        self.merchant = merchant
        self.chance = chance
        self.customers = MOROCCANS if merchant.country == Country.MOROCCO else ALGERIANS
        levels = list(
            Product.objects.filter(merchant=merchant, track_stock=True)
            .order_by("id")
            .values_list("sku", "price", "levels__on_hand")
        )
        # Sold most: what there is plenty of and what a household buys.
        self._on_shelf = [
            sku for sku, price, on_hand in levels if (on_hand or 0) >= self._plenty and price >= 1
        ]
        self._missing = [sku for sku, price, on_hand in levels if not on_hand and price >= 1]
        self._unknown_cities = list(self.customers.unknown_cities)

    @property
    def _plenty(self) -> int:
        return 150 if self.merchant.country == Country.MOROCCO else 40

    def order(self, number: int, *, lacks_stock: bool, is_open: bool) -> OrderDraft:
        chance, customers = self.chance, self.customers
        skus = chance.sample(self._on_shelf, chance.choice((1, 1, 1, 2, 2, 3)))
        if lacks_stock:
            skus[0] = chance.choice(self._missing)
        many = (1, 2, 3, 4, 6, 12) if self.merchant.country == Country.MOROCCO else (1, 1, 1, 2, 2, 3)
        city = chance.choices(
            [name for name, _weight in customers.cities], [weight for _name, weight in customers.cities]
        )[0]
        if is_open and self._unknown_cities and chance.random() < 0.4:
            city = self._unknown_cities.pop()
        tail = f"{chance.randrange(10_000):04d}"
        spelling = chance.choice(customers.phone_spellings)
        return OrderDraft(
            full_name=f"{chance.choice(customers.first_names)} {chance.choice(customers.last_names)}",
            phone=spelling.format(f"{tail[:2]} {tail[2:]}" if " " in spelling else tail),
            city=city,
            address=chance.choice(customers.streets).format(chance.randint(1, 250)),
            notes=chance.choice(
                (None, None, None, None, "Fragile", "يرجى الاتصال قبل التسليم", "Après 18 h")
            ),
            external_reference=f"WEB-{number}" if chance.random() < 0.6 else None,
            payment_method=(PaymentMethod.CARD if chance.random() < 0.06 else PaymentMethod.COD).value,
            is_fees_paid_by_customer=chance.random() < 0.7,
            lines=tuple(LineDraft(sku=sku, quantity=chance.choice(many)) for sku in skus),
        )
