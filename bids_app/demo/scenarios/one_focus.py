"""One focus with ordinary spikes."""

from bids_app.demo.scenarios._scenario import ONE_FOCUS

SCENARIO = ONE_FOCUS
