"""One focus, recorded in sleep: spindles, vertex waves, posterior sharp transients and wickets."""

from bids_app.demo.scenarios._scenario import Scenario

SCENARIO = Scenario(transients=("spindle", "vertex wave", "posterior transient", "wicket"))
