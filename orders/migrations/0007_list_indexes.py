"""Indexes of the order list: counts of what is open, and searches that are sure to use an index."""

from django.db import migrations, models


def know_names_well(apps, schema_editor):
    # The database guesses how rare a name is from a sample; too small a sample makes it read
    # the whole table for a name that is rare.
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE orders_order ALTER search_name SET STATISTICS 1000")


def know_names_as_usual(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE orders_order ALTER search_name SET STATISTICS -1")


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0006_scans_by_moment"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="order",
            name="order_external_reference",
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                fields=["external_reference"],
                name="order_external_reference",
                opclasses=("varchar_pattern_ops",),
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(
                    ("deleted_at__isnull", True),
                    (
                        "tab__in",
                        [
                            "NEW",
                            "PACKED",
                            "WAITING_FOR_SHIPPING_COMPANY",
                            "SHIPPED",
                            "OUT_OF_STOCK",
                            "ROLLBACK",
                        ],
                    ),
                ),
                fields=["tab", "merchant"],
                name="order_open_counts",
            ),
        ),
        migrations.AddIndex(
            model_name="orderline",
            index=models.Index(
                condition=models.Q(("product__isnull", True)), fields=["sku"], name="line_sku_unknown"
            ),
        ),
        migrations.RunPython(know_names_well, know_names_as_usual),
    ]
