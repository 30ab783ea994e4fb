#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""archives.py DIR: makes archives that deceive, are damaged, or are odd, one a case, and the table
DIR/cases of what has to become of each:

    NAME.SUFFIX <tab> EXIT <tab> WORDS of the error, or the items it gives <tab> OPTIONS

EXIT 0: taken in; then the third column lists its items, separated by '|'. Nothing here is kept in
the repository, and nothing is taken from anywhere: every byte is written below.
"""
import bz2, gzip, io, lzma, os, struct, sys, zlib

CASES = []


def case(name, code, words, data, options=""):
    CASES.append((name, code, words, options))
    with open(os.path.join(DIR, name), "wb") as f:
        f.write(data)


# ---- tar ----

def header(name, size=0, kind=b"0", link=b"", mode=0o644, mtime=1559298848, magic=b"ustar\x0000",
           prefix=b"", checksum=None, size_field=None):
    name = name if isinstance(name, bytes) else name.encode()
    h = bytearray(512)
    h[0:len(name[:100])] = name[:100]
    h[100:108] = b"%07o\0" % mode
    h[108:116] = h[116:124] = b"0000000\0"
    h[124:136] = size_field or b"%011o\0" % size
    h[136:148] = b"%011o\0" % mtime
    h[148:156] = b" " * 8
    h[156:157] = kind
    h[157:157 + len(link)] = link
    h[257:265] = magic
    h[345:345 + len(prefix)] = prefix
    h[148:156] = checksum or b"%06o\0 " % sum(h)
    return bytes(h)


def pad(data):
    return data + b"\0" * (-len(data) % 512)


def member(name, data=b"x", **more):
    return header(name, len(data), **more) + pad(data)


def pax(records, kind=b"x"):
    body = b""
    for key, value in records:
        value = value if isinstance(value, bytes) else value.encode()
        n = len(key) + len(value) + 3
        n += len(str(n + len(str(n))))
        body += b"%d %s=%s\n" % (n, key.encode(), value)
    return member("PaxHeaders/x", body, kind=kind)


def gnu_long(name):
    return member("././@LongLink", name + b"\0", kind=b"L", magic=b"ustar  \0")


END = b"\0" * 1024
GOOD = member("good.jpg", b"good")


def tar(*parts, end=END):
    return GOOD + b"".join(parts) + end


def tars():
    refused = 5
    # Names.
    case("dotdot.tar", refused, "leads out", tar(member("../out")))
    case("dotdot-inside.tar", refused, "leads out", tar(member("a/../../out")))
    case("dotdot-end.tar", refused, "leads out", tar(member("a/..")))
    case("dotdot-folder.tar", refused, "leads out", tar(member("../", b"", kind=b"5")))
    case("dotdot-link.tar", refused, "leads out", tar(member("../ln", b"", kind=b"2", link=b"x")))
    case("absolute.tar", refused, "absolute", tar(member("/etc/cron.d/x")))
    case("absolute-backslash.tar", refused, "absolute", tar(member("\\windows\\x")))
    case("drive.tar", refused, "drive", tar(member("C:/windows/x")))
    case("backslash-dotdot.tar", refused, "leads out", tar(member("a\\..\\..\\x")))
    case("empty-name.tar", refused, "empty name", tar(member("")))
    case("empty-component.tar", refused, "empty component", tar(member("a//b")))
    case("dot-component.tar", refused, "empty component", tar(member("a/./b")))
    case("dot-name.tar", refused, "no name", tar(member(".")))
    case("long-component.tar", refused, "longer than 255", tar(gnu_long(b"a" * 256), member("a")))
    case("long-path.tar", refused, "longer than 4095",
         tar(gnu_long(b"/".join([b"a" * 200] * 21)), member("a")))
    deep = b"/".join([b"d"] * 1500)
    case("deep.tar", 0, "good.jpg|" + deep.decode(), tar(gnu_long(deep), member("d")))
    case("control-name.tar", 0, "good.jpg|a\\x1b[31mred", tar(member("a\x1b[31mred")))
    case("newline-name.tar", 0, "good.jpg|a\\x0ab", tar(member("a\nb")))
    case("latin-name.tar", 0, "good.jpg|caf\\xe9", tar(member(b"caf\xe9")))
    case("pax-latin-name.tar", 0, "good.jpg|caf\\xe9", tar(pax([("path", b"caf\xe9")]), member("c")))
    case("pax-nfd-name.tar", 0, "good.jpg|cafe\u0301",
         tar(pax([("path", "cafe\u0301")]), member("c")))
    case("dot-slash.tar", 0, "good.jpg|a/b", tar(member("./a/b")))
    # Twice, and in each other's way.
    case("twice.tar", refused, "more than once", tar(member("a"), member("a", b"y")))
    case("twice-dot.tar", refused, "more than once", tar(member("a"), member("./a", b"y")))
    case("file-and-folder.tar", refused, "a file below it", tar(member("a"), member("a/b")))
    case("folder-then-file.tar", refused, "a file below it", tar(member("a/b"), member("a")))
    case("case-differs.tar", 0, "A.jpg|a.jpg|good.jpg", tar(member("A.jpg"), member("a.jpg")))
    case("nfc-and-nfd.tar", 0, "good.jpg|cafe\u0301|caf\u00e9",
         tar(member("cafe\u0301"), member("caf\u00e9")))
    # Links and what is no file.
    case("symlink-out.tar", 0, "good.jpg", tar(member("ln", b"", kind=b"2", link=b"/etc/passwd")))
    case("through-symlink.tar", 0, "good.jpg|ln/passwd",
         tar(member("ln", b"", kind=b"2", link=b"/etc"), member("ln/passwd")))
    case("hardlink-out.tar", refused, "no member",
         tar(member("hl", b"", kind=b"1", link=b"/etc/passwd")))
    case("hardlink-dotdot.tar", refused, "no member",
         tar(member("hl", b"", kind=b"1", link=b"../x")))
    case("hardlink-self.tar", refused, "no member",
         tar(member("hl", b"", kind=b"1", link=b"hl")))
    case("hardlink-to-link.tar", refused, "no member",
         tar(member("ln", b"", kind=b"2", link=b"good.jpg"), member("hl", b"", kind=b"1", link=b"ln")))
    case("hardlink.tar", 0, "good.jpg|hl",
         tar(member("hl", b"", kind=b"1", link=b"good.jpg")))
    case("devices.tar", 0, "good.jpg", tar(member("null", b"", kind=b"3"),
                                           member("sda", b"", kind=b"4"),
                                           member("fifo", b"", kind=b"6")))
    # Headers.
    case("checksum.tar", 4, "Damaged tar", tar(header("a", 1, checksum=b"000001\0 ") + pad(b"x")))
    case("negative-size.tar", 4, "damaged", tar(header("a", size_field=b"\xff" * 12) + pad(b"x")))
    case("huge-size.tar", 4, "damaged",
         tar(header("a", size_field=b"\x80" + b"\0" * 3 + struct.pack(">Q", 1 << 40)) + pad(b"x")),
         "--max-ratio 0")
    case("pax-size.tar", 0, "good.jpg|a", tar(pax([("size", "700")]), header("a", 1), pad(b"y" * 700)))
    case("pax-size-lies.tar", 4, "damaged", tar(pax([("size", "70000")]), header("a", 1), pad(b"y")))
    case("pax-dotdot.tar", refused, "leads out", tar(pax([("path", "../out")]), member("fine")))
    case("pax-absolute.tar", refused, "absolute", tar(pax([("path", "/out")]), member("fine")))
    case("pax-malformed.tar", 4, "damaged", tar(member("p", b"99 path=x\n", kind=b"x"), member("a")))
    case("pax-global-name.tar", 0, "good.jpg|a", tar(pax([("comment", "x")], kind=b"g"), member("a")))
    case("long-link-dotdot.tar", refused, "leads out", tar(gnu_long(b"../../out"), member("fine")))
    # Ends.
    case("cut-header.tar", 4, "damaged", tar(member("a"))[:1024 + 300])
    case("cut-content.tar", 4, "damaged", tar(member("a", b"y" * 3000))[:3000])
    case("cut-between.tar", 4, "no end mark", GOOD + member("a"))
    case("one-end-block.tar", 4, "no end mark", tar(end=b"\0" * 512))
    case("behind-end.tar", 4, "behind its last", tar() + b"GARBAGE" + b"\0" * 505)
    case("second-archive.tar", 4, "behind its last", tar() + tar(member("hidden")))
    case("empty.tar", 4, "empty", b"")
    case("no-tar.tar", 4, "damaged", b"this is no tar at all, but some text\n" * 40)
    case("no-member.tar", 1, "holds no file", END)
    # Compression.
    packed = gzip.compress(tar(), mtime=0)
    flipped = bytearray(packed)
    flipped[-6] ^= 1
    case("gzip-crc.tar.gz", 4, "incorrect data check", bytes(flipped))
    flipped = bytearray(packed)
    flipped[-1] ^= 1
    case("gzip-length.tar.gz", 4, "incorrect length check", bytes(flipped))
    case("gzip-cut.tar.gz", 4, "cut off", packed[:-5])
    case("gzip-garbage.tar.gz", 4, "damaged", packed + b"GARBAGE")
    case("gzip-two-members.tar.gz", 0, "good.jpg",
         gzip.compress(tar()[:700], mtime=0) + gzip.compress(tar()[700:], mtime=0))
    case("xz-cut.tar.xz", 4, "damaged", lzma.compress(tar())[:-5])
    case("bzip2-garbage.tar.bz2", 4, "behind the end", bz2.compress(tar()) + b"GARBAGE")
    case("gzip-twice.tar.gz", 4, "damaged", gzip.compress(packed, mtime=0))
    case("xz-twice.tar.xz", refused, "more than once", lzma.compress(bz2.compress(tar())))
    # Bombs.
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = z.compress(tar(header("big", 400 << 20), end=b""))
    mega = b"\0" * (1 << 20)
    for _ in range(400):
        bomb += z.compress(mega)
    bomb += z.compress(END) + z.flush()
    case("bomb.tar.gz", refused, "--max-ratio", bomb)
    case("bomb-bytes.tar", refused, "--max-bytes", tar(member("a", b"y" * 5000)), "--max-bytes 4K")
    case("bomb-members.tar", refused, "--max-members",
         tar(*[member("m%d" % i) for i in range(50)]), "--max-members 50")
    sparse = pax([("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "huge"),
                  ("GNU.sparse.realsize", str(1 << 40))])
    body = pad(b"1\n%d\n1\n" % ((1 << 40) - 1)) + b"x"
    case("bomb-sparse.tar", refused, "--max-ratio", tar(sparse, member("GNUSparseFile.0/huge", body)))
    sparse = pax([("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "../out"),
                  ("GNU.sparse.realsize", "4")])
    case("sparse-dotdot.tar", refused, "leads out",
         tar(sparse, member("GNUSparseFile.0/x", pad(b"1\n3\n1\n") + b"x")))


# ---- zip ----

def entry(name, data=b"x", method=0, flags=0, crc=None, size=None, packed=None, local_name=None,
          local_size=None, local_flags=None, local_method=None, local_crc=None, attr=0o100644 << 16,
          made=0x031e, extra=b"", local_extra=b"", tail=b"", offset=None):
    """A member as (local bytes, function of its offset that gives the directory's bytes)."""
    name = name if isinstance(name, bytes) else name.encode()
    local_name = name if local_name is None else local_name
    body = data
    if method == 8:
        z = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = z.compress(data) + z.flush()
    crc = zlib.crc32(data) if crc is None else crc
    size = len(data) if size is None else size
    packed = len(body) if packed is None else packed
    local = struct.pack("<IHHHHHIIIHH", 0x04034b50, 20,
                        flags if local_flags is None else local_flags,
                        method if local_method is None else local_method, 0x5440, 0x4ebf,
                        crc if local_crc is None else local_crc, packed,
                        size if local_size is None else local_size, len(local_name),
                        len(local_extra)) + local_name + local_extra + body + tail

    def central(at):
        return struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, made, 20, flags, method, 0x5440, 0x4ebf,
                           crc, packed, size, len(name), len(extra), 0, 0, 0, attr,
                           at if offset is None else offset) + name + extra
    return local, central


