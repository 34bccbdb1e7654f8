"""The viewer with two types of spikes: switches, slices, contacts' names and medial views."""

import base64
import zlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
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
