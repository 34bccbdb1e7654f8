"""The group level: which participants there are, and where their results lie."""

from pathlib import Path

from bids_app.dataset import participant_labels
from bids_app.dataset.participants import is_virtual
from bids_app.status import read_cohort as read_states
from pipeline.errors import InvalidInput
from pipeline.files import read_json, refuse_linked_folders
from pipeline.paths import PatientPaths
from pipeline.records.headmodel_qc import read_headmodel_qc
from pipeline.records.image_qc import Grade, read_image_qc
from pipeline.records.spikes_qc import imaged_types, read_spikes_qc
from reports import group
from reports.config import Config
from reports.findings import why_no_grade
from reports.group.analysis import FIRST


def _note(bids_dir: Path, output_dir: Path, name: str) -> group.Note:
    """Whether a participant is virtual, and how many types of spikes the run has found."""
    label = name.removeprefix("sub-")
    try:
        n_types = float(len(read_spikes_qc(PatientPaths(output_dir, label).of_type(1)).types))
    except (OSError, InvalidInput):  # a result of an earlier version says nothing of types
        n_types = float("nan")
    return group.Note(is_virtual(bids_dir, label), n_types, _grade(PatientPaths(output_dir, label)))


def _grade(paths: PatientPaths) -> Grade | None:
    """The grade of certainty of the personalized map of the type with most marks, if it was given."""
    try:
        imaged = imaged_types(paths)
        if not imaged:
            return None
        image = read_image_qc(imaged[0])
        residuals = read_headmodel_qc(paths).residuals
    except (OSError, InvalidInput):  # of an earlier version, or not there
        return None
    own = image.methods.get(FIRST)
    if own is None or own.region is None:
        return None
    withheld = why_no_grade(own.region, residuals.head_point_distance_median_mm, image.deep)
    return own.region.own_grade if withheld is None else None


def write_group(bids_dir: Path, output_dir: Path, labels: list[str], config: Config) -> list[Path]:
    """Write ``OUTPUT_DIR/group`` from what the participants' runs left.

    Parameters
    ----------
    labels : list of str
        Participants to include; empty for all.
    config : Config
        The report's options.

    Returns
    -------
    list of Path
        Tables, HTML and PDF; empty where no participant has metrics.

    Raises
    ------
    InvalidInput
        A table cannot be read, or nothing was imaged in any participant.
    MissingResource
        The group's folder is a link.
    """
    refuse_linked_folders(output_dir / "group")
    metrics = {
        file.parent.name: file for file in sorted(output_dir.glob("sub-*/sub-*_metrics.tsv"))
    }
    participants = [f"sub-{label}" for label in participant_labels(bids_dir)]
    if labels:
        wanted = {f"sub-{label}" for label in labels}
        participants = [name for name in participants if name in wanted]
        metrics = {name: file for name, file in metrics.items() if name in wanted}
    states = {
        stored["participant"]: (str(stored.get("state")), str(stored.get("message") or ""))
        for stored in read_states(output_dir)
    }
    # Metrics of an earlier run, of a participant that fails now, are no result.
    metrics = {
        name: file for name, file in metrics.items() if states.get(name, ("done",))[0] == "done"
    }
    if not metrics:
        return []
    sidecar = next(iter(metrics.values())).with_suffix(".json")
    cohort = group.read_cohort(
        metrics,
        participants,
        bids_dir / "participants.tsv",
        states,
        read_json(sidecar) if sidecar.is_file() else {},
        {name: _note(bids_dir, output_dir, name) for name in {*participants, *metrics}},
    )
    if cohort.metrics.empty:
        raise InvalidInput(
            f"nothing was imaged in any of the {len(metrics)} participants that are done, so that there "
            "is nothing to compare",
            hint="read the participants' reports: each says why",
        )
    return group.write(cohort, output_dir / "group", config)
