"""Codes as printed and as they arrive: repaired where certain, never completed to another order."""

from __future__ import annotations

import pytest

from orders.domain.reading.codes import (
    Parcel,
    Unreadable,
    check_digit,
    printed_code,
    read_printed_code,
    read_reference,
    read_scanned,
    spellings_of,
)


def test_the_printed_code_is_an_in_store_ean_of_order_and_cycle() -> None:
    assert printed_code(837, 1) == "2000000837017"
    assert printed_code(837, 2) == "2000000837024"
    assert printed_code(99_999_999, 99) == "2099999999998"


def test_the_check_digit_is_that_of_ean() -> None:
    # The example of GS1's own calculator page.
    assert check_digit("629104150021") == "3"


@pytest.mark.parametrize(("order_id", "cycle"), [(0, 1), (1, 0), (100_000_000, 1), (1, 100), (-1, 1)])
def test_what_does_not_fit_is_not_printed(order_id: int, cycle: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        printed_code(order_id, cycle)


@pytest.mark.parametrize(
    ("order_id", "cycle"), [(1, 1), (837, 1), (837, 12), (1_234_567, 3), (99_999_999, 99)]
)
def test_what_is_printed_is_read_back(order_id: int, cycle: int) -> None:
    assert read_printed_code(printed_code(order_id, cycle)) == Parcel(order_id, cycle)


@pytest.mark.parametrize(
    "text",
    [
        "2000000837018",  # a misread digit: the check digit says so
        "2000000873017",  # two digits exchanged
        "200000083701",  # the last one lost
        "20000008370170",
        "4006381333931",  # a product's code
        "2000000000016",  # no order
        "2000000837000",  # no cycle
        "２０００００0837017",  # repaired before, not here
        "",
    ],
)
def test_what_we_did_not_print_is_not_read_as_ours(text: str) -> None:
    assert read_printed_code(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ORD-000837", ("ORD-000837", None)),
        ("ord-000837", ("ORD-000837", None)),
        ("ORD000837", ("ORD-000837", None)),
        ("ORD-000837-2", ("ORD-000837", 2)),
        ("ORD-1000837", ("ORD-1000837", None)),
        ("ORD-1000837-12", ("ORD-1000837", 12)),
    ],
)
def test_a_reference_is_read_in_any_case_with_its_cycle(text: str, found: tuple[str, int | None]) -> None:
    assert read_reference(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "837",  # a bare number may be anything
        "000837",
        "ORD-837",  # a scan that lost three digits looks the same
        "ORD-00837",
        "ORD-0000837",  # one digit too many
        "ORD-000837-0",
        "ORD-000837-02",
        "XORD-000837",
        "ORD-000837X",
        "ORD-",
    ],
)
def test_a_reference_is_never_completed(text: str) -> None:
    assert read_reference(text) is None


def readings(typed: str, keys: str = "") -> tuple[str, ...]:
    return read_scanned(typed, keys).readings


@pytest.mark.parametrize(
    "typed",
    [
        "ORD-000837",
        " ORD-000837 \r\n",
        "\tORD-000837\t",
        "ORD-000837\x1d",
        "\x1e\x1dORD-000837\x04",
        "]C1ORD-000837",
        "]C0ORD-000837",
        "]Q3ORD-000837",
        "*ORD-000837*",
        "ORD‑000837",
        "ORD–000837",
        "\u200fORD-000837\u200e",
        "\ufeffORD-000837",
        "ORD-٠٠٠٨٣٧",
        "ORD-۰۰۰۸۳۷",
        "ＯＲＤ－０００８３７",
    ],
)
def test_noise_around_a_code_is_taken_off(typed: str) -> None:
    assert readings(typed) == ("ORD-000837",)


