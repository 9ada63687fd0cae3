"""Folded counts say up to which event they hold; those kept before cannot say it and are counted anew."""

from django.db import migrations, models


def forget_counts(apps, schema_editor):
    apps.get_model("orders", "FoldedCount").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("orders", "0008_submissions")]

    operations = [
        migrations.RunPython(forget_counts, migrations.RunPython.noop),
        migrations.AddField(
            model_name="foldedcount",
            name="event_id",
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AlterField(model_name="foldedcount", name="count", field=models.IntegerField()),
        migrations.CreateModel(
            name="LedgerMark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event_id", models.BigIntegerField()),
                (
                    "horizon",
                    models.BigIntegerField(
                        help_text="A transaction id of PostgreSQL's; 0 where there is none"
                    ),
                ),
                ("marked_at", models.DateTimeField()),
            ],
        ),
    ]
