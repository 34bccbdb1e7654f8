"""Where the preflight says that a run can succeed, it does; a dozen cases of the long campaign."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reliability"))
from agreement import cheap_stages, judge, make_base
from dataset_mutations import MUTATIONS

from bids_app.exit_codes import ExitCode

CASES = [
    ("nothing", 1, ExitCode.DONE),
    ("companions_of_other_systems", 1, None),
    ("damaged_image", 1, None),
    ("damaged_image", 2, None),
    ("recording_in_parts", 2, ExitCode.ALL_FAILED),
    ("short_recording", 1, ExitCode.ALL_FAILED),
    ("onsets", 2, ExitCode.ALL_FAILED),
    ("bad_channels", 2, ExitCode.ALL_FAILED),
    ("names_of_contacts", 1, ExitCode.DONE),
    ("scale_of_contacts", 2, ExitCode.DONE),
    ("mask_somewhere_else", 2, ExitCode.DONE),
    ("unit_of_contacts", 1, ExitCode.DONE),
    ("all_is_marked_bad", 2, ExitCode.ALL_FAILED),
    ("clinical_file_that_is_broken", 1, ExitCode.DONE),
    ("optional_files_behind_links_out", 1, ExitCode.DONE),
    ("data_that_are_no_numbers", 1, ExitCode.DONE),
    ("places_that_stand_for_none", 2, ExitCode.DONE),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("agreement"))


@pytest.mark.parametrize(("name", "seed", "ended"), CASES)
def test_preflight_and_run_agree(base, tmp_path, name, seed, ended):
    mutation = next(one for one in MUTATIONS if one.name == name)
    with cheap_stages(base):
        verdict = judge(base, mutation, seed, tmp_path)
    assert verdict.agrees, f"{verdict.said}; run: {verdict.message}"
    assert ended is None or verdict.ended == ended, verdict.message
