#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# impact.py ARCHIVE [journal=NODE-ID] [officer=FINGERPRINT] [from=TIME] [to=TIME]: what custody impact
# has to say, by reading all journals and documents, in the plainest way. Times as journals have them.
# Prints "item node state opens unclosed bytes authorisations" sorted, and a line of sums.
import base64
import glob
import hashlib
import json
import os
import sys

ORDER = ["none", "taken-in", "held", "covered", "opened", "served", "exported"]
LAST = "9999-12-31T23:59:59.999Z"


def values(text, key):
    return [l[len(key) + 2:] for l in text.split("-----BEGIN ", 1)[0].splitlines()
            if l.startswith(key + ": ")]


def signers(document):
    begin, end = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
    for part in document.split(begin)[1:]:
        blob = base64.b64decode(part.split(end)[0])
        n = int.from_bytes(blob[10:14], "big")
        digest = hashlib.sha256(blob[14:14 + n]).digest()
        yield "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def ms(time):
    """Documents have seconds, journals milliseconds."""
    return time if "." in time else time[:-1] + ".000Z"


archive = sys.argv[1]
want = dict(a.split("=", 1) for a in sys.argv[2:])
journal, officer = want.get("journal"), want.get("officer")
begin, end = want.get("from", ""), want.get("to", LAST)

logs = {}
for path in glob.glob(archive + "/journal/*.jsonl"):
    logs[os.path.basename(path)[:32]] = [json.loads(l) for l in open(path, encoding="utf-8")]

# every item, by (id, commitment, node), as first told
items = {}
for node, log in logs.items():
    for ev in log:
        if ev["type"] == "ingest":
            items.setdefault((ev["item"], ev["commitment"], node), ev)

# releases
releases, readers = [], 0
for node, log in logs.items():
    if journal and node != journal:
        continue
    for ev in log:
        if ev["type"] not in ("admitted", "enrolled") or ev["time"] > end:
            continue
        kind = ev.get("kind", "enrolment")
        if kind.startswith("archive-"):
            continue
        text = open("%s/documents/%s.%s" % (archive, ev["document"], kind)).read()
        if officer and officer not in signers(text):
            continue
        if kind == "enrolment" and "reader" in values(text, "role")[0].split(","):
            after = values(text, "not-after")
            readers += not after or ms(after[0]) >= begin
        if kind != "authorisation":
            continue
        r = {"node": node, "serial": ev["document"],
             "begin": max(ev["time"], ms(values(text, "not-before")[0])),
             "end": ms(values(text, "not-after")[0]),
             "issued": values(text, "issued")[0],
             "items": [v.split(" ") for v in values(text, "item")],
             "accessions": values(text, "accession")}
        for later in log:
            if later["time"] < ev["time"]:
                continue
            over = later["type"] == "release-ended" and later["release"] == r["serial"]
            if later["type"] == "admitted" and later["kind"] == "revocation":
                rev = open("%s/documents/%s.revocation" % (archive, later["document"])).read()
                over |= r["serial"] in values(rev, "authorisation")
                over |= node in values(rev, "node")
            if later["type"] == "admitted" and later["kind"] == "restore":
                doc = open("%s/documents/%s.restore" % (archive, later["document"])).read()
                over |= r["issued"] <= values(doc, "issued")[0]
            if over:
                r["end"] = min(r["end"], later["time"])
        r["force"] = r["begin"] <= r["end"] and r["begin"] <= end and r["end"] >= begin
        releases.append(r)

# what each covers
covers = []
for r in releases:
    keys = set()
    for key, ev in items.items():
        named = [key[0], key[1]] in r["items"]
        member = ev["accession"] in r["accessions"] and ev["time"] <= min(r["end"], end)
        if named or member:
            keys.add(key)
    for item, commitment in r["items"]:
        if not any(k[:2] == (item, commitment) for k in keys):
            keys.add((item, commitment, ""))
    covers.append(keys)

state, uses = {}, {}


def raise_to(key, what):
    if ORDER.index(what) > ORDER.index(state.get(key, "none")):
        state[key] = what


for key, ev in items.items():
    if journal and not officer and key[2] == journal and begin <= ev["time"] <= end:
        raise_to(key, "taken-in")
for r, keys in zip(releases, covers):
    for key in keys:
        raise_to(key, "covered" if r["force"] else "held")

sums = {"opens": 0, "unclosed": 0, "bytes": 0}
for node, log in logs.items():
    if journal and node != journal:
        continue
    for i, ev in enumerate(log):
        if ev["type"] != "opened" or ev["time"] > end:
            continue
        which = [n for n, r in enumerate(releases)
                 if r["node"] == node and r["serial"] == ev["release"]]
        if not which and officer:
            continue
        # its end: the next closing of that handle that no later opening of it takes
        depth, close = 0, None
        for later in log[i + 1:]:
            if (later.get("item"), later.get("release"), later.get("handle")) != \
                    (ev["item"], ev["release"], ev["handle"]):
                continue
            if later["type"] == "opened":
                depth += 1
            elif later["type"] == "closed" and depth:
                depth -= 1
            elif later["type"] == "closed":
                close = later
                break
        if ev["time"] < begin:
            if not which:
                continue
            r = releases[which[0]]
            if not (r["begin"] < begin <= r["end"]) or close and close["time"] < begin:
                continue
        sums["opens"] += 1
        sums["unclosed"] += close is None
        sums["bytes"] += close["bytes"] if close else 0
        keys = [k for k in (covers[which[0]] if which else []) if k[0] == ev["item"]]
        keys = keys or [k for k in list(items) + list(state) if k[0] == ev["item"]]
        keys = set(keys) or {(ev["item"], "0" * 64, "")}
        for key in keys:
            n = uses.setdefault(key, [0, 0, 0])
            n[0] += 1
            n[1] += close is None
            n[2] += close["bytes"] if close else 0
            raise_to(key, "opened" if close and not close["bytes"] else
                     "exported" if "export" in ev else "served")

lines = []
for key, what in state.items():
    n = uses.get(key, [0, 0, 0])
    by = sorted({r["serial"] for r, keys in zip(releases, covers) if key in keys})
    lines.append(" ".join([key[0], key[2] or "-", what] + [str(v) for v in n] + [",".join(by) or "-"]))
for line in sorted(lines):
    print(line)
names = sum(ev["type"] == "ingest" and ev["time"] <= end for log in logs.values() for ev in log)
print("sum", sum(r["force"] for r in releases), sum(not r["force"] for r in releases),
      sums["opens"], sums["unclosed"], sums["bytes"], readers, names if readers else 0)
