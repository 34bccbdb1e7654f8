"""Electrodes of EEG as tables really give them: units spelt out, stand-ins, repeats, exchanged plugs."""

import json

import numpy as np
import pytest
from eeg_folder import Folder

from pipeline.errors import InvalidInput
from pipeline.headmodel.digitisation import digitised_points_head_m
from pipeline.headmodel.electrodes import check_electrodes, electrode_doubts
from pipeline.modality import sensor_names
from pipeline.spikes.marks import channel_marks
from pipeline.spikes.recording import open_recording


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def describe(folder, **said):
    (file,) = folder.eeg.glob("*_coordsystem.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | said))


def rewrite(folder, change):
    (file,) = folder.eeg.glob("*_electrodes.tsv")
    lines = file.read_text().splitlines()
    file.write_text("\n".join(change(lines)) + "\n")


def right_places(folder):
    """Names of the sensors, which all lie where they were measured."""
    info = open_recording(folder.raw).info
    digitised_points_head_m(info, folder.raw)
    check_electrodes(info, folder.raw)
    names = sensor_names(info)
    for channel in info["chs"]:
        if channel["ch_name"] in names:
            expected = folder.places_m[channel["ch_name"]]
            assert channel["loc"][:3] == pytest.approx(expected, abs=1e-6)
    return names


@pytest.mark.parametrize("unit", ["Millimeters", " mm ", "MM", "millimetre"])
def test_units_are_read_however_they_are_spelt(folder, unit):
    describe(folder, EEGCoordinateUnits=unit, AnatomicalLandmarkCoordinateUnits=unit)
    assert len(right_places(folder)) == 21


def test_landmarks_of_no_known_unit_are_refused(folder):
    describe(folder, AnatomicalLandmarkCoordinateUnits="inches")
    with pytest.raises(InvalidInput, match="landmarks beside the electrodes are in 'inches'"):
        open_recording(folder.raw)


@pytest.mark.parametrize("content", ["", "x\ty\n1\t2\n"])
def test_a_channels_table_that_cannot_be_read_stops_nobody(folder, content):
    (file,) = folder.eeg.glob("*_channels.tsv")
    file.write_text(content)
    assert len(right_places(folder)) == 21
    notes: list[str] = []
    channel_marks(open_recording(folder.raw), folder.raw, file, notes)
    assert any("was not used" in note for note in notes)


@pytest.mark.parametrize("stand_in", ["0\t0\t0", "-999\t-999\t-999"])
def test_an_electrode_at_no_place_has_none(folder, stand_in):
    rewrite(
        folder, lambda lines: [*lines[:3], lines[3].split("\t")[0] + f"\t{stand_in}", *lines[4:]]
    )
    assert "F7" not in right_places(folder)
    notes: list[str] = []
    channel_marks(open_recording(folder.raw), folder.raw, None, notes)
    assert "no electrode whose place is known" in notes[0] and "'F7'" in notes[0]


def test_one_place_for_many_is_none(folder):
    def repeat(lines):
        place = lines[1].split("\t", 1)[1]
        return [*lines[:2], *(f"{line.split()[0]}\t{place}" for line in lines[2:8]), *lines[8:]]

    rewrite(folder, repeat)
    with pytest.raises(InvalidInput, match="8 of 22 EEG channels have no electrode whose place"):
        open_recording(folder.raw)


@pytest.mark.parametrize("name", ["Fp1", "FP1", "EEG Fp1"])
def test_an_electrode_at_two_places_has_none(folder, name):
    rewrite(folder, lambda lines: [*lines, f"{name}\t1\t2\t3"])
    assert "Fp1" not in right_places(folder)
    rewrite(folder, lambda lines: [*lines[:-1], lines[1]])
    assert "Fp1" in right_places(folder)


def test_two_exchanged_electrodes_are_told(folder):
    places = folder.places_m
    places["C3"], places["C4"] = places["C4"].copy(), places["C3"].copy()
    folder.write()
    info = open_recording(folder.raw).info
    check_electrodes(info, folder.raw)
    (doubt,) = electrode_doubts(info)
    assert "2 of 18 electrodes lie on the other side than their names say (c3, c4)" in doubt.text
    # Near the midline a name and a place do not contradict.
    places["C3"], places["C4"] = places["C4"], places["C3"]
    places["O1"] = places["O1"] * [0, 1, 1] + np.array([0.01, 0, 0])
    folder.write()
    assert electrode_doubts(open_recording(folder.raw).info) == ()


@pytest.mark.parametrize("space", ["", "space-Other_"])
def test_a_description_without_a_space_holds_for_the_table(folder, space):
    (table,) = folder.eeg.glob("*_electrodes.tsv")
    (described,) = folder.eeg.glob("*_coordsystem.json")
    described.rename(described.with_name("sub-01_coordsystem.json"))
    table.rename(table.with_name(f"sub-01_{space}electrodes.tsv"))
    assert len(right_places(folder)) == 21
