"""Where datasets keep contacts and marks, and which coordinates are refused."""

import json
from functools import partial

import numpy as np
import pytest
from contact_files import (
    CHANNELS,
    NAMES,
    POS_MM,
    in_t1w,
    resolve,
    spherical_scalp,
    write_contacts,
)

from pipeline.compare.coordinates import outside_head_mm
from pipeline.compare.frames import T1W as T1W_FRAME
from pipeline.compare.placing import Carried
from pipeline.tables import words


@pytest.fixture
def scalp():
    return spherical_scalp()


@pytest.fixture
def write(tmp_path):
    return partial(write_contacts, tmp_path)


def told(found):
    """Everything that the resolution tells beside its result."""
    return [*(doubt.text for doubt in found.doubts), *found.warnings]


def test_words():
    assert words('"resect, SOZ"') == {"resect", "soz"}
    assert words("n/a") == {"n/a"}


@pytest.mark.parametrize(
    ("electrodes", "channels", "rule"),
    [
        (None, CHANNELS, "channels.tsv:status_description"),
        (None, b"\xef\xbb\xbf" + CHANNELS, "channels.tsv:status_description"),
        (None, CHANNELS.replace(b"A1", b"a1 "), "channels.tsv:status_description"),
        (
            {"soz": ("yes", "Yes", "no", "n/a"), "resected": ("no", "yes", "yes", "no")},
            None,
            "electrodes.tsv:soz",
        ),
        (
            {"seizure_zone": ("SOZ,IrritativeZone", "SOZ, Resected", "Resected", "NonSOZ")},
            None,
            "electrodes.tsv:seizure_zone",
        ),
    ],
    ids=["channels", "byte-order-mark", "spelling", "columns", "seizure_zone"],
)
def test_marks_are_found_in_each_home(write, electrodes, channels, rule):
    found = write(electrodes, channels)
    assert found.rules["soz"] == rule
    assert found.contacts.name == list(NAMES)
    assert found.contacts.soz.tolist() == [True, True, False, False]
    assert found.contacts.resected.tolist() == [False, True, True, False]
    assert found.counts["soz"] == 2 and found.counts["resected"] == 2
    assert found.warnings == []


def test_edge_of_the_resection_is_kept_apart(write):
    found = write({"seizure_zone": ("ResectedEdge", "Resected", "NonSOZ", "n/a")})
    assert found.contacts.edge.tolist() == [True, False, False, False]
    assert found.contacts.resected.tolist() == [False, True, False, False]
    assert not found.contacts.soz.any()
    assert write({"edge": ("no", "yes", "no", "no")}).contacts.edge.tolist() == [0, 1, 0, 0]


def test_disagreeing_homes_are_warned_about_and_the_explicit_one_wins(write):
    found = write({"soz": ("no", "no", "no", "yes")}, CHANNELS)
    assert found.contacts.soz.tolist() == [False, False, False, True]
    assert found.rules["soz"] == "electrodes.tsv:soz"
    assert any("disagree" in warning for warning in found.warnings)
    # An empty column is no statement: the marks of the other home count.
    assert write({"soz": ("n/a",) * 4}, CHANNELS).contacts.soz.tolist() == [1, 1, 0, 0]


def test_marked_channel_without_contact_is_warned_about(write):
    found = write(None, CHANNELS + b"B7\tSEEG\tgood\tsoz\n")
    assert any("B7" in warning and "no contact" in warning for warning in told(found))
    assert found.counts["soz"] == 2


def test_contact_without_coordinates_is_dropped_and_counted(write):
    pos = POS_MM.copy()
    pos[0] = np.nan
    found = write(None, CHANNELS, pos=pos)
    assert found.contacts.name == ["A2", "A3", "A4"]
    assert found.counts["contacts_without_position"] == 1
    assert any("1 soz contacts have no usable coordinates" in warning for warning in found.warnings)


def test_without_marks_there_are_contacts_but_no_soz(write):
    found = write()
    assert found.rules["soz"] is None and found.reason is None
    assert not found.contacts.soz.any()


def test_without_files_the_reason_is_given(scalp):
    found = resolve([], [], [], scalp)
    assert found.contacts is None and "no iEEG" in found.reason


@pytest.mark.parametrize(("unit", "factor"), [("m", 0.001), ("cm", 0.1), ("mm", 1.0)])
def test_declared_units_are_honoured(write, unit, factor):
    found = write(unit=unit, pos=POS_MM * factor)
    np.testing.assert_allclose(found.contacts.pos_mri_mm, POS_MM)


