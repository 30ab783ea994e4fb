#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""find.py make N SEED: src/ with N small files in folders, and src/manifest.csv about most of them.
find.py ask NODE ARCHIVE COLLECTION ACCESSION QUERIES SEED: asks `custody find` at random about the items
of the accession, and compares each answer with what a plain reading of the manifest says. $CUSTODY is the
program; $PORT is the port of items that the manifest gives none. Exits 1 with the first that differs."""
import csv
import datetime
import json
import os
import random
import re
import subprocess
import sys
import uuid

COLUMNS = ["file", "event_id", "role", "captured_at", "site_id", "camera_id", "camera_name", "lane",
           "plate_text", "plate_region", "plate_confidence", "source_system", "hit", "port", "case"]
ROLES = ["context", "plate_crop", "driver"]
LETTERS = "ABIO018XZ"
START = datetime.datetime(2019, 5, 30, tzinfo=datetime.timezone.utc)


def stamp(t):
    return t.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (t.microsecond // 1000)


def plate(r):
    if r.random() < 0.05:
        return r.choice(["ÑAB 12", "京A12345", "x*y?", "---", "ΑΒΓ-1234"])
    p = "".join(r.choice(LETTERS) for _ in range(r.randint(2, 6)))
    if r.random() < 0.3:
        p = p[:2] + r.choice("- .") + p[2:]
    return p.lower() if r.random() < 0.2 else p


def make(n, seed):
    r = random.Random(seed)
    rows = []
    for i in range(n):
        name = "lane%02d/%s_%d.jpg" % (i % 7, r.choice(["a", "b c", "ü"]), i)
        os.makedirs("src/" + os.path.dirname(name), exist_ok=True)
        with open("src/" + name, "w", encoding="utf-8") as f:
            f.write("image %d\n" % i)
        t = START + datetime.timedelta(milliseconds=r.randrange(0, 40 * 86400000))
        os.utime("src/" + name, (int(t.timestamp()) - 3600, int(t.timestamp()) - 3600))
        if r.random() < 0.05:
            continue
        row = {"file": name, "event_id": str(uuid.UUID(int=r.getrandbits(128)))
               if not rows or r.random() < 0.5 else rows[-1]["event_id"],
               "role": r.choice(ROLES), "captured_at": stamp(t), "site_id": "POE-%d" % r.randint(1, 4),
               "camera_id": "CAM%d" % r.randint(1, 9), "camera_name": r.choice(["north", "South 2", ""]),
               "lane": str(r.randint(1, 6)), "plate_text": plate(r),
               "plate_region": r.choice(["US-TX", "US-CA", "MX-BCN", ""]),
               "plate_confidence": r.choice(["", "%.2f" % r.random(), "1", "0"]),
               "source_system": r.choice(["autovu", "openalpr"]), "hit": r.choice(["", "", "stolen"]),
               "port": r.choice(["2506", "2507", "Otay Mesa"]), "case": r.choice(["", "", "C-1", "c-1"])}
        for c in COLUMNS[3:]:
            if r.random() < 0.04:
                row[c] = ""
        rows.append(row)
    with open("src/manifest.csv", "w", encoding="utf-8", newline="") as f:
        w = csv.DictWriter(f, COLUMNS)
        w.writeheader()
        w.writerows(rows)


# ---- what is true ----

def upper(s):
    return re.sub("[a-z]", lambda m: m.group().upper(), s)


def clean(s, keep=""):
    return "".join(c for c in upper(s) if ord(c) > 127 or c.isalnum() or c in keep)


def glob(pattern, text, fold):
    """Wildcards by way of a regular expression."""
    out = "".join(".*" if c == "*" else "." if c == "?" else re.escape(fold(c)) for c in pattern)
    return re.fullmatch(out, fold(text), re.DOTALL) is not None


def misread(s):
    return upper(s).translate(str.maketrans("OIB", "018"))


def parse(t):
    return datetime.datetime.strptime(t, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)


def load(port):
    rows = {}
    for d, _, files in os.walk("src"):
        for f in files:
            path = os.path.relpath(os.path.join(d, f), "src")
            rows[path] = {c: "" for c in COLUMNS}
            rows[path]["port"] = port
            rows[path]["mtime"] = os.stat(os.path.join(d, f)).st_mtime_ns // 1000000
    with open("src/manifest.csv", encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            rows[row["file"]].update({k: v for k, v in row.items() if v})
    for row in rows.values():
        row["ms"] = (round(parse(row["captured_at"]).timestamp() * 1000) if row["captured_at"]
                     else row["mtime"])
        row["plate"] = clean(row["plate_text"])
    return rows


# ---- questions ----

def words(r, values, fold=False):
    v = r.choice(values)
    if r.random() < 0.4 and v:
        k = r.randrange(len(v))
        v = r.choice([v[:k] + "*", "*" + v[k:], v[:k] + "?" + v[k + 1:], "*" + v[k] + "*"])
    return v.swapcase() if fold and r.random() < 0.2 and v.isascii() else v


def test_text(option, columns):
    def one(r, rows):
        values = sorted({row[c] for row in rows.values() for c in columns if row[c]})
        ask = [words(r, values, option != "case") for _ in range(r.choice([1, 1, 2]))]
        fold = (lambda s: s) if option == "case" else upper
        return ([x for v in ask for x in ("--" + option, v)],
                lambda row: any(row[c] and glob(v, row[c], fold) for v in ask for c in columns))
    return one


def test_time(r, rows):
    t = START + datetime.timedelta(days=r.randrange(-1, 42), milliseconds=r.randrange(0, 86400000))
    kind = r.randrange(4)
    ms = round(t.timestamp() * 1000)
    if kind == 0:
        return ["--since", stamp(t)], lambda row: row["ms"] >= ms
    if kind == 1:
        return ["--until", stamp(t)], lambda row: row["ms"] <= ms
    form = r.choice(["%Y", "%Y-%m", "%Y-%m-%d"])
    day = t.strftime(form)

    def text(row):
        return datetime.datetime.fromtimestamp(row["ms"] / 1000, datetime.timezone.utc).strftime(form)
    if kind == 2:
        return ["--on", day], lambda row: text(row) == day
    return ["--until", day], lambda row: text(row) <= day


def test_reading(r, rows):
    args, tests = [], []
    if r.random() < 0.7:
        values = sorted({row["plate_text"] for row in rows.values() if row["plate"]})
        fuzzy = r.random() < 0.4
        ask = []
        while not ask:
            ask = [v for v in (words(r, values, True) for _ in range(r.choice([1, 1, 2])))
                   if clean(v, "*?")]
        args += [x for v in ask for x in ("--plate", v)] + (["--fuzzy"] if fuzzy else [])
        fold = misread if fuzzy else upper
        tests.append(lambda row: bool(row["plate"]) and
                     any(glob(clean(v, "*?"), row["plate"], fold) for v in ask))
    if r.random() < 0.3:
        region = words(r, ["US-TX", "US-CA", "MX-BCN"])
        args += ["--region", region]
        tests.append(lambda row: bool(row["plate_region"]) and glob(region, row["plate_region"], upper))
    if r.random() < 0.3:
        least = "%.2f" % r.uniform(0.01, 1)
        args += ["--confidence", least]
        tests.append(lambda row: bool(row["plate_confidence"]) and
                     round(float(row["plate_confidence"]) * 10000) >= round(float(least) * 10000))
    if r.random() < 0.2:
        args += ["--hit", "stolen"]
        tests.append(lambda row: row["hit"] == "stolen")
    return args, lambda row: all(t(row) for t in tests)


TESTS = [test_text("port", ["port"]), test_text("site", ["site_id"]), test_text("lane", ["lane"]),
         test_text("camera", ["camera_id", "camera_name"]), test_text("event", ["event_id"]),
         test_text("role", ["role"]), test_text("system", ["source_system"]), test_text("case", ["case"]),
         test_time, test_time, test_reading, test_reading, test_reading]


def ask(node, archive, collection, accession, queries, seed):
    r = random.Random(seed)
    rows = load(os.environ.get("PORT", ""))
    answers = 0
    for n in range(queries):
        picked = [t(r, rows) for t in r.sample(TESTS, r.choice([1, 1, 2, 3]))]
        args = [a for p in picked for a in p[0]]
        if args.count("--on") + args.count("--since") + args.count("--until") > 1 or \
                args.count("--fuzzy") > 1 or args.count("--confidence") > 1 or \
                sum("--plate" in p[0] or "--region" in p[0] or "--hit" in p[0] for p in picked) > 1:
            continue  # means something else when given twice
        reverse = r.random() < 0.2
        want = sorted(((row["ms"], collection + "/" + path) for path, row in rows.items()
                       if all(p[1](row) for p in picked)),
                      key=lambda x: (x[0], x[1].encode()), reverse=reverse)
        want = [w[1] for w in want]
        answers += len(want)
        limit = r.choice([0, 0, 1, 5])
        args += (["--limit", str(limit)] if limit else []) + (["-r"] if reverse else [])
        want = want[:limit] if limit else want
        js = n % 2 == 0
        out = subprocess.run([os.environ["CUSTODY"], "--node", node, "find", archive] + args +
                             ["--accession", accession] +
                             (["--json"] if js else ["-0"]), check=True, stdout=subprocess.PIPE).stdout
        got = ([json.loads(x)["path"] for x in out.decode().splitlines()] if js
               else [x.decode() for x in out.split(b"\0")[:-1]])
        if got != want:
            print("custody find", args, "\ngot", len(got), got[:5], "\nwant", len(want), want[:5])
            return 1
    print("answers %d" % answers)
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(ask(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5], int(sys.argv[6]),
                     int(sys.argv[7])))
