"""Every option is checked before anything is processed: name, value and what is allowed are told."""

import dataclasses
import json
from pathlib import Path

import pytest

from bids_app import options
from bids_app.cli import main
from bids_app.config import ConfigError, stage_configs
from bids_app.exit_codes import ExitCode
from bids_app.selection import unusable_sentences
from bids_app.stages import MODULES
from pipeline.options import file_options
from pipeline.training.generic import TrainConfig


@pytest.fixture
def bids_dir(tmp_path):
    root = tmp_path / "bids"
    for name in ("sub-01/anat/sub-01_T1w.nii.gz", "sub-01/meg/sub-01_task-rest_run-01_meg.fif"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("nothing")
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    return root


def run(bids_dir, *given):
    output = str(bids_dir.parent / "out")
    arguments = [str(bids_dir), output, "participant", "--skip-bids-validation", *given]
    try:
        code = main(arguments)
    except SystemExit as stop:  # argparse's own refusals
        code = stop.code
    return code


def refusal(tmp_path, text: str | bytes) -> str:
    file = tmp_path / "config.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as error:
        stage_configs(file, {})
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[image]\nmethods = ["sLORETA"]', "methods is 'sLORETA'; allowed is a list of personal"),
        ('[headmodel]\nregistration = "foo"', "registration is 'foo'; allowed is syn or affine"),
        (
            "[spikes]\nlowpass_hz = 70",
            "lowpass_hz is 70.0; allowed is at least 5 and at most 50 Hz",
        ),
        ("[spikes]\nsfreq_hz = 300", "sfreq_hz is 300.0; allowed is 125.0 or 250.0"),
        ("[spikes]\nhighpass_hz = nan", "highpass_hz is nan; allowed is at least 0.1"),
        ("[image]\nsnr = inf", "snr is inf; allowed is at least 0.1 and at most 100"),
        ("[personalize]\nsteps = -1", "steps is -1; allowed is at least 1"),
        ("[personalize]\nlearning_rate = 0", "learning_rate is 0.0; allowed is more than 0"),
        ("[spikes]\nhighpass_hz = 10\nlowpass_hz = 10", "highpass_hz is 10 and lowpass_hz 10"),
        ("[spikes]\nmin_spikes = 20\nmax_spikes = 10", "min_spikes is 20 and max_spikes 10"),
        ("[spikes]\nmin_baseline_s = 400", "min_baseline_s is 400 and max_baseline_s 300"),
        ("[spikes]\nspike_name = []", "spike_name is an empty list"),
        ('[spikes]\nspike_name = ["-_"]', "spike_name holds '-_'"),
        ('[spikes]\nspike_name = ["IED", 3]', "spike_name is 3, which is no str"),
        ("[image]\nlcmv_window_s = [-0.1]", "lcmv_window_s is [-0.1], which is no list of 2 float"),
        ("[image]\nlcmv_window_s = [0.2, -0.2]", "must end at least 0.05 s after its start"),
        ("[image]\nseed = true", "seed is True, which is no int"),
        ("[image]\nseed = 1e3", "seed is 1000.0, which is no int"),
        (f"[image]\nseed = {2**70}", "at most 2147483647"),
        (f"[spikes]\nmin_snr_db = {'9' * 400}", "min_snr_db is inf"),
        ('[report]\nsections = ["weather"]', "no section 'weather'; choose from summary"),
        ('[report]\nsections = ["summary", "summary"]', "'summary' stands twice"),
        ('[report]\nlogo = "nowhere.png"', "logo 'nowhere.png' is not there"),
        ('[report]\nspecification = "nowhere.toml"', "nowhere.toml cannot be read"),
        ('[report]\ncentre = "a\\nb"', r"centre is 'a\nb'; allowed is text"),
        ("headmodel = 3", "headmodel is 3, which is no table"),
        ("[[image]]\nseed = 1", "which is no table"),
        ("[image.methods]\nx = 1", "methods is {'x': 1}, which is no list of str"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        (b'[report]\ncentre = "\xe9"', "no UTF-8 text"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(tmp_path, text, told):
    assert told in refusal(tmp_path, text)


def test_what_windows_editors_put_before_the_text_is_no_error(tmp_path):
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xef\xbb\xbf[spikes]\r\nlowpass_hz = 45\r\n")
    assert stage_configs(file, {})["spikes"].lowpass_hz == 45.0


@pytest.mark.parametrize("config_class", [*(m.Config for m in MODULES.values()), TrainConfig])
def test_no_option_goes_unchecked(config_class):
    config_class()
    for field in dataclasses.fields(config_class):
        assert field.metadata["help"]
        wrong = "\x00" if isinstance(field.default, str) else float("nan")
        if isinstance(field.default, tuple):
            wrong = ("\x00",) if "str" in str(field.type) else (float("nan"),) * len(field.default)
        with pytest.raises(ValueError, match=field.name):
            config_class(**{field.name: wrong})


def test_the_documentation_lists_the_options_as_they_are():
    page = Path(__file__).parents[2] / "docs" / "options.md"
    assert page.read_text() == options.markdown()
    for stage, module in MODULES.items():
        names = [field.name for field in dataclasses.fields(module.Config)]
        assert [row[0] for row in options.rows(stage)] == names


# -- the command line -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--nprocs", "0"], "'0' is no whole number of 1 to"),
        (["--nprocs", "-2"], "'-2' is no whole number"),
        (["--spike-name", " "], "spike_name is ' '"),
        (["--task", "sleep"], "--task is 'sleep', which none"),
        (["--session-label", "1"], "--session-label is '1', which none"),
        (["--run", "2"], "allowed is 01"),
        (["--run", "a_b"], "--run is 'a_b', which is no label"),
        (["--participant-label", "01_bad"], "--participant-label is '01_bad', which is no label"),
        (["--fs-subjects-dir", "nowhere"], "check --fs-subjects-dir"),
        (["--derivatives", "x=nowhere"], "check --derivatives"),
        (["--derivatives", "x=.", "x=.."], "names two folders 'x'"),
        (["--bids-filter-file", "nowhere.json"], "check --bids-filter-file"),
        (["--contact-labels", "nowhere.json"], "nowhere.json"),
        (["--dicom-template", "nowhere"], "check --dicom-template"),
        (["--config", "nowhere.toml"], "check --config"),
    ],
)
def test_a_wrong_argument_stops_before_anything_is_written(bids_dir, capsys, given, told):
    for preflight in ([], ["--preflight"]):
        assert run(bids_dir, *preflight, *given) == ExitCode.USAGE
        assert told in capsys.readouterr().err
    assert not (bids_dir.parent / "out").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"ct": {}}, "allowed is t1w or eeg or meg"),
        ({"meg": {"proc": "sss"}}, "'proc' in 'meg' is no entity; allowed is subject"),
        ({"meg": {"run": 1}}, "'run' in 'meg' is 1; allowed is one label as text"),
        ({"meg": {"task": ["rest"]}}, "allowed is one label as text"),
        ([], "holds no JSON object"),
    ],
)
def test_a_filter_that_would_match_nothing_is_refused(bids_dir, capsys, content, told):
    file = bids_dir.parent / "filter.json"
    file.write_text(json.dumps(content))
    assert run(bids_dir, "--bids-filter-file", str(file)) == ExitCode.USAGE
    assert told in capsys.readouterr().err


