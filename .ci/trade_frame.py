#!/usr/bin/env python3
"""Prints the sequence number of a trade frame from the middle of a session's tape, read with the
public MCAP library: the tape is an open format."""

import pathlib
import sys

from mcap.reader import NonSeekingReader

trades = []
for segment in sorted(pathlib.Path(sys.argv[1]).glob("*.mcap")):
    with segment.open("rb") as file:
        for _, channel, message in NonSeekingReader(file).iter_messages():
            if channel.topic.startswith("stream/") and b'"e":"trade"' in message.data:
                trades.append(message.sequence)
print(trades[len(trades) // 2])
