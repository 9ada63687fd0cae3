"""What Django's models cannot say: append-only triggers and the name search's trigram index."""

from django.db import migrations

APPEND_ONLY = ("orders_orderevent", "orders_stockmovement")

# The one switch that opens append-only tables; only the test runner's clean-up turns it.
SWITCH = "orders_append_only_switch"


def protect_history(apps, schema_editor):
    run = schema_editor.execute
    run(f"CREATE TABLE {SWITCH} (is_open integer NOT NULL)")
    run(f"INSERT INTO {SWITCH} (is_open) VALUES (0)")
    if schema_editor.connection.vendor == "postgresql":
        run(
            f"""
            CREATE FUNCTION orders_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (SELECT 1 FROM {SWITCH} WHERE is_open = 1) THEN
                    RETURN COALESCE(NEW, OLD);
                END IF;
                RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
            END $$
            """,
            params=None,  # the text holds a percent sign of PostgreSQL's own
        )
        for table in APPEND_ONLY:
            run(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION orders_refuse_change()"
            )
            run(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change()"
            )
        return
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            run(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" WHEN NOT EXISTS (SELECT 1 FROM {SWITCH} WHERE is_open = 1)"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def unprotect_history(apps, schema_editor):
    run = schema_editor.execute
    postgresql = schema_editor.connection.vendor == "postgresql"
    for table in APPEND_ONLY:
        for name in ("append_only", "no_truncate") if postgresql else ("no_update", "no_delete"):
            run(f"DROP TRIGGER {table}_{name}" + (f" ON {table}" if postgresql else ""))
    if postgresql:
        run("DROP FUNCTION orders_refuse_change()")
    run(f"DROP TABLE {SWITCH}")


def index_for_search(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    run = schema_editor.execute
    run("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    run("CREATE INDEX order_name_trigrams ON orders_order USING gin (search_name gin_trgm_ops)")
    # Counts read the index alone only where vacuum has been: let it come often.
    run("ALTER TABLE orders_order SET (autovacuum_vacuum_scale_factor = 0.02)")


def drop_search_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX order_name_trigrams")


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RunPython(protect_history, unprotect_history),
        migrations.RunPython(index_for_search, drop_search_index),
    ]
