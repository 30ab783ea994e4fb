// SPDX-License-Identifier: Apache-2.0
//
// check.mjs RECEIPT [DIR]
//
// A second opinion on a receipt of 'custody prove', written from custodyfs-format(5) alone: Node.js
// and its node:crypto, nothing else. It checks the container, that every checkpoint is signed by the
// key of the enrolment beside it, that every event is the leaf its proof says, that the documents
// are those whose digests were logged, and that every opening names one of them. The officers'
// signatures are left to ssh-keygen: with DIR each document's text and signatures are put there as
// NAME.txt, NAME.sig1, NAME.sig2, ...
//
// Exit: 0 it holds, 4 it does not, 5 no receipt.

import { createHash, createHmac, createPublicKey, verify } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

class Malformed extends Error {}
class Bad extends Error {}

const sha256 = (...parts) => {
	const h = createHash("sha256");
	for (const p of parts) h.update(p);
	return h.digest();
};
const need = (ok, what) => { if (!ok) throw new Bad(what); };
const base64 = (s) => {
	const b = Buffer.from(s, "base64");
	need(b.toString("base64") === s, "base64 that is not canonical");
	return b;
};

// ---- the container ----

function parse(bytes) {
	let at = 0;
	const line = () => {
		const lf = bytes.indexOf(10, at);
		if (lf < 0) throw new Malformed("a line has no end");
		const s = bytes.toString("utf8", at, lf);
		at = lf + 1;
		return s;
	};
	const next = (key) => bytes.toString("latin1", at, at + key.length + 2) === key + ": ";
	const value = (key) => {
		if (!next(key)) throw new Malformed(`'${key}' must stand at byte ${at}`);
		return line().slice(key.length + 2);
	};
	const part = (key) => {
		const n = value(key);
		if (!/^[1-9][0-9]{0,15}$/.test(n) || at + Number(n) > bytes.length)
			throw new Malformed(`the length of '${key}'`);
		at += Number(n);
		return bytes.subarray(at - Number(n), at);
	};
	const many = (key, f, list = []) => {
		while (next(key)) list.push(f());
		return list;
	};

	if (line() !== "custodyfs-receipt/v1") throw new Malformed("not a receipt");
	const r = { archive: value("archive"), item: value("item"), node: value("node") };
	r.description = part("description");
	r.logs = many("log", () => ({
		node: value("log"),
		enrolments: many("enrolment", () => part("enrolment")),
		checkpoint: part("checkpoint"),
		events: many("event", () => ({ line: part("event"), proof: part("proof") })),
	}));
	r.authorisations = many("authorisation", () => part("authorisation"));
	r.revocations = many("revocation", () => part("revocation"));
	r.record = next("record") ? part("record") : null;
	if (line() !== "end" || at !== bytes.length) throw new Malformed("no end");
	return r;
}

// ---- documents ----

function field(text, key) {
	const m = text.toString("utf8").match(new RegExp(`^${key}: (.*)$`, "m"));
	need(m, `a document without '${key}'`);
	return m[1];
}

function document(bytes, name, dir) {
	const s = bytes.toString("latin1");
	const end = s.search(/^-----BEGIN /m);
	need(end > 0, "a document without a signature");
	const sigs = s.match(/-----BEGIN SSH SIGNATURE-----\n[^-]*-----END SSH SIGNATURE-----\n/g);
	need(sigs, "a document without a signature");
	if (dir) {
		writeFileSync(`${dir}/${name}.txt`, bytes.subarray(0, end));
		sigs.forEach((sig, i) => writeFileSync(`${dir}/${name}.sig${i + 1}`, sig));
	}
	return bytes.subarray(0, end);
}

// ---- logs ----

function checkpoint(log, archive, vkey) {
	const origin = `custodyfs/${archive}/${log.node}`;
	const [, name, id, key64] = vkey.match(/^([^+]*)\+([0-9a-f]{8})\+(.+)$/) ?? [];
	need(name === origin, "the enrolment's key has another name");
	const key = base64(key64);
	need(key.length === 33 && key[0] === 1, "the key is no Ed25519 key");
	const keyId = sha256(name, "\n", key).subarray(0, 4);
	need(keyId.toString("hex") === id, "the key's id");
	const note = log.checkpoint.toString("utf8");
	const cut = note.lastIndexOf("\n\n") + 1;
	const text = note.slice(0, cut);
	const pub = createPublicKey({
		key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.subarray(1)]),
		format: "der", type: "spki",
	});
	const sigs = note.slice(cut + 1).split("\n").filter((l) => l.startsWith(`\u2014 ${name} `))
		.map((l) => base64(l.slice(name.length + 3)))
		.filter((b) => b.subarray(0, 4).equals(keyId));
	need(sigs.length > 0, "the checkpoint is not signed by its node");
	for (const sig of sigs)
		need(verify(null, Buffer.from(text), pub, sig.subarray(4)), "the checkpoint's signature");
	const [first, size, root] = text.split("\n");
	need(first === origin && /^(0|[1-9][0-9]*)$/.test(size), "the checkpoint's text");
	return { size: BigInt(size), root: base64(root) };
}

// RFC 9162, 2.1.3.2.
function included(leaf, index, size, path, root) {
	if (index >= size) return false;
	let fn = index, sn = size - 1n, r = leaf;
	const node = (a, b) => sha256(Buffer.from([1]), a, b);
	for (const p of path) {
		if (sn === 0n) return false;
		if (fn & 1n || fn === sn) {
			r = node(p, r);
			while (!(fn & 1n) && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
		} else {
			r = node(r, p);
		}
		fn >>= 1n;
		sn >>= 1n;
	}
	return sn === 0n && r.equals(root);
}

function event({ line, proof }, log, cp) {
	const text = proof.toString("utf8");
	const cut = text.indexOf("\n\n");
	const [title, index, ...path] = text.slice(0, cut).split("\n");
	need(title === "c2sp.org/tlog-proof@v1" && /^index (0|[1-9][0-9]*)$/.test(index), "a proof");
	need(proof.subarray(Buffer.byteLength(text.slice(0, cut)) + 2).equals(log.checkpoint),
		"a proof with another checkpoint");
	const n = BigInt(index.slice(6));
	const leaf = sha256(Buffer.from([0]), line.subarray(0, -1));
	need(included(leaf, n, cp.size, path.map(base64), cp.root), `event ${n} is not in its log`);
	const ev = JSON.parse(line.toString("utf8"));
	need(BigInt(ev.seq) === n, "an event says another place");
	return { ...ev, node: log.node };
}

// ---- what they say of each other ----

function relate(r, events, texts) {
	const takes = events.filter((e) => e.type === "ingest" && e.item === r.item);
	const ingests = takes.filter((e) => e.node === r.node);
	need(ingests.length === 1, "the item was not taken in once");
	const admitted = (bytes, serial, node) => events.find((e) => e.type === "admitted" &&
		e.document === serial && e.digest === sha256(bytes).toString("hex") && e.node === node);
	const grants = new Map(r.authorisations.map((bytes, i) => [field(texts[i], "serial"),
		{ bytes, text: texts[i] }]));
	for (const e of events.filter((e) => e.type === "opened")) {
		const g = grants.get(e.release);
		need(g && field(g.text, "archive") === r.archive && field(g.text, "node") === e.node,
			"an opening without its authorisation");
		const a = admitted(g.bytes, e.release, e.node);
		need(a && a.seq < e.seq, "an opening before the admission");
		const names = g.text.toString("utf8").split("\n");
		need(takes.some((t) => names.includes(`item: ${r.item} ${t.commitment}`) ||
			names.includes(`accession: ${t.accession}`)), "it does not name the item");
		need(Date.parse(e.time) >= Date.parse(field(g.text, "not-before")) &&
			Date.parse(e.time) <= Date.parse(field(g.text, "not-after")) + 2000,
			"an opening at another time");
	}
	if (r.record) {
		const b = base64(r.record.toString("latin1").split("\n").slice(1, -2).join(""));
		const mac = createHmac("sha256", b.subarray(0, 32)).update(b.subarray(64))
			.update(b.subarray(32, 64)).digest("hex");
		need(mac === ingests[0].commitment, "the record is not the one committed to");
	}
}

function check(r, dir) {
	const archive = document(r.description, "archive", dir);
	need(field(archive, "archive") === r.archive, "archive.txt is of another archive");
	const events = r.logs.flatMap((log, k) => {
		need(log.enrolments.length > 0 && log.events.length > 0, "a log without a voice");
		const texts = log.enrolments.map((d, i) => document(d, `enrolment${k}-${i}`, dir));
		for (const t of texts)
			need(field(t, "archive") === r.archive && field(t, "node") === log.node,
				"an enrolment of another node");
		const cp = checkpoint(log, r.archive, field(texts[0], "sign-key"));
		return log.events.map((e) => event(e, log, cp));
	});
	const texts = r.authorisations.map((d, i) => document(d, `authorisation${i}`, dir));
	r.revocations.forEach((d, i) => document(d, `revocation${i}`, dir));
	relate(r, events, texts);
	return events.length;
}

try {
	const [file, dir] = process.argv.slice(2);
	const n = check(parse(readFileSync(file)), dir);
	console.log(`good: ${n} events`);
} catch (e) {
	console.log(`${e instanceof Malformed ? "malformed" : "bad"}: ${e.message}`);
	process.exitCode = e instanceof Malformed ? 5 : 4;
}
