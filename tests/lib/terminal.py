#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
terminal.py - runs a command on a terminal of its own, and prints what it wrote there

    terminal.py COLUMNS WHICH COMMAND...

WHICH is what is the terminal: out, err or both; the other goes where ours goes. The exit status is
that of the command.
"""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

columns, which, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
ours, its = pty.openpty()
fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
child = subprocess.Popen(
    command,
    stdin=subprocess.DEVNULL,
    stdout=its if which != "err" else None,
    stderr=its if which != "out" else None,
)
os.close(its)
while True:
    try:
        data = os.read(ours, 65536)
    except OSError:  # all ends are closed
        break
    if not data:
        break
    sys.stdout.buffer.write(data.replace(b"\r\n", b"\n"))
sys.exit(child.wait())
