"""One focus with polyspikes: three peaks, 60 ms apart, before the slow wave."""

from bids_app.demo.scenarios._scenario import Focus, Scenario, Shape

SCENARIO = Scenario(foci=(Focus(shape=Shape(duration_s=0.025, n_peaks=3)),))
