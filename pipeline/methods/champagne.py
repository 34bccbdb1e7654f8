"""Champagne: sparse Bayesian learning by a bound that never makes the fit worse."""

from pipeline.methods._method import MapMethod
from pipeline.methods._sparse_bayes import learning

METHOD = MapMethod(
    label="Champagne",
    short="Champagne",
    order=73,
    marker="h",
    colour="#ff7f0e",
    sentence="sparse Bayesian learning (Champagne) {cite}, whose maps are sparser than the sources",
    references={
        "champagne": "Wipf DP, Owen JP, Attias HT, Sekihara K, Nagarajan SS. Robust Bayesian estimation "
        "of the location, orientation, and time course of multiple correlated neural sources using "
        "MEG. NeuroImage 2010;49:641–655."
    },
    unit="A·m",
    activity=learning(pace=0.5),
)
