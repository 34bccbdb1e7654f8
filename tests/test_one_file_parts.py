"""A part is one file: put into its folder it reaches everything, and no other file knows it."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import mne
import numpy as np
import pandas as pd
import pytest
import torch
from fake_results import SOZ, write_ieeg
from rendered_report import html_of
from report_patient import write_report_patient

import bids_app.plan.engines
import pipeline.methods
import pipeline.metrics
import pipeline.modality
import pipeline.networks
import pipeline.readers
import reports
import reports.sections
from bids_app import cli, documentation, options, parsers
from bids_app.dataset import Query, find_patient
from pipeline import compare, image
from pipeline.errors import InvalidInput
from pipeline.files import read_json, read_npz
from pipeline.image import config
from pipeline.methods import METHODS
from pipeline.modality import sensor_picks
from pipeline.progress import Progress
from pipeline.projection import check_leadfield
from pipeline.records.head import read_measured_head
from pipeline.records.solution import read_point
from pipeline.records.spike import read_spike
from pipeline.spikes.recording import open_recording
from pipeline.weights import load_model, save_model
from reports import content
from reports.figures import sensors
from reports.figures.head import method_maxima
from reports.group.analysis import statistics_table, summary_table
from reports.group.cohort import read_cohort
from reports.group.content import build as build_group
from reports.group.names import short_name
from reports.reading import read_patient
from reports.specification import read_sections

ROOT = Path(__file__).parents[1]


def source(kind: str) -> str:
    """A part of this kind that ships with nothing."""
    return (ROOT / "tests" / "fake_parts" / f"{kind}.py").read_text()


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """Two methods in a folder of their own: a map and, beside it, a point."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "mirror.py").write_text(source("method"))
    (tmp_path / "parts" / "pin.py").write_text(source("point_method"))
    monkeypatch.setattr(
        pipeline.methods, "__path__", [*pipeline.methods.__path__, str(tmp_path / "parts")]
    )
    # Read once at start, where the file would have been already.
    monkeypatch.setattr(image, "Config", config.config_class())
    yield "mirror"
    for name in ("mirror", "pin"):
        sys.modules.pop(f"pipeline.methods.{name}", None)
        vars(pipeline.methods).pop(name, None)


