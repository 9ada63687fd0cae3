"""Who does something, through which door, and what they may do.

How a person or a program proves who they are is the doors' business.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orders.models import ActorKind

if TYPE_CHECKING:
    from orders.models import User


@dataclass(frozen=True)
class Actor:
    """A person, a token or the system itself, as history names it.

    `merchant_id` None means every merchant (staff, system); `permissions` holds
    codenames, None meaning all of them. `source` is the door: `dashboard`, `scanner`,
    `import`, `api:v1`, `carrier:ecotrack`, ...
    """

    kind: ActorKind
    name: str
    source: str
    user_id: int | None = None
    merchant_id: int | None = None
    station: str = ""
    permissions: frozenset[str] | None = field(default=frozenset())

    @classmethod
    def of(cls, user: User, *, source: str, station: str = "") -> Actor:
        """The person, with the permissions they hold at this moment."""
        granted = frozenset(
            name.removeprefix("orders.") for name in user.get_all_permissions() if name.startswith("orders.")
        )
        return cls(
            kind=ActorKind.USER,
            name=user.display_name,
            source=source,
            user_id=user.pk,
            merchant_id=user.merchant_id,
            station=station,
            permissions=None if user.is_superuser else granted,
        )

    @classmethod
    def system(cls, source: str = "system") -> Actor:
        return cls(kind=ActorKind.SYSTEM, name="Packhouse", source=source, permissions=None)

    def through(self, source: str) -> Actor:
        """The same actor at another door."""
        return replace(self, source=source)

    def may(self, permission: str) -> bool:
        """Whether the actor holds the codename; only the system holds `system`."""
        if permission == "system":
            return self.kind == ActorKind.SYSTEM
        return self.permissions is None or permission in self.permissions
