"""Where one patient's results lie on disk: the contract between the stages."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

# Stages that leave results of each type of spikes, and so a quality file of each.
_OF_EACH_TYPE = ("spikes", "image")


@dataclass(frozen=True)
class Result:
    """A kind of file that a run leaves, for the documentation.

    Attributes
    ----------
    stage : str
        That writes it; "all" for every stage.
    path : callable
        From `PatientPaths` and placeholders to a path; its docstring says what the file holds.
    """

    stage: str
    path: Callable[..., Path]

    @property
    def name(self) -> str:
        """Its path below the output folder, with placeholders."""
        placeholders = [f"<{name}>" for name in list(inspect.signature(self.path).parameters)[1:]]
        return self.path(PatientPaths(Path(), "X"), *placeholders).as_posix()

    @property
    def meaning(self) -> str:
        return " ".join((self.path.__doc__ or "").split())


RESULTS: list[Result] = []


def _result(stage: str):
    def keep(path: Callable[..., Path]) -> Callable[..., Path]:
        RESULTS.append(Result(stage, path))
        return path

    return keep


@dataclass(frozen=True)
class PatientPaths:
    """Files of one participant below ``OUTPUT_DIR``.

    Parameters
    ----------
    output_dir : Path
        The derivatives dataset.
    label : str
        Participant label without ``sub-``.
    spike_type : int
        The type of spikes that files of one type are of; those of the first have plain names,
        those of the others "Type2" and so on behind their description.
    """

    output_dir: Path
    label: str
    spike_type: int = 1

    def of_type(self, number: int) -> "PatientPaths":
        """The same participant's files, those of one type being of the type `number`."""
        return replace(self, spike_type=number)

    def of_types_there(self) -> list["PatientPaths"]:
        """The files of the first type, and of every other type that any run has left."""
        names = (path.name for name in ("meg", "qc") for path in self.folder.glob(f"{name}/*"))
        found = {
            int(n) for name in names for n in re.findall(r"_desc-[A-Za-z0-9]+?Type(\d+)[_.]", name)
        }
        return [self.of_type(number) for number in sorted(found | {1})]

    def name_of_type(self, name: str) -> str:
        """A description in a file's name, the type of spikes behind it."""
        return f"{name}{self._type}"

    @property
    def _type(self) -> str:
        return "" if self.spike_type == 1 else f"Type{self.spike_type}"

    @property
    def sub(self) -> str:
        return f"sub-{self.label}"

    @property
    def folder(self) -> Path:
        return self.output_dir / self.sub

    def anat(self, rest: str) -> Path:
        return self.folder / "anat" / f"{self.sub}_{rest}"

    def meg(self, rest: str) -> Path:
        return self.folder / "meg" / f"{self.sub}_{rest}"

    @_result("headmodel")
    def surface(self, hemi: str, name: str) -> Path:
        """`hemi` L or R; `name` white, pial, midthickness, inflated. Scanner RAS of the T1w, mm."""
        return self.anat(f"hemi-{hemi}_{name}.surf.gii")

    @_result("headmodel")
    def labels(self, hemi: str, desc: str) -> Path:
        """`desc` regions or sublobar, one label per vertex."""
        return self.anat(f"hemi-{hemi}_desc-{desc}_dseg.label.gii")

    @property
    @_result("headmodel")
    def scalp(self) -> Path:
        """Outer surface of the head, its face cut off by default; scanner RAS of the T1w, mm."""
        return self.anat("desc-scalp_mesh.surf.gii")

    @property
    @_result("headmodel")
    def inner_skull(self) -> Path:
        """Inner surface of the skull, the conductor; scanner RAS of the T1w, mm."""
        return self.anat("desc-innerskull_mesh.surf.gii")

    @property
    @_result("headmodel")
    def scalp_shell(self) -> Path:
        """Outermost shell of the conductor of EEG, too smooth for a face; scanner RAS of the T1w, mm."""
        return self.anat("desc-scalpshell_mesh.surf.gii")

    @property
    @_result("headmodel")
    def brain_mask(self) -> Path:
        """1 in the brain, on the T1w's grid."""
        return self.anat("desc-brain_mask.nii.gz")

    @property
    @_result("headmodel")
    def regions(self) -> Path:
        """vertex_region, region_pos_mri_mm, region_area_mm2, region_sublobar, region_label."""
        return self.anat("desc-regions_geometry.npz")

    @property
    @_result("headmodel")
    def template_xfm(self) -> Path:
        """Carries points of MNI152 to the T1w; see `pipeline.warp.HeadWarp`."""
        return self.anat("from-MNI152NLin2009aSym_to-T1w_mode-points_xfm.npz")

    @property
    @_result("headmodel")
    def trans(self) -> Path:
        """Head to MRI, where MRI is the T1w's scanner RAS (m)."""
        return self.meg("trans.fif")

    @property
    @_result("headmodel")
    def head_points(self) -> Path:
        """Digitised head points: x, y, z (mm, the T1w's scanner RAS), distance_mm, used."""
        return self.meg("space-T1w_desc-headpoints_headshape.tsv")

    @property
    @_result("headmodel")
    def leadfield(self) -> Path:
        """leadfield (n_channels, 994), ch_names, ch_types; units in its JSON sidecar."""
        return self.meg("leadfield.npz")

    @property
    @_result("headmodel")
    def deep_leadfield(self) -> Path:
        """pos_mri_mm (n, 3), structure (n,) and leadfield (n_channels, n, 3) of points in deep structures; names and units in its JSON sidecar."""
        return self.meg("desc-deep_leadfield.npz")

    @property
    @_result("spikes")
    def average(self) -> Path:
        """The averaged spike (T, T/m), peak at 0 s, with compensation and projectors; of each type."""
        return self.meg(f"desc-spikes{self._type}_ave.fif")

    @property
    @_result("spikes")
    def epochs(self) -> Path:
        """The accepted single spikes; of each type."""
        return self.meg(f"desc-spikes{self._type}_epo.fif")

    @property
    @_result("spikes")
    def head_positions(self) -> Path:
        """dev_head_t (n, 4, 4) and the position of each accepted spike; only where the head moved."""
        return self.meg(f"desc-spikes{self._type}_headpositions.npz")

    @property
    @_result("spikes")
    def noise_cov(self) -> Path:
        """Covariance of the baseline or of the empty room, of one epoch."""
        return self.meg("desc-baseline_cov.fif")

    @property
    @_result("spikes")
    def spike_events(self) -> Path:
        """Each mark: run, onset and peak (s), type, whether it was used, and why not."""
        return self.meg("desc-spikes_events.tsv")

    @property
    @_result("personalize")
    def model(self) -> Path:
        """The weights that fine-tuning made, where they are better than the generic ones."""
        return self.meg("desc-personalized_model.safetensors")

    @property
    @_result("personalize")
    def training_curve(self) -> Path:
        """Validation error by step of the fine-tuning."""
        return self.meg("desc-personalized_curve.tsv")

    @_result("train")
    def system(self, name: str, size: str) -> Path:
        """Weights of a published system that `spikefocus train` trained for this head; its model card is the JSON beside it."""
        return self.folder / "systems" / f"{name}_{size}.safetensors"

    @_result("image")
    def sources(self, method: str) -> Path:
        """activity (994, n_times), times_s, peak_map (994,), extent (994,), otsu_threshold."""
        return self.meg(f"desc-{method}{self._type}_sources.npz")

    @_result("image")
    def volume(self, method: str) -> Path:
        """The peak map in the cortex, on the T1w's grid."""
        return self.meg(f"space-T1w_desc-{method}{self._type}_sources.nii.gz")

    @_result("image")
    def cortex_map(self, hemi: str, method: str) -> Path:
        """The peak map at every vertex of a hemisphere (`hemi` L or R)."""
        return self.meg(f"hemi-{hemi}_desc-{method}{self._type}.func.gii")

    @_result("image")
    def bootstrap(self, method: str) -> Path:
        """peak_map, extent and max_region of the average of each resample of spikes; stability."""
        return self.meg(f"desc-{method}{self._type}_bootstrap.npz")

    @_result("image")
    def stability_map(self, hemi: str, method: str) -> Path:
        """How often each vertex's region is in the extent, 0 to 1."""
        return self.meg(f"hemi-{hemi}_desc-{method}Stability{self._type}.func.gii")

    @_result("image")
    def point(self, method: str) -> Path:
        """Position (mm, the T1w's scanner RAS), moment (nAm), goodness of fit, confidence volume (cm³)."""
        return self.meg(f"desc-{method}{self._type}_dipole.json")

    @property
    @_result("image")
    def dipoles(self) -> Path:
        """Each accepted spike's own dipole: position (mm, the T1w's scanner RAS), direction, moment (nAm), goodness of fit, confidence volume (cm³), latency (s), whether it meets the criteria."""
        return self.meg(f"desc-spikes{self._type}_dipoles.tsv")

    @property
    @_result("image")
    def dipole_file(self) -> Path:
        """The same dipoles for MNE (`mne.read_dipole`), in head coordinates (m), latencies as times."""
        return self.meg(f"desc-spikes{self._type}_dipoles.dip")

    @property
    @_result("compare")
    def metrics(self) -> Path:
        """One row per type of spikes, method and metric: value, unit, 95 % interval, reason where not assessable."""
        return self.folder / f"{self.sub}_metrics.tsv"

    @property
    @_result("compare")
    def contacts(self) -> Path:
        """Contacts in the T1w's scanner RAS (mm), with their marks."""
        return self.folder / "ieeg" / f"{self.sub}_space-T1w_desc-soz_electrodes.tsv"

    @property
    @_result("compare")
    def contact_distances(self) -> Path:
        """Distance of every contact to the maximum and to the extent of every type and method, mm."""
        return self.folder / "ieeg" / f"{self.sub}_space-T1w_desc-contacts_distances.tsv"

    @property
    @_result("compare")
    def resection(self) -> Path:
        """The mask that was compared with, on the T1w's grid."""
        return self.anat("space-T1w_desc-resection_mask.nii.gz")

    @property
    @_result("report")
    def report_pdf(self) -> Path:
        """The report."""
        return self.output_dir / f"{self.sub}_report.pdf"

    @property
    @_result("report")
    def report_html(self) -> Path:
        """The same with a three-dimensional view; self-contained."""
        return self.output_dir / f"{self.sub}_report.html"

    @property
    @_result("report")
    def markups(self) -> Path:
        """Contacts, maxima and dipoles by name for 3D Slicer and what reads its files; LPS of the T1w, mm."""
        return self.folder / f"{self.sub}_space-T1w_desc-points_markups.mrk.json"

    @property
    @_result("report")
    def figures(self) -> Path:
        """Folder of the report's figures."""
        return self.folder / "figures"

    def figure(self, name: str, ending: str) -> Path:
        """One of the report's figures; of each type of spikes."""
        return self.figures / f"{self.sub}_desc-{name}{self._type}_figure.{ending}"

    @_result("all")
    def qc(self, stage: str) -> Path:
        """What the stage measured about itself, with its warnings; read by the report."""
        of_type = self._type if stage in _OF_EACH_TYPE else ""
        return self.folder / "qc" / f"{self.sub}_desc-{stage}{of_type}_qc.json"

    @property
    @_result("all")
    def status(self) -> Path:
        """What was done: stages, inputs by hash, seconds, memory, outcome, error."""
        return self.folder / f"{self.sub}_status.json"
