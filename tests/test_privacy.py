"""What a recording says about the person reaches neither logs nor results."""

import datetime

import mne
import pytest
from test_bad_input import only, replace

from bids_app.exit_codes import ExitCode

IDENTITY = {
    "id": 4711,
    "his_id": "MRN-0815-4711",
    "last_name": "Quixotescu",
    "first_name": "Zebedeus",
    "middle_name": "Wolframius",
    "birthday": datetime.date(1987, 3, 29),
    "sex": 1,
    "hand": 2,
}
WORDS = (
    "MRN-0815-4711",
    "Quixotescu",
    "Zebedeus",
    "Wolframius",
    "1987",
    "Experimentatrix",
    "Ward 13b",
)


def identified(world):
    """The recording of the first participant with a person in it."""
    fif = only(world.bids / "sub-01", "meg/*_meg.fif")
    raw = mne.io.read_raw_fif(fif, preload=True, verbose="error")
    raw.info["subject_info"] = IDENTITY
    raw.info["experimenter"] = "Experimentatrix"
    raw.info["description"] = "Ward 13b"
    replace(fif, lambda path: raw.save(path, fmt="short", overwrite=True, verbose="error"))
    again = mne.io.read_raw_fif(fif, verbose="error").info
    assert again["subject_info"]["last_name"] == "Quixotescu"
    return fif


def test_identity_reaches_neither_console_nor_any_output(world, capfd):
    identified(world)
    options = ("--participant-label", "01", "--verbose", "--log-format", "json")
    assert world.run(*options) == ExitCode.DONE
    printed = capfd.readouterr()
    written = {
        str(file.relative_to(world.output)): file.read_bytes()
        for file in world.output.rglob("*")
        if file.is_file()
    }
    assert "logs/sub-01.jsonl" in written
    assert b"headmodel" in written["logs/sub-01.log"]
    for word in WORDS:
        assert word not in printed.out + printed.err
        # Results other than logs and JSON hold hashes and numbers in which a year may turn up.
        telling = [
            name
            for name, content in written.items()
            if word.encode() in content and (word != "1987" or name.startswith("logs/"))
        ]
        assert telling == [], word


@pytest.mark.parametrize("part", [0.5, 0.999])
def test_identity_is_not_quoted_when_the_recording_is_broken(world, capfd, part):
    fif = identified(world)
    content = fif.read_bytes()
    replace(fif, lambda path: path.write_bytes(content[: int(part * len(content))]))
    assert world.run("--participant-label", "01", "--verbose") == ExitCode.ALL_FAILED
    printed = capfd.readouterr()
    text = printed.out + printed.err + (world.output / "logs/sub-01.log").read_text()
    text += (world.output / "sub-01/sub-01_status.json").read_text()
    for word in WORDS:
        assert word not in text
