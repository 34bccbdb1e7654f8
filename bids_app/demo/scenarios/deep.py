"""One focus far below the skull."""

from bids_app.demo.scenarios._scenario import Focus, Scenario

SCENARIO = Scenario(foci=(Focus(deep=True),))
