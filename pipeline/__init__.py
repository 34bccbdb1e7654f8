"""The science of spikefocus, one folder per stage, in the order in which data flows.

    headmodel -> spikes -> personalize -> image -> compare -> (reports)

Beside the stages stand what several of them share: ``template`` (the cortex of
fsaverage5, its 994 regions and 20 sublobar regions), ``synthesis`` (neural-mass
sources and synthetic recordings), ``networks`` (models, training loop,
weights), ``methods`` (inverse methods) and ``records`` (what lies between the
stages). Nothing here imports ``bids_app`` or ``reports``.
"""

__version__ = "0.1.0"

STAGES = ("headmodel", "spikes", "personalize", "image", "compare", "report")
DEVICES = ("auto", "cpu", "cuda")
