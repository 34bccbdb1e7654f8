"""Where datasets keep contacts and marks, and which coordinates are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.compare.contacts import resolve_contacts, words
from pipeline.compare.coordinates import outside_head_mm
from pipeline.errors import InvalidInput

T1W = Path("sub-01_T1w.nii.gz")
NAMES = ("A1", "A2", "A3", "A4")
POS_MM = np.array([[-30.0, 0, 0], [-40, 0, 0], [-50, 0, 0], [-60, 0, 0]])


@pytest.fixture(scope="module")
def scalp():
    """A sphere of 90 mm about (0, -20, 10)."""
    rng = np.random.default_rng(0)
    direction = rng.standard_normal((4000, 3))
    return np.array([0, -20, 10]) + 90 * direction / np.linalg.norm(
        direction, axis=1, keepdims=True
    )


@pytest.fixture
def write(tmp_path, scalp):
    """Write the three files and resolve them."""

    def write(
        electrodes=None, channels=None, system="ScanRAS", unit="mm", pos=POS_MM, **coordsystem
    ):
        extra = {
            name: dict(zip(NAMES, column, strict=True))
            for name, column in (electrodes or {}).items()
        }
        rows = ["\t".join(["name", "x", "y", "z", *extra])]
        for name, xyz in zip(NAMES, pos, strict=True):
            cells = ["n/a" if np.isnan(value) else f"{value:g}" for value in xyz]
            rows.append("\t".join([name, *cells, *(extra[column][name] for column in extra)]))
        files = {"electrodes": [tmp_path / "sub-01_electrodes.tsv"], "channels": []}
        files["electrodes"][0].write_text("\n".join(rows) + "\n")
        if channels is not None:
            files["channels"] = [tmp_path / "sub-01_channels.tsv"]
            files["channels"][0].write_bytes(channels)
        described = {"iEEGCoordinateSystem": system, "iEEGCoordinateUnits": unit, **coordsystem}
        path = tmp_path / "sub-01_coordsystem.json"
        path.write_text(json.dumps(described))
        return resolve_contacts(**files, coordsystem=[path], t1w=T1W, scalp_mri_mm=scalp)

    return write


def test_words():
    assert words('"resect, SOZ"') == {"resect", "soz"}
    assert words("n/a") == {"n/a"}


CHANNELS = (
    b"name\ttype\tstatus\tstatus_description\n"
    b"A1\tSEEG\tgood\tsoz\n"
    b'A2\tSEEG\tbad\t"resect,soz"\n'
    b"A3\tSEEG\tgood\tresect\n"
    b"A4\tSEEG\tgood\tn/a\n"
)


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
    assert any("b7" in warning and "no contact" in warning for warning in found.warnings)
    assert found.counts["soz"] == 2


def test_contact_without_coordinates_is_dropped_and_counted(write):
    pos = POS_MM.copy()
    pos[0] = np.nan
    found = write(None, CHANNELS, pos=pos)
    assert found.contacts.name == ["A2", "A3", "A4"]
    assert found.counts["contacts_without_position"] == 1
    assert any("1 soz contacts have no coordinates" in warning for warning in found.warnings)


def test_without_marks_there_are_contacts_but_no_soz(write):
    found = write()
    assert found.rules["soz"] is None and found.reason is None
    assert not found.contacts.soz.any()


def test_without_files_the_reason_is_given(scalp):
    found = resolve_contacts([], [], [], T1W, scalp)
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
def test_wrong_unit_is_refused_with_file_and_remedy(write, declared, factor, meant):
    with pytest.raises(InvalidInput) as error:
        write(unit=declared, pos=POS_MM * factor)
    assert error.value.file.name == "sub-01_coordsystem.json"
    assert f"declared in {declared} but fit this head only in {meant}" in error.value.message
    assert f'"{meant}"' in error.value.hint


def test_contacts_of_another_frame_are_refused(write):
    with pytest.raises(InvalidInput, match="do not lie in this head in any unit") as error:
        write(pos=POS_MM + np.array([0, 200, 0]))
    assert error.value.file.name == "sub-01_electrodes.tsv"


def test_a_contact_outside_the_scalp_is_warned_about(write):
    pos = POS_MM - np.array([31, 0, 0])
    found = write(pos=pos)
    assert found.counts["outside_scalp"] == 1
    assert any("outside the scalp" in warning for warning in found.warnings)


@pytest.mark.parametrize("system", ["MNI152NLin2009cAsym", "fsaverage", "Talairach", "Pixels"])
def test_standard_spaces_are_not_assessable(write, system):
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
    assert "coordsystem" in resolve_contacts([path], [], [], T1W, scalp).reason


def test_unusable_space_beside_a_usable_one(tmp_path, scalp):
    files, systems = [], []
    for space, offset in (("MNI152Lin", 900), ("ScanRAS", 0)):
        stem = f"sub-01_space-{space}"
        files.append(tmp_path / f"{stem}_electrodes.tsv")
        rows = [
            f"{name}\t{x + offset}\t{y}\t{z}" for name, (x, y, z) in zip(NAMES, POS_MM, strict=True)
        ]
        files[-1].write_text("name\tx\ty\tz\n" + "\n".join(rows) + "\n")
        systems.append(tmp_path / f"{stem}_coordsystem.json")
        systems[-1].write_text(
            json.dumps({"iEEGCoordinateSystem": space, "iEEGCoordinateUnits": "mm"})
        )
    found = resolve_contacts(files, [], systems, T1W, scalp)
    np.testing.assert_allclose(found.contacts.pos_mri_mm, POS_MM)
    assert any("MNI152Lin" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"name\tx\ty\nA1\t1\t2\n", "no column 'z'"), (b"\xff\xfe\x00\x00", "cannot be read")],
)
def test_broken_tables_are_refused(tmp_path, scalp, content, message):
    path = tmp_path / "sub-01_electrodes.tsv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        resolve_contacts([path], [], [], T1W, scalp)


def test_broken_coordsystem_is_refused(tmp_path, scalp):
    path = tmp_path / "sub-01_electrodes.tsv"
    path.write_text("name\tx\ty\tz\nA1\t1\t2\t3\n")
    system = tmp_path / "sub-01_coordsystem.json"
    system.write_text('{"iEEGCoordinateSystem": ')
    with pytest.raises(InvalidInput, match="not valid JSON"):
        resolve_contacts([path], [], [system], T1W, scalp)


def test_distance_outside_the_head(scalp):
    centre = np.array([0, -20, 10])
    points = centre + np.array([[100.0, 0, 0], [0, 80, 0], [0, 0, 0]])
    np.testing.assert_allclose(outside_head_mm(points, scalp)[:2], [10, -10], atol=0.5)
    assert outside_head_mm(points, scalp)[2] < -80
