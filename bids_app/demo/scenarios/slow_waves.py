"""One focus whose slow wave is as high as its spike."""

from bids_app.demo.scenarios._scenario import Focus, Scenario, Shape

SCENARIO = Scenario(foci=(Focus(shape=Shape(slow_wave=(0.8, 1.1))),))
