"""Who changed what in the set-up, resent forms counted once, and the search of products."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLE = "orders_settingchange"
SWITCH = "orders_append_only_switch"
TRIGRAMS = {
    "product_name_trigrams": "orders_product USING gin (search_name gin_trgm_ops)",
    "product_sku_trigrams": "orders_product USING gin (upper(sku) gin_trgm_ops)",
}


def protect_changes(apps, schema_editor):
    run = schema_editor.execute
    if schema_editor.connection.vendor == "postgresql":
        run(
            f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE ON {TABLE}"
            " FOR EACH ROW EXECUTE FUNCTION orders_refuse_change()"
        )
        run(
            f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE}"
            " FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        run(
            f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE}"
            f" WHEN NOT EXISTS (SELECT 1 FROM {SWITCH} WHERE is_open = 1)"
            f" BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
        )


def unprotect_changes(apps, schema_editor):
    postgresql = schema_editor.connection.vendor == "postgresql"
    for name in ("append_only", "no_truncate") if postgresql else ("no_update", "no_delete"):
        schema_editor.execute(f"DROP TRIGGER {TABLE}_{name}" + (f" ON {TABLE}" if postgresql else ""))


def index_products(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name, on in TRIGRAMS.items():
            schema_editor.execute(f"CREATE INDEX {name} ON {on}")


def drop_product_indexes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in TRIGRAMS:
            schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0003_roles"),
    ]

    operations = [
        migrations.CreateModel(
            name="SettingChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        choices=[
                            ("person", "Person"),
                            ("role", "Role"),
                            ("merchant", "Merchant"),
                            ("warehouse", "Warehouse"),
                            ("city", "City"),
                            ("spelling", "Spelling"),
                            ("product", "Product"),
                        ],
                        max_length=12,
                    ),
                ),
                ("subject_id", models.BigIntegerField(null=True)),
                ("subject_name", models.CharField(max_length=200)),
                (
                    "verb",
                    models.CharField(
                        choices=[("made", "made"), ("changed", "changed"), ("removed", "removed")],
                        max_length=8,
                    ),
                ),
                ("changes", models.JSONField(default=list)),
                (
                    "actor_kind",
                    models.CharField(
                        choices=[("user", "Person"), ("token", "Token"), ("system", "System")], max_length=8
                    ),
                ),
                ("actor_name", models.CharField(max_length=150)),
                ("source", models.CharField(max_length=40)),
                ("recorded_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "change of settings",
                "verbose_name_plural": "changes of settings",
            },
        ),
        migrations.AddField(
            model_name="stockmovement",
            name="nonce",
            field=models.CharField(max_length=64, null=True),
        ),
        migrations.AddIndex(
            model_name="orderline",
            index=models.Index(condition=models.Q(("owed__gt", 0)), fields=["order"], name="line_owed"),
        ),
        migrations.AddConstraint(
            model_name="stockmovement",
            constraint=models.UniqueConstraint(
                condition=models.Q(("nonce__isnull", False)),
                fields=("nonce", "warehouse", "product"),
                name="movement_nonce_unique",
            ),
        ),
        migrations.AddField(
            model_name="settingchange",
            name="merchant",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orders.merchant",
            ),
        ),
        migrations.AddField(
            model_name="settingchange",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="settingchange",
            index=models.Index(fields=["subject", "subject_id", "-id"], name="setting_change_subject"),
        ),
        migrations.RunPython(protect_changes, unprotect_changes),
        migrations.RunPython(index_products, drop_product_indexes),
    ]
