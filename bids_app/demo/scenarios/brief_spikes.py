"""One focus whose spikes last 20 ms and leave no slow wave."""

from bids_app.demo.scenarios._scenario import Focus, Scenario, Shape

SCENARIO = Scenario(foci=(Focus(shape=Shape(duration_s=0.020, slow_wave=(0.0, 0.0))),))
