"""One focus in a hippocampus, whose field no cortex makes."""

from bids_app.demo.scenarios._scenario import Focus, Scenario

SCENARIO = Scenario(foci=(Focus(place="hippocampus"),))
