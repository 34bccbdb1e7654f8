"""Odd contact tables and descriptions that BIDS allows, or that programs write all the same."""

import json
from pathlib import Path

import numpy as np
import pytest
from contact_files import T1W, resolve, spherical_scalp

from bids_app.clinical import find_ieeg
from pipeline.compare.frames import MNI152, frame_of
from pipeline.compare.placing import Carried

NUMBERS = {"A1": "-30.5\t0\t0", "A2": "-40.5\t0\t0", "A3": "-50.5\t0\t0"}
POS_MM = np.array([[-30.5, 0, 0], [-40.5, 0, 0], [-50.5, 0, 0]])
UP_MM = np.array([0, 0, 1.0])
SCANNER = {"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"}


def read(folder, electrodes, channels=None, described=SCANNER, carry=None):
    """What tables as text or bytes come to; those of electrodes by name where there are several."""
    tables = electrodes if isinstance(electrodes, dict) else {"sub-01": electrodes}
    files = [save(folder / f"{name}_electrodes.tsv", text) for name, text in tables.items()]
    runs = [save(folder / "sub-01_channels.tsv", channels)] if channels is not None else []
    systems = []
    for name in tables:
        content = described.get(name, described)
        systems.append(save(folder / f"{name}_coordsystem.json", json.dumps(content)))
    more = {} if carry is None else {"carry": carry}
    return resolve(files, runs, systems, spherical_scalp(), **more)


