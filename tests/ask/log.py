#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# log.py ARCHIVE [MEMBER=VALUE]...: which lines of the journals fit, by reading all of them: the
# answer that `custody log` has to give, from another program in another language. Members: user, uid,
# type (a list with commas), item, document, accession, journal, case, officer (a fingerprint), since,
# until (times as journals have them). Prints "journal seq", in order of time, then of node id.
import base64
import glob
import hashlib
import json
import os
import sys


def events(archive):
    for path in glob.glob(archive + "/journal/*.jsonl"):
        node = os.path.basename(path)[:32]
        for line in open(path, encoding="utf-8"):
            yield node, json.loads(line)


def text_of(document):
    return document.split("-----BEGIN ", 1)[0].splitlines()


def value_of(document, key):
    for line in text_of(document):
        if line.startswith(key + ": "):
            return line[len(key) + 2:]
    return None


def signers(document):
    """Fingerprints of the keys that SSHSIG armors name."""
    begin, end = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
    for part in document.split(begin)[1:]:
        blob = base64.b64decode(part.split(end)[0])
        n = int.from_bytes(blob[10:14], "big")  # behind "SSHSIG" and the version
        digest = hashlib.sha256(blob[14:14 + n]).digest()
        yield "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def documents(archive):
    """Serial -> text, for those that a log admitted, with the digest it admitted."""
    found = {}
    for _, ev in events(archive):
        if ev["type"] not in ("admitted", "enrolled"):
            continue
        kind = ev.get("kind", "enrolment")
        path = "%s/documents/%s.%s" % (archive, ev["document"], kind)
        data = open(path, "rb").read()
        if hashlib.sha256(data).hexdigest() == ev["digest"]:
            found[ev["document"]] = data.decode()
    return found


def serials(archive, fits):
    out = set()
    for serial, text in documents(archive).items():
        if fits(text):
            out.add(serial)
            out.add(value_of(text, "request") or serial)
    return out


def main():
    archive, want = sys.argv[1], dict(a.split("=", 1) for a in sys.argv[2:])
    named = None
    if "case" in want:
        named = serials(archive, lambda t: value_of(t, "case") == want["case"])
    if "officer" in want:
        some = serials(archive, lambda t: want["officer"] in signers(t))
        named = some if named is None else named & some
    if "document" in want:
        named = {want["document"]} if named is None else named & {want["document"]}
    out = []
    for node, ev in events(archive):
        ids = {ev.get("document"), ev.get("release")}
        if ("user" in want and ev.get("user") != want["user"]
                or "uid" in want and str(ev.get("uid")) != want["uid"]
                or "type" in want and ev["type"] not in want["type"].split(",")
                or "item" in want and ev.get("item") != want["item"]
                or "accession" in want and ev.get("accession") != want["accession"]
                or "journal" in want and node != want["journal"]
                or "since" in want and ev["time"] < want["since"]
                or "until" in want and ev["time"] > want["until"]
                or named is not None and not (ids & named)):
            continue
        out.append((ev["time"], node, ev["seq"]))
    for _, node, seq in sorted(out):
        print(node, seq)


main()
