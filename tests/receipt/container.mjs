// SPDX-License-Identifier: Apache-2.0
//
// The container of a receipt, and of the documents in it, from custodyfs-format(5) alone.

import { base64, need, sha256 } from "./tlog.mjs";

export class Malformed extends Error {}
const must = (ok, what) => { if (!ok) throw new Malformed(what); };

const MIB = 1 << 20, KIB64 = 65536;
const MOST = { description: MIB, earlier: MIB, enrolment: MIB, checkpoint: KIB64, cosigned: KIB64,
	consistency: KIB64 + 4096, event: 65536, proof: KIB64 + 4096, authorisation: 64 * MIB,
	revocation: MIB, restore: 64 * MIB, record: 2 * MIB };

// UTF-8 without control characters but LF.
function isText(bytes) {
	try {
		new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch {
		return false;
	}
	return !bytes.some((b) => (b < 0x20 && b !== 10) || b === 0x7f);
}

export function parse(bytes) {
	let at = 0;
	const line = () => {
		const lf = bytes.indexOf(10, at);
		must(lf >= 0 && isText(bytes.subarray(at, lf)), "a line has no end, or is no text");
		const s = bytes.toString("utf8", at, lf);
		at = lf + 1;
		return s;
	};
	const next = (key) => bytes.toString("latin1", at, at + key.length + 2) === key + ": ";
	const value = (key) => {
		must(next(key), `'${key}' must stand at byte ${at}`);
		return line().slice(key.length + 2);
	};
	const id = (key) => {
		const v = value(key);
		must(/^[0-9a-f]{32}$/.test(v), `'${key}' is no id`);
		return v;
	};
	const part = (key) => {
		const v = value(key), n = Number(v);
		must(/^[1-9][0-9]{0,15}$/.test(v) && n <= MOST[key] && at + n <= bytes.length,
			`the length of '${key}'`);
		const p = bytes.subarray(at, at + n);
		must(p[n - 1] === 10 && isText(p), `'${key}' is no text`);
		at += n;
		return p;
	};
	const many = (key, most, f, least = 0) => {
		const list = [];
		while (next(key)) list.push(f());
		must(list.length >= least && list.length <= most, `so many of '${key}'`);
		return list;
	};
	const oneEvent = () => {
		const e = { line: part("event"), proof: part("proof") };
		must(e.line.indexOf(10) === e.line.length - 1, "'event' must be one line");
		return e;
	};

	must(line() === "custodyfs-receipt/v1", "not a receipt");
	const r = { archive: id("archive"), item: id("item"), node: id("node") };
	r.description = part("description");
	r.earlier = many("earlier", 256, () => part("earlier"));
	r.logs = many("log", 4096, () => ({
		node: id("log"),
		enrolments: many("enrolment", 4096, () => part("enrolment"), 1),
		checkpoint: part("checkpoint"),
		cosigned: next("cosigned") ? part("cosigned") : null,
		consistency: next("consistency") ? part("consistency") : null,
		events: many("event", 100000, oneEvent, 1),
	}), 1);
	must(r.logs.every((l, i) => i === 0 || r.logs[i - 1].node < l.node), "logs out of order");
	for (const key of ["authorisation", "revocation", "restore"])
		r[`${key}s`] = many(key, 4096, () => part(key));
	r.record = next("record") ? part("record") : null;
	must(line() === "end" && at === bytes.length, "no end");
	return r;
}

// ---- documents ----

export const lines = (text, key) => text.toString("utf8").split("\n")
	.filter((l) => l.startsWith(`${key}: `)).map((l) => l.slice(key.length + 2));

export function field(text, key) {
	const [value] = lines(text, key);
	need(value !== undefined, `a document without '${key}'`);
	return value;
}

// What an armor holds. Lines are full but for the last; columns 0: up to 76, each as long as it likes.
export function armor(text, label, columns) {
	const [first, ...rest] = text.split("\n");
	need(first === `-----BEGIN ${label}-----` && rest.pop() === "" &&
		rest.pop() === `-----END ${label}-----`, "an armor that is none");
	need(rest.every((l, i) => l.length > 0 && l.length <= (columns || 76) &&
		(!columns || l.length === columns || i === rest.length - 1)), "an armor whose lines are cut");
	return base64(rest.join(""));
}

// What is signed, the signatures, and that the sealed part is the one the text names.
export function document(bytes) {
	const s = bytes.toString("latin1");
	const end = s.search(/^-----BEGIN /m);
	need(end > 0, "a document without a signature");
	const parts = [];
	for (let at = end; at < s.length; at += parts[parts.length - 1].length) {
		const [, label] = s.slice(at).match(/^-----BEGIN (SSH SIGNATURE|AGE ENCRYPTED FILE)-----\n/) ?? [];
		const stop = `\n-----END ${label}-----\n`, to = s.indexOf(stop, at);
		need(label && to >= 0, "a document with something between its parts");
		parts.push(s.slice(at, to + stop.length));
	}
	const sealed = /^-----BEGIN AGE/.test(parts[parts.length - 1]) ? parts.pop() : null;
	need(parts.length > 0 && parts.length <= 32 &&
		parts.every((p) => p.startsWith("-----BEGIN SSH SIGNATURE-----\n")),
		"a document without a signature");
	const doc = { bytes, text: bytes.subarray(0, end), signatures: parts };
	const named = lines(doc.text, "sealed");
	need(named.length === (sealed ? 1 : 0), "a sealed part that is missing, or not named");
	if (sealed)
		need(sha256(armor(sealed, "AGE ENCRYPTED FILE", 64)).toString("hex") === named[0],
			"another sealed part than the one the text names");
	return doc;
}

// In order of serial, none twice.
export function inOrder(docs) {
	const serial = docs.map((d) => field(d.text, "serial"));
	need(serial.every((s, i) => i === 0 || serial[i - 1] < s), "documents out of order");
	return docs;
}

// ---- events ----

const MEMBER = /"([a-z_-]+)":("(?:[^"\\]|\\.)*"|[0-9]+|true|false)(,|\}$)/y;

// A flat object, no member twice; numbers are BigInt.
export function event(line) {
	const s = line.toString("utf8").slice(0, -1), ev = Object.create(null);
	need(s[0] === "{", "an event that is none");
	for (MEMBER.lastIndex = 1; MEMBER.lastIndex < s.length;) {
		const [, name, value] = MEMBER.exec(s) ?? [];
		need(name && !(name in ev), "an event that is none");
		ev[name] = /^[0-9]/.test(value) ? BigInt(value) : JSON.parse(value);
	}
	return ev;
}