def save(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def soz(found):
    return [
        name for name, marked in zip(found.contacts.name, found.contacts.soz, strict=True) if marked
    ]


def table(header="name\tx\ty\tz", rows=None, end="\n"):
    rows = [f"{name}\t{xyz}" for name, xyz in NUMBERS.items()] if rows is None else rows
    return end.join([header, *rows]) + end


CHANNELS = "name\ttype\tsoz\nA1\tSEEG\tyes\nA2\tSEEG\tno\nA3\tSEEG\tno\n"


@pytest.mark.parametrize(
    "electrodes",
    [
        table(end="\r\n"),
        table(end="\r"),
        table().encode("utf-16"),
        table().encode("utf-8-sig"),
        table("Name\tX\tY\tZ"),
        table(" name \tx \ty\tz "),
        table('"name"\t"x"\t"y"\t"z"'),
        table("name\tx\ty\tz\t\t", [f"{name}\t{xyz}\t\t" for name, xyz in NUMBERS.items()]),
        table("name\tx\ty\tz", [f"{name}\t{xyz}\t\t" for name, xyz in NUMBERS.items()]),
        table(rows=[f"{name}\t{xyz}".replace(".", ",") for name, xyz in NUMBERS.items()]),
        table(rows=[f"{name}\t{xyz}".replace("-", "\u2212") for name, xyz in NUMBERS.items()]),
        table(rows=[f"{name}\u00a0\t {xyz} " for name, xyz in NUMBERS.items()]),
        table(rows=[f"{name}\t{xyz}".replace("30.5", "3.05e1") for name, xyz in NUMBERS.items()]),
        table(
            "name\tx\ty\tz\tsize\tmaterial\tmanufacturer\tgroup\themisphere\ttype\timpedance",
            [
                f"{name}\t{xyz}\tn/a\tplatinum\tD\u00e9tal\tA\tL\tdepth\tn/a"
                for name, xyz in NUMBERS.items()
            ],
        ).encode("latin-1"),
    ],
    ids="crlf cr utf16 bom capitals spaces quotes tabs cells commas minus nbsp exponent latin1".split(),
)
def test_tables_as_programs_write_them(tmp_path, electrodes):
    found = read(tmp_path, electrodes, CHANNELS)
    assert found.reason is None
    np.testing.assert_allclose(found.contacts.pos_mri_mm, POS_MM)
    assert soz(found) == ["A1"]
    assert found.doubts == []
    assert all("Latin-1" in text or "decimal commas" in text for text in found.warnings)


def test_a_contact_named_twice_is_one_and_its_mark_counts(tmp_path):
    rows = ["A1\t-30\t0\t0\tno", "A1\t-30\t0\t0\tyes", "A2\t-40\t0\t0\tno"]
    found = read(tmp_path, table("name\tx\ty\tz\tsoz", rows))
    assert found.contacts.name == ["A1", "A2"] and soz(found) == ["A1"]
    assert any("both marks and denies" in text for text in found.warnings)
    # Localised twice.
    found = read(tmp_path, table(rows=["A1\t-30\t0\t0", "a1\t-33\t0\t0", "A2\t-40\t0\t0"]))
    np.testing.assert_allclose(found.contacts.pos_mri_mm, [[-30, 0, 0], [-40, 0, 0]])
    assert found.warnings == [
        "Contacts A1 have several positions, up to 3.0 mm apart; the first one is used."
    ]


def test_a_name_of_two_implantations_is_no_contacts(tmp_path):
    """A second implantation on the other side that gives the same names."""
    mirrored = table(rows=[f"{name}\t{xyz[1:]}" for name, xyz in NUMBERS.items()])
    mirrored += "B1\t20\t10\t0\n"
    found = read(tmp_path, {"sub-01_ses-1": table(), "sub-01_ses-2": mirrored}, CHANNELS)
    assert found.contacts.name == ["B1"] and found.counts["contacts_without_position"] == 3
    assert [doubt.text for doubt in found.doubts] == [
        "3 contacts have several positions more than 10 mm apart, and which is meant is not said: "
        "A1, A2, A3; they were left out"
    ]
    assert found.no_soz.startswith(
        "one contact is marked as seizure onset in channels.tsv:soz, but"
    )


def test_reference_and_other_channels_are_no_lost_contacts(tmp_path):
    rows = [*(f"{name}\t{xyz}" for name, xyz in NUMBERS.items()), "REF\tn/a\tn/a\tn/a"]
    channels = CHANNELS + "ECG\tECG\tn/a\nDC01\tMISC\tn/a\nTRIG\tTRIG\tn/a\nREF\tREF\tn/a\n"
    found = read(tmp_path, table(rows=rows), channels)
    assert found.contacts.name == ["A1", "A2", "A3"] and soz(found) == ["A1"]
    assert found.counts["contacts"] == 4 and found.counts["contacts_without_position"] == 1
    assert found.counts["channels_without_contact"] == 0
    assert found.warnings == found.doubts == []


def test_a_grid_alone(tmp_path):
    rows = [f"Grid {i:02d}\t{-60 + i}\t{5 * (i % 8)}\t{10 * (i // 8)}" for i in range(1, 17)]
    channels = "name\ttype\tstatus\tstatus_description\n"
    channels += "".join(f"GRID{i}\tECOG\tgood\t{'SOZ' if i < 3 else 'n/a'}\n" for i in range(1, 17))
    found = read(tmp_path, table(rows=rows), channels)
    assert len(found.contacts.name) == 16 and soz(found) == ["Grid 01", "Grid 02"]
    assert found.warnings == found.doubts == []


def test_channels_without_a_type_column(tmp_path):
    found = read(tmp_path, table(), "name\tSOZ\nPOL A1\t1\nEEG A2-Ref\t0\nsEEG A-03\t0\nX9\t0\n")
    assert soz(found) == ["A1"]
    assert found.counts["channels_without_contact"] == 1


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        ("n/a", "'n/a'"),
        ("pixels", "'pixels'"),
        ("Pixels", "'Pixels'"),
        ("voxel", "'voxel'"),
        ("", "''"),
    ],
)
def test_units_of_no_length_are_told(tmp_path, unit, told):
    found = read(tmp_path, table(), CHANNELS, {**SCANNER, "iEEGCoordinateUnits": unit})
    assert found.contacts is None
    assert f"the coordinates' unit is {told}" in found.reason
    assert "marked" not in found.reason


def test_where_one_space_knows_no_position_the_other_serves(tmp_path):
    unknown = table(rows=[f"{name}\tn/a\tn/a\tn/a" for name in NUMBERS])
    found = read(
        tmp_path,
        {"sub-01_space-ScanRAS": unknown, "sub-01_space-MNI152NLin2009cAsym": table()},
        CHANNELS,
        {
            "sub-01_space-ScanRAS": SCANNER,
            "sub-01_space-MNI152NLin2009cAsym": {"iEEGCoordinateUnits": "mm"},
        },
        carry=lambda frame: Carried(lambda pos_mm: pos_mm + UP_MM, frame.kind),
    )
    np.testing.assert_allclose(found.contacts.pos_mri_mm, POS_MM + UP_MM)
    assert [each.space for each in found.transforms][-1] == "MNI152NLin2009cAsym"
    assert soz(found) == ["A1"]