def test_names_are_known_before_heavy_libraries_are_imported():
    """They read once how many threads they may use, which the command line says after parsing."""
    script = (
        "import sys; from bids_app import parsers; from pipeline.methods import METHODS; "
        "parsers.bids_app_parser(); assert 'sloreta' in METHODS; "
        "sys.exit(', '.join({'numpy', 'scipy', 'mne', 'torch'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_a_method_reaches_command_line_and_options(mirror):
    assert list(METHODS)[-2:] == [mirror, "pin"]
    words = ["in", "out", "participant", "--methods", mirror, "pin"]
    assert parsers.bids_app_parser().parse_args(words).methods == [mirror, "pin"]
    page = options.markdown()
    assert "| `mirror_gain` | `2` | more than 0 | what the mirror is multiplied with |" in page
    assert "| `pin_length_mm` | `12` | more than 0 mm | how long the pin is |" in page
    assert "or mirror or pin | solutions to compute" in page
    assert mirror not in image.Config().methods
    with pytest.raises(ValueError, match="mirror_gain is 0"):
        image.Config(mirror_gain=0.0)


def test_a_method_reaches_stages_and_report(mirror, tmp_path):
    written = write_report_patient(tmp_path / "out")
    paths, t1w = written.paths, written.inputs.t1w
    chosen = image.Config(methods=("sloreta", mirror, "pin"), mirror_gain=3.0, pin_length_mm=7.0)
    image.run(image.Inputs(t1w), paths, chosen, Progress())
    sources = read_npz(paths.sources(mirror))
    assert str(sources["unit"]) == "T²"
    spike = read_spike(paths)
    head = read_measured_head(paths, spike.ch_names)
    expected = 3 * head.leadfield.T @ spike.average.data
    np.testing.assert_allclose(sources["activity"], expected, rtol=1e-5)
    pin_mm = head.region_pos_mri_mm[np.linalg.norm(head.leadfield, axis=0).argmax()]
    point = read_point(paths, "pin")
    assert point.pos_mri_mm == pytest.approx(pin_mm)
    assert point.moment_am == pytest.approx(7e-9)
    assert paths.point("pin") in image.writes(paths)
    assert all(file.exists() for file in image.writes(paths))
    assert paths.volume(mirror) in image.writes(paths)

    ieeg = write_ieeg(SimpleNamespace(t1w=t1w, paths=paths))
    compare.run(ieeg, paths, compare.Config(), Progress())
    metrics = pd.read_csv(paths.metrics, sep="\t")
    own = metrics[metrics["method"] == mirror]
    assert own.set_index("metric")["assessable"]["max_to_soz"]
    of_pin = metrics[metrics["method"] == "pin"].set_index("metric")["value"]
    assert of_pin["goodness_of_fit"] == 87 and "extent_area" not in of_pin
    contacts = pd.read_csv(paths.contacts, sep="\t").set_index("name").loc[list(SOZ)]
    away_mm = np.linalg.norm(contacts[["x", "y", "z"]] - pin_mm, axis=1)
    assert of_pin["max_to_soz"] == pytest.approx(away_mm.min(), abs=0.01)

    patient = read_patient(written.inputs, paths)
    built = content.build(patient, paths, reports.Config())
    assert built["method_columns"][-2:] == ["Mirror image", "Pin"]
    assert {"Pin in the cortex"} < {told["heading"] for told in built["points"]}
    html = html_of(built, read_sections("", ()))
    number = re.search(r"sLORETA \[\d+\]; a mirror \[(\d+)\]; a pin \[\d+\]\.", html)[1]
    assert built["cite"].cited[int(number) - 1] == "Looking-Glass A. Mirrors. 1871."
    assert short_name(mirror) == "mirror"
    drawn = method_maxima(
        np.eye(3),
        np.array([[0, 1, 2]]),
        {mirror: np.zeros(3)},
        {mirror: "M"},
        np.empty((0, 3)),
        "left",
    )
    assert drawn.axes[0].lines[-1].get_marker() == "*"


def test_every_method_is_drawn_with_its_own_marker():
    """All at once, whose legend is then below the brains."""
    names = METHODS.names()
    drawn = method_maxima(
        np.eye(3),
        np.array([[0, 1, 2]]),
        dict.fromkeys(names, np.zeros(3)),
        {name: METHODS[name].label for name in names},
        np.empty((0, 3)),
        "left",
    )
    markers = [line.get_marker() for line in drawn.axes[0].lines[-len(names) :]]
    assert markers == [METHODS[name].marker for name in names]
    (legend,) = drawn.legends
    assert len(legend.get_texts()) == len(names)
    drawn.canvas.draw()
    box = legend.get_window_extent()
    assert box.y0 >= 0 and box.x1 <= drawn.bbox.x1
    assert box.y1 <= min(axes.get_window_extent().y0 for axes in drawn.axes) + 3


def test_a_method_that_was_not_asked_for_is_not_missed(mirror, tmp_path):
    """What does not run by default is no gap in a report."""
    written = write_report_patient(tmp_path / "out")
    built = content.build(
        read_patient(written.inputs, written.paths), written.paths, reports.Config()
    )
    assert "Mirror image" not in built["method_columns"]
    assert not any("Mirror image" in told for told in built["missing"])


@pytest.fixture
def part(tmp_path, monkeypatch):
    """Puts one file into a folder of a kind of parts, which stays as it was."""
    written = []

    def put(package, name: str, text: str) -> str:
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / f"{name}.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        written.append((package, name))
        return name

    yield put
    for package, name in written:
        sys.modules.pop(f"{package.__name__}.{name}", None)
        vars(package).pop(name, None)


def test_a_reader_reaches_dataset_and_stage(part, tmp_path):
    part(pipeline.readers, "ones", source("reader"))
    file = tmp_path / "sub-01/meg/sub-01_task-rest_meg.ones"
    file.parent.mkdir(parents=True)
    file.write_text("12345")
    t1w = tmp_path / "sub-01/anat/sub-01_T1w.nii.gz"
    t1w.parent.mkdir()
    t1w.touch()
    assert find_patient(tmp_path, "01", Query(), {}, None, False).meg == [file]
    assert pipeline.readers.companions(file) == [file.with_suffix(".note")]
    with pytest.raises(InvalidInput, match="1 MEG channels"):
        open_recording(file)
    with pytest.raises(InvalidInput, match=r"KIT or RICOH \.con/\.sqd, .*FIF or ones"):
        pipeline.readers.open_raw(tmp_path / "x.cnt")


def test_a_metric_reaches_table_report_and_group(part, tmp_path):
    name = part(pipeline.metrics, "height", source("metric"))
    written = write_report_patient(tmp_path / "out")
    paths, patient = written.paths, read_patient(written.inputs, written.paths)
    table = pd.read_csv(paths.metrics, sep="\t", na_values="n/a").query("metric == @name")
    expected = {
        method: found.max_mri_mm(patient.head)[2] / 10
        for method, found in patient.solutions.items()
    }
    assert dict(zip(table["method"], table["value"], strict=True)) == pytest.approx(
        expected, abs=1e-4
    )
    network = table.set_index("method").loc["generic"]
    assert network["unit"] == "cm" and network["ci95_low"] <= network["ci95_high"]
    sidecar = read_json(paths.metrics.with_suffix(".json"))
    assert sidecar["metric"]["Levels"][name]["Units"] == "cm"

    built = content.build(patient, paths, reports.Config())
    rows = {row["name"]: row for group in built["metric_groups"] for row in group["rows"]}
    assert rows["Height of the maximum"]["unit"] == "cm"
    shown = f"{expected['personalized']:.3f}".replace("-", "\u2212")
    assert rows["Height of the maximum"]["cells"][0]["text"] == shown
    assert "| `height` | Height of the maximum | cm |" in documentation.metrics()

    cohort = read_cohort({"sub-01": paths.metrics}, ["sub-01"], None, {}, sidecar)
    summary = summary_table(cohort).set_index(["metric", "method"])
    assert summary.loc[(name, "generic"), "mean"] == pytest.approx(expected["generic"], abs=1e-4)
    tests = statistics_table(cohort).query("kind == 'paired test' and metric == @name")
    assert set(tests["other_method"]) == set(expected) - {"personalized"}
    group = build_group(cohort, tmp_path / "figures", "", "")
    assert group["patient_columns"][-1] == "Height, cm"
    assert ("Height of the maximum", "How far above the origin the maximum lies") in group[
        "definitions"
    ]


def test_a_modality_reaches_channels_leadfield_and_figures(part):
    info = mne.create_info(["S1", "X1"], 100.0, ["stim", "misc"])
    leadfield = np.full((2, 994), 10.0)
    assert not len(sensor_picks(info))
    with pytest.raises(InvalidInput, match="median maximum of 1e"):
        check_leadfield(leadfield)
    part(pipeline.modality, "ears", source("modality"))
    assert sensor_picks(info).tolist() == [1]
    check_leadfield(leadfield)
    evoked = mne.EvokedArray(np.ones((2, 3)), info)
    assert sensors.channel_types(evoked) == ["misc"]
    assert sensors.shown_unit("misc")[0] == "sone"


def test_an_engine_reaches_command_line_and_plan(part, tmp_path, capsys):
    engine = part(bids_app.plan.engines, "shout", source("engine"))
    bids = tmp_path / "bids"
    (bids / "sub-01").mkdir(parents=True)
    (bids / "dataset_description.json").write_text("{}")
    out = tmp_path / "plan"
    words = ["plan", str(bids), str(tmp_path / "out"), "--engine", engine, "--out", str(out)]
    assert cli.main([*words, "--skip-bids-validation"]) == 0
    assert "PARTICIPANT" in (out / "shout.sh").read_text()
    assert (out / "shout.sh").stat().st_mode & 0o100 and (out / "plan.json").exists()


def test_a_network_reaches_command_line_and_model_card(part, tmp_path):
    network = part(pipeline.networks, "silence", source("network"))
    for words in (["in", "out", "participant"], ["train-generic", "out"]):
        parser = (
            parsers.command_parser() if words[0] == "train-generic" else parsers.bids_app_parser()
        )
        assert parser.parse_args([*words, "--network", network]).network == network
    module = pipeline.networks.build_network(network, n_in=7, n_out=9, depth=5)
    assert module(torch.zeros(2, 7, 4), None, None).shape == (2, 9, 4)
    save_model(tmp_path / "model.safetensors", module, {"network": network})
    loaded, card = load_model(tmp_path / "model.safetensors", network)
    assert loaded.architecture == module.architecture and card["architecture"]["depth"] == 5


def test_a_section_reaches_options_and_report(part, tmp_path):
    section = part(reports.sections, "loudness", source("section"))
    names = [each.id for each in read_sections()]
    assert names[names.index("traces") + 1] == section
    assert reports.Config(sections=(section, "summary")).sections == (section, "summary")
    written = write_report_patient(tmp_path / "out")
    built = content.build(
        read_patient(written.inputs, written.paths), written.paths, reports.Config()
    )
    html = html_of(built, read_sections())
    assert '<section id="loudness"' in html and "<h2>Loudness</h2>" in html
    assert "<p>21.4 dB loud.</p>" in html
