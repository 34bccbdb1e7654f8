"""The viewer with two types of spikes: switches, slices, contacts' names and medial views."""

import base64
import io
import zlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from test_report_html import CHROMIUM, CHROMIUM_OPTIONS, READY_MS

from reports import Config, acquisition, content, screen, viewer
from reports.parts import Part
from reports.pictures import Studio
from reports.reading import read_patient
from reports.specification import own_section
from reports.viewer.slices import CORTEX_REACH_MM, STEP_MM, regions_on_grid, slice_scene


def test_a_voxel_bears_the_region_of_the_nearest_cortex_and_none_far_from_it():
    surface = SimpleNamespace(pos_mm=np.array([[0.0, 0, 0], [10, 0, 0], [20, 0, 0]]))
    head = SimpleNamespace(surfaces={"midthickness": surface}, vertex_region=np.array([7, 993, -1]))
    places = np.array([[1.0, 0, 0], [9, 0, 0], [0, CORTEX_REACH_MM + 0.1, 0], [20, 0, 0]])
    found = regions_on_grid(SimpleNamespace(head=head), places)
    assert found.tolist() == [7, 993, -1, -1]


@pytest.fixture(scope="module")
def two_types(rendered):
    """Studios of a patient as if sLORETA and dSPM alone had imaged a second type."""
    patient = read_patient(rendered.inputs, rendered.paths)
    (first,) = patient.qc.spikes.types
    spikes = replace(patient.qc.spikes, types=(first, replace(first, number=2)))
    patient = replace(patient, qc=replace(patient.qc, spikes=spikes))
    few = {name: patient.solutions[name] for name in ("sloreta", "dspm")}
    second = replace(patient, paths=patient.paths.of_type(2), solutions=few)
    names = acquisition.sensor_names(patient)
    return [Studio(each, each.paths, None, names) for each in (patient, second)]


def _levels(told: dict, name: str) -> np.ndarray:
    """What the viewer is given of a method's map, (times, regions)."""
    (text,) = (each["activity"] for each in told["maps"] if each["name"] == name)
    levels = np.frombuffer(base64.b64decode(text), "<u1")
    return levels.reshape(len(told["timesMs"]), -1).astype(int)


def test_each_type_has_its_own_methods_and_activity(two_types):
    first, second = viewer.scene(two_types)["types"]
    assert [first["title"], second["title"]] == ["Type 1 of 2", "Type 2 of 2"]
    assert [each["name"] for each in second["maps"]] == ["sLORETA", "dSPM"]
    # The first type has a network's samples, every 8 ms, the second those of its own methods.
    assert {*np.diff(first["timesMs"])} == {8} and {*np.diff(second["timesMs"])} == {4}
    of_second = [second["timesMs"].index(ms) for ms in first["timesMs"]]
    for name in ("sLORETA", "dSPM"):
        there = _levels(second, name)[of_second]
        assert np.abs(_levels(first, name) - there).max() <= 1  # each in parts of its own largest
    assert np.abs(_levels(second, "sLORETA") - _levels(second, "dSPM")).max() > 50


