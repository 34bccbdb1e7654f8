"""What an error is called and what can be done about it; what the outcomes of all participants end with."""

import errno

import pytest
import torch

from bids_app.exit_codes import ExitCode, Outcome, exit_code_of
from bids_app.failures import explain
from pipeline.errors import InvalidInput, MissingGPU, OutOfMemory


def _caused(cause, error):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "outcome", "says"),
    [
        (OSError(errno.ENOSPC, "No space left", "a.npz"), Outcome.MISSING_RESOURCE, "disk space"),
        (OSError(errno.EACCES, "Permission denied"), Outcome.MISSING_RESOURCE, "let this user"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), Outcome.OUT_OF_MEMORY, "more memory"),
        (MemoryError(), Outcome.OUT_OF_MEMORY, "more memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), Outcome.OUT_OF_MEMORY, "more memory"),
        (OutOfMemory("Too little", hint="more memory"), Outcome.OUT_OF_MEMORY, "more memory"),
        (MissingGPU("No GPU", hint="use --device cpu"), Outcome.NO_GPU, "--device cpu"),
        (
            _caused(MemoryError(), InvalidInput("The file is corrupt", hint="copy it")),
            Outcome.OUT_OF_MEMORY,
            "more memory",
        ),
    ],
    ids=str,
)
def test_resource_that_ran_out(error, outcome, says):
    found, message, hint = explain(error)
    assert found is outcome
    assert message
    assert says in hint


def test_torch_on_the_cpu_says_out_of_memory_in_words_that_are_known():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert explain(caught.value)[0] is Outcome.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], ExitCode.NOTHING_TO_PROCESS),
        ([Outcome.DONE], ExitCode.DONE),
        ([Outcome.DONE, Outcome.INVALID_INPUT], ExitCode.SOME_FAILED),
        ([Outcome.INVALID_INPUT, Outcome.MISSING_RESOURCE], ExitCode.ALL_FAILED),
        ([Outcome.MISSING_RESOURCE], ExitCode.MISSING_RESOURCE),
        ([Outcome.INTERNAL_ERROR], ExitCode.INTERNAL_ERROR),
        ([Outcome.OUT_OF_MEMORY], ExitCode.OUT_OF_MEMORY),
        ([Outcome.NO_GPU, Outcome.NO_GPU], ExitCode.NO_GPU),
        ([Outcome.OUT_OF_MEMORY, Outcome.NO_GPU], ExitCode.ALL_FAILED),
        ([Outcome.DONE, Outcome.LOCKED], ExitCode.LOCKED),
        ([Outcome.INVALID_INPUT, Outcome.LOCKED], ExitCode.ALL_FAILED),
        ([Outcome.DONE, Outcome.INVALID_INPUT, Outcome.LOCKED], ExitCode.SOME_FAILED),
        ([Outcome.DONE, Outcome.INVALID_INPUT, Outcome.STOPPED], ExitCode.STOPPED),
    ],
)
def test_exit_code_tells_some_from_all(outcomes, code):
    assert exit_code_of(outcomes) is code
