"""Broken files: random damage to a good file, by hypothesis, and the damage that is worst."""

import gzip
import struct

from hypothesis import strategies as st

# Numbers at which sizes, offsets and counts go wrong.
_NASTY = (0, 1, -1, 2**15 - 1, -(2**15), 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**63 - 1)
_NASTY_BYTES = [
    struct.pack(order + kind, value)
    for value in _NASTY
    for order in "<>"
    for kind in "hiqf"
    if kind == "f"
    or -(2 ** (8 * struct.calcsize(kind) - 1)) <= value < 2 ** (8 * struct.calcsize(kind) - 1)
] + [struct.pack(">f", float("nan")), struct.pack("<f", float("inf")), b"\x00" * 64, b"\xff" * 64]
_NASTY_TEXT = [
    *("nan", "inf", "-1e999", "1e308", "n/a", "", "0", "-0", "null", "true", "[]", "{}", "\ufeff"),
    *("../../../../etc/passwd", "/etc/passwd", "~root", "$(reboot)", "`id`", "%s%n", "\x00", "\r"),
    *(
        "\t",
        "\n",
        '"',
        "\\",
        "[[[[[[[[",
        "é",
        "\U0001f9e0",
        "9" * 400,
        "a" * 10_000,
        "NaN",
        "Infinity",
    ),
    "[" * 5_000,
    # Names and text that end what does not expect them: half a character, control characters,
    # a turned reading direction, a formula for a spreadsheet and one for matplotlib.
    *('"\\ud800"', "\\udfff", "\x1b[2J", "\u202e", "=1+1", "$\\frac{$", "\u2028", "\ufffe"),
    '{"a":' * 5_000,
]


@st.composite
def damage(draw, text: bool):
    """A function from a file's bytes to damaged ones."""
    nasty = [piece.encode() for piece in _NASTY_TEXT] if text else _NASTY_BYTES
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(("overwrite", "insert", "delete", "repeat", "cut", "flip", "end")),
                # Headers are where the harm is done.
                st.one_of(st.floats(0, 1), st.floats(0, 0.02)),
                st.one_of(st.sampled_from(nasty), st.binary(min_size=1, max_size=16)),
                st.integers(1, 4096),
            ),
            min_size=1,
            max_size=5,
        )
    )

    def apply(content: bytes) -> bytes:
        for kind, where, piece, length in steps:
            at = int(where * len(content))
            head, tail = content[:at], content[at:]
            if kind == "overwrite":
                content = head + piece + tail[len(piece) :]
            elif kind == "insert":
                content = head + piece + tail
            elif kind == "delete":
                content = head + tail[length:]
            elif kind == "repeat":
                content = head + tail[:length] + tail
            elif kind == "cut":
                content = head
            elif kind == "flip" and tail:
                content = head + bytes([tail[0] ^ (1 << length % 8)]) + tail[1:]
            elif kind == "end":
                content = content + piece
        return content

    return apply


@st.composite
def damaged_header(draw):
    """A function from an uncompressed NIfTI's bytes to one whose header lies."""
    fields = draw(
        st.lists(
            st.sampled_from(
                [(40 + 2 * i, "<h") for i in range(8)]  # dim
                + [(70, "<h"), (72, "<h"), (108, "<f"), (112, "<f"), (252, "<h"), (254, "<h")]
                + [(76 + 4 * i, "<f") for i in range(8)]  # pixdim
                + [(280 + 4 * i, "<f") for i in range(12)]  # srow
            ),
            min_size=1,
            max_size=6,
        )
    )
    values = [draw(st.integers(-(2**15), 2**15 - 1) | st.sampled_from((0, 2, 16, 32767)))] * len(
        fields
    )
    floats = [draw(st.floats(width=32) | st.sampled_from((0.0, -1.0, 1e30)))] * len(fields)

    def apply(content: bytes) -> bytes:
        changed = bytearray(content)
        for (offset, kind), whole, real in zip(fields, values, floats, strict=True):
            value = whole if kind == "<h" else real
            changed[offset : offset + struct.calcsize(kind)] = struct.pack(kind, value)
        return bytes(changed)

    return apply


def within_gzip(change):
    """`change` applied to what a gzip file holds."""
    return lambda content: gzip.compress(change(gzip.decompress(content)), 1)