def test_a_method_is_shown_at_its_own_sample_nearest_to_the_time(two_types):
    """Courses in single regions whose peaks are known, at 125, 500 and 200 samples a second."""
    peaks = {"personalized": (125, 40, 7), "sloreta": (500, 100, 300), "dspm": (200, -60, 993)}
    patient = two_types[0].patient
    solutions = {}
    for name, (sfreq_hz, peak_ms, region) in peaks.items():
        times_s = np.arange(-sfreq_hz // 2, sfreq_hz // 2 + 1) / sfreq_hz
        activity = np.zeros((994, len(times_s)))
        activity[region] = -np.exp(-(((1000 * times_s - peak_ms) / 25) ** 2))
        solutions[name] = replace(patient.sources[name], activity=activity, times_s=times_s)
    names = {"personalized": patient.finding_name, "sloreta": "sLORETA", "dspm": "dSPM"}
    for finding in ("personalized", "sloreta"):  # whose samples the slider has
        held = {
            name: each for name, each in solutions.items() if name in (finding, "sloreta", "dspm")
        }
        studio = replace(two_types[0], patient=replace(patient, solutions=held))
        (told,) = viewer.scene([studio])["types"]
        for name in held:
            sfreq_hz, peak_ms, region = peaks[name]
            levels = _levels(told, names[name])
            off_ms = told["timesMs"][levels[:, region].argmax()] - peak_ms
            assert abs(off_ms) <= 4, (finding, name)
            # No course rises by more than this in half a sample of its own.
            steep = 255 * (0.86 / 25) * 500 / sfreq_hz + 2
            true = 255 * np.exp(-(((np.array(told["timesMs"]) - peak_ms) / 25) ** 2))
            assert np.abs(levels[:, region] - true).max() <= steep, (finding, name)
            assert np.delete(levels, region, axis=1).max() == 0


def test_a_map_that_two_names_would_share_is_offered_once(two_types):
    patient = two_types[0].patient
    unused = replace(patient.qc.personalize, improved=False)
    same = replace(patient, qc=replace(patient.qc, personalize=unused))
    names = [
        each["name"]
        for each in viewer.scene([replace(two_types[0], patient=same)])["types"][0]["maps"]
    ]
    assert names.count("Generic network") == 1 and len(names) == len(set(names))


def test_slices_hold_the_t1w_and_every_region_of_the_cortex(two_types):
    patient = two_types[0].patient
    told = slice_scene(patient)
    region = np.frombuffer(zlib.decompress(base64.b64decode(told["region"])), "<i2")
    grey = np.frombuffer(zlib.decompress(base64.b64decode(told["t1w"])), "<u1")
    region, grey = region.reshape(told["shape"]), grey.reshape(told["shape"])
    centre = patient.head.region_pos_mri_mm
    voxel = np.round((centre - told["low"]) / STEP_MM).astype(int)
    found = region[tuple(voxel.T)]
    assert (found == np.arange(len(centre))).mean() > 0.8
    expected = patient.t1w.sample(voxel * STEP_MM + told["low"])
    assert np.corrcoef(grey[tuple(voxel.T)], expected)[0, 1] > 0.99


def test_contacts_bear_their_names_where_they_are(two_types):
    patient = two_types[0].patient
    places = viewer.scene(two_types[:1])["contacts"]["places"]
    table = patient.contacts.set_index("name")
    assert len(places) == len(table)
    for each in places:
        assert each["pos"] == pytest.approx(table.loc[each["name"], ["x", "y", "z"]], abs=0.06)
        assert each["soz"] == table.loc[each["name"], "soz"]


@pytest.fixture(scope="module")
def page(two_types, tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    patient = two_types[0].patient
    text = content.build(patient, patient.paths, Config())
    section = own_section("source")
    part = Part(section, section.title, "source", text | {"pictures": {}})
    file = tmp_path_factory.mktemp("viewer") / "report.html"
    screen.write_html(text, [part], two_types, file)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        opened = browser.new_page(viewport={"width": 1000, "height": 900})
        opened.complaints = []
        opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.goto(file.as_uri())
        opened.wait_for_selector("#cortex-canvas[data-ready]", timeout=READY_MS)
        opened.slices_at_start = opened.inner_text("#slices-told")
        yield opened
        browser.close()


def test_types_and_methods_switch_map_and_slices(page):
    slices = {0: page.locator("#slice-axial").screenshot()}
    assert page.inner_text("#cortex-map-told").startswith("Type 1 of 2: ")
    page.select_option("#cortex-type", "1")
    assert page.inner_text("#cortex-map-told") == "Type 2 of 2: sLORETA"
    assert page.locator("#cortex-method option").all_inner_texts() == ["sLORETA", "dSPM"]
    slices[1] = page.locator("#slice-axial").screenshot()
    page.select_option("#cortex-method", "dSPM")
    assert page.inner_text("#cortex-map-told") == "Type 2 of 2: dSPM"
    assert len({*slices.values(), page.locator("#slice-axial").screenshot()}) == 3
    page.select_option("#cortex-type", "0")
    assert page.complaints == []


def _at_peak(page) -> None:
    page.select_option("#cortex-type", "0")
    page.select_option("#cortex-method", index=0)
    page.click("text=Peak")


def test_slices_start_at_the_maximum_and_go_where_one_clicks(page, two_types):
    patient = two_types[0].patient
    at_peak = np.abs(patient.finding.times_s).argmin()
    region = np.abs(patient.finding.activity[:, at_peak]).argmax()
    pos_mm = np.round(patient.head.region_pos_mri_mm[region], 1)
    sides = [("R", "L"), ("A", "P"), ("S", "I")]
    place = " · ".join(
        f"{pair[int(mm < 0)]} {abs(round(mm))}" for pair, mm in zip(sides, pos_mm, strict=True)
    )
    assert page.slices_at_start.startswith(f"{place} mm: ")
    assert page.slices_at_start.endswith(", 100 %")

    _at_peak(page)
    page.click("[data-view=left]")
    page.locator("#cortex-canvas").click(position={"x": 300, "y": 250})
    at_click = page.inner_text("#slices-told")
    assert at_click != page.slices_at_start and at_click.startswith("L ")
    # Left on an axial slice in radiological convention is right.
    page.locator("#slice-axial").click(position={"x": 40, "y": 90})
    assert page.inner_text("#slices-told").startswith("R ")
    page.click("#slices-maximum")
    assert page.inner_text("#slices-told") == page.slices_at_start


def _names_shown(page) -> list[str]:
    """From the top of the canvas to its bottom."""
    shown = page.locator(".contact-name:visible").all()
    return [tag.inner_text() for tag in sorted(shown, key=lambda tag: tag.bounding_box()["y"])]


def _place(page, name: str) -> dict[str, float]:
    """Where a contact's name is put on the canvas, in its pixels."""
    tag = page.locator(".contact-name").get_by_text(name, exact=True)
    at = [float(tag.evaluate(f"tag => parseFloat(tag.style.{side})")) for side in ("left", "top")]
    return dict(zip("xy", at, strict=True))


def _seen(page) -> np.ndarray:
    """The canvas as a person sees it, without what a pointer on it would add."""
    page.mouse.move(0, 0)
    shot = page.locator("#cortex-canvas").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), float)


