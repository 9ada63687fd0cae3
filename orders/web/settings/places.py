"""Pages of cities, their spellings, and the spellings that orders wait with.

How a typed city is matched is said in orders/domain/geography/places.py.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orders.domain.actors import Actor
from orders.domain.geography import placenames
from orders.domain.geography.places import (
    Place,
    Typed,
    Unresolved,
    list_unresolved,
    resolve_typed,
    suggest_cities,
)
from orders.domain.refusals import InvalidInput, NotAllowed, NotThere
from orders.models import City, CityAlias, Country, Merchant, SettingChange
from orders.web.access import actor_of, is_htmx, requires
from orders.web.bodies import read_body
from orders.web.settings.answering import answer_form, changes_of
from orders.web.settings.forms import CityForm
from orders.web.settings.sections import draw

READING_AND_WRITING = ("GET", "POST")
CITIES_SHOWN = 50
SPELLINGS_SHOWN = 50
SUGGESTED = 8


@requires("managePlaces")
def list_cities(request: HttpRequest) -> HttpResponse:
    """Cities that a search finds, and how many spellings wait for somebody to know them."""
    _staff(request)
    search = request.GET.get("search", "").strip()[:100]
    country = request.GET.get("country", "")
    found = list(placenames.find_cities(search=search, country=country)[: CITIES_SHOWN + 1])
    context = {
        "cities": found[:CITIES_SHOWN],
        "has_more": len(found) > CITIES_SHOWN,
        "most": CITIES_SHOWN,
        "search": search,
        "country": country,
        "countries": Country.choices,
        "unknown": len(list_unresolved(limit=SPELLINGS_SHOWN + 1)),
        "most_unknown": SPELLINGS_SHOWN,
    }
    return draw(request, "settings/places.html", "places", context)


@requires("managePlaces", methods=READING_AND_WRITING)
def new_city(request: HttpRequest) -> HttpResponse:
    """Adds a city; orders that waited for it get it."""
    actor = _staff(request)
    initial = {"country": request.GET.get("country", ""), "name": request.GET.get("name", "")[:100]}
    form = CityForm(request.POST if request.method == "POST" else None, initial=initial)

    def save() -> HttpResponse:
        city = placenames.add_city(form.draft(), actor=actor)
        messages.success(request, _("%(city)s is known now.") % {"city": city})
        return HttpResponseRedirect(reverse("settings-city", args=[city.pk]))

    context = {"form": form, "title": _("New city"), "back_url": reverse("settings-places")}
    return answer_form(request, form, save, "places", context)


@requires("managePlaces", methods=READING_AND_WRITING)
def edit_city(request: HttpRequest, city_id: int) -> HttpResponse:
    """Changes a city, and shows the spellings it is known by."""
    actor = _staff(request)
    city = City.objects.filter(pk=city_id).first()
    if city is None:
        raise NotThere(_("There is no such city."))
    form = CityForm(request.POST if request.method == "POST" else None, city=city)

    def save() -> HttpResponse:
        saved = placenames.update_city(city_id, form.draft(), actor=actor)
        messages.success(request, _("%(city)s is saved.") % {"city": saved})
        return HttpResponseRedirect(reverse("settings-city", args=[city_id]))

    context = {
        "form": form,
        "title": str(city),
        "city": city,
        "spellings": CityAlias.objects.filter(city=city).select_related("merchant"),
        "merchants": Merchant.objects.all(),
        "back_url": reverse("settings-places"),
        "entries": changes_of(SettingChange.Subject.CITY, city.pk),
    }
    return answer_form(request, form, save, "places", context, template="settings/city.html")


@requires("managePlaces", methods=("POST",))
def add_spelling(request: HttpRequest, city_id: int) -> HttpResponse:
    """Teaches a spelling of the city, for everybody or one merchant."""
    actor = _staff(request)
    said = read_body(request)
    merchant = _merchant(said.number("merchant"))
    taught = placenames.teach_spelling(
        said.text("spelling", required=True), city_id, actor=actor, merchant=merchant
    )
    _say_taught(request, said.text("spelling"), City.objects.get(pk=city_id), taught)
    return HttpResponseRedirect(reverse("settings-city", args=[city_id]))


@requires("managePlaces", methods=("POST",))
def forget_spelling(request: HttpRequest, alias_id: int) -> HttpResponse:
    """Forgets a spelling; orders keep the city they have."""
    city = placenames.forget_spelling(alias_id, actor=_staff(request))
    messages.success(request, _("The spelling is forgotten."))
    return HttpResponseRedirect(reverse("settings-city", args=[city.pk]))


# --- spellings nobody knows yet -----------------------------------------------------


@requires("managePlaces")
def list_unknown(request: HttpRequest) -> HttpResponse:
    """The spellings that orders wait with, the most frequent first, each with its likeliest city."""
    _staff(request)
    found = list_unresolved(limit=SPELLINGS_SHOWN + 1)
    shown = found[:SPELLINGS_SHOWN]
    merchants = Merchant.objects.in_bulk()
    likeliest = _likeliest(shown)
    context = {
        "rows": [
            {
                "unknown": unknown,
                "merchant": merchants[unknown.merchant_id],
                "likeliest": likeliest.get((unknown.country, unknown.city)),
                "orders_url": _orders_url(unknown, merchants[unknown.merchant_id]),
                "choose_url": f"{reverse('settings-unknown-choose')}?" + urlencode(_question(unknown)),
            }
            for unknown in shown
        ],
        "has_more": len(found) > SPELLINGS_SHOWN,
        "most": SPELLINGS_SHOWN,
    }
    return draw(request, "settings/unknown.html", "places", context)


@requires("managePlaces", methods=READING_AND_WRITING)
def choose_city(request: HttpRequest) -> HttpResponse:
    """Says which city a spelling means; the orders that wait with it have their city at once."""
    actor = _staff(request)
    if request.method != "POST":
        return _choice(request, request.GET.get("spelling", ""), request.GET.get("merchant", ""))
    said = read_body(request)
    spelling = said.text("spelling", required=True)
    merchant = _merchant(said.number("merchant"))
    try:
        # What was written wins: whoever writes a city does not mean the one ticked above it.
        typed = said.text("city")
        chosen = None if typed else said.number("city_id")
        city_id = chosen or _typed_city(typed, merchant, said.text("country"))
        taught = placenames.teach_spelling(
            spelling, city_id, actor=actor, merchant=merchant if said.flag("only_merchant") else None
        )
    except InvalidInput as refusal:
        return _choice(request, spelling, str(merchant.pk) if merchant else "", refusal=refusal)
    _say_taught(request, spelling, City.objects.get(pk=city_id), taught)
    address = reverse("settings-unknown")
    if is_htmx(request):
        answer = HttpResponse(status=204)
        answer["HX-Redirect"] = address
        return answer
    return HttpResponseRedirect(address)


@requires(("managePlaces", "add_order", "change_order"))
def suggest(request: HttpRequest) -> HttpResponse:
    """Cities that a few typed letters may mean, as options of a list."""
    typed = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    country = request.GET.get("country", "")
    known = country if country in Country.values else Country.MOROCCO.value
    places = suggest_cities([typed], country=known, limit=SUGGESTED).get(typed, []) if typed else []
    return render(request, "settings/city_options.html", {"places": places})


def _staff(request: HttpRequest) -> Actor:
    """The actor; a merchant's account edits no places, because they are everybody's."""
    actor = actor_of(request)
    if actor.merchant_id is not None:
        raise NotAllowed(_("You are not allowed to edit places. Ask a manager to do it."))
    return actor


def _likeliest(unknown: list[Unresolved]) -> dict[tuple[str, str], Place]:
    """The first suggestion for each spelling; one statement a country."""
    by_country: dict[str, set[str]] = {}
    for one in unknown:
        by_country.setdefault(one.country, set()).add(one.city)
    return {
        (country, name): places[0]
        for country, names in sorted(by_country.items())
        for name, places in suggest_cities(names, country=country, limit=1).items()
        if places
    }


def _question(unknown: Unresolved) -> dict[str, str]:
    return {"spelling": unknown.city, "merchant": str(unknown.merchant_id)}


def _orders_url(unknown: Unresolved, merchant: Merchant) -> str:
    asked = {"problem": "city", "city": unknown.city, "merchant": merchant.slug}
    return f"{reverse('order-list')}?{urlencode(asked)}"


def _choice(
    request: HttpRequest, spelling: str, merchant_id: str, *, refusal: InvalidInput | None = None
) -> HttpResponse:
    merchant = _merchant(int(merchant_id) if merchant_id.isascii() and merchant_id.isdigit() else None)
    if merchant is None:
        raise InvalidInput({"merchant": [_("There is no such merchant.")]})
    spelling = spelling.strip()[:100].replace("\x00", "")
    suggested = suggest_cities([spelling], country=merchant.country, limit=SUGGESTED).get(spelling, [])
    context = {
        "spelling": spelling,
        "merchant": merchant,
        "suggested": suggested,
        "refusal": refusal,
        "typed": request.POST.get("city", ""),
        "only_merchant": request.POST.get("only_merchant", ""),
        "back_url": reverse("settings-unknown"),
        "new_url": f"{reverse('settings-city-new')}?"
        + urlencode({"country": merchant.country, "name": spelling}),
    }
    return render(request, "settings/choose_city.html", context, status=422 if refusal else 200)


def _merchant(merchant_id: int | None) -> Merchant | None:
    if merchant_id is None:
        return None
    merchant = Merchant.objects.filter(pk=merchant_id).first()
    if merchant is None:
        raise InvalidInput({"merchant": [_("There is no such merchant.")]})
    return merchant


def _typed_city(typed: str, merchant: Merchant | None, country: str) -> int:
    """The one city that the typed name means, for browsers that send no id."""
    asked = Typed(merchant.pk if merchant else 0, merchant.country if merchant else country, typed)
    place = resolve_typed([asked]).get(asked) if typed else None
    if place is None:
        raise InvalidInput({"city": [_("Choose a city from the list, or write its full name.")]})
    return place.id


def _say_taught(request: HttpRequest, spelling: str, city: City, taught: placenames.Taught) -> None:
    facts = {"spelling": spelling, "city": city, "count": f"{taught.settled:,}"}
    known = _("“%(spelling)s” means %(city)s from now on.") % facts
    if not taught.settled:
        messages.success(request, known)
        return
    given = ngettext(
        "%(count)s waiting order has its city.", "%(count)s waiting orders have their city.", taught.settled
    )
    messages.success(request, f"{known} {given % facts}")
