"""A part is one file: put into its folder it reaches everything, and no other file knows it."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fake_results import write_ieeg
from report_patient import write_report_patient

import pipeline.methods
import reports
from bids_app import cli, options
from pipeline import compare, image
from pipeline.files import read_npz
from pipeline.image import config
from pipeline.methods import METHODS
from pipeline.progress import Progress
from pipeline.records.head import read_head
from pipeline.records.spike import read_spike
from reports import content, render
from reports.derivatives import read_patient
from reports.figures.head import method_maxima
from reports.group.names import short_name
from reports.specification import read_sections

ROOT = Path(__file__).parents[1]
METHOD = '''"""The field's power seen through the leadfield."""

from dataclasses import dataclass

from pipeline.methods._method import MapMethod
from pipeline.options import option


@dataclass(frozen=True)
class Options:
    mirror_gain: float = option(2.0, "what the mirror is multiplied with", above=0)


def activity(problem, options):
    average = problem.spike.average
    return options.mirror_gain * problem.model.head.leadfield.T @ average.data, average.times


METHOD = MapMethod(
    label="Mirror image",
    short="mirror",
    order=90,
    marker="*",
    colour="#123456",
    sentence="a mirror {cite}",
    references={"mirror": "Looking-Glass A. Mirrors. 1871."},
    options=Options,
    unit="T²",
    activity=activity,
)
'''


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A method in a folder of its own."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "mirror.py").write_text(METHOD)
    monkeypatch.setattr(
        pipeline.methods, "__path__", [*pipeline.methods.__path__, str(tmp_path / "parts")]
    )
    # Read once at start, where the file would have been already.
    monkeypatch.setattr(image, "Config", config.config_class())
    yield "mirror"
    sys.modules.pop("pipeline.methods.mirror", None)
    vars(pipeline.methods).pop("mirror", None)


def test_names_are_known_before_heavy_libraries_are_imported():
    """They read once how many threads they may use, which the command line says after parsing."""
    script = (
        "import sys; from bids_app import cli; from pipeline.methods import METHODS; "
        "cli.bids_app_parser(); assert 'sloreta' in METHODS; "
        "sys.exit(', '.join({'numpy', 'scipy', 'mne', 'torch'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_a_method_reaches_command_line_and_options(mirror):
    assert mirror in METHODS.names() and list(METHODS)[-1] == mirror
    given = cli.bids_app_parser().parse_args(["in", "out", "participant", "--methods", mirror])
    assert given.methods == [mirror]
    page = options.markdown()
    assert "| `mirror_gain` | `2` | more than 0 | what the mirror is multiplied with |" in page
    assert "or mirror | solutions to compute" in page
    assert mirror not in image.Config().methods
    with pytest.raises(ValueError, match="mirror_gain is 0"):
        image.Config(mirror_gain=0.0)


def test_a_method_reaches_stages_and_report(mirror, tmp_path):
    written = write_report_patient(tmp_path / "out")
    paths, t1w = written.paths, written.inputs.t1w
    chosen = image.Config(methods=("sloreta", mirror), mirror_gain=3.0)
    image.run(image.Inputs(t1w), paths, chosen, Progress())
    sources = read_npz(paths.sources(mirror))
    assert str(sources["unit"]) == "T²"
    spike = read_spike(paths)
    expected = 3 * read_head(paths, spike.ch_names).leadfield.T @ spike.average.data
    np.testing.assert_allclose(sources["activity"], expected, rtol=1e-5)
    assert all(file.exists() for file in image.writes(paths))
    assert paths.volume(mirror) in image.writes(paths)

    ieeg = write_ieeg(SimpleNamespace(t1w=t1w, paths=paths))
    compare.run(ieeg, paths, compare.Config(), Progress())
    metrics = pd.read_csv(paths.metrics, sep="\t")
    own = metrics[metrics["method"] == mirror]
    assert own.set_index("metric")["assessable"]["max_to_soz"]

    patient = read_patient(written.inputs, paths)
    built = content.build(patient, paths, reports.Config())
    assert built["method_columns"][-1] == "Mirror image"
    html = render.to_html({**built, "pictures": {}}, read_sections("", ()), "A4")
    number = re.search(r"sLORETA \[\d+\]; a mirror \[(\d+)\]\.", html)[1]
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


def test_a_method_that_was_not_asked_for_is_not_missed(mirror, tmp_path):
    """What does not run by default is no gap in a report."""
    written = write_report_patient(tmp_path / "out")
    built = content.build(
        read_patient(written.inputs, written.paths), written.paths, reports.Config()
    )
    assert "Mirror image" not in built["method_columns"]
    assert not any("Mirror image" in told for told in built["missing"])