@pytest.mark.parametrize(
    "space",
    [
        "MNI152",
        "MNI152Lin",
        "MNI152NLin6",
        "MNI152NLin2009",
        "MNI152NLin2009cAsym",
        "mni152nlin6asym",
        "MNI152NLin2009cAsym_res-2",
        "MNI152NLin6Asym:res-02",
    ],
)
def test_template_names_with_and_without_version(space):
    assert frame_of({**SCANNER, "iEEGCoordinateSystem": space}, T1W, []).kind == MNI152


IMAGE = "anat/sub-01_ses-a_acq-x_T2w.nii.gz"


@pytest.mark.parametrize(
    "intended",
    [
        f"bids::sub-01/ses-a/{IMAGE}",
        f"bids:mine:sub-01/ses-a/{IMAGE}",
        [f"bids::sub-01/ses-a/{IMAGE}"],
        f"ses-a/{IMAGE}",
        f"/sub-01/ses-a/{IMAGE}",
        f"./ses-a/{IMAGE}",
        f"sub-01\\ses-a\\{IMAGE}".replace("/", "\\"),
        f" ses-a/{IMAGE} ",
        [f"ses-a/{IMAGE}", "ses-a/ieeg/sub-01_photo.jpg", "n/a"],
        f"ses-a/{IMAGE}".removesuffix(".gz"),
    ],
)
def test_intended_for_in_every_spelling(tmp_path, intended):
    folder = tmp_path / "sub-01"
    for name in (f"ses-a/{IMAGE}", "ses-a/anat/sub-01_ses-a_T2w.nii.gz"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "ses-a/ieeg").mkdir()
    save(folder / "ses-a/ieeg/sub-01_ses-a_electrodes.tsv", table())
    described = {**SCANNER, "IntendedFor": intended}
    save(folder / "ses-a/ieeg/sub-01_ses-a_coordsystem.json", json.dumps(described))
    images = find_ieeg(folder, [], []).images
    assert [image.name for image in images if "acq" in image.name] == [Path(IMAGE).name]
    frame = frame_of(described, T1W, images)
    assert frame.image.name == Path(IMAGE).name and frame.doubts == ()


SIDED = "name\tx\ty\tz\themisphere"


def test_sides_that_the_table_itself_denies_are_told_on_page_one(tmp_path):
    rows = [f"L{i}\t{-20 - 5 * i}\t0\t0\tL" for i in range(6)]
    rows += [f"R{i}\t{20 + 5 * i}\t0\t0\tright" for i in range(6)]
    assert read(tmp_path, table(SIDED, rows)).doubts == []
    # Near the midline a column tells nothing against a position.
    assert read(tmp_path, table(SIDED, [*rows, "M1\t-3\t0\t0\tR"])).doubts == []
    one = read(tmp_path, table(SIDED, [*rows, "W1\t-30\t5\t0\tR"]))
    assert [(doubt.text, doubt.grave) for doubt in one.doubts] == [
        (
            "1 of 13 contacts with a side lie on the other side of the head than the column "
            "hemisphere says: W1",
            False,
        )
    ]
    mirrored = [row.replace("\tL", "\tl").replace("\tright", "\tL") for row in rows]
    mirrored = [row.replace("\tl", "\tR") for row in mirrored]
    found = read(tmp_path, table(SIDED, mirrored))
    assert found.doubts[0].grave and found.doubts[0].text.startswith("12 of 12 contacts")


def test_two_templates_may_differ_in_where_a_contact_is(tmp_path):
    spaces = ("MNI152Lin", "fsaverage")
    found = read(
        tmp_path,
        {f"sub-01_space-{space}": table() for space in spaces},
        described={f"sub-01_space-{space}": {"iEEGCoordinateUnits": "mm"} for space in spaces},
        carry=lambda frame: Carried(
            lambda pos_mm: pos_mm + (15 * UP_MM if frame.space == "fsaverage" else 0), "any"
        ),
    )
    assert {each.space for each in found.transforms} == set(spaces)
    # One of them, the same for all, and told.
    up_mm = (found.contacts.pos_mri_mm - POS_MM)[:, 2]
    assert found.contacts.name == ["A1", "A2", "A3"] and set(up_mm) in ({0.0}, {15.0})
    assert any("A1, A2, A3 have several positions, up to 15.0 mm" in w for w in found.warnings)
    assert found.doubts == []


