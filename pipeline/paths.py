"""Where one patient's results lie on disk: the contract between the stages."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PatientPaths:
    """Files of one participant below ``OUTPUT_DIR``.

    Parameters
    ----------
    output_dir : Path
        The derivatives dataset.
    label : str
        Participant label without ``sub-``.
    """

    output_dir: Path
    label: str

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

    # -- headmodel ------------------------------------------------------------------
    def surface(self, hemi: str, name: str) -> Path:
        """`hemi` L or R; `name` white, pial, midthickness, inflated. Scanner RAS of the T1w, mm."""
        return self.anat(f"hemi-{hemi}_{name}.surf.gii")

    def labels(self, hemi: str, desc: str) -> Path:
        """`desc` regions or sublobar, one label per vertex."""
        return self.anat(f"hemi-{hemi}_desc-{desc}_dseg.label.gii")

    @property
    def scalp(self) -> Path:
        return self.anat("desc-scalp_mesh.surf.gii")

    @property
    def inner_skull(self) -> Path:
        return self.anat("desc-innerskull_mesh.surf.gii")

    @property
    def brain_mask(self) -> Path:
        return self.anat("desc-brain_mask.nii.gz")

    @property
    def regions(self) -> Path:
        """vertex_region, region_pos_mri_mm, region_area_mm2, region_sublobar, region_label."""
        return self.anat("desc-regions_geometry.npz")

    @property
    def template_xfm(self) -> Path:
        """Carries points of MNI152 to the T1w; see ``pipeline.headmodel.registration.HeadWarp``."""
        return self.anat("from-MNI152NLin2009aSym_to-T1w_mode-points_xfm.npz")

    @property
    def trans(self) -> Path:
        """Head to MRI, where MRI is the T1w's scanner RAS (m)."""
        return self.meg("trans.fif")

    @property
    def head_points(self) -> Path:
        """Digitised head points: x, y, z (mm, the T1w's scanner RAS), distance_mm, used."""
        return self.meg("space-T1w_desc-headpoints_headshape.tsv")

    @property
    def leadfield(self) -> Path:
        """leadfield (n_channels, 994), ch_names, ch_types; units in its JSON sidecar."""
        return self.meg("leadfield.npz")

    # -- spikes ---------------------------------------------------------------------
    @property
    def average(self) -> Path:
        return self.meg("desc-spikes_ave.fif")

    @property
    def epochs(self) -> Path:
        """The accepted single spikes."""
        return self.meg("desc-spikes_epo.fif")

    @property
    def noise_cov(self) -> Path:
        return self.meg("desc-baseline_cov.fif")

    @property
    def spike_events(self) -> Path:
        return self.meg("desc-spikes_events.tsv")

    # -- personalize ----------------------------------------------------------------
    @property
    def model(self) -> Path:
        """The weights that the image stage uses as 'personalized'."""
        return self.meg("desc-personalized_model.safetensors")

    @property
    def training_curve(self) -> Path:
        return self.meg("desc-personalized_curve.tsv")

    # -- image ----------------------------------------------------------------------
    def sources(self, method: str) -> Path:
        """activity (994, n_times), times_s, peak_map (994,), extent (994,), otsu_threshold."""
        return self.meg(f"desc-{method}_sources.npz")

    def volume(self, method: str) -> Path:
        return self.meg(f"space-T1w_desc-{method}_sources.nii.gz")

    def cortex_map(self, hemi: str, method: str) -> Path:
        return self.meg(f"hemi-{hemi}_desc-{method}.func.gii")

    def bootstrap(self, method: str) -> Path:
        """peak_map, extent and max_region of the average of each resample of spikes; stability."""
        return self.meg(f"desc-{method}_bootstrap.npz")

    def stability_map(self, hemi: str, method: str) -> Path:
        """How often each vertex's region is in the extent, 0 to 1."""
        return self.meg(f"hemi-{hemi}_desc-{method}Stability.func.gii")

    @property
    def dipole(self) -> Path:
        return self.meg("desc-ecd_dipole.json")

    # -- compare --------------------------------------------------------------------
    @property
    def metrics(self) -> Path:
        return self.folder / f"{self.sub}_metrics.tsv"

    @property
    def contacts(self) -> Path:
        return self.folder / "ieeg" / f"{self.sub}_space-T1w_desc-soz_electrodes.tsv"

    @property
    def resection(self) -> Path:
        """The mask that was compared with, on the T1w's grid."""
        return self.anat("space-T1w_desc-resection_mask.nii.gz")

    # -- report ---------------------------------------------------------------------
    @property
    def report_pdf(self) -> Path:
        return self.output_dir / f"{self.sub}_report.pdf"

    @property
    def report_html(self) -> Path:
        return self.output_dir / f"{self.sub}_report.html"

    @property
    def figures(self) -> Path:
        return self.folder / "figures"

    # -- every stage ----------------------------------------------------------------
    def qc(self, stage: str) -> Path:
        """What the stage measured about itself, with its warnings; read by the report."""
        return self.folder / "qc" / f"{self.sub}_desc-{stage}_qc.json"

    @property
    def status(self) -> Path:
        return self.folder / f"{self.sub}_status.json"
