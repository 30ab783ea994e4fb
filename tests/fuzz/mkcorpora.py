#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mkcorpora.py SEEDS CORPORA REPLAY: cases of good inputs SEEDS/<target>.<name>, and of the same with
one thing wrong. What is accepted all the same is named, to be looked at: white space around an armor,
a checkpoint's further lines, and the lines of a journal that are read one by one are fine."""
import base64
import os
import re
import subprocess
import sys
import tempfile

seeds, corpora, replay = sys.argv[1:]
count = {}

def case(target, name, about, data, good=False):
    os.makedirs(f"{corpora}/{target}", exist_ok=True)
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        out = subprocess.run([replay, "--pack", target, about, f.name], check=True, stdout=subprocess.PIPE).stdout
    expect = re.search(rb"^expect: (.*)$", out, re.M).group(1).decode()
    if not good and expect == "ok":
        print(f"accepted: {target}/{name}: {about}")
    path = f"{corpora}/{target}/{name}.case"
    assert not os.path.exists(path), path
    with open(path, "wb") as f:
        f.write(out)
    count[target] = count.get(target, 0) + 1


def lines_of(data):
    """The lines of the signed text, and what is behind it."""
    at = data.find(b"-----BEGIN ")
    if at < 0:
        at = data.find(b"\n\n") + 1 or len(data)
    return data[:at].splitlines(keepends=True), data[at:]


