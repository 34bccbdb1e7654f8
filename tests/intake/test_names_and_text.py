"""No name and no content of a file may end more than its own participant."""

import pytest

from pipeline.errors import InvalidInput
from pipeline.files import read_json, read_metadata

NESTED = b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"a": "\xff"}', "not text in UTF-8"),
        (b'{"a": 1', "not valid JSON"),
        (b"", "not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (NESTED, "too deeply"),
        (NESTED.replace(b"[", b'{"a":').replace(b"]", b"1}"), "JSON"),
        (b"[1, 2]", "no JSON object"),
        (b'"text"', "no JSON object"),
        (b"null", "no JSON object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("read", [read_json, read_metadata])
def test_file_that_is_no_json_object_is_refused_in_a_sentence(tmp_path, read, content, says):
    file = tmp_path / "x.json"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=says) as refused:
        read(file)
    assert refused.value.file == file


def test_half_characters_of_json_become_the_replacement_character(tmp_path):
    file = tmp_path / "x.json"
    file.write_bytes(b'\xef\xbb\xbf{"a\\ud800": ["\\udfff!", "\\ud83e\\udde0", "\xc3\xa9"]}')
    content = read_json(file)
    assert content == {"a\ufffd": ["\ufffd!", "\U0001f9e0", "é"]}


def test_sidecar_without_what_is_not_known(tmp_path):
    file = tmp_path / "x.json"
    file.write_text('{"a": "n/a", "b": {"c": " N/A", "d": null, "e": 0}, "f": "", "g": ["n/a"]}')
    assert read_metadata(file) == {"b": {"e": 0}, "f": "", "g": ["n/a"]}
    assert read_json(file)["a"] == "n/a"
