#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Every member of a struct that is state (base/state.h) stands in its table, saved or with a reason why not: who adds a member
# to a device must say which. A failure names the member. Usage: state.py SOURCE_ROOT
import pathlib, re, sys

root = pathlib.Path(sys.argv[1])
text = {f: re.sub(r"/\*.*?\*/", "", f.read_text(), flags=re.S) for room in ("hw", "frontend-arm", "runtime", "host", "api")
        for f in sorted((root / room).glob("*.[ch]"))}
# Structs that others hold by value and whose members the holder's table names one by one.
inner = ("vtimer", "mii_phy", "queue", "ps2", "arm_cp15")
# STATE_TIMER and STATE_EACH_TIMER save these of a vtimer; the rest of it is the clock's list.
timer = {"deadline", "order", "armed"}


def body(name):
    for t in text.values():
        m = re.search(r"^struct %s \{\n(.*?)^\};" % name, t, re.S | re.M)
        if m:
            return m.group(1)
    sys.exit(f"struct {name} is not found")


def members(name):
    """Members of a struct, with dots into structs held by value."""
    out = []
    src = re.sub(r"^\tstruct (\w+) \{\n(.*?)^\t\} (\w+)\[(\w+)\];", lambda m: "".join(
        f"\t{kind} {m[3]}.{n};\n" for kind, names in re.findall(r"^\t\t([\w ]+) (\w[^;]*);", m[2], re.M)
        for n in re.split(r", *", names)), body(name), flags=re.S | re.M)
    for decl in re.findall(r"^\t([^\t/#][^;]*);", src, re.M):
        decl = " ".join(decl.split())
        if "(*" in decl:
            out.append(re.search(r"\(\*(\w+)\)", decl)[1])
            continue
        m = re.match(r"(?:const |_Atomic )*(?:(?:struct|enum) (\w+)|unsigned|\w+) (.*)", decl)
        for var in m[2].split(", "):
            v = re.match(r"(\*+)?([\w.]+)(\[)?", var)
            held = m[1] and decl.find("enum") < 0 and not v[1] and m[1] in inner + tuple(structs_in_arrays)
            out += [f"{v[2]}.{n}" for n in members(m[1])] if held and m[1] != "vtimer" else \
                   [f"{v[2]}.deadline", f"{v[2]}.order", f"{v[2]}.armed"] if held else [v[2]]
    return out


def listed(table):
    names = set()
    for kind, args in re.findall(r"(STATE\w*)\(([^()]*(?:\([^()]*\)[^()]*)*)\)", table):
        a = [x.strip() for x in args.split(",")]
        if kind in ("STATE_EACH", "STATE_NOT_EACH"):
            names.add(f"{a[1]}.{a[2]}")
        elif kind == "STATE_EACH_TIMER":
            names |= {f"{a[1]}.{a[2]}.{t}" for t in timer}
        elif kind == "STATE_TIMER":
            names |= {f"{a[1]}.{t}" for t in timer}
        elif len(a) > 1:
            names.add(re.sub(r"\[.*", "", a[1]))
    return names | set(re.findall(r'\.name = "([\w.]+)"', table))


structs_in_arrays = ("sp804_timer", "channel", "event", "semihosting_file")
bad = seen = 0
for f, t in text.items():
    for desc in re.findall(r"struct state_desc \w+ = \{(.*?)\};", t, re.S):
        struct = re.search(r"\.size = sizeof\(struct (\w+)\)", desc)[1]
        table = re.search(r"STATE_FIELDS\((\w+)\)", desc)[1]
        rows = re.search(r"struct state_field %s\[\] = \{(.*?)^\};" % table, t, re.S | re.M)[1]
        have, want = listed(rows), members(struct)
        seen += len(want)
        for m in want:
            whole = m.split(".")[0] in have
            if m not in have and not whole:
                print(f"{f.relative_to(root)}: {m} of struct {struct} is in no row of {table}: state, or why not?")
                bad = 1
# Every device says what its state is.
for f, t in text.items():
    makes, says = len(re.findall(r"= hw_new_device\(", t)), len(re.findall(r"\thw_describe\(", t))
    if makes != says and f.name != "device.c":
        print(f"{f.relative_to(root)}: makes {makes} devices and describes the state of {says}")
        bad = 1
if seen < 200:
    print(f"only {seen} members seen: wrong source root?")
    bad = 1
sys.exit(bad)
