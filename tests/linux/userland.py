# SPDX-License-Identifier: Apache-2.0
"""What is asked of the guest's shell, and what must come of it. Answers that can be computed are computed here."""
import base64
import hashlib
import re
import shutil
import subprocess
import time

from guest import HERE, Failure, check


def numbers(n):
    return "".join(f"{i}\n" for i in range(1, n + 1)).encode()


def cpu(g, _):
    info = g.command("cat /proc/cpuinfo")
    check("ARM926EJ-S rev 5 (v5l)" in info and "ARM-Versatile" in info, f"/proc/cpuinfo:\n{info}")
    ticks = lambda: int(re.search(r"^ *\d+: +(\d+) .*timer", g.command("cat /proc/interrupts"), re.M).group(1))
    before = ticks()
    g.command("sleep 1")
    check(ticks() > before, "the timer's interrupts do not count")


def sums(g, _):
    data = numbers(20000)
    for tool, name in (("md5sum", "md5"), ("sha256sum", "sha256"), ("sha1sum", "sha1")):
        want = hashlib.new(name, data).hexdigest()
        got = g.command(f"seq 1 20000 | {tool}")
        check(got.split()[0] == want, f"{tool}: {got}, not {want}")
    zeros = hashlib.md5(bytes(5 << 20)).hexdigest()
    check(g.command("dd if=/dev/zero bs=64k count=80 2>/dev/null | md5sum").split()[0] == zeros, "dd or md5sum is wrong")


def archives(g, _):
    g.command("rm -rf t u; mkdir -p t/a/b; seq 1 30000 >t/a/b/n; ln -s n t/a/b/l; cp /bin/busybox t/a; chmod 600 t/a/b/n")
    g.command("tar czf t.tgz t && mkdir u && tar xzf t.tgz -C u")
    g.command("cmp t/a/b/n u/t/a/b/n && cmp t/a/busybox u/t/a/busybox && test -L u/t/a/b/l")
    want = hashlib.md5(numbers(30000)).hexdigest()
    check(g.command("gzip -c t/a/b/n | gunzip -c | md5sum").split()[0] == want, "gzip does not give back what it took")
    g.command("bzip2 -c t/a/b/n | bunzip2 -c | cmp - t/a/b/n")
    g.command("rm -rf t u t.tgz")


def scripts(g, _):
    check(g.command("i=0; s=0; while [ $i -lt 3000 ]; do s=$((s+i*i)); i=$((i+1)); done; echo $s") == str(sum(i * i for i in range(3000))),
          "shell arithmetic is wrong")
    want = "%.12f" % sum(1 / (i * i) for i in range(1, 5001))
    check(g.command("awk 'BEGIN{for(i=1;i<=5000;i++) s+=1/(i*i); printf \"%.12f\\n\", s}'") == want, "awk's floats are wrong")
    check(g.command("seq 1 5000 | sort -rn | sed -n '1p;$p' | tr '\\n' ' '").split() == ["5000", "1"], "sort is wrong")
    g.command("rm -f f; mkfifo f; (echo through >f &); test \"$(cat f)\" = through; rm f")
    check(g.command("seq 1 100000 | grep 7 | grep -v 3 | wc -l | tr -d ' '") ==
          str(sum("7" in str(i) and "3" not in str(i) for i in range(1, 100001))), "a pipe of greps is wrong")


def signals(g, _):
    check(g.command("sh -c 'trap \"echo caught; exit 3\" TERM; kill -TERM $$; sleep 5'", status=3) == "caught", "a trap does not work")
    g.command("sh -c 'kill -ABRT $$'", status=134)
    g.command("sleep 100 & p=$!; kill -STOP $p; kill -CONT $p; kill $p; wait $p; test $? = 143")
    check(g.command("sh -c 'trap \"n=\\$((n+1))\" USR1; n=0; while [ $n -lt 50 ]; do kill -USR1 $$; done; echo $n'") == "50", "signals get lost")
    g.command("timeout 1 sleep 20", status=143)


def forks(g, n):
    g.command(f"n=0; while [ $n -lt {n} ]; do /bin/true || exit 1; n=$((n+1)); done", seconds=600)
    g.command(f"n=0; while [ $n -lt {n // 10} ]; do (exit 7); test $? = 7 || exit 1; n=$((n+1)); done", seconds=600)
    g.command("for i in $(seq 1 60); do (sleep 1; exit $i) & done; wait")


def clock(g, _unused):
    """The guest's seconds are the host's, and its date is right."""
    for _ in range(3):  # a host that is busy elsewhere delays what we see, never what the guest may have
        start = time.monotonic()
        up = [float(l.split()[0]) for l in g.command("cat /proc/uptime; sleep 5; cat /proc/uptime").splitlines()]
        host, guest = time.monotonic() - start, up[1] - up[0]
        check(5 <= guest <= host + 0.05, f"5 seconds of sleep: {guest:.2f} in the guest, {host:.2f} on the host")
        if host < 5.5:
            break
    else:
        raise Failure(f"5 seconds of sleep took {host:.2f} on the host, {guest:.2f} in the guest")
    rtc, now = g.command("cat /sys/class/rtc/rtc0/since_epoch", status=None), time.time()
    check(rtc.isdigit() and abs(int(rtc) - now) < 5, f"the RTC says {rtc}, the host {now:.0f}")


def idle(g, _):
    """A guest that waits for input costs next to nothing."""
    time.sleep(1)
    before, start = g.cpu_seconds(), time.monotonic()
    time.sleep(5)
    share = (g.cpu_seconds() - before) / (time.monotonic() - start)
    check(share < 0.02, f"idle at the prompt, {100 * share:.1f} % of a core")


def upload(g, path):
    """A program of ours into the guest's /tmp, typed as base64."""
    text = base64.b64encode(path.read_bytes()).decode()
    lines = "\n".join(text[i:i + 76] for i in range(0, len(text), 76))
    name = path.name.split(".")[0]
    g.type(f"base64 -d >{name} <<'@end@'\n")
    for i in range(0, len(lines), 1000):
        g.type(lines[i:i + 1000])
        time.sleep(0.02)
    g.type("\n@end@\n")
    g.command(f"chmod 755 {name}")
    got = int(g.command(f"wc -c <{name}"))
    check(got == path.stat().st_size, f"{name}: {got} bytes arrived of {path.stat().st_size}")
    return f"./{name}"


def build_program(name, folder):
    """A Linux program without a C library; None without a compiler."""
    cc = next((c for c in ("arm-linux-gnueabi-gcc", "arm-none-eabi-gcc") if shutil.which(c)), None)
    if not cc:
        return None
    out = folder / f"{name}.elf"
    subprocess.run([cc, "-O2", "-mcpu=arm926ej-s", "-marm", "-nostdlib", "-static", "-ffreestanding", "-fno-builtin", "-Wall", "-s",
                    "-Wl,--build-id=none,-z,max-page-size=4096", "-o", out, HERE / f"{name}.c"], check=True)
    return out


def storms(g, folder):
    """mmap, page faults, copy on write, code written at run time: stress.c checks itself."""
    exe = build_program("stress", folder)
    if not exe:
        print("note: no ARM compiler, the page-fault storms are left out")
        return
    out = g.command(upload(g, exe), seconds=300)
    check(out.splitlines()[-1] == "stress: all good", out)
    check(out.count("ok ") == 8, out)