def test_names_of_contacts_come_with_the_box_or_the_pointer(page, two_types):
    page.click("[data-view=left]")
    page.mouse.move(0, 0)
    assert _names_shown(page) == []
    page.check("#cortex-names")
    assert len(_names_shown(page)) == len(two_types[0].patient.contacts)
    page.uncheck("#cortex-names")

    # The name is where the ball is drawn: the outermost contact of this shaft is seen, a SOZ's.
    outermost = two_types[0].patient.contacts.query("soz").sort_values("x")["name"].iloc[0]
    at = _place(page, outermost)
    x, y = round(at["x"]), round(at["y"])
    with_balls = _seen(page)[y - 2 : y + 3, x - 2 : x + 3].mean((0, 1))
    page.uncheck("#cortex-contacts")
    without = _seen(page)[y - 2 : y + 3, x - 2 : x + 3].mean((0, 1))
    page.check("#cortex-contacts")
    assert with_balls[2] - with_balls[0] > 40 > 0 > without[2] - without[0]


def test_the_pointer_tells_the_contacts_of_a_shaft_from_the_eye_inwards(page):
    canvas = page.locator("#cortex-canvas")
    # From the side one looks along this shaft, whose first contact is the outermost, on the left.
    for view, numbers in (("left", range(1, 9)), ("right", range(8, 0, -1))):
        page.click(f"[data-view={view}]")
        # The contacts of a shaft are a few pixels apart in perspective.
        canvas.hover(position=_place(page, "LP4"))
        assert _names_shown(page) == [f"LP{number}" for number in numbers]
        canvas.hover(position={"x": 15, "y": 15})
        assert _names_shown(page) == []
    page.uncheck("#cortex-contacts")
    canvas.hover(position=_place(page, "LP4"))
    assert _names_shown(page) == []  # what is not drawn has no name either
    page.check("#cortex-contacts")


def test_from_a_medial_view_one_returns_to_all_that_was_there(page):
    _at_peak(page)
    for medial, outside in (("left medial", "right"), ("right medial", "left")):
        page.click(f"[data-view={outside}]")
        both = _seen(page)
        page.click(f'[data-view="{medial}"]')
        # From the same side, with one hemisphere and the contacts taken away.
        assert (np.abs(_seen(page) - both).max(2) > 10).mean() > 0.1
        page.click(f"[data-view={outside}]")
        np.testing.assert_array_equal(_seen(page), both)
    assert page.complaints == []