def test_a_deeply_nested_filter_is_refused(bids_dir, capsys):
    file = bids_dir.parent / "filter.json"
    file.write_text("[" * 100_000)
    assert run(bids_dir, "--bids-filter-file", str(file)) == ExitCode.USAGE
    assert "nests its JSON too deeply" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given", [["--participant-label", "sub-01", "01"], ["--task", "task-rest"]]
)
def test_labels_are_taken_with_their_prefix_and_once(bids_dir, capsys, given):
    run(bids_dir, "--dry-run", *given)
    assert capsys.readouterr().out.count("sub-01: would") == 1


def test_weights_that_do_not_ship_are_missed_before_the_first_stage(bids_dir, capsys):
    assert run(bids_dir, "--network", "deepsif") == ExitCode.MISSING_RESOURCE
    assert "train them with" in capsys.readouterr().err
    assert not (bids_dir.parent / "out").exists()


# -- what looks like a participant ------------------------------------------------------------
def test_what_cannot_be_a_participant_is_told(bids_dir, capsys):
    for name in ("sub-01_bad", "sub-0-1", "sub-", "Sub-02", "sub05", "._sub-01", "subjects"):
        (bids_dir / name).mkdir()
    (bids_dir / "sub-03").write_text("")
    (bids_dir / "sub-04").symlink_to("nowhere")
    (bids_dir / "sub-06.zip").write_text("")
    (bids_dir / "sub-01_task-rest_events.json").write_text("{}")
    told = unusable_sentences(bids_dir)
    named = ["Sub-02", "sub-", "sub-0-1", "sub-01_bad", "sub-03", "sub-04", "sub05"]
    assert [sentence.split("'")[1] for sentence in told] == named
    code = run(bids_dir, "--preflight", "--json")
    findings = json.loads(capsys.readouterr().out)["findings"]
    notes = [one["detail"] for one in findings if one["subject"] == "dataset"]
    assert notes == told
    assert code == ExitCode.ALL_FAILED  # of the one participant, whose files are nothing
    run(bids_dir)
    assert all(sentence in capsys.readouterr().err for sentence in told[:1])
    log = (bids_dir.parent / "out/logs/dataset.log").read_text()
    assert "7 entries look like participants" in log
    assert "bad" not in log  # a stray name may be a person's


def test_asked_for_by_label_it_changes_the_exit_code(bids_dir, capsys):
    (bids_dir / "sub-03").write_text("")
    assert run(bids_dir, "--participant-label", "sub-03") == ExitCode.NOTHING_TO_PROCESS
    assert "'sub-03' is passed over: it is no folder" in capsys.readouterr().err


def test_options_that_name_files_say_so():
    named = {stage: file_options(MODULES[stage].Config()) for stage in MODULES}
    assert {stage: options for stage, options in named.items() if options} == {
        "personalize": {"generic_model": ""},
        "report": {"logo": "", "specification": ""},
    }
