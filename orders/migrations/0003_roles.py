"""The roles a warehouse starts with: groups that hold named permissions."""

from django.db import migrations

SEES = ("view_order",)
PACKER = (*SEES, "markAsPackedByScanner", "importOrders", "printLabels")
SHIPPER = (
    *SEES,
    "markAsShippedByScanner",
    "markAsDeliveredByScanner",
    "assignOrderToShippingCompany",
    "assignOrderToDeliveryBoys",
    "handOver",
    "exportOrders",
    "printLabels",
)
RETURNS = (*SEES, "markAsReturnedByScanner")
CALL_CENTRE = (*SEES, "confirmOrder", "add_order", "change_order", "markAsCanceledByScanner")
SELLER = (*SEES, "importOrders", "exportOrders", "add_order")
MANAGER = tuple(
    dict.fromkeys(
        (
            *PACKER,
            *SHIPPER,
            *RETURNS,
            *CALL_CENTRE,
            "driveDeliveries",
            "rollbackOrder",
            "ReNewOrder",
            "delete_order",
            "manageStock",
            "managePlaces",
            "manageCash",
        )
    )
)
ROLES = {
    "viewer": SEES,
    "packer": PACKER,
    "shipper": SHIPPER,
    "returns": RETURNS,
    "callcentre": CALL_CENTRE,
    "driver": ("driveDeliveries",),
    "seller": SELLER,
    "manager": MANAGER,
    "admin": (*MANAGER, "manageUsers", "manageCompanies", "issueApiTokens"),
}


def make_roles(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    Order = apps.get_model("orders", "Order")
    kind, _ = ContentType.objects.get_or_create(app_label="orders", model="order")
    # Permissions are normally made after all migrations; roles need them now.
    named = dict(Order._meta.permissions) | {
        f"{verb}_order": f"Can {verb} order" for verb in ("add", "change", "delete", "view")
    }
    by_codename = {
        codename: Permission.objects.get_or_create(
            content_type=kind, codename=codename, defaults={"name": name}
        )[0]
        for codename, name in named.items()
    }
    for role, codenames in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set([by_codename[codename] for codename in codenames])


def remove_roles(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0002_append_only_and_search"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_roles, remove_roles)]
