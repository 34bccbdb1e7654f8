"""gamma-MAP: sparse Bayesian learning by MacKay's update.

mne has it; it takes minutes for a patient's average, because it goes through all samples in each round
and not through their products, and takes a single spike's noise for the average's.
"""

from pipeline.methods._method import MapMethod
from pipeline.methods._sparse_bayes import learning

METHOD = MapMethod(
    label="gamma-MAP",
    short="gamma-MAP",
    order=74,
    marker="H",
    colour="#2ca02c",
    sentence="gamma-MAP {cite}, whose maps are sparser than the sources",
    references={
        "gamma_map": "Wipf D, Nagarajan S. A unified Bayesian framework for MEG/EEG source imaging. "
        "NeuroImage 2009;44:947–966."
    },
    unit="A·m",
    activity=learning(pace=1.0),
)