def zipped(*entries, good=True, gap=b"", before=b"", comment=b"", count=None, end=b"", shift=0):
    entries = ([entry("good.jpg", b"good")] if good else []) + list(entries)
    out, places = before, []
    for local, central in entries:
        places.append(central(len(out) + shift))
        out += local
    out += gap
    directory = b"".join(places)
    n = len(entries) if count is None else count
    return out + directory + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, n, n, len(directory),
                                         len(out) + shift, len(comment)) + comment + end


def zips():
    refused = 5
    case("dotdot.zip", refused, "leads out", zipped(entry("../out")))
    case("absolute.zip", refused, "absolute", zipped(entry("/etc/x")))
    case("backslash-dotdot.zip", refused, "leads out", zipped(entry("..\\..\\x", made=0x0014)))
    case("drive.zip", refused, "drive", zipped(entry("c:\\x", made=0x0014)))
    case("empty-name.zip", refused, "empty name", zipped(entry("")))
    case("nul-name.zip", refused, "NUL", zipped(entry(b"a\0.jpg")))
    case("twice.zip", refused, "more than once", zipped(entry("a"), entry("a", b"y")))
    case("latin-name.zip", 0, "good.jpg|caf\\xe9", zipped(entry(b"caf\xe9")))
    case("utf8-name.zip", 0, "good.jpg|cafe\u0301", zipped(entry("cafe\u0301", flags=0x800)))
    case("backslash-name.zip", 0, "good.jpg|a\\b", zipped(entry("a\\b", made=0x0014)))
    case("symlink-out.zip", 0, "good.jpg", zipped(entry("ln", b"/etc/passwd", attr=0o120777 << 16)))
    case("device.zip", 0, "good.jpg", zipped(entry("dev", b"", attr=0o020666 << 16)))
    case("folder-content.zip", refused, "not read as", zipped(entry("d/", b"hidden", attr=0x10)))
    # The directory against the headers.
    case("name-differs.zip", refused, "differ in its name", zipped(entry("a", local_name=b"b")))
    case("size-differs.zip", refused, "differ in its size", zipped(entry("a", b"xyz", 8, local_size=2)))
    case("crc-differs.zip", refused, "differ in its checksum", zipped(entry("a", local_crc=7)))
    case("method-differs.zip", refused, "differ in its method",
         zipped(entry("a", b"x" * 99, method=8, local_method=12)))
    case("flags-differ.zip", refused, "differ in its flags", zipped(entry("a", local_flags=8)))
    case("descriptor-lies.zip", refused, "data descriptor",
         zipped(entry("a", b"x", flags=8, local_crc=0,
                      tail=struct.pack("<IIII", 0x08074b50, 1, 1, 1))))
    case("descriptor.zip", 0, "good.jpg|a",
         zipped(entry("a", b"x" * 99, 8, flags=8, tail=struct.pack(
             "<IIII", 0x08074b50, zlib.crc32(b"x" * 99), len(zlib.compress(b"x" * 99, 9)) - 6, 99))))
    case("unicode-path-lies.zip", refused, "differ in its name",
         zipped(entry("a", extra=struct.pack("<HHBI", 0x7075, 6, 1, zlib.crc32(b"a")) + b"b")))
    case("overlap.zip", refused, "", zipped(entry("a", b"x" * 50), entry("b", offset=42)))
    case("gap.zip", 4, "belong to none", zipped(entry("a"), gap=b"hidden"))
    case("hidden-member.zip", 4, "belong to none", zipped(entry("a"), gap=entry("hidden")[0]))
    case("before.zip", 4, "", zipped(entry("a"), before=b"#!/bin/sh\n"))
    case("behind.zip", 4, "no zip directory", zipped(entry("a"), end=b"GARBAGE"))
    case("moved.zip", 4, "directory is not where", zipped(entry("a"), shift=9))
    case("two-directories.zip", refused, "more than one",
         zipped(entry("a"), comment=struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 0, 0, 0, 0, 0)))
    case("comment.zip", 0, "good.jpg|a", zipped(entry("a"), comment=b"exported by a camera"))
    case("cut.zip", 4, "no zip directory", zipped(entry("a"))[:-30])
    case("count-less.zip", refused, "more than the entries", zipped(entry("a"), count=1))
    case("count-more.zip", refused, "directory", zipped(entry("a"), count=3))
    case("no-zip.zip", 4, "no zip directory", b"no zip at all" * 9)
    case("empty.zip", 4, "no zip directory", b"")
    case("no-member.zip", 1, "holds no file", zipped(good=False))
    case("bad-crc.zip", 4, "", zipped(entry("a", b"xyz", crc=5)))
    case("bad-deflate-crc.zip", 4, "", zipped(entry("a", b"x" * 400, 8, crc=9)))
    case("size-lies.zip", 4, "", zipped(entry("a", b"x" * 400, 8, size=500)))
    case("encrypted.zip", refused, "is encrypted", zipped(entry("a", b"x" * 20, flags=1)))
    case("strong-encrypted.zip", refused, "is encrypted", zipped(entry("a", b"x" * 20, flags=0x41)))
    case("method-unknown.zip", refused, "method 97", zipped(entry("a", method=97)))
    case("split.zip", refused, "split",
         zipped(entry("a"))[:-22] + struct.pack("<IHHHHIIH", 0x06054b50, 1, 0, 2, 2, 0, 0, 0))
    case("zip64-missing.zip", refused, "64-bit",
         zipped(entry("a"))[:-22] + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 2, 2, 0xffffffff,
                                                0xffffffff, 0))
    case("bomb.zip", refused, "--max-ratio", zipped(entry("big", b"\0" * (90 << 20), 8)))
    case("bomb-members.zip", refused, "--max-members",
         zipped(*[entry("m%d" % i) for i in range(50)]), "--max-members 50")


DIR = sys.argv[1]
os.makedirs(DIR, exist_ok=True)
tars()
zips()
with open(os.path.join(DIR, "cases"), "w") as f:
    for name, code, words, options in CASES:
        f.write("%s\t%d\t%s\t%s\n" % (name, code, words, options))
