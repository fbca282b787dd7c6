# SPDX-License-Identifier: Apache-2.0
"""A Linux guest as a child process on pipes: waiting for what it prints, typing, running commands in its shell."""
import codecs
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = ("zImage", "versatile-pb.dtb", "initrd.gz")
# What no boot may print.
BAD = re.compile(r"Oops|BUG:|Internal error|Kernel panic|unhandled (signal|fault)|[Ss]egmentation fault|Illegal instruction|"
                 r"Unhandled|stall|WARNING:|cut here|Bad mode|scheduling while atomic|recursive fault|lpj=0 ")


class Failure(Exception):
    """What a test has to say."""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def images(cache):
    """The folder with a kernel to boot: $RHEA_IMAGES, or what build-kernel.sh made."""
    tried = [d for d in (os.environ.get("RHEA_IMAGES"), os.environ.get("RHEA_CACHE"), cache) if d]
    for d in tried:
        if all((Path(d) / f).is_file() for f in FILES):
            return Path(d).resolve()
    skip("no Linux images: RHEA_IMAGES names no folder with zImage, versatile-pb.dtb and initrd.gz, and tests/linux/build-kernel.sh has not run")


def arguments(folder, append="", initrd=None, kernel=None, memory=128):
    """Command line of either emulator."""
    return ["-M", "versatilepb", "-m", str(memory), "-kernel", str(kernel or folder / "zImage"), "-dtb", str(folder / "versatile-pb.dtb"),
            "-initrd", str(initrd or folder / "initrd.gz"), "-append", ("console=ttyAMA0 " + append).strip(), "-nographic"]


class Guest:
    def __init__(self, argv, limit=180):
        self.argv = [str(a) for a in argv]
        self.end = time.monotonic() + limit
        self.err = tempfile.TemporaryFile()
        self.cwd = tempfile.TemporaryDirectory()
        self.p = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.err, cwd=self.cwd.name,
                                  env=dict(os.environ, QEMU_AUDIO_DRV="none"))
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.text = ""  # everything printed so far
        self.seen = 0   # what expect() has gone past

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()
        self.p.stdin.close()
        self.p.stdout.close()
        self.err.close()
        self.cwd.cleanup()

    def fail(self, what):
        self.err.seek(0)
        raise Failure(f"{what}\n  command: {' '.join(self.argv)}\n  stderr: {self.err.read().decode('utf-8', 'replace')[-1000:]}\n"
                      "  console:\n" + "\n".join("    " + l for l in self.text.splitlines()[-25:]))

    def read(self, seconds):
        """Takes what there is, waiting at most so long; False at the end of the output."""
        if not select.select([self.p.stdout], [], [], max(0, seconds))[0]:
            return True
        data = os.read(self.p.stdout.fileno(), 65536)
        self.text += self.decoder.decode(data).replace("\r", "")
        return bool(data)

    def expect(self, pattern, seconds=120):
        """Waits for a regular expression; returns the match. Its end is where the next one starts."""
        end = min(self.end, time.monotonic() + seconds)
        compiled = re.compile(pattern)
        while True:
            m = compiled.search(self.text, self.seen)
            if m:
                self.seen = m.end()
                return m
            if time.monotonic() > end:
                self.fail(f"waited in vain for /{pattern}/")
            if not self.read(min(1, end - time.monotonic())):
                m = compiled.search(self.text, self.seen)
                if not m:
                    self.fail(f"ended (status {self.p.wait()}) before /{pattern}/")

    def type(self, text):
        self.p.stdin.write(text.encode())
        self.p.stdin.flush()

    def exit_status(self, seconds=60):
        """Reads to the end; the emulator must end by itself."""
        end = min(self.end, time.monotonic() + seconds)
        while self.read(min(1, end - time.monotonic())):
            if time.monotonic() > end:
                self.fail("did not end")
        return self.p.wait()

    def enter_shell(self, seconds=120):
        """From the interactive prompt of `shell` on the kernel's command line to a shell that echoes nothing."""
        self.expect(r"ALL-DONE\n", seconds)
        self.expect(r"[#$] ")
        # Its output is a pipe, so it does not take itself for interactive. A `cat | sh` would lag: cat splices.
        self.type("stty -echo; echo 'ready''-now'; sh 2>&1 | cat; echo 'shell-is''-gone'\n")
        self.expect("ready-now\n")
        self.command("PATH=/bin:/sbin:/usr/bin:/usr/sbin; cd /tmp; echo 4 >/proc/sys/kernel/printk")  # errors only

    def command(self, line, seconds=120, status=0):
        """Output of a command line; fails unless it ends with `status` (None = any)."""
        self.type(f"{{ {line}\n}} </dev/null; echo \"@@$?@\"\n")
        start = self.seen
        m = self.expect(r"@@(\d+)@\n", seconds)
        out = self.text[start:m.start()].strip("\n")
        if status is not None and int(m.group(1)) != status:
            self.fail(f"status {m.group(1)}: {line}")
        return out

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.p.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def check_clean(self):
        lines = self.text.splitlines()
        at = next((i for i, l in enumerate(lines) if BAD.search(l)), None)
        if at is not None:
            raise Failure("the kernel or a program complains:\n" + "\n".join("    " + l for l in lines[max(0, at - 2):at + 30]))


def check(true, what):
    if not true:
        raise Failure(what)
