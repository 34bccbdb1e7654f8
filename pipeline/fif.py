"""FIF files as chains of tags: is one complete, and is one reproducible."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pipeline.errors import InvalidInput

TAG_HEADER = struct.Struct(">iIii")
BLOCK_START, BLOCK_END = 104, 105
FIRST_TAG_IS_FILE_ID = 100
TYPE_ID_STRUCT = 31
# Version, machine (2 x int32), then the seconds and microseconds that stand for "no date" in mne.
ANONYMOUS_MACHINE_AND_DATE = struct.pack(">iiii", 0, 0, 0, 2**31 - 1)


class Tag(NamedTuple):
    """One tag: what it is, and where its data lie."""

    kind: int
    type: int
    size: int
    data_offset: int


def iter_tags(stream: BinaryIO) -> Iterator[Tag]:
    """Walk the tags in the order in which their headers link them.

    Raises
    ------
    EOFError
        A tag reaches beyond the end of the file, or links backwards.
    """
    end = stream.seek(0, 2)
    offset = 0
    while True:
        stream.seek(offset)
        header = stream.read(TAG_HEADER.size)
        if not header and offset == end:
            return
        if len(header) < TAG_HEADER.size:
            raise EOFError(offset)
        kind, type_, size, following = TAG_HEADER.unpack(header)
        data_offset = offset + TAG_HEADER.size
        if size < 0 or data_offset + size > end:
            raise EOFError(offset)
        yield Tag(kind, type_, size, data_offset)
        if following == -1:
            return
        if following > 0 and following <= offset:
            raise EOFError(offset)
        offset = following if following > 0 else data_offset + size


def check_complete(path: Path) -> None:
    """Refuse a FIF file that is cut short: mne reads such a file in part without a word.

    Raises
    ------
    InvalidInput
        The file is a folder or not FIF, ends in the middle of a tag, or leaves a block open.
    """
    if Path(path).is_dir():
        raise InvalidInput(
            "the MEG recording is a folder instead of a FIF file",
            file=path,
            hint="move the recording out of that folder, under this name",
        )
    depth = 0
    with Path(path).open("rb") as stream:
        first = stream.read(4)
        if len(first) < 4 or struct.unpack(">i", first)[0] != FIRST_TAG_IS_FILE_ID:
            raise InvalidInput(
                "the MEG recording is not a FIF file in spite of its name",
                file=path,
                hint="copy it again from the acquisition or convert it with mne-bids",
            )
        try:
            for tag in iter_tags(stream):
                depth += (tag.kind == BLOCK_START) - (tag.kind == BLOCK_END)
        except EOFError:
            depth = -1
    if depth != 0:
        raise InvalidInput(
            "the MEG recording is truncated or corrupt",
            file=path,
            hint="copy it again from the original and compare the sizes",
        )


def scrub_ids(path: Path) -> None:
    """Blank the machine's address and the time in every identifier tag that mne wrote.

    They would tell on which machine a result was computed and make equal results differ.
    """
    with Path(path).open("r+b") as stream:
        for tag in list(iter_tags(stream)):
            if tag.type == TYPE_ID_STRUCT and tag.size == 20:
                stream.seek(tag.data_offset + 4)
                stream.write(ANONYMOUS_MACHINE_AND_DATE)
