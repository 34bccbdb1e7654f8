"""Three foci on both sides with unequal counts and strengths, all marked as "spike"."""

from bids_app.demo.scenarios._scenario import Focus, Scenario

SCENARIO = Scenario(
    foci=(
        Focus(share=4),
        Focus(place="other side", share=3, gain_db=-0.5),
        Focus(place="same side", share=2, gain_db=-1.0),
    )
)
