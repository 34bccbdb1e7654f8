"""One focus whose sharp waves last 70 ms."""

from bids_app.demo.scenarios._scenario import Focus, Scenario, Shape

SCENARIO = Scenario(foci=(Focus(shape=Shape(duration_s=0.070)),))
