"""SIGTERM and SIGUSR1: the run stops with its work kept, and the next one goes on."""

import os
import signal
import subprocess
import sys
import time

import pytest
from test_end_to_end import hashes

from bids_app.exit_codes import ExitCode
from bids_app.interruption import SIGNALS, StopSignals
from bids_app.progress import ConsoleProgress
from pipeline.progress import Stopped


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_is_a_request_only_while_entered(number):
    before = signal.getsignal(number)
    with StopSignals(ExitCode.STOPPED) as stop:
        progress = ConsoleProgress("sub-01", quiet=True, stop=stop)
        assert not progress.stop_requested()
        with progress.step("a step that is reached before the signal"):
            os.kill(os.getpid(), number)
            assert progress.stop_requested()
        with pytest.raises(Stopped), progress.step("one that is not"):
            pass
    assert signal.getsignal(number) is before


def test_a_library_that_does_not_return_is_left_after_the_grace_period():
    code = (
        "import threading; from bids_app.interruption import StopSignals\n"
        "with StopSignals(75, grace_s=0.5) as stop:\n"
        "    stop.abandon = lambda: print('abandoned', flush=True)\n"
        "    print('busy', flush=True)\n"
        "    lock = threading.Lock(); lock.acquire(); lock.acquire()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == ExitCode.STOPPED
    assert process.stdout.read() == "abandoned\n"


def test_stopped_in_fine_tuning_goes_on_to_the_same_result(finished, world):
    model = world.output / "sub-01/meg/sub-01_desc-personalized_model.safetensors"
    model.unlink()
    log = world.output / "logs/sub-01.log"
    log.unlink()
    arguments = world.arguments("--participant-label", "01")
    program = [sys.executable, "-m", "bids_app.cli", *arguments]
    process = subprocess.Popen(program, stderr=subprocess.DEVNULL)
    while not (log.exists() and "personalize: fine-tuning" in log.read_text()):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGUSR1)
    assert process.wait() == ExitCode.STOPPED
    status = world.status("01")
    assert (status["state"], status["outcome"]) == ("stopped", "stopped")
    assert "personalize" in status["message"]
    assert not model.exists()
    assert list(world.output.glob("sub-01/.training_*/checkpoint.safetensors"))
    assert subprocess.run(program, stderr=subprocess.DEVNULL, check=False).returncode == 0
    assert "fine-tuning: goes on from step" in log.read_text()
    assert hashes(world.output) == hashes(finished.output)