@pytest.mark.parametrize(
    ("names", "x_mm", "doubt"),
    [
        (("LA1", "LB1", "RA1", "RB1"), (40, 40, -40, -40), "grave"),
        (("LA1", "LB1", "LA2", "LB2"), (40, 40, 50, 50), "told"),
        (("LA1", "LA2", "LA3", "LA4"), (40, 45, 50, 55), None),
        (("L1", "L2", "R1", "R2"), (40, 45, -40, -45), None),
        (("LA1", "LB1", "RA1", "RB1"), (40, -40, -40, 40), None),
        (("LA1", "LB1", "RA1", "RB1"), (-40, -40, 40, 40), None),
        (("LA1", "LB1", "RA1", "RB1"), (5, 5, -5, -5), None),
    ],
    ids=["mirrored", "one side", "one shaft", "one letter", "mixed", "right", "near the midline"],
)
def test_shafts_named_by_side_that_all_lie_on_the_other_are_told(tmp_path, names, x_mm, doubt):
    rows = [f"{name}\t{x}\t{7 * i}\t3" for i, (name, x) in enumerate(zip(names, x_mm, strict=True))]
    found = read(tmp_path, table(rows=rows))
    told = [one for one in found.doubts if "named L… or R…" in one.text]
    assert [one.grave for one in told] == {None: [], "told": [False], "grave": [True]}[doubt]


@pytest.mark.parametrize(
    ("stand_in", "n", "is_known"),
    [
        ("0\t0\t0", 1, False),
        ("-999\t-999\t-999", 2, False),
        ("-999\t-999\t-999", 1, False),
        ("-9999\t-9999\t0", 1, False),
        ("12\t12\t12", 1, True),
        ("10\t20\t30", 3, True),
        ("10\t20\t30", 4, False),
    ],
)
def test_places_that_stand_for_none_are_unknown(tmp_path, stand_in, n, is_known):
    rows = [f"{name}\t{xyz}" for name, xyz in NUMBERS.items()]
    rows += [f"B{number}\t{stand_in}" for number in range(n)]
    found = read(tmp_path, table(rows=rows))
    assert len(found.contacts.name) == 3 + n * is_known
    assert any("stands for none: B0" in text for text in found.warnings) != is_known


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ("FreeSurfer tkRAS", "'tkRAS'"),
        ("tkrRAS of recon-all", "'tkrRAS'"),
        ("surface RAS, mm", "'surface RAS'"),
        ("LPS, exported from 3D Slicer", "left and right may be exchanged"),
        ("voxel indices of the T1w", "sides exchanged"),
        ("coordinates in LAS, mm", "left and right may be exchanged"),
        ("RAI (ITK-SNAP)", "left and right may be exchanged"),
        ("normalised to the MNI brain", "a template's space"),
        ("MNI152 space", "'MNI152'"),
        ("native space, not in MNI", None),
        ("the T1w's scanner coordinates", None),
        ("localised with the helpscanner tool", None),
        (["a", 3], None),
    ],
)
def test_a_description_of_other_axes_is_a_grave_doubt(description, told):
    described = {**SCANNER, "iEEGCoordinateSystemDescription": description}
    frame = frame_of(described, T1W, [])
    assert [doubt.grave for doubt in frame.doubts] == ([True] if told else [])
    assert told is None or told in frame.doubts[0].text


def test_decimal_commas_of_coordinates_are_told(tmp_path):
    rows = [f"{name}\t{xyz}".replace(".", ",") for name, xyz in NUMBERS.items()]
    found = read(tmp_path, table(rows=rows), CHANNELS)
    np.testing.assert_allclose(found.contacts.pos_mri_mm, POS_MM)
    assert any("decimal commas: '-30,5' was read as -30.5" in text for text in found.warnings)
