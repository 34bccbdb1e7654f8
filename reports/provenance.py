"""What made this report: software, inputs, weights, references."""

import platform
from collections import ChainMap
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline import STAGES, __version__
from pipeline.methods import METHODS
from pipeline.paths import PatientPaths
from pipeline.records.status import StageRecord
from reports.patient import Patient
from reports.wording import lower_first, number, split_unit

_PACKAGES = (
    "mne",
    "torch",
    "antspyx",
    "deepbet",
    "nibabel",
    "nilearn",
    "numpy",
    "scipy",
    "scikit-image",
    "matplotlib",
    "weasyprint",
)

REFERENCES = {
    "pdeepsif": "Sun R, Zhang W, Bagić A, He B. Personalized deep learning based source imaging "
    "framework improves the imaging of epileptic sources from MEG interictal spikes. NeuroImage "
    "2023;281:120366.",
    "deepsif": "Sun R, Sohrabpour A, Worrell GA, He B. Deep neural networks constrained by neural "
    "mass models improve electrophysiological source imaging of spatiotemporal brain dynamics. "
    "Proc Natl Acad Sci USA 2022;119:e2201128119.",
    "jansen": "Jansen BH, Rit VG. Electroencephalogram and visual evoked potential generation in a "
    "mathematical model of coupled cortical columns. Biol Cybern 1995;73:357–366.",
    "mne": "Gramfort A, et al. MEG and EEG data analysis with MNE-Python. Front Neurosci "
    "2013;7:267.",
    "freesurfer": "Fischl B. FreeSurfer. NeuroImage 2012;62:774–781.",
    "dk": "Desikan RS, et al. An automated labeling system for subdividing the human cerebral "
    "cortex on MRI scans into gyral based regions of interest. NeuroImage 2006;31:968–980.",
    "mattout": "Mattout J, Henson RN, Friston KJ. Canonical source reconstruction for MEG. Comput "
    "Intell Neurosci 2007:67613.",
    "ants": "Avants BB, et al. A reproducible evaluation of ANTs similarity metric performance in "
    "brain image registration. NeuroImage 2011;54:2033–2044.",
    "ledoit": "Ledoit O, Wolf M. A well-conditioned estimator for large-dimensional covariance "
    "matrices. J Multivar Anal 2004;88:365–411.",
    "otsu": "Otsu N. A threshold selection method from gray-level histograms. IEEE Trans Syst Man "
    "Cybern 1979;9:62–66.",
}


class Citations:
    """Numbers references in the order in which the methods text cites them."""

    def __init__(self):
        self._order: list[str] = []

    def __call__(self, *keys: str) -> str:
        """The numbers of the references `keys`, for example "[3, 4]"."""
        for key in keys:
            if key not in self._order:
                self._order.append(key)
        return f"[{', '.join(str(self._order.index(key) + 1) for key in keys)}]"

    @property
    def cited(self) -> list[str]:
        of_methods = [METHODS[name].references for name in METHODS]
        references = dict(ChainMap(REFERENCES, *of_methods))
        return [references[key] for key in self._order]


def software() -> list[tuple[str, str]]:
    """Name and version of what the results depend on."""
    rows = [("spikefocus", __version__), ("Python", platform.python_version())]
    for package in _PACKAGES:
        try:
            rows.append((package, version(package)))
        except PackageNotFoundError:
            rows.append((package, "not installed"))
    return rows


def input_hashes(patient: Patient, paths: PatientPaths) -> list[tuple[str, str]]:
    """SHA-256 of the inputs from outside the derivatives, and of the weights fine-tuned from."""
    own = {file.name for file in paths.folder.rglob("*") if file.is_file()}
    hashes = {}
    for _, record in _records(patient):
        hashes.update(record.inputs)
    rows = sorted((name, digest) for name, digest in hashes.items() if name not in own)
    personalized = patient.qc.personalize
    if personalized is None:
        return rows
    return [*rows, ("generic weights", personalized.generic_model_sha256)]


def run_times(patient: Patient) -> list[tuple[str, str, str]]:
    """Stage, run time and peak memory, and their total and maximum; the report is not among them."""
    told, seconds, memory = [], [], []
    for stage, record in _records(patient):
        if stage == "report":
            continue
        seconds.append(record.seconds)
        memory.append(record.peak_memory_mb or float("nan"))
        told.append((stage, number(seconds[-1], "s", 0), number(memory[-1], "MB", 0)))
    if told:
        told.append(
            ("all stages", number(sum(seconds), "s", 0), number(max(memory), "MB", 0)),
        )
    return told


def analysis_date(patient: Patient) -> str:
    """Day of the analysis as the status file has it, YYYY-MM-DD; empty where there is none."""
    return "" if patient.status is None else patient.status.updated[:10]


def option_rows(patient: Patient) -> list[tuple[str, list[tuple[str, str]]]]:
    """Options of each stage as they were, where the status file has them."""
    stages = []
    for stage, record in _records(patient):
        if record.options:
            rows = [_option(key, value) for key, value in record.options.items()]
            stages.append((stage, [(lower_first(name), value) for name, value in rows]))
    return stages


def _records(patient: Patient) -> list[tuple[str, StageRecord]]:
    """The stages that were done, in the order in which they run."""
    records = {} if patient.status is None else patient.status.stages
    return [(stage, records[stage]) for stage in STAGES if stage in records]


def _option(key: str, value) -> tuple[str, str]:
    name, unit = split_unit(key)
    if isinstance(value, list | tuple):
        return name, ", ".join(_value(item, unit) for item in value) or "none"
    return name, _value(value, unit)


def _value(value, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value, unit)
    # Of a file the name alone: where it lies is the computer's business, not the reader's.
    return Path(value).name if value else "default"
