"""Pictures in templates: bars drawn on the server as SVG, in the tokens' colours.

What is counted, and where a bar leads, is decided before; only geometry stands here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

_NUMBER_ROOM = 13  # above a bar, for its number
_BAR_HEIGHT = 26


@dataclass(frozen=True)
class Mark:
    """One bar: how long, what its number says, where it leads, and what a pointer is told."""

    value: int
    label: str
    url: str
    title: str


@dataclass(frozen=True)
class Strip:
    """One row of bars with its words; `tone` names a CSS class of a status's colours."""

    word: str
    tone: str
    marks: Sequence[Mark]

    @property
    def total(self) -> int:
        return sum(mark.value for mark in self.marks)


@dataclass(frozen=True)
class Strips:
    """Rows of bars over the same columns; `heads` are the columns' words."""

    heads: Sequence[str]
    rows: Sequence[Strip]

    def last(self, columns: int) -> Strips:
        """The same with the last columns only, without the rows that have nothing there."""
        rows = [Strip(row.word, row.tone, row.marks[-columns:]) for row in self.rows]
        return Strips(self.heads[-columns:], [row for row in rows if row.total])


@dataclass(frozen=True)
class Share:
    """One bar of a whole: a percentage, with the sample it rests on in its words."""

    word: str
    percent: int
    label: str
    url: str
    title: str
    is_weak: bool = False  # the sample is too small to say much


@register.simple_tag
def strips_chart(chart: Strips, width: int = 520, label_room: int = 150, columns: int = 0) -> SafeString:
    """Rows of bars, one scale for all of them; with `label_room` 0 the words stand above each row."""
    if columns:
        chart = chart.last(columns)
    above = 0 if label_room else 18
    pitch = above + _NUMBER_ROOM + _BAR_HEIGHT + 9
    step = (width - label_room) / max(len(chart.heads), 1)
    most = max((mark.value for row in chart.rows for mark in row.marks), default=0) or 1
    height = pitch * len(chart.rows) + 18
    rows = [
        _strip(row, top=place * pitch, above=above, left=label_room, step=step, most=most)
        for place, row in enumerate(chart.rows)
    ]
    heads = format_html_join(
        "",
        '<text class="chart-head" x="{}" y="{}" text-anchor="middle">{}</text>',
        ((_n(label_room + (place + 0.5) * step), height - 4, head) for place, head in enumerate(chart.heads)),
    )
    return _svg(width, height, format_html_join("", "{}", ((row,) for row in rows)) + heads)


@register.simple_tag
def shares_chart(shares: Sequence[Share], width: int = 520, label_room: int = 130) -> SafeString:
    """One bar a row from 0 to 100 %; with `label_room` 0 the words stand above each bar."""
    words_room = 96
    above = 0 if label_room else 18
    pitch = above + 30
    track = width - label_room - words_room
    rows = []
    for place, share in enumerate(shares):
        top = place * pitch + above
        filled = track * min(max(share.percent, 0), 100) / 100
        rows.append(
            format_html(
                '<a href="{}" tabindex="-1" class="chart-row{}"><title>{}</title>'
                '<rect class="chart-hit" x="0" y="{}" width="{}" height="{}"/>'
                '<text class="chart-word" x="{}" y="{}">{}</text>'
                '<rect class="chart-track" x="{}" y="{}" width="{}" height="16" rx="3"/>'
                '<rect class="chart-bar tone-delivered" x="{}" y="{}" width="{}" height="16" rx="3"/>'
                '<text class="chart-number" x="{}" y="{}">{}</text></a>',
                share.url,
                " is-weak" if share.is_weak else "",
                share.title,
                place * pitch,
                width,
                pitch,
                0,
                top + 18 if label_room else top - 2,
                _fitting(share.word, label_room or width),
                label_room,
                top + 5,
                _n(track),
                label_room,
                top + 5,
                _n(filled),
                _n(label_room + track + 8),
                top + 18,
                share.label,
            )
        )
    return _svg(width, pitch * len(rows) + 4, format_html_join("", "{}", ((row,) for row in rows)))


def _strip(row: Strip, *, top: float, above: float, left: float, step: float, most: int) -> SafeString:
    base = top + above + _NUMBER_ROOM + _BAR_HEIGHT
    room = step * 0.62
    bars = []
    for place, mark in enumerate(row.marks):
        if not mark.value:
            continue
        height = max(2.0, _BAR_HEIGHT * mark.value / most)
        middle = left + (place + 0.5) * step
        bars.append(
            format_html(
                '<a href="{}" tabindex="-1"><title>{}</title>'
                '<rect class="chart-hit" x="{}" y="{}" width="{}" height="{}"/>'
                '<rect class="chart-bar {}" x="{}" y="{}" width="{}" height="{}" rx="2"/>'
                '<text class="chart-number" x="{}" y="{}" text-anchor="middle">{}</text></a>',
                mark.url,
                mark.title,
                _n(left + place * step),
                _n(top + above),
                _n(step),
                _n(_NUMBER_ROOM + _BAR_HEIGHT),
                row.tone,
                _n(middle - room / 2),
                _n(base - height),
                _n(room),
                _n(height),
                _n(middle),
                _n(base - height - 3),
                mark.label,
            )
        )
    words = format_html(
        '<text class="chart-word" x="0" y="{}">{}<tspan class="chart-total" dx="6">{}</tspan></text>',
        _n(base - 3 if not above else top + 13),
        _fitting(row.word, (left or 999) - 24),
        f"{row.total:,}",
    )
    line = format_html(
        '<line class="chart-line" x1="{}" x2="{}" y1="{}" y2="{}"/>',
        _n(left),
        _n(left + step * len(row.marks)),
        _n(base + 0.5),
        _n(base + 0.5),
    )
    return words + line + format_html_join("", "{}", ((bar,) for bar in bars))


def _svg(width: float, height: float, drawn: SafeString) -> SafeString:
    # Hidden from screen readers: the table beside the picture says the same, with links.
    return format_html(
        '<svg class="picture chart" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}</svg>',
        _n(width),
        _n(height),
        drawn,
    )


def _fitting(words: str, room: float) -> str:
    """The words, cut where they would run into the bars; the title and the table have them whole."""
    most = max(4, int(room / 6.6))
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
