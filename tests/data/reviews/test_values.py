import ast
import json
import math
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.reviews.values import kind_of, parse_genres, parse_rating


@pytest.mark.parametrize(
    ("text", "genres"),
    [
        ("", []),
        ("  ", []),
        ("[]", []),
        ("['a', \"b's\"]", ["a", "b's"]),
        ("('a',)", None),
        ("['a', 1]", None),
        ("['a'", None),
        ("['a'] + ['b']", None),
        ("__import__('os')", None),
        ("[__import__('os')]", None),
        ("[" * 10_000, None),
        ("['\\ud800']", None),
        ("['a\\d']", ["a\\d"]),
        ("['a', 'b',]", ["a", "b"]),
        ("[ 'a' ,\n'b' ]", ["a", "b"]),
        ("['it\\'s', 'b\\\\', '\\u00e9\\n']", ["it's", "b\\", "é\n"]),
        ('["a", "Children\'s", "\\u00e9", "\\ud83d\\ude00", "S\\/F"]', ["a", "Children's", "é", "😀", "S/F"]),
        ('["\\x41"]', ["A"]),
        # As numpy, pandas, Postgres and others print them: side by side, Python would join them.
        ("['a' 'b']", None),
        ("['a' 'b'\n 'c']", None),
        ("['a', 'b' 'c']", None),
        ("['Children''s']", None),
        ("['''a''']", None),
        ("[Fiction, Crime]", None),
        ("[Fiction Crime]", None),
        ("{a,b}", None),
        ("{'a', 'b'}", None),
        ("['a',, 'b']", None),
        ("[,]", None),
        ("['a', None]", None),
        ("['a', nan]", None),
        ("[1, 2]", None),
        ("['a', ['b']]", None),
        ("[['a'], ['b']]", None),
        ("['a'; 'b']", None),
        ("['a']['b']", None),
        ("['a'] # b", None),
        ("[b'a']", None),
        ("[r'a']", None),
        ("[u'a']", None),
        ("[f'{1}']", None),
        ("['a\nb']", None),
        ("array(['a'], dtype=object)", None),
        ("['\\N{no such name}']", None),
        ("['\\x4']", None),
        ('["\\ud83d"]', None),
    ],
)
def test_genres_are_parsed_and_never_evaluated(text: str, genres: list[str] | None) -> None:
    assert parse_genres(text) == genres


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_a_list_of_texts_is_read_as_python_and_json_write_it(genres: list[str]) -> None:
    for text in (repr(genres), json.dumps(genres), json.dumps(genres, ensure_ascii=False), repr(tuple(genres))):
        assert parse_genres(text) in (genres, None if text.startswith("(") else genres)


@given(st.lists(st.sampled_from(["'", '"', "\\", ",", " ", "[", "]", "a", "\n", "f", "{1}"])).map("".join))
def test_what_is_read_is_what_python_reads_or_nothing(inside: str) -> None:
    genres = parse_genres(f"[{inside}]")
    if genres is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert genres == ast.literal_eval(f"[{inside}]")


@pytest.mark.parametrize(
    "text",
    [
        "[f'" + "{1}" * 200_000 + "']",
        "['" + "\\" * 60_001,
        "[" + "'a'," * 20_000,
        "['" + "a" * 65_000,
        "[" + "'" * 60_000 + "]",
        "[" + " " * 60_000 + "x",
    ],
)
def test_what_is_no_list_is_told_in_milliseconds(text: str) -> None:
    started = time.process_time()
    assert parse_genres(text) is None
    assert time.process_time() - started < 1


def test_the_kind_of_a_text_is_never_the_text() -> None:
    assert kind_of("ZQSECRET alice") == "text of 14 characters"
    assert kind_of("4,5") == "a number with a decimal comma"
    assert kind_of("1e60") == "a number that 32 bits cannot hold"
    assert kind_of("a\nb") == "text of 3 characters on 2 lines"


@pytest.mark.parametrize(
    ("text", "rating"),
    [("", None), (" ", None), ("4", 4.0), (" 3.5 ", 3.5), ("+4.", 4.0), (".5", 0.5), ("-1e1", -10.0), ("3e38", 3e38)],
)
def test_ratings_are_decimal_numbers_or_nothing(text: str, rating: float | None) -> None:
    assert parse_rating(text) == rating


@pytest.mark.parametrize(
    "text", ["five", "nan", "inf", "-Infinity", "1_0", "0x1", "\uff14", "4,5", "1e39", "1e999", "."]
)
def test_what_is_no_decimal_number_is_a_wrong_rating(text: str) -> None:
    assert math.isnan(parse_rating(text) or 0)
