// SPDX-License-Identifier: Apache-2.0
//
// Signed notes, cosignatures and Merkle proofs, from C2SP signed-note, tlog-checkpoint, tlog-cosignature
// and RFC 9162 alone: Node.js and its node:crypto, nothing else.

import { createHash, createPublicKey, verify } from "node:crypto";

export class Bad extends Error {}
// What this program, or its format, does not know: it could not be checked.
export class Open extends Error {}
export const need = (ok, what) => { if (!ok) throw new Bad(what); };
export const sha256 = (...parts) => {
	const h = createHash("sha256");
	for (const p of parts) h.update(p);
	return h.digest();
};
export const base64 = (s) => {
	const b = Buffer.from(s, "base64");
	need(b.toString("base64") === s, "base64 that is not canonical");
	return b;
};
export const leafHash = (data) => sha256(Buffer.from([0]), data);
const node = (a, b) => sha256(Buffer.from([1]), a, b);

// ---- notes ----

// "name+id+base64(type || Ed25519 key)"
export function vkey(text, type) {
	const [, name, id, key64] = text.match(/^([^+]*)\+([0-9a-f]{8})\+(.+)$/) ?? [];
	need(name, "no vkey");
	const key = base64(key64);
	need(key.length === 33 && key[0] === type, "a key of another type");
	const keyId = sha256(name, "\n", key).subarray(0, 4);
	need(keyId.toString("hex") === id, "the key's id");
	const pub = createPublicKey({
		key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.subarray(1)]),
		format: "der", type: "spki",
	});
	return { name, type, keyId, pub, raw: key.subarray(1) };
}

export function split(note) {
	const s = note.toString("utf8");
	const cut = s.lastIndexOf("\n\n") + 1;
	need(cut > 0, "a note without signatures");
	return { text: s.slice(0, cut), lines: s.slice(cut + 1).split("\n") };
}

// The number of good signature lines by the key; one that is not good is an error. times gets the
// cosignatures' times, in seconds.
export function signatures(note, key, times = []) {
	const { text, lines } = split(note);
	const sigs = lines.filter((l) => l.startsWith(`\u2014 ${key.name} `))
		.map((l) => base64(l.slice(key.name.length + 3)))
		.filter((b) => b.subarray(0, 4).equals(key.keyId))
		.map((b) => b.subarray(4));
	for (const sig of sigs) {
		let message = text, ed = sig;
		if (key.type === 4) {
			const time = sig.readBigUInt64BE(0);
			message = `cosignature/v1\ntime ${time}\n${text}`;
			ed = sig.subarray(8);
			times.push(Number(time));
		}
		need(ed.length === 64 && verify(null, Buffer.from(message), key.pub, ed), "a signature");
	}
	return sigs.length;
}

export function checkpoint(note) {
	const [origin, size, root] = split(note).text.split("\n");
	need(/^(0|[1-9][0-9]*)$/.test(size), "the checkpoint's size");
	const cp = { origin, size: BigInt(size), root: base64(root) };
	need(cp.root.length === 32, "the checkpoint's root");
	return cp;
}

// ---- proofs ----

// RFC 9162, 2.1.3.2.
export function included(leaf, index, size, path, root) {
	if (index >= size) return false;
	let fn = index, sn = size - 1n, r = leaf;
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

// RFC 9162, 2.1.4.2, with what is trivial.
export function consistent(first, second, path, root1, root2) {
	if (first === second) return path.length === 0 && root1.equals(root2);
	if (first === 0n || first > second || path.length === 0) return false;
	let list = path;
	if ((first & (first - 1n)) === 0n) list = [root1, ...path];
	let fn = first - 1n, sn = second - 1n;
	while (fn & 1n) { fn >>= 1n; sn >>= 1n; }
	let fr = list[0], sr = list[0];
	for (const c of list.slice(1)) {
		if (sn === 0n) return false;
		if (fn & 1n || fn === sn) {
			fr = node(c, fr);
			sr = node(c, sr);
			while (!(fn & 1n) && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
		} else {
			sr = node(sr, c);
		}
		fn >>= 1n;
		sn >>= 1n;
	}
	return sn === 0n && fr.equals(root1) && sr.equals(root2);
}

// A tlog-proof@v1: what it says, and the checkpoint at its end, verbatim.
export function proof(bytes) {
	const cut = bytes.indexOf("\n\n");
	need(cut > 0, "a proof without a checkpoint");
	const [title, index, ...path] = bytes.toString("utf8", 0, cut).split("\n");
	need(title === "c2sp.org/tlog-proof@v1" && /^index (0|[1-9][0-9]*)$/.test(index), "a proof");
	return { index: BigInt(index.slice(6)), path: path.map(base64), note: bytes.subarray(cut + 2) };
}
