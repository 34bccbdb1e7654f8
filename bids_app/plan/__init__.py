"""``spikefocus plan``: a cohort as one task per participant, for engines that exist."""