@pytest.mark.parametrize(
    "typed",
    [
        'ORD)ààà_"è',  # Windows and Linux, France
        'ord)ààà_"è',
        'ORD)ààà!"è',  # Belgium and macOS: 8 is the exclamation mark
        "ORD°000837",  # CapsLock: digits come right, the dash does not
        'ORD)ÀÀÀ_"È',  # CapsLock on Linux: accented capitals
    ],
)
def test_what_a_us_scanner_types_on_azerty_is_read_by_key_positions(typed: str) -> None:
    assert readings(typed)[-1].upper() == "ORD-000837"


def test_letters_change_their_places_with_the_digits_on_azerty() -> None:
    # ECQWAZM-1234567890 typed by key positions.
    assert readings("ECAZQW?)&é\"'(-è_çà")[-1] == "ECQWAZM-1234567890"


def test_our_printed_digits_are_read_on_azerty() -> None:
    assert readings('éàààààà_"èà&è') == ('éàààààà_"èà&è', "2000000837017")


@pytest.mark.parametrize("typed", ["SHOP_1024", "L'ATLAS-12", "A(1)", "QAZW", "CMD 12!"])
def test_a_code_with_digits_of_its_own_is_not_taken_for_azerty(typed: str) -> None:
    assert typed in readings(typed)
    assert not any("8" in reading and "8" not in typed for reading in readings(typed))
    assert "AQWZ" not in readings(typed)


@pytest.mark.parametrize("typed", ["×ٌ]-000837", "خقي-000837"])
def test_what_a_us_scanner_types_on_an_arabic_keyboard_is_read_by_key_positions(typed: str) -> None:
    assert readings(typed)[-1].upper() == "ORD-000837"


def test_lam_with_alef_is_not_guessed_at() -> None:
    assert readings("لا-000837") == ("لا-000837",)


def test_key_positions_told_by_the_page_come_before_what_was_typed() -> None:
    assert readings('ORD)ààà_"è', keys="ORD-000837") == ("ORD-000837", 'ORD)ààà_"è')
    assert readings("ORD-000837", keys="ORD-000837") == ("ORD-000837",)
    assert readings("", keys="ORD-000837") == ("ORD-000837",)


def test_blanks_inside_are_kept_as_one_reading_and_left_out_in_another() -> None:
    assert readings("CMD  12\u00a07") == ("CMD 12 7", "CMD127")


@pytest.mark.parametrize(
    "typed",
    [
        "ORD-000001ORD-000002",
        "ORD-000001ORD-000001",
        "ord000001ord000002",
        "ORD-0000ORD-000002",
        "ORD-000001\rORD-000002",
        "ORD-000001\tECO12",
        "20000008370172000000837024",
        "2000000837017ORD-000838",
        "ORD-0008382000000837017",
        "ORD)àààààèORD)àààààé",
    ],
)
def test_two_codes_that_arrive_as_one_are_not_read(typed: str) -> None:
    scanned = read_scanned(typed)
    assert (scanned.unreadable, scanned.readings) == (Unreadable.JOINED, ())


@pytest.mark.parametrize("typed", ["", "   ", "\r\n", "\x1d", "\u200b\ufeff"])
def test_nothing_is_told_from_something(typed: str) -> None:
    assert read_scanned(typed).unreadable == Unreadable.NOTHING


@pytest.mark.parametrize("typed", ["https://shop.example/o/1", "HTTP://SHOP", "www.shop.example"])
def test_a_web_address_is_no_code(typed: str) -> None:
    assert read_scanned(typed).unreadable == Unreadable.ADDRESS


@pytest.mark.parametrize("length", [101, 401, 2_000_000])
def test_an_endless_text_is_no_code(length: int) -> None:
    scanned = read_scanned("A" * length)
    assert scanned.unreadable == Unreadable.TOO_LONG
    assert scanned.shown == "A" * 100


def test_the_longest_reference_of_a_seller_is_read() -> None:
    assert readings("A" * 100) == ("A" * 100,)


def test_a_capslock_left_on_is_thought_of() -> None:
    assert spellings_of("Shop-12a") == ("Shop-12a", "SHOP-12A", "shop-12a", "sHOP-12A")
    assert spellings_of("1024") == ("1024",)
