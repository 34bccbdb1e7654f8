"""SIGTERM and SIGUSR1: the run stops with its work kept, and the next one goes on."""

import os
import signal
import subprocess
import sys

import pytest

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
