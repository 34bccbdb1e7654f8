"""The HTML report: one file that loads nothing, with a cortex that turns and a slider that works."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from report_patient import ReportPatient

from pipeline.files import sha256
from reports import viewer
from reports.viewer import shown_samples, spheres

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# A software renderer stands in for a graphics card; the sandbox does not work as root.
CHROMIUM_OPTIONS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]
READY_MS = 120_000


@pytest.fixture(scope="module")
def patient(rendered) -> ReportPatient:
    return rendered


@pytest.fixture(scope="module")
def html(patient) -> str:
    return patient.paths.report_html.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(patient):
    """The report opened in Chromium, with what it asked for and what it complained about."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        opened = browser.new_page(viewport={"width": 1000, "height": 900})
        opened.requested, opened.complaints = [], []
        opened.on("request", lambda request: opened.requested.append(request.url))
        opened.on("console", lambda message: opened.complaints.append(message.text))
        opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.goto(patient.paths.report_html.as_uri())
        opened.wait_for_selector("#cortex-canvas[data-ready]", timeout=READY_MS)
        yield opened
        browser.close()


def picture(page) -> bytes:
    return page.locator("#cortex-canvas").screenshot()


def test_has_all_sections_and_stays_small(patient, html):
    for section in ("summary", "acquisition", "spikes", "source", "comparison", "provenance"):
        assert f'<section id="{section}" class="{section}">' in html
    assert patient.paths.report_html.stat().st_size < 15e6
    assert "Research use only" in html


def test_points_to_nothing_outside_itself(html):
    own = html.split("<script>")[0]  # what follows is the library, which may name addresses
    assert "default-src 'none'" in own
    addresses = re.findall(r'(?:src|href)="([^"]*)"', own) + re.findall(r"url\(\"?([^\")]*)", own)
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)


def test_names_with_markup_are_text(html):
    assert "alert(2)" in html
    assert "<script>alert" not in html


def test_the_library_is_the_one_that_the_readme_names():
    folder = Path(viewer.__file__).parent
    assert sha256(folder / "niivue.umd.js") in (folder / "README.md").read_text()
    assert "BSD 2-Clause" in (folder / "LICENSES.txt").read_text()


def test_nothing_is_asked_for_and_nothing_goes_wrong(page, patient):
    outside = [url for url in page.requested if not url.startswith(("data:", "blob:"))]
    assert outside == [patient.paths.report_html.as_uri()]
    assert page.complaints == []


def test_the_slider_moves_the_map(page):
    page.click("[data-view=left]")
    page.click('[data-time="0"]')
    at_peak = picture(page)
    told = page.inner_text("#cortex-time-told")
    assert told.startswith("0 ms")
    slider = page.locator("#cortex-time")
    slider.focus()
    slider.press("Home")
    assert page.inner_text("#cortex-time-told") != told
    assert picture(page) != at_peak
    page.click('[data-time="0"]')
    assert picture(page) == at_peak


def test_the_method_can_be_chosen(page):
    page.click("[data-view=left]")
    own = picture(page)
    names = page.locator("#cortex-method option").all_inner_texts()
    assert names[0] == "Personalized network"
    assert set(names[1:]) == {"Generic network", "sLORETA", "dSPM", "LCMV beamformer", "cMEM"}
    page.select_option("#cortex-method", "dSPM")
    assert page.inner_text("#cortex-map-told") == "dSPM"
    assert picture(page) != own
    page.select_option("#cortex-method", "Personalized network")
    assert picture(page) == own


@pytest.mark.parametrize(
    ("view", "on_the_left", "on_the_right", "above", "below"),
    [
        ("front", "R", "L", "S", "I"),
        ("back", "L", "R", "S", "I"),
        ("left", "A", "P", "S", "I"),
        ("right", "P", "A", "S", "I"),
        ("above", "L", "R", "A", "P"),
        ("below", "R", "L", "A", "P"),
    ],
)
def test_letters_stand_at_the_patients_sides(page, view, on_the_left, on_the_right, above, below):
    page.click(f"[data-view={view}]")
    spans = page.locator(".letter:visible")
    box = {span.inner_text(): span.bounding_box() for span in spans.all()}
    assert set(box) == {on_the_left, on_the_right, above, below}
    assert min(box, key=lambda letter: box[letter]["x"]) == on_the_left
    assert max(box, key=lambda letter: box[letter]["x"]) == on_the_right
    assert min(box, key=lambda letter: box[letter]["y"]) == above
    assert max(box, key=lambda letter: box[letter]["y"]) == below


@pytest.mark.parametrize("sfreq_hz", [200.0, 500.0, 1000.0])
def test_the_slider_stops_at_the_peak(sfreq_hz):
    times_s = np.arange(-sfreq_hz // 2, sfreq_hz // 2 + 1) / sfreq_hz
    shown = times_s[shown_samples(times_s)]
    assert 0 in shown and -0.25 <= shown[0] < -0.24 and 0.34 < shown[-1] <= 0.35
    assert np.allclose(np.diff(shown), max(0.004, 1 / sfreq_hz))


def test_the_cortex_turns(page):
    page.click("[data-view=left]")
    before = picture(page)
    box = page.locator("#cortex-canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y, steps=4)
    page.mouse.up()
    assert picture(page) != before


def test_views_are_of_the_side_that_they_name(page, patient):
    """The source lies on the left: its colour is seen from the left and not from the right."""
    from io import BytesIO

    from matplotlib.image import imread

    page.uncheck("#cortex-contacts")
    page.click('[data-time="0"]')
    colourful = {}
    for side in ("left", "right"):
        page.click(f"[data-view={side}]")
        rgb = imread(BytesIO(picture(page)))[..., :3]
        height = rgb.shape[0]
        shown = rgb[: int(0.8 * height)]  # below stands niivue's coloured cube
        colourful[side] = (np.ptp(shown, axis=-1) > 0.3).sum()
    page.check("#cortex-contacts")
    assert colourful["left"] > 500
    assert colourful["right"] < 0.1 * colourful["left"]


def test_spheres_are_closed_and_look_outwards():
    centre = np.array([[10.0, -20, 30], [0, 0, 0]])
    vertices, faces = spheres(centre, np.array([2.0, 1.0]))
    assert vertices.shape == (24, 3) and faces.shape == (40, 3)
    assert np.allclose(np.linalg.norm(vertices[:12] - centre[0], axis=1), 2)
    a, b, c = vertices[faces[:20]].transpose(1, 0, 2) - centre[0]
    volume = np.einsum("fi,fi->f", a, np.cross(b, c)) / 6
    assert (volume > 0).all()
    # An icosahedron with circumradius R has the volume 2.5361 R³.
    assert volume.sum() == pytest.approx(2.5361 * 8, rel=1e-3)
