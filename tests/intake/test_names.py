"""Names of channels, contacts and participants, as written by different programs."""

import pytest

from pipeline.names import bipolar_pair, channel_key, contact_key, match, participant_key


@pytest.mark.parametrize(
    ("key", "same"),
    [
        (channel_key, ["MEG0111", "MEG 0111", "meg_0111", "MEG-0111", "MEG 111"]),
        (channel_key, ["MLC11", "MLC11-1609", "mlc11-4408"]),
        (contact_key, ["RA1", "RA01", "ra 1", "RA-1", "RA_01", "POL RA1", "EEG RA1-Ref"]),
        (contact_key, ["A'1", "A’1", "A′01", "A1'", "a`1"]),
        (participant_key, ["sub-01", "01", "1", "sub-001"]),
    ],
)
def test_one_name_in_several_spellings(key, same):
    assert len({key(name) for name in same}) == 1


@pytest.mark.parametrize(
    ("key", "different"),
    [
        (channel_key, ["MEG0111", "MEG1110", "MEG0112"]),
        (channel_key, ["MLC11-1609", "MRC11-1609", "MLC12-1609"]),
        (contact_key, ["RA1", "RA10", "RA'1", "LA1", "RA11"]),
        (contact_key, ["A1", "A'1", "AA1"]),
        (participant_key, ["01", "10", "P01"]),
    ],
)
def test_different_names_stay_different(key, different):
    assert len({key(name) for name in different}) == len(different)


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("RA1-RA2", ("ra1", "ra2")),
        ("RA1-2", ("ra1", "ra2")),
        ("RA01–RA02", ("ra01", "ra02")),
        ("A'1-A'2", ("a'1", "a'2")),
        ("A'1-2", ("a'1", "a'2")),
        ("EEG RA1-RA2", ("ra1", "ra2")),
        ("RA-1", None),
        ("RA1", None),
        ("EEG RA1-Ref", None),
        ("DC1", None),
    ],
)
def test_bipolar_channels(name, pair):
    assert bipolar_pair(name) == pair


def test_an_ambiguous_name_is_joined_to_none():
    joined = match(["ra1", "LA1", "XX1"], ["RA1", "RA01", "LA1"], contact_key)
    assert joined.found == {"LA1": "LA1"}
    assert joined.ambiguous == ("ra1",)
    assert joined.unknown == ("XX1",)
    assert joined.lost == ("XX1", "ra1")


def test_a_name_as_written_goes_before_its_other_spellings():
    assert match(["RA1"], ["RA1", "RA01"], contact_key).found == {"RA1": "RA1"}
