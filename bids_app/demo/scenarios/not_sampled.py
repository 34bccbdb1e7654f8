"""One focus that no contact reaches; surgery took it."""

from bids_app.demo.scenarios._scenario import Scenario

SCENARIO = Scenario(sampled=False)
