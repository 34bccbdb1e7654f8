"""Values of Sun et al. 2022 (doi:10.1101/2022.11.13.516312): 29 patients, all seizure-free.

From the captions of figures 4, 5 and S3 and the text beside figure 5.
"""

from dataclasses import dataclass

SOURCE = "Sun et al. 2022"


@dataclass(frozen=True)
class Published:
    """Mean, standard deviation (None where none is given) and number of patients."""

    mean: float
    sd: float | None
    n: int


_N_RESECTION, _N_SOZ, _N_ALL = 21, 27, 29

VALUES: dict[str, dict[str, Published]] = {
    "soz_localisation_error": {
        "personalized": Published(15.78, 5.53, _N_SOZ),
        "generic": Published(24.86, 10.40, _N_SOZ),
        "lcmv": Published(25.96, 7.06, _N_SOZ),
        "sloreta": Published(24.34, 7.52, _N_SOZ),
        "cmem": Published(33.14, 18.42, _N_SOZ),
    },
    "spatial_dispersion": {
        "personalized": Published(8.19, 8.14, _N_RESECTION),
        "generic": Published(21.90, 19.03, _N_RESECTION),
        "lcmv": Published(33.36, 16.16, _N_RESECTION),
        "sloreta": Published(32.36, 17.94, _N_RESECTION),
        "cmem": Published(33.95, 23.60, _N_RESECTION),
    },
    "resection_sensitivity": {
        "personalized": Published(0.41, 0.29, _N_RESECTION),
        "generic": Published(0.14, 0.20, _N_RESECTION),
        "lcmv": Published(0.54, 0.34, _N_RESECTION),
        "sloreta": Published(0.76, 0.28, _N_RESECTION),
        "cmem": Published(0.23, 0.28, _N_RESECTION),
    },
    "resection_specificity": {
        "personalized": Published(0.90, 0.14, _N_RESECTION),
        "generic": Published(0.83, 0.12, _N_RESECTION),
        "lcmv": Published(0.43, 0.20, _N_RESECTION),
        "sloreta": Published(0.31, 0.21, _N_RESECTION),
        "cmem": Published(0.78, 0.17, _N_RESECTION),
    },
    "resection_geometric_mean": {
        "personalized": Published(0.54, 0.28, _N_RESECTION),
        "lcmv": Published(0.43, 0.23, _N_RESECTION),
        "sloreta": Published(0.41, 0.21, _N_RESECTION),
        "cmem": Published(0.30, 0.30, _N_RESECTION),
    },
    "sublobar_concordance": {
        "personalized": Published(0.93, None, _N_ALL),
        "generic": Published(0.83, None, _N_ALL),
    },
    "sublobar_sensitivity": {
        "personalized": Published(0.77, None, _N_ALL),
        "generic": Published(0.66, None, _N_ALL),
    },
    "sublobar_specificity": {
        "personalized": Published(0.99, None, _N_ALL),
        "generic": Published(0.97, None, _N_ALL),
    },
}

# Figure S3 splits 29 patients; how many of them had a resection mask or contacts it does not say.
_N_TEMPORAL, _N_EXTRATEMPORAL = 22, 7
SUBGROUPS: dict[str, dict[str, Published]] = {
    "temporal": {
        "soz_localisation_error": Published(15.91, 4.69, _N_TEMPORAL),
        "spatial_dispersion": Published(7.43, 8.27, _N_TEMPORAL),
        "resection_sensitivity": Published(0.37, 0.27, _N_TEMPORAL),
        "resection_specificity": Published(0.93, 0.10, _N_TEMPORAL),
    },
    "extratemporal": {
        "soz_localisation_error": Published(15.41, 7.94, _N_EXTRATEMPORAL),
        "spatial_dispersion": Published(11.41, 7.74, _N_EXTRATEMPORAL),
        "resection_sensitivity": Published(0.58, 0.35, _N_EXTRATEMPORAL),
        "resection_specificity": Published(0.77, 0.23, _N_EXTRATEMPORAL),
    },
}