@pytest.mark.parametrize(
    ("declared", "factor", "meant"),
    [
        ("mm", 0.001, "m"),
        ("mm", 0.1, "cm"),
        ("m", 1.0, "mm"),
        ("cm", 1.0, "mm"),
        ("cm", 0.001, "m"),
    ],
)
def test_an_impossible_unit_is_replaced_by_the_only_possible_one(write, declared, factor, meant):
    found = write(unit=declared, pos=POS_MM * factor)
    np.testing.assert_allclose(found.contacts.pos_mri_mm, POS_MM)
    assert any(
        f"declared in {declared}" in text and f"read in {meant}" in text
        for text in (doubt.text for doubt in found.doubts)
    )


def test_contacts_of_another_frame_are_not_assessable(write):
    found = write(pos=POS_MM + np.array([0, 200, 0]))
    assert found.contacts is None
    assert "do not lie in this head in any unit" in found.reason
    assert "sub-01_electrodes.tsv" in found.reason


def test_a_contact_outside_the_scalp_is_warned_about(write):
    pos = POS_MM - np.array([31, 0, 0])
    found = write(pos=pos)
    assert found.counts["outside_scalp"] == 1
    assert any("outside the scalp" in warning for warning in found.warnings)


@pytest.mark.parametrize("system", ["Talairach", "Pixels", "fsLR", "MNIColin27"])
def test_spaces_without_a_transform_are_not_assessable(write, system):
    found = write(None, CHANNELS, system=system)
    assert found.contacts is None and system in found.reason


@pytest.mark.parametrize("system", ["ACPC", "Other"])
def test_vague_frames_need_the_t1w_to_be_named(write, system):
    assert "names no image" in write(system=system).reason
    other = write(system=system, IntendedFor="bids::sub-01/anat/sub-01_acq-post_T1w.nii.gz")
    assert other.contacts is None and "acq-post" in other.reason
    named = write(system=system, IntendedFor=["bids::sub-01/anat/sub-01_T1w.nii.gz"])
    assert named.contacts is not None
    assert any(system in warning for warning in named.warnings)


@pytest.mark.parametrize("unit", ["n/a", "pixels"])
def test_unusable_units_are_not_assessable(write, unit):
    assert "unit" in write(unit=unit).reason


def test_missing_coordsystem_is_not_assessable(tmp_path, scalp):
    path = tmp_path / "sub-01_electrodes.tsv"
    path.write_text("name\tx\ty\tz\nA1\t1\t2\t3\n")
    assert "coordsystem" in resolve([path], [], [], scalp).reason


def write_spaces(folder, **spaces):
    """Write each space's electrodes, rows (name, x, y, z); return both lists of files."""
    files, systems = [], []
    for space, rows in spaces.items():
        stem = f"sub-01_space-{space}"
        files.append(folder / f"{stem}_electrodes.tsv")
        lines = ["\t".join(map(str, row)) for row in rows]
        files[-1].write_text("name\tx\ty\tz\n" + "\n".join(lines) + "\n")
        systems.append(folder / f"{stem}_coordsystem.json")
        described = {"iEEGCoordinateSystem": space, "iEEGCoordinateUnits": "mm"}
        systems[-1].write_text(json.dumps(described))
    return files, systems


def at(pos, names=NAMES):
    return [(name, *xyz) for name, xyz in zip(names, pos, strict=True)]


def test_unusable_space_beside_a_usable_one(tmp_path, scalp):
    files, systems = write_spaces(tmp_path, Talairach=at(POS_MM + 900), ScanRAS=at(POS_MM))
    found = resolve(files, [], systems, scalp)
    np.testing.assert_allclose(found.contacts.pos_mri_mm, POS_MM)
    assert any("Talairach" in warning for warning in found.warnings)


def moved_from_mni(frame):
    """The T1w as it is; MNI305 10 mm to the left of it."""
    if frame.kind == T1W_FRAME:
        return in_t1w(frame)
    return Carried(lambda pos_mm: pos_mm - np.array([10.0, 0, 0]), "by hand", {"error_mm": 1.5})


