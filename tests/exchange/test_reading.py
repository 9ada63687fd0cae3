"""Every file ends as a table or in a plain refusal, by what is in it, within its limits."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from orders.exchange.limits import Choices, Limits
from orders.exchange.reading import Row, Unreadable, read_table
from tests.exchange.conftest import DATA
from tests.exchange.files import SHEET, STRINGS, with_cells, with_part, workbook, zipped

SPREADSHEETS = DATA / "spreadsheets"


def read(path: Path, **options: Any) -> tuple[dict[str, Any], list[Row]]:
    with read_table(path, **options) as table:
        rows = list(table.rows())
        assert len(rows) == table.count
        return vars(table.findings), rows


def read_bytes(content: bytes, tmp_path: Path, **options: Any) -> tuple[dict[str, Any], list[Row]]:
    path = tmp_path / "upload"
    path.write_bytes(content)
    return read(path, **options)


def cells(content: bytes, tmp_path: Path, **options: Any) -> list[list[str]]:
    return [row.cells for row in read_bytes(content, tmp_path, **options)[1]]


# What becomes of each file: the cells of its first row and how many rows it has, or why it is refused.
FATES: dict[str, tuple[list[str], int] | str] = {
    "cal_date.xlsx": (["2021-01-01", "15"], 3),
    "cal_date_iso.xlsx": (["2021-01-01"], 6),
    "cal_empty_sheet.xlsx": "empty",
    "cal_errors.xlsx": (["#DIV/0!"], 7),
    "cal_has_x000D_.xlsx": (["ABC\r\nDEF"], 1),
    "cal_inlineStr_cdata.xlsx": (["Hello CDATA", "World"], 2),
    "cal_issue_594_dos.ods": "open_document",
    "cal_merge_cells.xlsx": (["Row Merge", "", "Not Merged"], 2),
    "cal_pass_protected.xlsx": "encrypted",
    # A line of text that calls itself .xls, as a mail server left it.
    "cal_too_small.xls": ([r"Attachment f:\attachcus\arnold-j\Summer trading shots.xls not found!"], 1),
    "cal_vba.xlsm": "macros",
    "csp_newlines_crlf.csv": (["a", "b", "c"], 4),
    "kit_bad.csv": (["column_a", "column_b", "column_c"], 4),
    "kit_mac_newlines.csv": (["a", "b", "c"], 3),
    "kit_null_byte.csv": "nul_character",
    "php_premiere.utf16lebom.csv": (["première", "second", "troisième"], 2),
    "php_premiere.win1252.csv": (["première", "second", "troisième"], 2),
    "php_semicolon_separated.csv": (["This", "Are", "Headers"], 3),
    "php_sep.csv": (["A", "1"], 2),
    "poi_52348.xlsx": (["Category", "", "Account", "Balance", "", "", "", "", "Transaction"], 9),
    "poi_TwoSheetsOneHidden.xlsx": (["Sheet2A1"], 1),
    "poi_formula-eval.xlsx": (["1", "2.5", "3.25", "6.75"], 1),
    "poi_link-external-workbook-a.xlsx": (["10", "20"], 1),
    "poi_noSharedStringTable.xlsx": (["2006-04-12", "123"], 1),
    "poi_poc-xmlbomb.xlsx": "unsafe",
    "poi_right-to-left.xlsx": (["text"], 4),
    "poi_xlsx-corrupted.xlsx": (["test", "DOCTYPE", "XXE", "injection"], 3),
    "roo_emptysheets.csv": "empty",
    "roo_header_offset.xlsx": (["Header A1", "Header B1"], 3),
    "roo_number_with_zero_prefix.xlsx": ([f"{number:04}" for number in range(1, 21)], 50),
    "roo_numbers-export.xlsx": (["Sheet 1"], 1),
    "roo_type_excel.xlsx": "old_excel",
    "tab_bad_dimensions.xlsx": (["PN", "Qty", "Price"], 4),
    "tab_ragged.xlsx": (["a", "b"], 2),
    "tbl_bom.csv": (["id", "name"], 3),
    "tbl_test_scientific_notation.xlsx": (["scientific_notation"], 2),
}


def test_the_manifest_names_the_files_whose_fates_are_known() -> None:
    with (SPREADSHEETS / "manifest.csv").open(newline="") as file:
        named = {row["file"] for row in csv.DictReader(file)}
    there = {path.name for path in SPREADSHEETS.iterdir()} - {"manifest.csv"}
    assert named == there == set(FATES)


@pytest.mark.parametrize("name", FATES)
def test_each_of_the_files_that_break_readers_ends_as_a_table_or_in_a_plain_refusal(name: str) -> None:
    fate = FATES[name]
    if isinstance(fate, str):
        with pytest.raises(Unreadable) as refusal:
            read(SPREADSHEETS / name)
        assert refusal.value.code == fate
        assert refusal.value.message.endswith(".")
    else:
        rows = read(SPREADSHEETS / name)[1]
        assert (rows[0].cells, len(rows)) == fate


def test_rows_keep_their_number_and_their_quoted_line_ends() -> None:
    rows = read(SPREADSHEETS / "csp_newlines_crlf.csv")[1]
    assert [(row.number, row.cells) for row in rows] == [
        (1, ["a", "b", "c"]),
        (2, ["1", "2", "3"]),
        (3, ["Once upon \na time", "5", "6"]),
        (4, ["7", "8", "9"]),
    ]


def test_rows_that_are_empty_count_in_the_numbers(tmp_path: Path) -> None:
    rows = read_bytes(b"\n\na,b\n,,\n1,2\n", tmp_path)[1]
    assert [(row.number, row.cells) for row in rows] == [(3, ["a", "b"]), (5, ["1", "2"])]


def test_hidden_sheets_are_not_read_and_are_named() -> None:
    findings = read(SPREADSHEETS / "poi_TwoSheetsOneHidden.xlsx")[0]
    assert (findings["sheet"], findings["hidden_sheets"]) == ("Sheet2", ["Sheet1"])


def test_another_sheet_is_read_when_it_is_chosen() -> None:
    findings, rows = read(SPREADSHEETS / "poi_right-to-left.xlsx", choices=Choices(sheet="عربى"))
    assert (findings["sheet"], rows[0].cells) == ("عربى", ["نص"])


# --- text files --------------------------------------------------------------------------

ARABIC = "الاسم;المدينة\r\nمحمد;فاس\r\nيوسف الإدريسي;الدار البيضاء\r\n"
FRENCH = "Nom;Ville\r\nHélène Aït Brahim;Fès\r\nNoël d’Assier;Béni Mellal\r\n"


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (ARABIC, "utf-8", "utf-8"),
        (ARABIC, "utf-8-sig", "utf-8-sig"),
        (ARABIC, "utf-16", "utf-16"),
        (ARABIC, "utf-16-le", "utf-16-le"),
        (ARABIC, "utf-16-be", "utf-16-be"),
        (ARABIC, "cp1256", "cp1256"),
        (FRENCH, "utf-8", "utf-8"),
        (FRENCH, "utf-16-le", "utf-16-le"),
        (FRENCH, "cp1252", "cp1252"),
        (FRENCH, "mac_roman", "mac_roman"),
    ],
)
def test_letters_are_read_in_every_encoding_that_spreadsheets_write(
    text: str, encoding: str, found: str, tmp_path: Path
) -> None:
    findings, rows = read_bytes(text.encode(encoding), tmp_path)
    assert (findings["encoding"], findings["delimiter"]) == (found, ";")
    assert [row.cells for row in rows] == [line.split(";") for line in text.splitlines()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_any_delimiter_and_line_end_is_found(delimiter: str, line_end: str, tmp_path: Path) -> None:
    table = [["name", "phone", "city"], ["A", "06 12", "Fès"], ["B, C; D|E", "", "x"]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows(table)
    assert cells(text.getvalue().encode(), tmp_path) == table


def test_a_sep_line_says_the_delimiter_and_is_no_row(tmp_path: Path) -> None:
    findings, rows = read_bytes(b"sep=;\r\na,b;c\r\n1;2\r\n", tmp_path)
    assert findings["delimiter"] == ";"
    assert [(row.number, row.cells) for row in rows] == [(1, ["a,b", "c"]), (2, ["1", "2"])]


def test_what_a_person_says_about_a_file_holds(tmp_path: Path) -> None:
    content = "a|b\nc;d|e\n".encode("cp1252")
    assert cells(content, tmp_path, choices=Choices(delimiter=";")) == [["a|b"], ["c", "d|e"]]


def test_commas_and_spaces_and_zeros_of_a_text_stay(tmp_path: Path) -> None:
    assert cells(b"phone,sku\n 0612,007 \n+212612,1E5\n", tmp_path)[1:] == [
        [" 0612", "007 "],
        ["+212612", "1E5"],
    ]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "empty", "The file has no rows."),
        (b" \r\n\t\n", "empty", "The file has no rows."),
        (b"%PDF-1.7 ...", "pdf", "This is a PDF"),
        (b"\x89PNG\r\n\x1a\n....", "picture", "This is a picture"),
        (b"\xff\xd8\xff\xe0..JFIF", "picture", "This is a picture"),
        (b"\x1f\x8b\x08....", "packed", "This is a packed file."),
        (b"<!DOCTYPE html><table>", "web_page", "This is a web page or XML"),
        (b"\xef\xbb\xbf <?xml version='1.0'?><Workbook/>", "web_page", "This is a web page or XML"),
        (b"MZ\x90\x00...", "not_a_table", "no table that can be read"),
        (b'a,b\n1,2\n"open,2\n1,2\n', "bad_quotes", "In row 3"),
        (b'a,b\n"R\xc3\xa9s. "Yas", 3",2\n', "bad_quotes", "In row 2"),
        (b"a,b\n\x00,2\n", "nul_character", "Line 2"),
        (b"a,b\n" + b"\n" * 100_001, "too_many_rows", "more than 100,000 rows"),
        (b"a,b\n" + b"1,2\n" * 100_001, "too_many_rows", "more than 100,000 rows"),
        (b",".join([b"x"] * 65), "too_many_columns", "Row 1 has more than 64 columns."),
        (b"a,b\n1," + b"x" * 32_768, "cell_too_long", "A cell in row 2 is longer than 32,767 characters."),
    ],
)
def test_text_that_is_no_sound_table_is_refused_in_plain_words(
    content: bytes, code: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(Unreadable) as refusal:
        read_bytes(content, tmp_path)
    assert refusal.value.code == code
    assert words in refusal.value.message


def test_a_hundred_thousand_rows_are_read(tmp_path: Path) -> None:
    content = b"a,b\n" + b"1,2\n" * 100_000
    assert len(read_bytes(content, tmp_path)[1]) == 100_001


# --- workbooks ---------------------------------------------------------------------------


def test_numbers_of_a_workbook_are_their_digits(tmp_path: Path) -> None:
    content = workbook([["total"], [399.0], [3.39], [0.1 + 0.2], [212661234567], [True], [-5]])
    assert [row[0] for row in cells(content, tmp_path)] == [
        "total",
        "399",
        "3.39",
        "0.3",
        "212661234567",
        "TRUE",
        "-5",
    ]


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("0000000000", 612345678, "0612345678"),
        (r"0#\ ##\ ##\ ##\ ##", 612345678, "0612345678"),
        ('"+212"000000000', 612345678, "+212612345678"),
        (r"\+0", 212612345678, "+212612345678"),
        ("[$-40C]00000", 75, "00075"),
        ("0.00", 5, "5"),
        ("0%", 1, "1"),
        ("#,##0", 1234, "1234"),
        ("0", 612345678, "612345678"),
    ],
)
def test_zeros_and_signs_that_only_the_number_format_shows_are_kept(
    code: str, value: int, shown: str, tmp_path: Path
) -> None:
    content = workbook([["phone"], [value]], formats={0: code})
    assert cells(content, tmp_path)[1:] == [[shown]]


def test_formulas_come_as_their_results_and_are_named_without_one(tmp_path: Path) -> None:
    content = with_cells(
        b'<row r="2"><c r="A2"><f>1+1</f><v>2</v></c><c r="B2"><f>1+1</f></c>'
        b'<c r="C2" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    )
    row = read_bytes(content, tmp_path)[1][1]
    assert (row.cells, row.notes) == (["2", "=1+1", "#DIV/0!"], {1: "formula", 2: "error"})


def test_a_date_is_told_from_text(tmp_path: Path) -> None:
    import datetime as dt

    content = workbook([["sku"], [dt.date(2026, 3, 1)]], formats={0: "yyyy-mm-dd"})
    row = read_bytes(content, tmp_path)[1][1]
    assert (row.cells, row.notes) == (["2026-03-01"], {0: "date"})


def test_empty_cells_down_to_the_last_row_are_no_rows(tmp_path: Path) -> None:
    content = with_cells(
        b'<row r="2"><c r="A2"><v>1</v></c></row><row r="1048576"><c r="XFD1048576" s="1"/></row>'
    )
    assert cells(content, tmp_path) == [["name"], ["1"]]


def bomb() -> bytes:
    big = b">" + b"a" * 30_000_000 + b"<"
    return with_part(workbook([["name"]]), STRINGS, lambda part: part.replace(b">name<", big))


WORKBOOKS: dict[str, tuple[Any, str]] = {
    "far cell": (
        lambda: with_cells(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        "too_many_rows",
    ),
    "a million empty rows": (
        lambda: with_cells(b"".join(b'<row r="%d"/>' % row for row in range(2, 1_000_001))),
        "too_many_rows",
    ),
    "more rows than allowed": (
        lambda: with_cells(b"".join(b"<row><c><v>1</v></c></row>" for _ in range(100_001))),
        "too_many_rows",
    ),
    "16,384 columns": (
        lambda: with_cells(b'<row r="2">' + b"<c><v>1</v></c>" * 16_384 + b"</row>"),
        "too_many_columns",
    ),
    "65 columns": (lambda: workbook([list(range(65))]), "too_many_columns"),
    "long cell": (
        lambda: with_part(
            workbook([["name"]]), STRINGS, lambda p: p.replace(b">name<", b">" + b"x" * 40_000 + b"<")
        ),
        "cell_too_long",
    ),
    "zip bomb": (bomb, "unpacks_too_large"),
    "entity attack": (
        lambda: with_part(
            workbook([["name"]]),
            STRINGS,
            lambda part: part.replace(b"<sst", b'<!DOCTYPE x [<!ENTITY a "b">]><sst').replace(
                b">name<", b">&a;<"
            ),
        ),
        "unsafe",
    ),
    "external entity": (
        lambda: with_part(
            workbook([["name"]]),
            SHEET,
            lambda part: part.replace(b"<worksheet", b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><worksheet'),
        ),
        "unsafe",
    ),
    "ten thousand parts": (
        lambda: zipped(xl__workbook_dot_xml=b"x", **{f"part{n}": b"" for n in range(10_000)}),
        "too_many_parts",
    ),
    "truncated": (lambda: workbook([[n, n] for n in range(1000)])[:5000], "damaged"),
    "a document": (lambda: zipped(word__document_dot_xml=b"x"), "not_a_table"),
    "a binary workbook": (lambda: zipped(xl__workbook_dot_bin=b"x"), "binary_workbook"),
    "a zip of nothing": (lambda: b"PK\x05\x06" + b"\x00" * 18, "damaged"),
    "nonsense in a zip": (lambda: zipped(xl__workbook_dot_xml=b"<nonsense"), "damaged"),
}


@pytest.mark.parametrize("kind", WORKBOOKS)
def test_a_workbook_that_is_no_sound_table_is_refused_quickly(kind: str, tmp_path: Path) -> None:
    make, code = WORKBOOKS[kind]
    path = tmp_path / "upload"
    path.write_bytes(make())
    began = time.process_time()
    with pytest.raises(Unreadable) as refusal:
        read(path)
    assert refusal.value.code == code
    # This process waits; the other one is held to its own limit.
    assert time.process_time() - began < 1


def test_parts_that_unpack_to_more_than_the_limit_are_refused_however_well_they_pack(tmp_path: Path) -> None:
    content = with_cells(b"".join(b"<row><c><v>%d</v></c></row>" % (n * n) for n in range(50_000)))
    with pytest.raises(Unreadable) as refusal:
        read_bytes(content, tmp_path, limits=Limits(unpacked=2**20))
    assert refusal.value.code == "unpacks_too_large"
    assert "larger than 1 MiB" in refusal.value.message


def test_an_encrypted_part_is_refused(tmp_path: Path) -> None:
    content = bytearray(workbook([["name"]]))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = len(archive.infolist())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        for _ in range(entries):
            place = content.index(signature, place + 1)
            content[place + offset] |= 0x1
    with pytest.raises(Unreadable) as refusal:
        read_bytes(bytes(content), tmp_path)
    assert refusal.value.code == "encrypted"


# --- the process that parses ----------------------------------------------------------------


def test_a_file_that_takes_too_long_is_refused_with_the_limit(tmp_path: Path) -> None:
    content = with_cells((b"<row>" + b"<c><v>1</v></c>" * 60 + b"</row>") * 20_000)
    with pytest.raises(Unreadable) as refusal:
        read_bytes(content, tmp_path, limits=Limits(seconds=0))
    assert refusal.value.code == "took_too_long"
    assert "0 seconds" in refusal.value.message


def test_a_file_that_takes_too_much_memory_is_refused_and_this_process_lives(tmp_path: Path) -> None:
    content = with_cells((b"<row>" + b"<c><v>1</v></c>" * 60 + b"</row>") * 20_000)
    with pytest.raises(Unreadable) as refusal:
        read_bytes(content, tmp_path, limits=Limits(memory=60 * 2**20))
    assert refusal.value.code == "too_much_memory"
    assert "60 MiB" in refusal.value.message


def test_the_process_that_parses_gives_its_limits_to_itself(tmp_path: Path) -> None:
    script = (
        "import resource, orders.exchange.parsing as parsing;"
        "parsing.confine(parsing.Limits());"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0]);"
        "import sys; print('django' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == [str(512 * 2**20), "30", "False"]


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    before = sorted(Path(settings.DATA_DIR).iterdir())
    with pytest.raises(Unreadable):
        read_bytes(b"%PDF", tmp_path)
    read_bytes(b"a,b\n1,2\n", tmp_path)
    assert sorted(Path(settings.DATA_DIR).iterdir()) == before


# --- any table --------------------------------------------------------------------------------

# What a database stores and a person can type; blanks alone are no cell.
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)
ROWS = st.lists(st.lists(TEXTS, min_size=2, max_size=4), min_size=1, max_size=6)


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=ROWS,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8-sig", "utf-16"]),
)
@example(rows=[["=1+1", "+212612345678"], ["'=1", "''-2"]], delimiter=",", encoding="utf-8-sig")
def test_any_table_of_texts_goes_out_and_comes_in_again(
    rows: list[list[str]], delimiter: str, encoding: str, tmp_path: Path
) -> None:
    from orders.exchange.cells import as_data

    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(["first", "second"])
    writer.writerows([[as_data(cell) for cell in row] for row in rows])
    content = text.getvalue().encode(encoding)

    found = cells(content, tmp_path, choices=Choices(delimiter=delimiter))

    assert found == [["first", "second"], *(kept for row in rows if (kept := without_blank_end(row)))]


def without_blank_end(row: list[str]) -> list[str]:
    kept = list(row)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept
