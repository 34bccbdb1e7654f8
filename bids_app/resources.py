"""What a stage took: seconds by the clock and of the processor, peak memory of the process and its children, GPU memory."""

import contextlib
import ctypes
import gc
import os
import threading
import time
from pathlib import Path

import psutil
import torch

from pipeline.machine import cores_used

_SAMPLE_S = 0.5
_MB = 2**20


def cpu_seconds() -> float:
    """Processor time of this process with all its threads, and of its children that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


class StageMeter:
    """Measures between entering and leaving; `record` then says what.

    The process's own peak is the kernel's, which misses nothing. What children have to themselves is
    sampled twice a second and added to the process's own memory of that moment.
    """

    def __enter__(self) -> "StageMeter":
        self._process = psutil.Process()
        if torch.cuda.is_initialized():
            torch.cuda.reset_peak_memory_stats()
        # Not permitted in every container: the peak then is that of the process so far.
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self._peak_with_children = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._started, self._cpu_before = time.monotonic(), cpu_seconds()
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.seconds = time.monotonic() - self._started
        self.cpu_seconds = cpu_seconds() - self._cpu_before
        self._over.set()
        self._thread.join()
        # Optimizers and networks refer to each other in circles, which are not let go by themselves.
        gc.collect()
        # The allocator keeps freed memory that lies below memory still in use, hundreds of MB of it
        # at times: a batch's next stages would have that for nothing. Only glibc needs to be told.
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)

    def record(self) -> dict:
        """``seconds``, ``cpu_seconds``, ``cores`` that might be used, ``peak_memory_mb``, and
        ``peak_gpu_memory_mb``; None where it cannot be told.
        """
        gpu_bytes = torch.cuda.max_memory_allocated() if torch.cuda.is_initialized() else None
        peak = max(_own_peak_bytes(), self._peak_with_children)
        return {
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "cores": cores_used(),
            "peak_memory_mb": peak // _MB or None,
            "peak_gpu_memory_mb": None if gpu_bytes is None else gpu_bytes // _MB,
        }

    def _sample(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            children = self._process.children(recursive=True)
            if children:
                used = self._process.memory_info().rss
                for child in children:
                    with contextlib.suppress(psutil.Error):
                        # A child that was forked shares all it has until it begins another program.
                        used += child.memory_full_info().uss
                self._peak_with_children = max(self._peak_with_children, used)


def _own_peak_bytes() -> int:
    """0 where the kernel does not say."""
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next((line for line in lines if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return 1024 * int(peak.split()[1])