def test_a_template_places_only_what_the_patients_own_images_do_not(tmp_path, scalp):
    own = at(POS_MM[:2], NAMES[:2])
    template = at(POS_MM + np.array([10.0, 0, 0]))
    template[0] = ("A1", 40, 40, 40)
    files, systems = write_spaces(tmp_path, MNI305=template, ScanRAS=own)
    found = resolve(files, [], systems, scalp, carry=moved_from_mni)
    order = np.argsort(found.contacts.name)
    np.testing.assert_allclose(found.contacts.pos_mri_mm[order], POS_MM)
    assert [each.space for each in found.transforms] == ["ScanRAS", "MNI305"]
    assert found.transforms[1].quality == {"error_mm": 1.5}
    assert not any("several positions" in warning for warning in found.warnings)
    files, systems = write_spaces(tmp_path, MNI305=template, ScanRAS=at(POS_MM))
    found = resolve(files, [], systems, scalp, carry=moved_from_mni)
    assert [each.space for each in found.transforms] == ["ScanRAS"]


def test_marks_count_from_files_whose_space_is_not_used(tmp_path, scalp):
    files, systems = write_spaces(tmp_path, Talairach=at(POS_MM), ScanRAS=at(POS_MM))
    lines = files[0].read_text().splitlines()
    marked = [
        f"{line}\t{mark}"
        for line, mark in zip(lines, ("soz", "yes", "no", "no", "no"), strict=True)
    ]
    files[0].write_text("\n".join(marked) + "\n")
    found = resolve(files, [], systems, scalp)
    assert found.contacts.soz.tolist() == [True, False, False, False]


def test_the_unit_is_checked_in_the_t1w_whatever_the_space(tmp_path, scalp):
    files, systems = write_spaces(tmp_path, MNI305=at(POS_MM / 1000))
    found = resolve(files, [], systems, scalp, carry=moved_from_mni)
    np.testing.assert_allclose(found.contacts.pos_mri_mm, POS_MM - np.array([10.0, 0, 0]))
    assert any(
        "declared in mm" in doubt.text and "read in m," in doubt.text for doubt in found.doubts
    )


def test_contacts_far_outside_the_head_are_left_out_by_name(tmp_path, scalp):
    rows = [(f"A{i}", -60 + 4 * i, -20, 10) for i in range(20)] + [("B1", -140, -20, 10)]
    files, systems = write_spaces(tmp_path, ScanRAS=rows)
    found = resolve(files, [], systems, scalp)
    assert "B1" not in found.contacts.name and len(found.contacts.name) == 20
    assert found.counts["far_outside_scalp"] == 1
    assert any("B1, more than 10 mm outside, left out" in text for text in found.warnings)


def test_all_contacts_marked_is_warned_about(write):
    found = write({"soz": ("yes",) * 4})
    assert found.contacts.soz.all()
    assert any("All 4 contacts are marked as soz" in text for text in found.warnings)


def test_decimal_commas_are_not_lost_in_silence(tmp_path, scalp):
    files, systems = write_spaces(tmp_path, ScanRAS=[*at(POS_MM), ("B1", "1,5", 2, 3)])
    found = resolve(files, [], systems, scalp)
    assert found.contacts.name == list(NAMES)
    assert any("'1,5'" in text for text in found.warnings)


def test_a_cell_too_many_names_the_line(tmp_path, scalp):
    files, systems = write_spaces(tmp_path, ScanRAS=[*at(POS_MM), ("B1", 1, 2, 3, "yes")])
    found = resolve(files, [], systems, scalp)
    assert found.contacts is None
    assert "line 6 of the table has 5 cells instead of 4" in found.reason


def test_an_unclosed_quote_swallows_no_contact(write):
    found = write(None, CHANNELS.replace(b"good\tsoz", b'good\t"soz'))
    assert found.contacts.soz.tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"name\tx\ty\nA1\t1\t2\n", "no column 'z'"), (b"\xff\xfe\x00", "cannot be read")],
)
def test_broken_tables_are_not_assessable(tmp_path, scalp, content, message):
    path = tmp_path / "sub-01_electrodes.tsv"
    path.write_bytes(content)
    found = resolve([path], [], [], scalp)
    assert message in found.reason and path.name in found.reason


def test_broken_coordsystem_is_not_assessable(tmp_path, scalp):
    path = tmp_path / "sub-01_electrodes.tsv"
    path.write_text("name\tx\ty\tz\nA1\t1\t2\t3\n")
    system = tmp_path / "sub-01_coordsystem.json"
    system.write_text('{"iEEGCoordinateSystem": ')
    found = resolve([path], [], [system], scalp)
    assert "not valid JSON" in found.reason and system.name in found.reason


def test_distance_outside_the_head(scalp):
    centre = np.array([0, -20, 10])
    points = centre + np.array([[100.0, 0, 0], [0, 80, 0], [0, 0, 0]])
    np.testing.assert_allclose(outside_head_mm(points, scalp)[:2], [10, -10], atol=0.5)
    assert outside_head_mm(points, scalp)[2] < -80