def text_cases(target, name, data, each_line=True):
    head, rest = lines_of(data)
    put = lambda n, about, d: case(target, f"{name}-{n}", about, d)
    if each_line:
        for i, line in enumerate(head[:26]):
            key = re.sub(rb"[^a-z0-9-]", b"", line.split(b":")[0].split(b"/")[0])[:20].decode() or "line"
            put(f"without-{i + 1:02}-{key}", f"line {i + 1} ({key}) is missing", b"".join(head[:i] + head[i + 1:]) + rest)
            put(f"twice-{i + 1:02}-{key}", f"line {i + 1} ({key}) stands twice", b"".join(head[:i + 1] + head[i:]) + rest)
            if b": " in line:
                put(f"empty-{i + 1:02}-{key}", f"line {i + 1} ({key}) has no value", b"".join(head[:i] + [line.split(b": ")[0] + b": \n"] + head[i + 1:]) + rest)
    if len(head) > 2:
        put("swap", "lines 2 and 3 are exchanged", b"".join([head[0], head[2], head[1]] + head[3:]) + rest)
    put("extra", "a line nobody knows ends the text", b"".join(head) + b"unknown: line\n" + rest)
    put("space", "a space ends line 2", b"".join([head[0], head[1][:-1] + b" \n"] + head[2:]) + rest if len(head) > 1 else data[:-1] + b" \n")
    put("upper", "hex digits of line 2 are upper-case", b"".join([head[0]] + [re.sub(rb"[0-9a-f]{16,}", lambda m: m.group(0).upper(), l) for l in head[1:2]] + head[2:]) + rest) if len(head) > 1 and re.search(rb"[0-9a-f]{16,}", head[1]) else None
    put("title", "the title is another one", data.replace(b"custodyfs-", b"custodian-", 1)) if data.startswith(b"custodyfs-") else None
    put("newer", "the title says version 2", data.replace(b"/v1\n", b"/v2\n", 1)) if b"/v1\n" in data[:60] else None
    put("no-lf", "the last line feed is missing", data[:-1])
    put("crlf", "lines end in CR LF", data.replace(b"\n", b"\r\n"))
    put("nul", "a NUL in line 1", data[:5] + b"\0" + data[5:])
    put("bom", "a byte order mark begins it", b"\xef\xbb\xbf" + data)
    put("latin1", "a byte that is not UTF-8", data[:12] + b"\xe9" + data[12:])
    put("cut", "only the first half is there", data[: len(data) // 2])
    put("double", "the whole stands twice", data + data)


def binary_cases(target, name, data, spots=10):
    put = lambda n, about, d: case(target, f"{name}-{n}", about, d)
    put("one-byte-more", "one byte follows", data + b"\0")
    for n in sorted({1, len(data) // 2, len(data) - 1}):
        if 0 < n < len(data):
            put(f"first-{n:05}", f"only the first {n} bytes are there", data[:n])
    for i in range(spots):
        at = i * (len(data) - 1) // (spots - 1)
        put(f"flip-{at:05}", f"one bit of byte {at} is another", data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])


def main():
    for target in sorted({f.split(".")[0] for f in os.listdir(seeds)}):
        case(target, "empty", "nothing at all", b"")
    done = set()
    for file in sorted(os.listdir(seeds)):
        target, name = file.split(".", 1)
        data = open(f"{seeds}/{file}", "rb").read()
        good = {"good": True}
        case(target, f"good-{name}", "as the programs write it", data, **good)
        first = target not in done
        done.add(target)
        if target in ("age", "frame", "segment", "record", "keyfile", "proof"):
            binary_cases(target, name, data, 14 if first else 6)
        elif target == "value":
            binary_cases(target, name, data, 2)
        elif target in ("request", "receipt", "evidence", "journal"):
            text_cases(target, name, data, each_line=False) if first else None
        elif target == "event":
            event_cases(name, data)
        elif target in ("sshkey", "vkey", "agekey", "sshsig", "armor", "checkpoint", "note", "ask"):
            short_cases(target, name, data)
        elif target in ("document",):
            text_cases(target, name, data, each_line=False)
        else:
            text_cases(target, name, data, each_line=first)
        if target == "request":
            bundle(name, data)
    value_cases()
    manifest_cases()
    mountopt_cases()
    print(sum(count.values()), "cases:", ", ".join(f"{k} {v}" for k, v in sorted(count.items())))


def short_cases(target, name, data):
    put = lambda n, about, d: case(target, f"{name}-{n}", about, d)
    put("cut", "only the first half is there", data[: len(data) // 2])
    put("space", "a space begins it", b" " + data)
    put("tail", "something follows", data + b"x")
    put("no-last", "the last character is missing", data[:-1])
    put("nul", "a NUL in it", data[:3] + b"\0" + data[3:])
    middle = len(data) // 2
    while data[middle:middle + 1] in (b"\n", b"-", b" "):
        middle += 1
    put("other", "a character in the middle is another", data[:middle] + (b"A" if data[middle:middle + 1] != b"A" else b"B") + data[middle + 1:])
    put("upper", "in capital letters", data.upper())
    if b"\n" in data.rstrip(b"\n"):
        put("crlf", "lines end in CR LF", data.replace(b"\n", b"\r\n"))
        put("one-line", "in one line", data.replace(b"\n", b"", 2))
        put("blank-line", "an empty line in it", data.replace(b"\n", b"\n\n", 1))


def event_cases(name, data):
    put = lambda n, about, d: case("event", f"{name}-{n}", about, d)
    put("space", "a space behind the first colon", data.replace(b":", b": ", 1))
    put("no-mac", "without its MAC", re.sub(rb',"mac":"[0-9a-f]*"', b"", data))
    put("tail", "something follows", data + b" ")
    put("lf", "a line feed follows", data + b"\n")
    if name != "ingest":
        return
    put("seq-zero", "a number with a leading zero", re.sub(rb'"seq":(\d+)', rb'"seq":0\1', data))
    put("seq-minus", "a negative number", re.sub(rb'"seq":(\d+)', rb'"seq":-\1', data))
    put("seq-huge", "a number that does not fit", re.sub(rb'"seq":(\d+)', b'"seq":18446744073709551616', data))
    put("seq-float", "a number with a fraction", re.sub(rb'"seq":(\d+)', rb'"seq":\1.0', data))
    put("seq-twice", "a member stands twice", re.sub(rb'("seq":\d+,)', rb"\1\1", data))
    put("time-zone", "a time that is not in UTC", re.sub(rb'(\d)Z"', rb'\1+01:00"', data))
    put("time-31-feb", "a day that is none", re.sub(rb"-\d\d-\d\dT", b"-02-31T", data))
    put("upper", "hex digits in capital letters", re.sub(rb'"item":"[0-9a-f]*"', lambda m: b'"item":"' + m.group(0)[8:-1].upper() + b'"', data))
    put("order", "two members are exchanged", re.sub(rb'("offset":\d+),("length":\d+)', rb"\2,\1", data))
    put("nested", "an object for a string", re.sub(rb'"item":"[0-9a-f]*"', b'"item":{}', data))
    case("event", f"{name}-type-unknown", "a type of a newer version", data.replace(b'"ingest"', b'"ingested"'), good=True)
    deep = b"[" * 200 + b"]" * 200
    put("deep", "a newer type with 200 lists in one another", re.sub(rb',"item":.*,"mac"', b',"x":' + deep + b',"mac"', data.replace(b'"ingest"', b'"newer"')))


def bundle(name, data):
    """The text up to `bundle: `, an empty line, and the bundle itself."""
    text = data[: data.index(b"bundle: ")]
    armor = data[data.index(b"-----BEGIN CUSTODYFS BUNDLE-----"):].splitlines()[1:-1]
    raw = base64.b64decode(b"".join(armor))
    case("bundle", f"good-{name}", "as the programs write it, without digest, signature and armor", text + b"\n" + raw, good=True)
    if name == "item":
        case("bundle", "empty", "nothing at all", b"")
        for at in [0, 8, 11, 12, 16, 40, len(raw) // 4, len(raw) // 2, len(raw) - 1]:
            case("bundle", f"{name}-flip-{at:05}", f"one bit of byte {at} of the bundle is another", text + b"\n" + raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:])
        case("bundle", f"{name}-more", "one byte follows the last section", text + b"\n" + raw + b"\0")
        case("bundle", f"{name}-cut", "only the first half is there", text + b"\n" + raw[: len(raw) // 2])
        case("bundle", f"{name}-sections", "more sections than there are bytes", text + b"\n" + raw[:8] + b"\xff\xff\xff\xff" + raw[12:])


def value_cases():
    u = lambda n, v: v.to_bytes(n, "big")
    s = lambda t: u(2, len(t)) + t
    case("value", "empty", "no table", b"") if "value" not in count else None
    good = {
        "journal": u(1, 6) + u(4, 1) + u(8, 5) + u(8, 100) + u(8, 5) + bytes(64),
        "accession": u(1, 3) + bytes(48) + s(b"user") + s(b"host") + s(b"c"),
        "segment": u(1, 4) + bytes(64),
        "tile": u(1, 7) + bytes(32 * 200),
        "line": u(1, 8) + u(8, 9) + bytes(400),
        "find": u(1, 11) + u(8, 1) * 256,
        "posting": u(1, 13) + b"\xff" * 32,
    }
    for name, data in good.items():
        case("value", f"good-{name}", "of the right size", data, good=True)
        case("value", f"{name}-short", "one byte is missing", data[:-1])
        case("value", f"{name}-long", "one byte follows", data + b"\1")
        case("value", f"{name}-none", "no byte", data[:1])
    case("value", "journal-peaks", "more peaks than bytes", u(1, 6) + u(4, 1) + u(8, 5) + u(8, 100) + b"\xff" * 8)
    case("value", "accession-nul", "a NUL in a name", u(1, 3) + bytes(48) + s(b"us\0r") + s(b"host") + s(b"c"))
    case("value", "accession-length", "a string longer than the value", u(1, 3) + bytes(48) + b"\xff\xff")


def manifest_cases():
    put = lambda n, about, d, good=False: case("manifest", n, about, d, good)
    digest = b"a" * 64
    put("empty", "nothing at all", b"")
    put("good-csv", "CSV", b"file,sha256,bytes,plate_text\r\na.jpg," + digest + b',12,"A ""B"" 1"\r\nb/c.jpg,,,\r\n', True)
    put("good-csv-bom", "CSV behind a byte order mark", b"\xef\xbb\xbffile,role\na.jpg,context\n", True)
    put("good-jsonl", "JSON Lines", b'{"file":"a.jpg","bytes":12,"candidates":[["ABC",0.9]],"hit":null}\n{"file":"b.jpg","lane":3}\n', True)
    put("good-unicode", "names that are not ASCII", '{"file":"Kennzeichen/ÄÖ 1.jpg","plate_text":"Ö-AB 12"}\n'.encode(), True)
    for name, about, row in [
        ("columns", "a row of another number of columns", b"file,role\na.jpg\n"),
        ("no-file", "no column `file`", b"name,role\na.jpg,x\n"),
        ("file-twice", "two columns `file`", b"file,file\na.jpg,b.jpg\n"),
        ("row-twice", "a file is named twice", b"file\na.jpg\na.jpg\n"),
        ("up", "a path that leads out", b"file\n../a.jpg\n"),
        ("absolute", "an absolute path", b"file\n/etc/passwd\n"),
        ("dot", "a path with . in it", b"file\na/./b.jpg\n"),
        ("quote-open", "a quote that does not end", b'file,role\n"a.jpg,x\n'),
        ("quote-inside", "a quote within a field", b'file,role\na"b.jpg,x\n'),
        ("quote-after", "something behind a closing quote", b'file,role\n"a.jpg"x,y\n'),
        ("latin1", "a byte that is not UTF-8", b"file\nk\xf6ln.jpg\n"),
        ("nul", "a NUL", b"file\na\0b.jpg\n"),
        ("digest-short", "a digest of 63 digits", b"file,sha256\na.jpg," + digest[1:] + b"\n"),
        ("digest-word", "a digest that is none", b"file,sha256\na.jpg," + b"g" * 64 + b"\n"),
        ("size-minus", "a negative size", b"file,bytes\na.jpg,-1\n"),
        ("size-word", "a size that is no number", b"file,bytes\na.jpg,12k\n"),
        ("size-huge", "a size that does not fit", b"file,bytes\na.jpg,18446744073709551616\n"),
        ("no-rows-name", "a row without a name", b"file,role\n,x\n"),
        ("json-cut", "an object that does not end", b'{"file":"a.jpg"\n'),
        ("json-list", "a list for an object", b'{"file":"a.jpg"}\n["file"]\n'),
        ("json-no-file", "an object without `file`", b'{"name":"a.jpg"}\n'),
        ("json-file-number", "`file` is a number", b'{"file":5}\n'),
        ("json-two", "two objects on a line", b'{"file":"a.jpg"}{"file":"b.jpg"}\n'),
        ("json-twice", "a member stands twice", b'{"file":"a.jpg","file":"b.jpg"}\n'),
        ("json-nul", "a NUL in a name", b'{"file":"a\\u0000b.jpg"}\n'),
        ("json-surrogate", "half a surrogate pair", b'{"file":"\\ud800.jpg"}\n'),
        ("json-deep", "5000 lists in one another", b'{"file":"a.jpg","x":' + b"[" * 5000 + b"]" * 5000 + b"}\n"),
        ("json-up", "a path that leads out", b'{"file":"a/../../b.jpg"}\n'),
    ]:
        put(name, about, row)


def mountopt_cases():
    put = lambda n, about, d, good=False: case("mountopt", n, about, d, good)
    put("good-fstab", "as fstab has it", b"ro,noauto,nofail,x-systemd.automount,node=/var/lib/custodyfs,allow_other,uid=1000,gid=0", True)
    put("good-empty", "no option", b"", True)
    put("good-commas", "empty words", b",,ro,,", True)
    put("good-comment", "a comment", b"comment=anything at all,_netdev", True)
    put("good-last", "the largest user id", b"uid=4294967294", True)
    put("good-user", "of a user's mount", b"noexec,nosuid,nodev,user=nobody,idle=900,X-mount.mkdir", True)
    for name, about, data in [
        ("idle-zero", "no time to be idle", b"idle=0"),
        ("idle-unit", "a time with a unit", b"idle=15m"),
        ("idle-huge", "more than a year", b"idle=31536001"),
        ("remount", "what a mount can't do", b"remount,ro"),
        ("uid-all", "the id that means none", b"uid=4294967295"),
        ("uid-huge", "a number that does not fit", b"uid=99999999999999999999"),
        ("uid-minus", "a negative number", b"uid=-1"),
        ("uid-plus", "a sign", b"gid=+1"),
        ("uid-space", "a space before the number", b"uid= 1"),
        ("uid-name", "a name for a number", b"uid=root"),
        ("uid-none", "no number", b"uid="),
        ("case", "an option in capital letters", b"ALLOW_OTHER"),
        ("value", "a value where there is none", b"allow_other=1"),
        ("no-value", "no value where there is one", b"node"),
        ("fuse", "an option of libfuse", b"default_permissions"),
        ("suid-like", "nearly an option", b"suid2"),
        ("after", "the second is wrong", b"ro,writeback_cache"),
    ]:
        put(name, about, data)


main()
