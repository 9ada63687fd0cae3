"""Translation catalogues, kept with Babel: no system tool is needed.

python -m config.messages collect     texts of code and templates into every catalogue
python -m config.messages compile     catalogues into the form that is read at run time
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = ROOT / "config" / "locale"
SOURCES = [
    ("config/**.py", "python"),
    ("orders/**.py", "python"),
    ("shipping/**.py", "python"),
    ("templates/**.html", "config.messages:extract_template"),
]
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def main(arguments: list[str]) -> None:
    match arguments:
        case ["collect"]:
            collect()
        case ["compile"]:
            compile_catalogues()
        case _:
            sys.exit("Say what to do: python -m config.messages collect, or compile.")


def collect() -> None:
    """Brings every catalogue in step with the texts in code and templates; translations stay."""
    found = Catalog(project="Packhouse", charset="utf-8")
    texts = extract_from_dir(
        ROOT, method_map=SOURCES, keywords=KEYWORDS, comment_tags=["Translators:"], directory_filter=_is_ours
    )
    for filename, line, message, comments, context in texts:
        found.add(message, None, [(filename, line)], auto_comments=comments, context=context)
    for path in sorted(CATALOGUES.glob("*/LC_MESSAGES/django.po")):
        with path.open("rb") as handle:
            catalogue = read_po(handle, locale=path.parent.parent.name)
        catalogue.update(found, no_fuzzy_matching=True, update_creation_date=False)
        with path.open("wb") as handle:
            # Line numbers would change every catalogue with every edit elsewhere.
            write_po(
                handle, catalogue, width=100, include_lineno=False, ignore_obsolete=True, sort_output=True
            )
        print(f"{path.relative_to(ROOT)}: {len(catalogue)} texts")


def compile_catalogues() -> None:
    """Writes the compiled form of each catalogue that changed since it was last compiled."""
    for path in CATALOGUES.glob("*/LC_MESSAGES/django.po"):
        compiled = path.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime_ns >= path.stat().st_mtime_ns:
            continue
        with path.open("rb") as handle:
            catalogue = read_po(handle, locale=path.parent.parent.name)
        fresh = compiled.with_suffix(f".{id(catalogue):x}")
        with fresh.open("wb") as handle:
            write_mo(handle, catalogue)
        fresh.replace(compiled)


def extract_template(
    handle: IO[bytes], keywords: dict[str, Any], comment_tags: list[str], options: Any
) -> Iterator[Any]:
    """The texts of one Django template, for Babel: Django writes it as Python, Babel reads that."""
    from django.conf import settings
    from django.utils.translation.template import templatize

    if not settings.configured:
        settings.configure(USE_I18N=True)
    source = templatize(handle.read().decode())
    # What is left of the page's own indentation would be an error in Python.
    flat = "\n".join(line.strip() for line in source.split("\n"))
    yield from extract_python(io.BytesIO(flat.encode()), keywords, comment_tags, options)


def _is_ours(folder: str) -> bool:
    name = Path(folder).name
    return not name.startswith((".", "_")) and name not in {
        "var",
        "tests",
        "node_modules",
        "locale",
        "migrations",
    }


if __name__ == "__main__":
    main(sys.argv[1:])
