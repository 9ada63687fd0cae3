"""Translation catalogues: every text is found, and compiled without a system tool."""

from __future__ import annotations

import gettext
import io

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po

from config import messages

TEMPLATE = """
{% load i18n %}
<p class="x">It's {% translate "Hello, it's me" %} don't
   <a title="{% translate 'Door' context "of a house" %}">{% blocktranslate count n=c trimmed %}
     One order {{ n }}
   {% plural %}
     {{ n }} orders
   {% endblocktranslate %}</a> {{ _("Short") }}</p>
"""


def test_every_text_of_a_template_is_found_with_its_line():
    found = extract(
        "config.messages:extract_template", io.BytesIO(TEMPLATE.encode()), keywords=messages.KEYWORDS
    )
    assert [(line, text, context) for line, text, _, context in found] == [
        (3, "Hello, it's me", None),
        (4, "Door", "of a house"),
        (4, ("One order %(n)s", "%(n)s orders"), None),
        (8, "Short", None),
    ]


def test_a_catalogue_is_compiled_once_it_changed(tmp_path, monkeypatch):
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue = Catalog(locale="fr")
    catalogue.add("Orders", "Commandes")
    with (folder / "django.po").open("wb") as handle:
        write_po(handle, catalogue)
    monkeypatch.setattr(messages, "CATALOGUES", tmp_path)

    messages.compile_catalogues()

    with (folder / "django.mo").open("rb") as handle:
        assert gettext.GNUTranslations(handle).gettext("Orders") == "Commandes"
    compiled_at = (folder / "django.mo").stat().st_mtime_ns
    messages.compile_catalogues()
    assert (folder / "django.mo").stat().st_mtime_ns == compiled_at
    assert sorted(path.name for path in folder.iterdir()) == ["django.mo", "django.po"]
