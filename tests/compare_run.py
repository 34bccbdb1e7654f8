"""The compare stage, run on a fake patient and read back."""

import csv
import io

from pipeline import compare
from pipeline.files import read_json
from pipeline.progress import Progress


class Recorder(Progress):
    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def run(patient, inputs, seed=0):
    """Run the stage; return value or reason of each (method, metric), and the QC file."""
    recorder = Recorder()
    compare.run(inputs, patient.paths, compare.Config(seed=seed), recorder)
    assert all(file.exists() for file in compare.writes(patient.paths))
    qc = read_json(patient.paths.qc("compare"))
    assert recorder.warnings == qc["warnings"]
    rows = csv.DictReader(io.StringIO(patient.paths.metrics.read_text()), delimiter="\t")
    found = {}
    for row in rows:
        value = float(row["value"]) if row["assessable"] == "true" else row["reason"]
        assert (row["value"] == "n/a") == (row["assessable"] == "false")
        found[row["method"], row["metric"]] = value
    return found, qc
