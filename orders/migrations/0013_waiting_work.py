"""Indexes of the work that waits inside of a large tab, for Today and the lists it leads to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0012_marks_by_the_clock"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(
                    ("deleted_at__isnull", True), ("status__in", ["RETURNED", "RETURN_RECEIVED"])
                ),
                fields=["status", "-created_at", "-id"],
                name="order_returns_open",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(
                    ("deleted_at__isnull", True),
                    ("tab", "NEW"),
                    ("call_center__in", ["pending", "no_answer", "postponed"]),
                ),
                fields=["call_center", "-created_at", "-id"],
                name="order_to_call",
            ),
        ),
    ]
