"""Every spike reaches a second region of its side 15 to 40 ms later."""

from bids_app.demo.scenarios._scenario import Focus, Scenario

SCENARIO = Scenario(foci=(Focus(), Focus(place="same side", follows_s=(0.015, 0.040))))
