"""What a participant's files must hold, read from their headers and tables."""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import mne
import psutil

from bids_app.dataset import PatientFiles
from bids_app.lock import Locked, living_owner
from bids_app.preflight import needs, recordings
from bids_app.preflight.findings import MB, Finding, attempt
from bids_app.stages import tasks_for
from pipeline.compare.contacts import resolve_contacts
from pipeline.compare.labels import read_contact_labels
from pipeline.compare.outlines import head_outline_mm, unregistered
from pipeline.compare.surgery import foresee_resection
from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput, OutOfMemory, SpikefocusError
from pipeline.headmodel import freesurfer
from pipeline.headmodel.electrodes import electrode_doubts
from pipeline.headmodel.given_trans import read_head_to_mri
from pipeline.headmodel.landmarks import read_landmarks
from pipeline.headmodel.stage import read_sensors
from pipeline.headmodel.t1w import open_t1w, read_t1w
from pipeline.machine import available_memory_bytes
from pipeline.methods import METHODS
from pipeline.methods._method import PointMethod
from pipeline.nifti import reading_bytes
from pipeline.paths import PatientPaths
from pipeline.readers import called
from pipeline.spikes.recording import open_recording
from reports.clinical_file import read_clinical_file

# Of which the time of a training step is measured: few layers' size follows their number.
_TYPICAL_CHANNELS = 306


def participant_findings(
    paths: PatientPaths, find: Callable[[str], PatientFiles], configs: dict[str, Any]
) -> Iterator[Finding]:
    subject = paths.sub
    yield attempt(subject, "lock", lambda: _unlocked(paths))
    for name in configs["image"].methods:
        if METHODS[name].lack(paths):
            yield attempt(subject, name, partial(_lack, paths, name))
    if not any(_gives_a_map(paths, name) for name in configs["image"].methods):
        yield attempt(subject, "methods", _no_map)
    patients: list[PatientFiles] = []
    yield attempt(subject, "files", lambda: _files(paths.label, find, patients))
    if not patients:
        return
    files = patients[0]
    size: dict[str, Any] = {}
    yield attempt(subject, "T1w", lambda: _t1w(files, size))
    yield attempt(subject, "head model", lambda: _head_model(files, size))
    yield attempt(
        subject, called(files.meg[0]), lambda: recordings.meg(files, configs["spikes"], size)
    )
    yield attempt(subject, "landmarks", lambda: _landmarks(files, size, configs))
    yield attempt(subject, "co-registration", lambda: _trans(files))
    yield attempt(
        subject, "spikes", lambda: recordings.marked_spikes(files, paths, configs["spikes"])
    )
    yield attempt(subject, "SOZ labels", lambda: _soz(files, size))
    yield attempt(subject, "resection", lambda: _resection(files, size, configs))
    if files.clinical is not None:
        yield attempt(subject, "clinical file", lambda: _clinical(files))
    if "t1w" in size and "recordings" in size:
        yield attempt(subject, "memory", lambda: _memory(size, configs["spikes"].sfreq_hz))


def predicted_memory_mb(files: PatientFiles, kept_sfreq_hz: float) -> int:
    """Peak memory (MiB) that the participant will take, from the headers of T1w and recordings.

    Raises
    ------
    SpikefocusError
        One of these files cannot be read.
    """
    t1w = open_t1w(files.t1w)
    raws = [open_recording(path, files.modality) for path in files.meg]
    sizes = [recordings.size_of(raw.info, raw.n_times) for raw in raws]
    return needs.memory_mb(math.prod(t1w.shape), sizes, kept_sfreq_hz, reading_bytes(t1w))


