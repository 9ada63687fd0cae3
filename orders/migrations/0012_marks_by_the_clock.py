"""The mark in history names a moment of the database's clock, which is each database's own."""

import django.utils.timezone
from django.db import migrations, models


def forget_marks(apps, schema_editor):
    apps.get_model("orders", "LedgerMark").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("orders", "0011_default_company")]

    operations = [
        migrations.RunPython(forget_marks, migrations.RunPython.noop),
        migrations.RemoveField(model_name="ledgermark", name="horizon"),
        migrations.AddField(
            model_name="ledgermark",
            name="horizon",
            field=models.DateTimeField(
                default=django.utils.timezone.now, help_text="By the database's clock"
            ),
            preserve_default=False,
        ),
    ]
