"""What makes OUTPUT_DIR a BIDS derivatives dataset."""

import os
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.errors import InvalidInput, MissingResource, SpikefocusError
from pipeline.files import read_json, refuse_linked_folders, to_json, write_shared_text

BIDS_VERSION = "1.10.0"
HED_VERSION = ("8.3.0", "sc:score_1.2.0")
# BIDS has no names yet for derivatives of MEG, for surfaces, and for reports: those are listed
# by their endings, so that any other stray file is still an error.
_BIDSIGNORE = """\
*_report.*
logs/
group/
*_status.json
*_metrics.*
**/qc
*_qc.json
**/figures
**/dicom
*_figure.*
*.surf.gii
*.func.gii
*_geometry.npz
*_xfm.npz
*_xfm.json
*_bootstrap.*
*_leadfield.*
*_headshape.*
*_distances.*
*_markups.*
*_trans.fif
*_ave.fif
*_epo.fif
*_cov.fif
*_desc-spikes_events.*
*_sources.*
*_dipole.json
*_dipoles.*
*_model.safetensors
*_curve.tsv
*_desc-soz_electrodes.*
"""
_DESCRIPTION = "dataset_description.json"
_README = """\
Derivatives of spikefocus: sources of interictal MEG spikes. Research use only.

One folder per participant; sub-X_report.pdf is the report, sub-X_status.json says what was done.
"""


def check_output(output_dir: Path, bids_dir: Path) -> None:
    """Refuse an output folder whose files would stand among, or in the place of, somebody else's.

    Raises
    ------
    SpikefocusError
        It is the dataset or lies in one of its folders of data, or it is another dataset.
    """
    try:
        output, bids = output_dir.resolve(), bids_dir.resolve()
        inside = output.relative_to(bids).parts if output.is_relative_to(bids) else ("",)
        is_other = (output / _DESCRIPTION).exists() and not is_our_output(output)
    except (OSError, RuntimeError) as error:
        raise SpikefocusError(
            f"The output folder cannot be used ({getattr(error, 'strerror', 'a link in a circle')})",
            file=output_dir,
            hint="choose another folder",
        ) from error
    if not inside or inside[0].startswith("sub-"):
        raise SpikefocusError(
            "The output folder lies among the data of the BIDS dataset",
            file=output_dir,
            hint="choose another folder, such as derivatives/spikefocus in the dataset",
        )
    if is_other:
        raise SpikefocusError(
            "The output folder is another dataset, whose description would be overwritten",
            file=output_dir,
            hint="choose an empty folder, or one of spikefocus's own results",
        )


def is_our_output(root: Path) -> bool:
    """Whether a derivative dataset is what this program wrote: it must not read its own results."""
    try:
        made_by = read_json(root / _DESCRIPTION).get("GeneratedBy")
    except (OSError, InvalidInput):
        return False
    programs = made_by if isinstance(made_by, list) else []
    return any(isinstance(each, dict) and each.get("Name") == "spikefocus" for each in programs)


def open_output(output_dir: Path, bids_dir: Path) -> None:
    """Create the derivatives dataset; refuse a folder that cannot be written."""
    refuse_linked_folders(output_dir / "logs")
    try:
        (output_dir / "logs").mkdir(parents=True, exist_ok=True)
        # Jobs on other participants write the same files at the same time.
        description = to_json(describe_derivative("spikefocus derivatives", bids_dir))
        write_shared_text(output_dir / _DESCRIPTION, description)
        write_shared_text(output_dir / ".bidsignore", _BIDSIGNORE)
        write_shared_text(output_dir / "README", _README)
    except OSError as error:
        raise MissingResource(
            f"The output folder cannot be written: {error.strerror}",
            file=output_dir,
            hint="choose a writable folder with free space",
        ) from error


def describe_derivative(name: str, bids_dir: Path) -> dict[str, Any]:
    """Content of ``dataset_description.json`` of a derivative of a dataset."""
    try:
        source = read_json(bids_dir / _DESCRIPTION)
    except (OSError, InvalidInput):
        source = {}
    generated_by: dict[str, Any] = {
        "Name": "spikefocus",
        "Version": __version__,
        "Description": "Imaging of interictal MEG spikes. Research use only.",
    }
    if "SPIKEFOCUS_CONTAINER" in os.environ:
        generated_by["Container"] = {"Type": "docker", "Tag": os.environ["SPIKEFOCUS_CONTAINER"]}
    description: dict[str, Any] = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "HEDVersion": list(HED_VERSION),
        "GeneratedBy": [generated_by],
    }
    if isinstance(source.get("DatasetDOI"), str):
        description["SourceDatasets"] = [{"DOI": source["DatasetDOI"]}]
    return description
