#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Types a line and Tab in an interactive shell, and prints what the line is then.

    shell_complete.py bash|zsh|fish <LINES     one result a line, its end marked by "|"

kvmtune is the first in PATH. The completions are those in completions/.
"""

import os
import pathlib
import pty
import select
import signal
import sys
import tempfile
import time

DEADLINE = 120  # seconds, for a shell that hangs

SHELLS = {
    "bash": (["bash", "--noprofile", "--norc", "-i"],
             ". completions/kvmtune.bash; "
             """bind -x '"\\C-xp": printf "%s\\n" "$READLINE_LINE" >"$OUT.new"; mv "$OUT.new" "$OUT"'"""),
    "zsh": (["zsh", "-f", "-i"],
            "fpath=($PWD/completions $fpath); autoload -U compinit; compinit -u -D; "
            "show() { print -r -- $BUFFER >$OUT.new; mv $OUT.new $OUT }; zle -N show; bindkey '^Xp' show"),
    "fish": (["fish", "--no-config", "--interactive"],
             "source completions/kvmtune.fish; function show; commandline >$OUT.new; mv $OUT.new $OUT; end; "
             "bind \\cxp show; bind \\cu 'commandline \"\"'"),
}


class Shell:
    def __init__(self, name, directory):
        command, self.setup = SHELLS[name]
        self.out = pathlib.Path(directory, "out")
        home = dict(os.environ, HOME=directory, XDG_CONFIG_HOME=directory, XDG_DATA_HOME=directory,
                    OUT=str(self.out), TERM="xterm", PS1="$ ", COLUMNS="200", LINES="50")
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, home)
        self.seen = b""
        self.ends = time.monotonic() + DEADLINE

    def wait(self, there):
        """Reads what the shell prints, so that it does not block, until there() is true."""
        while not there():
            if time.monotonic() > self.ends:
                sys.exit(f"the shell does not answer; it printed {self.seen[-2000:]!r}")
            if select.select([self.terminal], [], [], 0.02)[0]:
                try:
                    self.seen += os.read(self.terminal, 65536)
                except OSError:
                    sys.exit(f"the shell ended; it printed {self.seen[-2000:]!r}")

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def start(self):
        ready = self.out.with_name("ready")
        self.type(self.setup + f"; echo >{ready}\r")
        self.wait(ready.exists)

    def complete(self, line):
        self.out.unlink(missing_ok=True)
        self.type("\x15" + line + "\t\x18p")
        self.wait(self.out.exists)
        return self.out.read_text(encoding="utf-8").rstrip("\n")

    def stop(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


def main(name):
    with tempfile.TemporaryDirectory() as directory:
        shell = Shell(name, directory)
        try:
            shell.start()
            for line in sys.stdin:
                print(shell.complete(line.rstrip("\n")) + "|", flush=True)
        finally:
            shell.stop()


main(sys.argv[1])
