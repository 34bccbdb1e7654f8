"""The report's parts on inputs whose answer is known: words, rules, raster, slices."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from quality_files import SPIKES

from reports.figures.slices import (
    SliceData,
    Volume,
    draw_slice,
    neighbouring_slices,
    plane_section,
    slices_through,
)
from reports.figures.surface import VIEWS, rasterise
from reports.findings import Measures, verdict
from reports.provenance import Citations
from reports.wording import (
    GYRI,
    NOT_ASSESSABLE,
    gyrus,
    listing,
    lobe,
    lower_first,
    number,
    sentence,
    split_unit,
)

GOOD = Measures(
    n_accepted=40,
    n_rejected=5,
    snr_db=18.0,
    coregistration_mm=2.0,
    n_bad_channels=1,
    n_channels=300,
    head_model="freesurfer",
    personalization_used=True,
    held_out_error_mm=3.0,
)


def changed(**fields) -> Measures:
    return Measures(**{**GOOD.__dict__, **fields})


@pytest.mark.parametrize(
    ("value", "unit", "digits", "text"),
    [
        (-3.14159, "mm", 1, "\u22123.1\u00a0mm"),
        (-0.04, "mm", 1, "0.0\u00a0mm"),
        (12, "", None, "12"),
        (0.93, "", None, "0.93"),
        (1.8, "mm", 2, "1.80\u00a0mm"),
        (0, "", None, "0"),
        (1234.5, "fT", None, "1234\u00a0fT"),
        (0.01234, "", None, "0.0123"),
        (2.3456e-7, "T", None, "2.35\u00a0×\u00a010⁻⁷\u00a0T"),
        (math.nan, "mm", None, NOT_ASSESSABLE),
        (None, "mm", None, NOT_ASSESSABLE),
        ("n/a", "mm", None, NOT_ASSESSABLE),
        (math.inf, "mm", None, NOT_ASSESSABLE),
    ],
)
def test_numbers(value, unit, digits, text):
    assert number(value, unit, digits) == text


def test_every_label_of_the_template_has_a_name_and_a_lobe():
    from pipeline.template import load_template

    labels = {str(label).split(" ", 1)[1] for label in load_template().region_label}
    assert labels <= set(GYRI)
    assert gyrus("left superiortemporal") == "left superior temporal gyrus"
    assert lobe("right precentral") == "right frontal lobe"
    assert lobe("right insula") == "right insular cortex"


def test_words():
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert sentence("no mask") == "No mask."
    kept = ("SOZ contact", "iEEG", "dSPM", "T1w grid", "LCMV beamformer")
    assert [lower_first(text) for text in kept] == list(kept)
    assert lower_first("Single dipole") == "single dipole"
    assert split_unit("head_point_distance_mm") == ("Head point distance", "mm")
    assert split_unit("snr_db") == ("SNR", "dB")
    assert split_unit("norm_median_grad_t_per_m_am") == (
        "Norm median gradiometers",
        "T/m/\u2060(A·m)",
    )
    assert split_unit("mm") == ("Mm", "")


def test_verdict_is_green_only_without_any_reservation():
    assert verdict(GOOD, []).colour == "green"
    warned = verdict(GOOD, ["noise is high.", "b", "c", "d"])
    assert warned.colour == "amber"
    assert warned.reasons == [
        "warning: noise is high",
        "warning: b",
        "2 more warnings (section “Quality”)",
    ]


@pytest.mark.parametrize(
    ("fields", "colour", "reason"),
    [
        ({"n_accepted": 8}, "amber", "only 8 spikes averaged"),
        ({"n_accepted": 4}, "red", "only 4 spikes averaged"),
        ({"snr_db": 7.0}, "amber", "SNR of only 7.0"),
        ({"snr_db": 2.0}, "red", "SNR of only 2.0"),
        ({"coregistration_mm": 6.0}, "amber", "6.0\u00a0mm from the scalp"),
        ({"coregistration_mm": 15.0}, "red", "15.0\u00a0mm from the scalp"),
        ({"coregistration_mm": None}, "amber", "no head points"),
        ({"n_rejected": 60}, "amber", "60 of 100 marked spikes"),
        ({"n_bad_channels": 80}, "amber", "80 of 380 channels"),
        ({"held_out_error_mm": 7.5}, "amber", "errs by 7.5\u00a0mm on synthetic spikes"),
        ({"held_out_error_mm": 13.0}, "red", "errs by 13.0\u00a0mm"),
        ({"held_out_error_mm": None}, "amber", "error on synthetic spikes of this head is not"),
    ],
)
def test_verdict_names_its_reason(fields, colour, reason):
    found = verdict(changed(**fields), [])
    assert found.colour == colour
    assert reason in " ".join(found.reasons)


def test_generic_weights_are_no_reservation_where_they_err_as_little():
    assert verdict(changed(personalization_used=False), []).colour == "green"


def test_verdict_takes_the_worst():
    found = verdict(changed(n_accepted=3, n_rejected=0, snr_db=7.0), [])
    assert found.colour == "red" and len(found.reasons) == 2


def test_citations_are_numbered_as_they_come():
    cite = Citations()
    assert cite("otsu") == "[1]"
    assert cite("mne", "otsu") == "[2, 1]"
    assert "Otsu" in cite.cited[0] and len(cite.cited) == 2


def tetrahedron() -> tuple[np.ndarray, np.ndarray]:
    pos = np.array([[0, 0, 0], [20, 0, 0], [0, 20, 0], [0, 0, 20]], float)
    return pos, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def test_raster_shows_the_nearest_surface():
    pos = np.array([[0, 0, 0], [20, 0, 0], [0, 20, 0], [0, 0, 5], [20, 0, 5], [0, 20, 5]], float)
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    values = np.array([1, 1, 1, 2, 2, 2.0])[:, None]
    above = rasterise(pos, faces, values, "dorsal", mm_per_pixel=0.5)
    below = rasterise(pos, faces, values, "ventral", mm_per_pixel=0.5)
    assert np.allclose(above.values[above.covered], 2)
    assert np.allclose(below.values[below.covered], 1)
    # Half of the square of 20 mm is covered.
    assert above.covered.sum() * 0.25 == pytest.approx(200, rel=0.05)
    assert above.depth_below_surface_mm(np.array([[5, 5, 0.0]]))[0] == pytest.approx(5)


def test_raster_keeps_the_patient_s_sides():
    pos, faces = tetrahedron()
    for view, sign in (("dorsal", 1), ("ventral", -1)):
        seen = rasterise(pos, faces, pos[:, :1], view, 0.5)
        column = np.nonzero(seen.covered)[1]
        x = seen.values[seen.covered][:, 0]
        # From above the patient's right is on the right, from below on the left.
        assert np.corrcoef(column, x)[0, 1] * sign > 0.99


@pytest.mark.parametrize("view", VIEWS)
def test_triangles_that_face_away_are_never_seen_of_a_closed_surface(view):
    pos, faces = tetrahedron()
    first, second, third = pos[faces.T]
    outward = np.einsum("fi,fi->f", np.cross(second - first, third - first), first - pos.mean(0))
    faces = np.where(outward[:, None] > 0, faces, faces[:, ::-1])
    whole, closed, turned = (
        rasterise(pos, faces[:, ::step], pos[:, :1], view, 0.5, closed=only_facing)
        for step, only_facing in ((1, False), (1, True), (-1, True))
    )
    assert np.allclose(closed.depth_mm, whole.depth_mm)
    # Inside out, the far side is all that there is.
    middle = closed.covered & turned.covered
    assert (turned.depth_mm[middle] <= closed.depth_mm[middle] + 1e-6).all()
    assert (turned.depth_mm[middle] < closed.depth_mm[middle] - 1).any()


def test_plane_section_of_a_tetrahedron():
    pos, faces = tetrahedron()
    segments = plane_section(pos, faces, axis=2, at_mm=10.0)
    assert segments.shape == (3, 2, 3)
    assert np.allclose(segments[..., 2], 10)
    length = np.linalg.norm(segments[:, 0] - segments[:, 1], axis=1).sum()
    assert length == pytest.approx(10 + 10 + 10 * np.sqrt(2))


def test_axial_slice_is_radiological():
    affine = np.diag([1.0, 1, 1, 1])
    affine[:3, 3] = -20
    data = np.ones((40, 40, 40))
    slices = SliceData(
        Volume(data, affine), np.full(3, -18.0), np.full(3, 18.0), np.array([3.0, 0, 0])
    )
    axes = Figure().add_subplot()
    draw_slice(axes, slices, "axial")
    left_edge, right_edge = axes.get_xlim()
    assert left_edge > 0 > right_edge  # positive x, the patient's right, on the picture's left
    letters = {text.get_text(): text.get_position() for text in axes.texts}
    assert letters["R"][0] < 0.5 < letters["L"][0]


def plain_head(at_mm) -> SliceData:
    """A head of ones, 36 mm wide, with a map in its middle."""
    affine = np.diag([1.0, 1, 1, 1])
    affine[:3, 3] = -20
    share = np.zeros((40, 40, 40))
    share[15:25, 15:25, 15:25] = 1
    return SliceData(
        Volume(np.ones((40, 40, 40)), affine),
        np.full(3, -18.0),
        np.full(3, 18.0),
        np.array(at_mm, float),
        share=Volume(share, affine),
        threshold=0.5,
        soz_mm=np.zeros((1, 3)),
    )


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_scale_bar_is_as_long_as_it_says(plane):
    axes = Figure(figsize=(3, 3)).add_subplot()
    draw_slice(axes, plain_head((0, 0, 0)), plane)
    bars = [line for line in axes.lines if line.get_transform() == axes.transAxes]
    assert len(bars) == 2, "white on black"
    to_data = axes.transAxes + axes.transData.inverted()
    for bar in bars:
        ends = to_data.transform(bar.get_xydata())
        assert np.abs(np.diff(ends[:, 0])) == pytest.approx(20, rel=1e-6)
        assert ends[0, 1] == pytest.approx(ends[1, 1])
    assert "20 mm" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize(("x_mm", "letter"), [(7.0, "R"), (-7.0, "L")])
def test_sagittal_slice_says_which_side_it_is(x_mm, letter):
    axes = Figure().add_subplot()
    draw_slice(axes, plain_head((x_mm, 0, 0)), "sagittal")
    (corner,) = [text for text in axes.texts if text.get_text() in ("R", "L")]
    assert corner.get_text() == letter and corner.get_position()[1] > 0.9


def test_neighbouring_slices_lie_five_millimetres_to_either_side():
    figure = neighbouring_slices(plain_head((7.0, -20.0, 30.0)))
    titles = [axes.get_title().replace("\u00a0", " ") for axes in figure.axes]
    assert titles == [
        "Axial, S 25 mm",
        "Axial, S 35 mm",
        "Coronal, P 25 mm",
        "Coronal, P 15 mm",
        "Sagittal, R 2 mm",
        "Sagittal, R 12 mm",
    ]


def test_below_the_map_stand_the_same_slices_without_anything_on_them():
    figure = slices_through(plain_head((1.0, 2.0, 3.0)))
    maps, plain = figure.axes[:3], figure.axes[3:6]
    for above, below in zip(maps, plain, strict=True):
        assert above.get_title() == below.get_title()
        assert above.get_xlim() == below.get_xlim()
        np.testing.assert_array_equal(above.images[0].get_array(), below.images[0].get_array())
        assert (len(above.images), len(below.images)) == (2, 1)
        assert not below.collections, "no line of the extent"
    opacity = maps[0].images[1].get_array()[..., 3]
    assert 0 < opacity.max() < 0.7, "anatomy shows through the map"


def test_volume_is_sampled_in_millimetres():
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = (-10, 0, 5)
    data = np.zeros((5, 5, 5))
    data[3, 1, 2] = 7
    volume = Volume(data, affine)
    assert volume.sample(np.array([[-4.0, 2, 9]]))[0] == pytest.approx(7)
    assert volume.sample(np.array([[500.0, 0, 0]]))[0] == 0


def test_sublobar_cells_count_areas_and_contacts():
    from reports.figures.sublobar import CELLS, cells_from

    names = ["left central", "left occipital"]
    cells = cells_from(
        names,
        region_sublobar=np.array([0, 0, 1, 1]),
        region_area_mm2=np.array([100.0, 300, 50, 50]),
        extent=np.array([True, False, True, True]),
        max_region=2,
        contact_sublobar=np.array(["left central", "left central", "right central"]),
        contact_soz=np.array([True, False, True]),
        resected={"left occipital"},
    )
    central, occipital = cells["left central"], cells["left occipital"]
    assert central.extent_share == pytest.approx(0.25)
    assert (central.n_contacts, central.n_soz) == (2, 1)
    assert not central.resected and not central.holds_maximum
    assert occipital.extent_share == 1 and occipital.n_contacts == 0
    assert occipital.resected and occipital.holds_maximum
    from pipeline.template import SUBLOBAR_NAMES

    assert {f"{side} {name}" for side in ("left", "right") for name in CELLS} == set(SUBLOBAR_NAMES)


def test_cells_of_the_sublobar_map_do_not_overlap():
    from reports.figures.sublobar import CELLS

    taken = [
        (column, row)
        for x, y, width, height in CELLS.values()
        for column in range(x, x + width)
        for row in range(y, y + height)
    ]
    assert len(taken) == len(set(taken))


def test_agreement_gives_distances_below_and_overlaps_above_the_diagonal():
    from types import SimpleNamespace

    from pipeline.records.head import Head
    from pipeline.records.solution import Distributed, Point
    from reports.comparison import agreement

    def source(peak_map, extent):
        return Distributed(
            np.empty((3, 0)), np.empty(0), np.array(peak_map), 0, np.array(extent), ""
        )

    patient = SimpleNamespace(
        head=Head(
            region_pos_mri_mm=np.array([[0.0, 0, 0], [30, 40, 0], [0, 0, 100]]),
            region_area_mm2=np.array([100.0, 200, 400]),
            region_label=np.full(3, "left insula"),
            region_sublobar=np.zeros(3, int),
            vertex_region=np.arange(3),
            surfaces={},
        ),
        solutions={
            "personalized": source([3.0, 2, 1], [True, True, False]),
            "sloreta": source([1.0, 3, 2], [False, True, True]),
            "ecd": Point(np.array([0.0, 0, 10]), np.ones(3), 1e-8, 90.0, 1.0, 0.0, 0, "", ""),
        },
    )
    table = agreement(patient)
    assert table["names"] == ["Personalized network", "sLORETA", "Single dipole"]
    # 2 · 200 / (300 + 600) = 0.44; the dipole has no extent.
    assert [row["cells"] for row in table["rows"]] == [
        [None, "0.44", None],
        ["50", None, None],
        ["10", "51", None],
    ]


def quality_of_spikes(**average):
    spikes = replace(SPIKES, average=replace(SPIKES.average, **average))
    return SimpleNamespace(spikes=spikes)


def test_propagation_is_measured_from_the_map_at_the_half_rise():
    from pipeline.records.solution import Distributed
    from reports.onset import propagation, why_not_assessable

    times_s = np.array([-0.04, -0.02, 0.0, 0.02])
    activity = np.array([[0.0, 1, 0, 0], [0, 0, 2, 0]])
    found = Distributed(activity, times_s, np.array([0.0, 2]), 1, np.array([False, True]), "")
    patient = SimpleNamespace(
        qc=quality_of_spikes(half_rise_s=-0.02),
        finding=found,
        window_s=0.02,
        max_mm=np.array([20.0, 0, 0]),
        head=SimpleNamespace(
            region_pos_mri_mm=np.array([[0.0, 0, 0], [20, 0, 0]]),
            region_label=np.array(["left insula", "left cuneus"]),
        ),
    )
    moved = propagation(patient)
    assert moved.apart_mm == pytest.approx(20) and moved.moved
    assert moved.gyrus == "left insula"
    for unknown in ({"half_rise_s": None}, {"onset_snr_db": 4.9}, {"onset_snr_db": None}):
        patient.qc = quality_of_spikes(**({"half_rise_s": -0.02} | unknown))
        assert propagation(patient) is None and why_not_assessable(patient)
