"""Style sheets, modules and templates keep the rules that no browser would complain about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
SHEETS = sorted((ROOT / "static" / "css").glob("*.css"))
MODULES = sorted((ROOT / "static" / "js").glob("*.js"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PHYSICAL = re.compile(
    r"(?<![\w-])(?:margin|padding|border)-(?:left|right)\b|(?<![\w-])(?:left|right)\s*:|"
    r"(?:text-align|float|clear)\s*:\s*(?:left|right)\b"
)
TOKEN = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("sheet", SHEETS, ids=name_of)
def test_style_sheets_know_no_left_and_right(sheet: Path) -> None:
    found = [line.strip() for line in sheet.read_text().splitlines() if PHYSICAL.search(line)]
    # Money is right-aligned in a right-to-left page too.
    assert [line for line in found if line != "text-align: right;"] == []


@pytest.mark.parametrize(
    "sheet", [s for s in SHEETS if s.name not in ("tokens.css", "print.css")], ids=name_of
)
def test_colours_come_from_the_tokens(sheet: Path) -> None:
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(", sheet.read_text()) == []


@pytest.mark.parametrize("path", [*SHEETS, *MODULES], ids=name_of)
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    assert re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_templates_carry_no_style_and_no_handler(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|hx-on|<style|javascript:", text) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_modules_build_no_html_from_text(module: Path) -> None:
    # An answer of our own may be read in an inert template.
    text = re.sub(
        r'const (\w+) = document\.createElement\("template"\);\s+\1\.innerHTML =', "", module.read_text()
    )
    assert re.findall(r"\binnerHTML\s*\+?=|insertAdjacentHTML|document\.write|\beval\(", text) == []


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two colours."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def tokens() -> dict[str, tuple[str, str]]:
    text = (ROOT / "static" / "css" / "tokens.css").read_text()
    return {name: (light, dark) for name, light, dark in TOKEN.findall(text)}


STATUSES = (
    "new",
    "packed",
    "waiting",
    "shipped",
    "delivered",
    "returned",
    "canceled",
    "out-of-stock",
    "rollback",
)
PAIRS = [
    ("ink", "canvas", 5.5),
    ("ink", "surface", 5.5),
    ("muted", "canvas", 5.5),
    ("muted", "surface", 5.5),
    ("accent", "surface", 5.5),
    ("accent", "canvas", 5.5),
    ("on-accent", "accent", 5.5),
    ("danger", "surface", 5.5),
    ("on-danger", "danger", 5.5),
    ("line-control", "surface", 3.0),
    *((status, f"{status}-ground", 5.5) for status in STATUSES),
    *((status, "surface", 4.5) for status in STATUSES),
]


@pytest.mark.parametrize(("text", "ground", "least"), PAIRS)
def test_text_is_readable_on_its_ground_in_both_themes(text: str, ground: str, least: float) -> None:
    found = tokens()
    for theme in (0, 1):
        assert contrast(found[text][theme], found[ground][theme]) >= least, (text, ground, theme)


@pytest.mark.parametrize(
    ("ink", "ground"),
    [("#ffffff", "#166534"), ("#3d2f0e", "#f2c55c"), ("#ffffff", "#b91c1c"), ("#ffffff", "#44566a")],
)
def test_bench_panels_are_readable_from_three_metres(ink: str, ground: str) -> None:
    assert contrast(ink, ground) >= 6.0
    text = (ROOT / "static" / "css" / "tokens.css").read_text()
    assert ink in text
    assert ground in text


def test_sounds_are_four_small_files() -> None:
    sounds = {path.name: path.stat().st_size for path in (ROOT / "static" / "sounds").iterdir()}
    assert sorted(sounds) == ["already.wav", "attention.wav", "done.wav", "refused.wav"]
    assert max(sounds.values()) < 32_000
