"""Published values that are no metric of ours, in words."""

from pipeline.metrics import METRICS
from reports.group.names import mean_sd


def other_published() -> str:
    """What another paper has of cMEM, whose measures of distance are others."""
    ours = METRICS["spatial_dispersion"].in_group.published["cmem"]
    return (
        "For cMEM another paper has other values (Pellegrino et al. 2018, doi:10.1002/hbm.23837; 340 "
        "localisations of spikes in 49 patients): sublobar concordance with the focus 81 % (dipole "
        "69 %), median distance from the focus 3.44 mm (dipole 4.88 mm), where Sun et al. have a "
        f"dispersion of {mean_sd('spatial_dispersion', ours.mean, ours.sd)} mm against the resection. "
        "That focus was defined by intracranial EEG, MRI lesion and surgery together, and its distance "
        "is none of the measures of this table: neither paper’s values stand for the other’s."
    )
