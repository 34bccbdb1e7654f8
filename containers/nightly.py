#!/usr/bin/env python3
"""One night's batch over a dataset into which new participants are dropped.

    nightly.py [--hours H] BIDS_DIR OUTPUT_DIR COMMAND...

COMMAND is what "spikefocus" is here, for example "docker run ... spikefocus", and sees both folders
under these same paths. Participants that are new, were stopped, or have files newer than their last
run are processed one after the other; all others are left alone, so that a second call does nothing.
Further options of the runs are in the environment variable SPIKEFOCUS_OPTIONS.
Exit status: 0 where nothing failed, 1 where a participant did, 2 where the batch could not begin.
Needs nothing but Python 3.7 or newer.
"""

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

# As in the README of spikefocus.
DONE, NOTHING_TO_PROCESS, LOCKED, STOPPED = 0, 4, 10, 75
# Failures that lie with the machine, so that another night may do without anybody's help.
OF_THE_MACHINE = ("missing resource", "no GPU")
# Not a participant, but the recordings of the empty room.
EMPTY_ROOM = "sub-emptyroom"
PARTICIPANT = re.compile("sub-[0-9A-Za-z+]+")


def say(text):
    print(text, flush=True)


def statuses(command, output_dir):
    """The stored status by participant, from "spikefocus status --json"."""
    done = subprocess.run([*command, "status", str(output_dir), "--json"], stdout=subprocess.PIPE)
    if done.returncode == NOTHING_TO_PROCESS:
        return {}
    if done.returncode != DONE:
        sys.exit(2)
    return {one["participant"]: one for one in json.loads(done.stdout.decode())}


def newest_change(bids_dir, participant):
    """When the participant's files arrived or changed last, also those of its derivatives.

    By the time of arrival (ctime): copying often keeps the time that the file was written.
    """
    folders = [bids_dir / participant, *bids_dir.glob(f"derivatives/*/{participant}")]
    changes = []
    for folder in folders:
        for file in (folder, *folder.rglob("*")):
            try:
                changes.append(file.lstat().st_ctime)
            except FileNotFoundError:
                changes.append(time.time())  # moved away just now
    return max(changes)


def reason(status, changed):
    """Why the participant is to be processed tonight; empty where it is not."""
    if status is None:
        return "new"
    if status["state"] in ("stale", "stopped", "unreadable"):
        return status["state"]
    if status["state"] == "failed" and status.get("outcome") in OF_THE_MACHINE:
        return status["outcome"]
    if status["state"] not in ("done", "failed"):
        return ""
    try:
        began = datetime.fromisoformat(status["since"]).timestamp()  # in whole seconds
    except (KeyError, TypeError, ValueError):
        return "unreadable"
    return "files changed" if changed >= began + 1 else ""


class Batch:
    """Runs one participant at a time, until its hours are over or it is told to stop."""

    def __init__(self, hours):
        self.ends = time.monotonic() + 3600 * hours
        self.running = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    def over(self):
        return time.monotonic() >= self.ends

    def stop(self, *_):
        """Let the running participant write where it is: another night goes on from there."""
        self.ends = time.monotonic()
        if self.running:
            self.running.send_signal(signal.SIGTERM)

    def run(self, command):
        """The command's exit code."""
        self.running = subprocess.Popen(command)
        try:
            return self.running.wait(max(0, self.ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.stop()
            return self.running.wait()
        finally:
            self.running = None


def main():
    parser = argparse.ArgumentParser(description="One night's batch over a drop folder.")
    parser.add_argument("--hours", type=float, default=10, help="no longer than this")
    parser.add_argument(
        "--settled",
        type=float,
        default=10,
        metavar="MINUTES",
        help="leave participants alone whose files changed later than so long ago",
    )
    parser.add_argument("bids_dir", type=Path)
    parser.add_argument("output_dir", type=Path)
    parser.add_argument("command", nargs=argparse.REMAINDER, help='what "spikefocus" is here')
    args = parser.parse_args()
    known = statuses(args.command, args.output_dir)
    batch, failed = Batch(args.hours), []
    options = shlex.split(os.environ.get("SPIKEFOCUS_OPTIONS", ""))
    folders = sorted(p.name for p in args.bids_dir.glob("sub-*") if p.is_dir())
    odd = [name for name in folders if not PARTICIPANT.fullmatch(name)]
    if odd:
        # Not by name: it may hold anything, also what no terminal can show.
        say(
            f"{len(odd)} folders are no participants: their names are not sub- and letters or digits"
        )
    for participant in (name for name in folders if name not in odd):
        changed = newest_change(args.bids_dir, participant)
        why = reason(known.get(participant), changed)
        if not why or participant == EMPTY_ROOM:
            continue
        if time.time() - changed < 60 * args.settled:
            say(f"{participant}: left for another night, its files are still arriving")
            continue
        if batch.over():
            say(f"{participant}: left for another night")
            continue
        say(f"{participant}: begins ({why})")
        run = [str(args.bids_dir), str(args.output_dir), "participant", "--participant-label"]
        code = batch.run([*args.command, *run, participant, *options])
        say(f"{participant}: exit code {code}")
        if code not in (DONE, LOCKED, STOPPED):
            failed.append(participant)
    say(f"failed: {', '.join(failed)}" if failed else "nothing failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
