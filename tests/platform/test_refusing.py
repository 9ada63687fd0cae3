"""A start that cannot work ends with one plain line, soon, and prints no secret."""

from __future__ import annotations

import pytest

from tests.platform.processes import free_port, refused_start, silent_server


@pytest.mark.parametrize(
    ("switch", "line"),
    [
        ({"PORT": "abc"}, "PORT='abc' is not usable: write a whole number from 1 to 65535."),
        ({"HOST": "192.0.2.7"}, "HOST='192.0.2.7' is not usable: it is not an address of this machine."),
        ({"SECRET_KEY": "short"}, "SECRET_KEY='***' is not usable: write at least 32 random characters."),
        ({"WEB_THREADS": "many"}, "WEB_THREADS='many' is not usable: write a whole number from 1 to 64."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_bad_switch_ends_the_start_with_its_line(tmp_path, switch, line):
    code, lines, seconds = refused_start(DATA_DIR=str(tmp_path), **switch)
    assert (code, lines) == (1, [line])
    assert seconds < 10


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    code, lines, _ = refused_start(DATA_DIR=str(tmp_path / "file" / "data"))
    where = str(tmp_path / "file" / "data")
    assert (code, lines) == (
        1,
        [f"DATA_DIR={where!r} is not usable: the folder cannot be made (Not a directory)."],
    )


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
@pytest.mark.parametrize("manner", ["refuses", "says nothing"])
def test_a_server_that_does_not_answer_ends_the_start_within_ten_seconds(tmp_path, name, manner):
    listening = silent_server()
    port = listening.getsockname()[1] if manner == "says nothing" else free_port()
    scheme, path = ("postgres", "packhouse") if name == "DATABASE_URL" else ("redis", "0")
    url = f"{scheme}://someone:hidden-word@127.0.0.1:{port}/{path}"

    code, lines, seconds = refused_start(DATA_DIR=str(tmp_path), **{name: url})

    listening.close()
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"{name}='{scheme}://***@127.0.0.1:{port}/{path}' is not usable: ")
    assert "hidden-word" not in lines[0]
    assert seconds < 10
