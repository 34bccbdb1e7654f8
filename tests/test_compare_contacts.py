"""Where datasets keep contacts and marks, and which coordinates are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.compare.contacts import Carried, resolve_contacts
from pipeline.compare.coordinates import outside_head_mm
from pipeline.compare.frames import T1W as T1W_FRAME
from pipeline.compare.frames import frame_of
from pipeline.compare.labels import ContactLabels, read_contact_labels
from pipeline.compare.tables import words
from pipeline.errors import InvalidInput

T1W = Path("sub-01_T1w.nii.gz")
NAMES = ("A1", "A2", "A3", "A4")
POS_MM = np.array([[-30.0, 0, 0], [-40, 0, 0], [-50, 0, 0], [-60, 0, 0]])


def in_t1w(frame):
    """Carries what is in the T1w, and nothing else."""
    if frame.kind != T1W_FRAME:
        return f"nothing carries {frame.space} here"
    return Carried(lambda pos_mm: pos_mm, "as given")


def resolve(electrodes, channels, coordsystem, scalp, labels=None, carry=in_t1w, images=()):
    return resolve_contacts(
        electrodes,
        channels,
        coordsystem,
        T1W,
        list(images),
        labels or ContactLabels(),
        carry,
        scalp,
    )


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
        electrodes=None,
        channels=None,
        system="ScanRAS",
        unit="mm",
        pos=POS_MM,
        labels=None,
        **coordsystem,
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
        return resolve(**files, coordsystem=[path], scalp=scalp, labels=labels)

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
    assert [each["space"] for each in found.transforms] == ["ScanRAS", "MNI305"]
    assert found.transforms[1]["quality"] == {"error_mm": 1.5}
    assert not any("several positions" in warning for warning in found.warnings)
    files, systems = write_spaces(tmp_path, MNI305=template, ScanRAS=at(POS_MM))
    found = resolve(files, [], systems, scalp, carry=moved_from_mni)
    assert [each["space"] for each in found.transforms] == ["ScanRAS"]


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
    with pytest.raises(InvalidInput, match="declared in mm but fit this head only in m"):
        resolve(files, [], systems, scalp, carry=moved_from_mni)


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
    with pytest.raises(InvalidInput, match="line 6 of the table has 5 cells instead of 4"):
        resolve(files, [], systems, scalp)


def test_an_unclosed_quote_swallows_no_contact(write):
    found = write(None, CHANNELS.replace(b"good\tsoz", b'good\t"soz'))
    assert found.contacts.soz.tolist() == [True, True, False, False]


# -- the mapping file -----------------------------------------------------------------
def labels_of(tmp_path, content, sub="sub-01"):
    path = tmp_path / "labels.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_contact_labels(path, sub)


def test_a_centres_own_column_and_words(write, tmp_path):
    labels = labels_of(tmp_path, {"soz": {"electrodes.tsv:Zone": ["Onset, clear", "onset?"]}})
    zone = ("onset, clear", "spread", "ONSET?", "n/a")
    found = write({"zone": zone, "soz": ("no", "yes", "no", "no")}, CHANNELS, labels=labels)
    assert found.contacts.soz.tolist() == [True, False, True, False]
    assert found.rules["soz"] == "--contact-labels (electrodes.tsv:zone)"
    # Marks that the file says nothing about keep their rules.
    assert found.rules["resected"] == "channels.tsv:status_description"


def test_lists_of_contacts_override_everything(write, tmp_path):
    content = {"participants": {"sub-01": {"soz": ["a4", "A9"], "resected": []}}}
    found = write(None, CHANNELS, labels=labels_of(tmp_path, content))
    assert found.contacts.soz.tolist() == [False, False, False, True]
    assert not found.contacts.resected.any()
    assert found.rules["soz"] == found.rules["resected"] == "--contact-labels (list)"
    assert any("a9" in text for text in found.warnings)
    assert labels_of(tmp_path, content, "sub-02") == ContactLabels()


def test_a_column_that_is_not_there_is_warned_about(write, tmp_path):
    labels = labels_of(tmp_path, {"soz": {"channels.tsv:onset": ["x"]}})
    found = write(None, CHANNELS, labels=labels)
    assert found.rules["soz"] is None
    assert any("channels.tsv:onset) is not among the columns" in text for text in found.warnings)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        {"SOZ": {}},
        {"soz": ["A1"]},
        {"soz": {"events.tsv:x": ["a"]}},
        {"soz": {"channels.tsv": ["a"]}},
        {"soz": {"channels.tsv:x": "a"}},
        {"participants": {"sub-01": {"soz": "A1"}}},
        {"participants": {"sub-01": ["A1"]}},
        {"participants": {"sub-02": {"onset": ["A1"]}}},
    ],
)
def test_contact_labels_that_are_not_understood_are_refused(tmp_path, content):
    with pytest.raises(InvalidInput, match="contact labels") as error:
        labels_of(tmp_path, content)
    assert error.value.file.name == "labels.json"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"name\tx\ty\nA1\t1\t2\n", "no column 'z'"), (b"\xff\xfe\x00\x00", "cannot be read")],
)
def test_broken_tables_are_refused(tmp_path, scalp, content, message):
    path = tmp_path / "sub-01_electrodes.tsv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        resolve([path], [], [], scalp)


def test_broken_coordsystem_is_refused(tmp_path, scalp):
    path = tmp_path / "sub-01_electrodes.tsv"
    path.write_text("name\tx\ty\tz\nA1\t1\t2\t3\n")
    system = tmp_path / "sub-01_coordsystem.json"
    system.write_text('{"iEEGCoordinateSystem": ')
    with pytest.raises(InvalidInput, match="not valid JSON"):
        resolve([path], [], [system], scalp)


def test_distance_outside_the_head(scalp):
    centre = np.array([0, -20, 10])
    points = centre + np.array([[100.0, 0, 0], [0, 80, 0], [0, 0, 0]])
    np.testing.assert_allclose(outside_head_mm(points, scalp)[:2], [10, -10], atol=0.5)
    assert outside_head_mm(points, scalp)[2] < -80


# -- frames ---------------------------------------------------------------------------
CT, OTHER_T1W = Path("ct/sub-01_ct.nii.gz"), Path("anat/sub-01_acq-acpc_T1w.nii.gz")


def frame(system, images=(), unit="mm", **more):
    described = {"iEEGCoordinateSystem": system, "iEEGCoordinateUnits": unit, **more}
    return frame_of(described, T1W, list(images))


@pytest.mark.parametrize(
    ("system", "kind"),
    [
        ("ScanRAS", "T1w"),
        ("individual", "T1w"),
        ("fsaverage", "MNI305"),
        ("fsaverage5", "MNI305"),
        ("MNI305", "MNI305"),
        ("MNI152Lin", "MNI152"),
        ("MNI152NLin6ASym", "MNI152"),
        ("MNI152NLin6Sym", "MNI152"),
        ("MNI152NLin2009aSym", "MNI152"),
        ("MNI152NLin2009cAsym", "MNI152"),
    ],
)
def test_every_name_that_bids_has_for_a_space_we_know(system, kind):
    assert frame(system).kind == kind


@pytest.mark.parametrize(
    "system",
    ["fsLR", "fsaverageSym", "MNIColin27", "IXI549Space", "ICBM452AirSpace", "UNCInfant0V21"],
)
def test_other_templates_are_not_taken_for_one_we_know(system):
    assert "no transform" in frame(system)


def test_an_image_that_is_named_is_whose_axes_count():
    images = [CT, OTHER_T1W]
    named = frame("ScanRAS", images, IntendedFor=f"bids::sub-01/{CT}")
    assert (named.kind, named.image, named.warning) == ("image", CT, None)
    acpc = frame("ACPC", images, IntendedFor=[f"sub-01/{OTHER_T1W}"])
    assert acpc.image == OTHER_T1W and "ACPC" in acpc.warning
    assert frame("ScanRAS", images, IntendedFor="n/a").kind == "T1w"
    assert frame("ScanRAS", images, IntendedFor="sub-01/ieeg/sub-01_photo.jpg").kind == "T1w"
    assert "cannot be found" in frame("ScanRAS", [], IntendedFor=f"sub-01/{CT}")


def test_a_ct_is_meant_where_the_description_says_so_and_there_is_one():
    description = "electrodes located on the post-implantation CT"
    described = {"iEEGCoordinateSystemDescription": description}
    assert frame("Other", [CT, OTHER_T1W], **described).image == CT
    assert "names no image" in frame("Other", [OTHER_T1W], **described)
    assert "names no image" in frame("Other", [CT], iEEGCoordinateSystemDescription="exact")
    second = CT.with_name("sub-01_run-2_ct.nii.gz")
    assert "may refer to each of" in frame("Other", [CT, second], **described)
