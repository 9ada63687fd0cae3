"""Programs' tokens: made, shown once, rotated, revoked, and found again when a program brings one.

Where a token stands in a request, and how a refusal looks, is each dialect's business.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Collection
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.domain.actors import Actor
from orders.domain.reading.texts import UnusableText, clean_line
from orders.domain.refusals import Code, InvalidInput, NotAllowed, NotThere, Refusal
from orders.domain.setup.changes import Noted, Subject, Verb, record_changes
from orders.models import ActorKind, ApiToken, Merchant
from orders.models.tokens import DEFAULT_RATE, MAX_RATE

PERMISSION = "issueApiTokens"
BEGINNING = "pk_live_"
LIFETIME = dt.timedelta(days=365)
LONGEST_LIFETIME = dt.timedelta(days=5 * 365)
WARNED_BEFORE = dt.timedelta(days=14)
USE_IS_NOTED_EVERY = dt.timedelta(minutes=1)
MAX_NAME = 80

_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_SIGNS = 30
_CHECK_SIGNS = 6
_FORM = re.compile(rf"{BEGINNING}([0-9A-Za-z]{{{_RANDOM_SIGNS}}})([0-9A-Za-z]{{{_CHECK_SIGNS}}})")

# What each ability lets a program do, by the codenames that the domain asks for.
_PERMISSIONS: dict[str, frozenset[str]] = {
    "view": frozenset({"view_order"}),
    "create": frozenset({"add_order"}),
    "update": frozenset(
        {
            "markAsPackedByScanner",
            "markAsShippedByScanner",
            "markAsDeliveredByScanner",
            "markAsReturnedByScanner",
            "markAsCanceledByScanner",
            "ReNewOrder",
            "rollbackOrder",
            "assignOrderToShippingCompany",
        }
    ),
    "delete": frozenset({"delete_order"}),
}


@dataclass(frozen=True)
class TokenDraft:
    """A token as somebody wants it. Without `expires_at` it lives one year; `rate` is requests a minute."""

    merchant_id: int
    name: str
    abilities: frozenset[str]
    expires_at: dt.datetime | None = None
    rate: int = DEFAULT_RATE


@dataclass(frozen=True)
class Issued:
    """A token just made. `secret` is the token itself: this is the only moment it can be read."""

    token: ApiToken
    secret: str

    def __repr__(self) -> str:
        return f"Issued({self.token.shown})"


def issue_token(draft: TokenDraft, *, actor: Actor) -> Issued:
    """The new token and its secret. Refuses with `not_allowed` and, by field, with `invalid`."""
    check_issuer(actor)
    at = timezone.now()
    name, expires_at = _check(draft, actor=actor, at=at)
    with transaction.atomic():
        issued = _make(replace(draft, name=name), expires_at, actor=actor, at=at)
        _note(issued.token, Verb.MADE, actor=actor, at=at)
    return issued


def rotate_token(token_id: int, *, actor: Actor) -> Issued:
    """A token that takes the place of this one: same merchant, name, abilities, rate and span of life.

    Both live until the earlier one is revoked or expires, so that programs can be changed over.
    Refuses a token that is no longer live, or that was rotated already, with `wrong_status`.
    """
    check_issuer(actor)
    at = timezone.now()
    with transaction.atomic():
        token = _find_for(actor, token_id)
        if not token.is_live(at):
            raise Refusal(_("This token is no longer live. Make a new one."), code=Code.WRONG_STATUS)
        if ApiToken.objects.filter(follows=token).exists():
            raise Refusal(
                _("This token was rotated already. Rotate the newer one, or revoke this one."),
                code=Code.WRONG_STATUS,
            )
        draft = TokenDraft(token.merchant_id, token.name, frozenset(token.abilities), rate=token.rate)
        expires_at = at + (token.expires_at - token.created_at)
        issued = _make(draft, expires_at, actor=actor, at=at, follows=token)
        _note(issued.token, Verb.MADE, actor=actor, at=at)
    return issued


def revoke_token(token_id: int, *, actor: Actor) -> ApiToken:
    """The token, which from this moment opens nothing; revoking it again changes nothing."""
    check_issuer(actor)
    at = timezone.now()
    with transaction.atomic():
        token = _find_for(actor, token_id)
        if token.revoked_at is None:
            token.revoked_at, token.revoked_by_id = at, actor.user_id
            token.save(update_fields=["revoked_at", "revoked_by"])
            _note(token, Verb.REMOVED, actor=actor, at=at)
    return token


def tokens_for(actor: Actor) -> QuerySet[ApiToken]:
    """The tokens that the actor may see, the newest first."""
    check_issuer(actor)
    tokens = ApiToken.objects.select_related("merchant", "created_by", "followed_by").order_by("-pk")
    return tokens if actor.merchant_id is None else tokens.filter(merchant_id=actor.merchant_id)


def ending_soon(tokens: Collection[ApiToken], at: dt.datetime | None = None) -> list[ApiToken]:
    """Those that are live and expire within two weeks, with nothing live in their place yet."""
    moment = at or timezone.now()
    return [
        token
        for token in tokens
        if token.is_live(moment)
        and token.expires_at <= moment + WARNED_BEFORE
        and not is_followed(token, moment)
    ]


def is_followed(token: ApiToken, at: dt.datetime | None = None) -> bool:
    """Whether a live token has been made in its place."""
    follower = getattr(token, "followed_by", None)
    return follower is not None and follower.is_live(at)


def check_issuer(actor: Actor) -> None:
    """Refuses (`not_allowed`) who may not issue tokens; a token never may."""
    if actor.kind == ActorKind.TOKEN or not actor.may(PERMISSION):
        raise NotAllowed(_("You are not allowed to issue API tokens. Ask an admin for the right."))


# --- a program at the door ------------------------------------------------------------


def is_well_formed(secret: str) -> bool:
    """Whether the text can be a token at all: its form and its checksum, before any look-up."""
    parts = _FORM.fullmatch(secret)
    return parts is not None and hmac.compare_digest(_checksum(parts[1]), parts[2])


def find_token(secret: str, *, key: str | None = None) -> ApiToken | None:
    """The live token with this secret (and key, where one was given), or None; at most one statement.

    None for every reason alike: malformed, unknown, expired, revoked, its merchant or its maker
    switched off.
    """
    if not is_well_formed(secret):
        return None
    digest = _digest(secret)
    token = (
        ApiToken.objects.select_related("merchant")
        .filter(Q(created_by__isnull=True) | Q(created_by__is_active=True), digest=digest)
        .filter(merchant__is_active=True)
        .first()
    )
    if token is None or not hmac.compare_digest(token.digest, digest) or not token.is_live():
        return None
    if key is not None and not hmac.compare_digest(token.key.encode(), key.encode(errors="replace")):
        return None
    return token


def note_use(token: ApiToken, *, address: str) -> None:
    """Keeps when and from where the token was last used; at most one statement a minute."""
    now = timezone.now()
    before = now - USE_IS_NOTED_EVERY
    if token.last_used_at is not None and token.last_used_at > before:
        return
    ApiToken.objects.filter(Q(last_used_at__isnull=True) | Q(last_used_at__lte=before), pk=token.pk).update(
        last_used_at=now, last_used_address=address[:45]
    )


def actor_with(token: ApiToken, *, source: str) -> Actor:
    """The token as history names it, at the door `source` (`api:v1`), with what its abilities allow."""
    return Actor(
        kind=ActorKind.TOKEN,
        name=f"{token.name} ({token.shown})",
        source=source,
        merchant_id=token.merchant_id,
        permissions=frozenset().union(*(_PERMISSIONS[name] for name in token.abilities)),
    )


# --- making ----------------------------------------------------------------------------


def _make(
    draft: TokenDraft,
    expires_at: dt.datetime,
    *,
    actor: Actor,
    at: dt.datetime,
    follows: ApiToken | None = None,
) -> Issued:
    random_signs = "".join(secrets.choice(_SIGNS) for _ in range(_RANDOM_SIGNS))
    secret = f"{BEGINNING}{random_signs}{_checksum(random_signs)}"
    token = ApiToken.objects.create(
        merchant_id=draft.merchant_id,
        name=draft.name,
        key="key_" + "".join(secrets.choice(_SIGNS) for _ in range(16)),
        digest=_digest(secret),
        prefix=secret[: len(BEGINNING) + 4],
        last_four=secret[-4:],
        rate=draft.rate,
        created_by_id=actor.user_id,
        created_at=at,
        expires_at=expires_at,
        follows=follows,
        **{f"can_{name}": name in draft.abilities for name in ApiToken.ABILITIES},
    )
    return Issued(token, secret)


def _check(draft: TokenDraft, *, actor: Actor, at: dt.datetime) -> tuple[str, dt.datetime]:
    errors: dict[str, list[str]] = {}
    try:
        name = clean_line(draft.name)
    except UnusableText:
        name = ""
    if not name or len(name) > MAX_NAME:
        errors["name"] = [
            _("Name the token after the program, in at most %(limit)s signs.") % {"limit": MAX_NAME}
        ]
    unknown = draft.abilities - set(ApiToken.ABILITIES)
    if unknown or not draft.abilities:
        errors["abilities"] = [
            _("Choose at least one of: %(names)s.") % {"names": ", ".join(ApiToken.ABILITIES)}
        ]
    if not 1 <= draft.rate <= MAX_RATE:
        errors["rate"] = [_("Use 1 to %(limit)s requests a minute.") % {"limit": MAX_RATE}]
    expires_at = draft.expires_at or at + LIFETIME
    if not at < expires_at <= at + LONGEST_LIFETIME:
        errors["expires_at"] = [_("Choose a day from tomorrow, at most five years ahead.")]
    merchants = Merchant.objects.filter(is_active=True, pk=draft.merchant_id)
    if actor.merchant_id not in (None, draft.merchant_id) or not merchants.exists():
        errors["merchant"] = [_("There is no such merchant; choose one from the list.")]
    if errors:
        raise InvalidInput(errors)
    return name, expires_at


def _find_for(actor: Actor, token_id: int) -> ApiToken:
    tokens = ApiToken.objects.select_for_update(of=("self",))
    if actor.merchant_id is not None:
        tokens = tokens.filter(merchant_id=actor.merchant_id)
    token = tokens.filter(pk=token_id).first()
    if token is None:
        raise NotThere(_("There is no such token."))
    return token


def _note(token: ApiToken, verb: Verb, *, actor: Actor, at: dt.datetime) -> None:
    noted = Noted(Subject.TOKEN, token.pk, str(token), verb, merchant_id=token.merchant_id)
    record_changes([noted], actor=actor, at=at)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(text: str) -> str:
    """CRC-32 of the text in base 62, six signs: a mistyped or invented token never reaches the database."""
    number = zlib.crc32(text.encode())
    signs = ""
    for _place in range(_CHECK_SIGNS):
        number, digit = divmod(number, len(_SIGNS))
        signs = _SIGNS[digit] + signs
    return signs
