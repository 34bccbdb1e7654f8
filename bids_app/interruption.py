"""SIGTERM and SIGUSR1: what schedulers send before they take a machine away."""

import os
import signal
import socket
import threading
from collections.abc import Callable

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
# Schedulers leave 30 s or more between asking and killing. A library call that lasts longer than
# this is left in the middle, if it lets other threads run (ANTs' registration does not: there the
# scheduler's own kill comes first). Nothing half-written stands under a final name either way.
GRACE_S = 20.0


class StopSignals:
    """While entered, a signal of `SIGNALS` is a request to stop that can be asked for.

    A thread waits for it besides, because Python itself runs no handler while a library computes:
    it calls `abandon` when the request was not followed within `grace_s`.

    Parameters
    ----------
    grace_s : float
    exit_code : int
        Of the process, where the request was not followed in time.
    """

    def __init__(self, exit_code: int, grace_s: float = GRACE_S):
        self.exit_code, self.grace_s = exit_code, grace_s
        self.abandon: Callable[[], None] = lambda: None
        self._requested = False
        self._over = threading.Event()

    def requested(self) -> bool:
        return self._requested

    def __enter__(self) -> "StopSignals":
        self._read, self._write = socket.socketpair()
        self._write.setblocking(False)
        self._old_descriptor = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._old_handlers = {number: signal.signal(number, self._handle) for number in SIGNALS}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_descriptor)
        self._write.close()
        self._thread.join()
        self._read.close()

    def _handle(self, number, frame) -> None:
        self._requested = True

    def _watch(self) -> None:
        while received := self._read.recv(1):
            if received[0] in SIGNALS:
                self._requested = True
                if not self._over.wait(self.grace_s):
                    self.abandon()
                    os._exit(self.exit_code)
                return