def lack_of_memory(files: PatientFiles, kept_sfreq_hz: float) -> str | None:
    """What a run should say before the system kills it; None where memory suffices.

    Told where the likely peak, without the prediction's margin, is more than this process has and
    may still take: a plan that asks for a recorded peak's memory is no reason to warn. Files that
    cannot be read are the stages' to report.
    """
    try:
        with mne.use_log_level("error"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            needed_mb = predicted_memory_mb(files, kept_sfreq_hz) / needs.MARGIN
    except SpikefocusError:
        return None
    own = psutil.Process().memory_info()
    there_mb = (available_memory_bytes() + own.rss - own.shared) / MB
    if needed_mb <= there_mb:
        return None
    return (
        f"About {needed_mb:.0f} MB of memory are needed and {there_mb:.0f} MB there, so that the "
        "system may kill this job; give it more, or cut the recording to the part with the spikes"
    )


def _files(label: str, find, patients: list) -> tuple[str, str]:
    patients.append(find(label))
    notes = patients[0].notes
    there = f"T1w and {called(patients[0].meg[0])} are there"
    return ("note", " ".join(notes)) if notes else ("ok", there)


def _clinical(files: PatientFiles) -> tuple[str, str]:
    assert files.clinical is not None  # asked only where there is one
    try:
        note = read_clinical_file(files.clinical).note
    except InvalidInput as error:
        return "note", f"it will not be printed: {error.message}"
    return ("note", note) if note else ("ok", "it can be printed")


def _gives_a_map(paths: PatientPaths, name: str) -> bool:
    return not isinstance(METHODS[name], PointMethod) and not METHODS[name].lack(paths)


def _no_map() -> tuple[str, str]:
    raise InvalidInput(
        "no method that was asked for gives a map, and the report is about one",
        hint="name a method that gives one too, such as sloreta, with --methods",
    )


def _lack(paths: PatientPaths, name: str) -> tuple[str, str]:
    """What a method lacks; how long mending it takes is measured on this machine."""
    method = METHODS[name]
    minutes = method.training_minutes(_TYPICAL_CHANNELS)
    took = (
        "" if minutes is None else f" (about {minutes:.0f} min on this machine, as busy as it is)"
    )
    return "note", f"{method.lack(paths)}{took}: until then it is not assessable"


def _unlocked(paths: PatientPaths) -> tuple[str, str]:
    owner = living_owner(paths.folder)
    if owner is not None:
        raise Locked(f"Process {owner.pid} on {owner.host} works on it", hint="wait for it")
    return "ok", "no other job works on it"


def _t1w(files: PatientFiles, size: dict) -> tuple[str, str]:
    image = open_t1w(files.t1w)
    size["t1w"], size["reading_bytes"] = read_t1w(files.t1w), reading_bytes(image)
    detail = f"{files.t1w.name}, {' x '.join(map(str, image.shape[:3]))} voxels"
    return _with_doubts(detail, size["t1w"].doubts)


def _head_model(files: PatientFiles, size: dict) -> tuple[str, str]:
    if files.freesurfer_dir is None:
        return "note", "no FreeSurfer derivatives: a template head will be warped to the T1w"
    found = freesurfer.read_reconstruction(files.freesurfer_dir)
    if "t1w" in size:
        inside = freesurfer.middle_of_brain(found.pial_mri_mm, size["t1w"])
        freesurfer.check_same_image(files.freesurfer_dir, size["t1w"], inside)
    freesurfer.read_talairach(files.freesurfer_dir)
    read = freesurfer.files_read(files.freesurfer_dir)
    return "ok", f"FreeSurfer ({files.freesurfer_dir.name}, {len(read)} files)"


def _landmarks(files: PatientFiles, size: dict, configs: dict[str, Any]) -> tuple[str, str]:
    if "recordings" not in size or "t1w" not in size:
        return "note", f"not looked for: T1w or {called(files.meg[0])} cannot be read"
    headmodel, *_ = tasks_for(files, configs)
    info, _, head_points = read_sensors(headmodel.inputs)
    t1w = size["t1w"]
    marked = read_landmarks(files.t1w_json, t1w.affine, headmodel.inputs.meg[0], t1w.data.shape)
    detail = f"{len(head_points)} head points, landmarks {marked.origin}"
    state, detail = _with_doubts(detail, (*electrode_doubts(info), *marked.doubts))
    return (state if marked.pos_mri_mm is not None else "note"), detail


def _trans(files: PatientFiles) -> tuple[str, str]:
    if files.trans is None:
        return "ok", "automatic"
    try:
        read_head_to_mri(files.trans)
    except InvalidInput as error:
        return "note", f"automatic, since {files.trans.name} cannot be used: {error.message}"
    return "ok", f"given by {files.trans.name}, if it fits the head"


def _soz(files: PatientFiles, size: dict) -> tuple[str, str]:
    if not files.ieeg.electrodes:
        return "note", f"{files.ieeg.no_contacts}: the comparison is not assessable"
    if "t1w" not in size:
        return "note", "not looked for: the T1w cannot be read"
    carry, head_mm = unregistered(size["t1w"])
    ieeg = resolve_contacts(
        files.ieeg.electrodes,
        files.ieeg.channels,
        files.ieeg.coordsystem,
        files.t1w,
        files.ieeg.images,
        read_contact_labels(files.contact_labels, f"sub-{files.label}"),
        carry,
        head_mm,
        files.ieeg.tables_json,
        files.ieeg.no_contacts,
        files.ieeg.unread_marks,
    )
    size["contacts"] = ieeg.contacts
    doubts = [*(doubt.text for doubt in ieeg.doubts), *ieeg.warnings]
    if n := ieeg.counts.get("channels_without_contact"):
        doubts.append(f"{n} iEEG channels are no contact of electrodes.tsv")
    doubt = "".join(f"; {text.rstrip('.')}" for text in doubts)
    if ieeg.contacts is None:
        return "note", f"{ieeg.reason}: the comparison is not assessable{doubt}"
    contacts = f"{ieeg.counts['contacts']} contacts"
    if ieeg.no_soz:
        return "note", f"{contacts}; {ieeg.no_soz}: that comparison is not assessable{doubt}"
    marks = f"{ieeg.counts['soz']} SOZ marks ({ieeg.rules['soz']}), {contacts}"
    return ("note" if doubts else "ok"), marks + doubt


def _resection(files: PatientFiles, size: dict, configs: dict[str, Any]) -> tuple[str, str]:
    if files.resection_mask is None:
        return "note", f"{files.no_mask}: that comparison is not assessable"
    if "t1w" not in size:
        return "note", "not looked for: the T1w cannot be read"
    inputs = next(task.inputs for task in tasks_for(files, configs) if task.stage == "compare")
    outline_mm = head_outline_mm(size["t1w"])
    reason, doubts = foresee_resection(inputs, size["t1w"], outline_mm, size.get("contacts"))
    if reason is not None:
        return "note", f"{reason}: that comparison is not assessable"
    postop = "" if files.postop_t1w is None else f", with {files.postop_t1w.name}"
    return _with_doubts(f"{files.resection_mask.name}{postop}", doubts)


def _with_doubts(detail: str, doubts: Iterable[Doubt]) -> tuple[str, str]:
    texts = [doubt.text for doubt in doubts]
    return ("note", "; ".join([detail, *texts])) if texts else ("ok", detail)


def _memory(size: dict, kept_sfreq_hz: float) -> tuple[str, str]:
    needed = needs.memory_mb(
        size["t1w"].data.size, size["recordings"], kept_sfreq_hz, size["reading_bytes"]
    )
    free = available_memory_bytes() // MB
    if needed > free:
        raise OutOfMemory(
            f"{needed} MB are needed and {free} MB available",
            hint="give the job more memory, or cut the recording to the part with the spikes",
        )
    return "ok", f"{needed} MB needed, {free} MB available"
