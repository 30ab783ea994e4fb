// SPDX-License-Identifier: Apache-2.0
//
// check.mjs EVIDENCE NODE=VKEY...
//
// A second opinion on the evidence of 'custody checkpoint --evidence', written from
// custodyfs-format(5), RFC 9162 section 2.1.4.2 and the C2SP notes alone: Node.js and its node:crypto,
// nothing else. VKEY is the line sign-key: of each node's enrolment. Prints one line a log: its node,
// "fork" or "rollback", and the two sizes.
//
// Exit: 0 all of it holds, 4 it does not, 5 it is no evidence.

import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

class Malformed extends Error {}
class Bad extends Error {}
const need = (ok, what) => { if (!ok) throw new Bad(what); };
const form = (ok, what) => { if (!ok) throw new Malformed(what); };
const sha256 = (...parts) => {
	const h = createHash("sha256");
	for (const p of parts) h.update(p);
	return h.digest();
};

const keys = new Map(process.argv.slice(3).map((a) => {
	const [node, vkey] = [a.slice(0, 32), a.slice(33)];
	const [name, id, key] = [...vkey.split("+", 2), vkey.split("+").slice(2).join("+")];
	const raw = Buffer.from(key, "base64");
	need(raw.length === 33 && raw[0] === 1, "a vkey that is not Ed25519");
	need(sha256(name, "\n", raw).subarray(0, 4).toString("hex") === id, "a vkey with another id");
	const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw.subarray(1)]);
	return [node, { name, id, key: createPublicKey({ key: der, format: "der", type: "spki" }) }];
}));

// The text of a note, which must be signed by the key of this node.
function open(note, node) {
	const k = keys.get(node);
	need(k, `no key of node ${node}`);
	const at = note.lastIndexOf("\n\n");
	form(at >= 0, "not a signed note");
	const text = note.subarray(0, at + 1);
	const good = note.subarray(at + 2).toString("utf8").split("\n").some((l) => {
		const m = /^— (\S+) (\S+)$/.exec(l);
		const sig = m && m[1] === k.name ? Buffer.from(m[2], "base64") : null;
		return sig && sig.subarray(0, 4).toString("hex") === k.id &&
			verify(null, text, k.key, sig.subarray(4));
	});
	need(good, `not signed by node ${node}`);
	return text;
}

function checkpoint(note, node) {
	const [origin, size, root] = open(note, node).toString("utf8").split("\n");
	need(origin === keys.get(node).name, "a checkpoint of another log");
	return { size: Number(size), root: Buffer.from(root, "base64") };
}

// RFC 9162 section 2.1.4.2
function consistent(first, second, proof, firstRoot, secondRoot) {
	const node = (l, r) => sha256(Buffer.from([1]), l, r);
	const p = [...proof];
	if (first === 0 || first >= second || p.length === 0) return false;
	if ((first & (first - 1)) === 0) p.unshift(firstRoot);
	let fn = first - 1, sn = second - 1;
	while (fn & 1) { fn >>= 1; sn >>= 1; }
	let fr = p[0], sr = p[0];
	for (const c of p.slice(1)) {
		if (sn === 0) return false;
		if ((fn & 1) || fn === sn) {
			fr = node(c, fr);
			sr = node(c, sr);
			while (!(fn & 1) && fn !== 0) { fn >>= 1; sn >>= 1; }
		} else {
			sr = node(sr, c);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return fr.equals(firstRoot) && sr.equals(secondRoot) && sn === 0;
}

function judge(l) {
	const seen = checkpoint(l.seen, l.node);
	const present = l.present ? checkpoint(l.present, l.node) : { size: 0, root: sha256("") };
	const [less, more] = seen.size < present.size ? [seen, present] : [present, seen];
	if (l.found === "rollback") {
		need(present.size < seen.size, "what is there is not less");
	} else if (less.size === more.size) {
		need(!less.root.equals(more.root), "both say the same");
	} else {
		need(l.prefix && !l.prefix.equals(less.root), "no contradiction");
		need(consistent(less.size, more.size, l.proof, l.prefix, more.root), "the proof");
	}
	console.log(`${l.node} ${l.found} ${seen.size} ${present.size}`);
}

function main() {
	const bytes = readFileSync(process.argv[2]);
	let at = 0;
	const next = (key) => bytes.toString("latin1", at, at + key.length + 2) === `${key}: `;
	const value = (key) => {
		form(next(key), `'${key}' must stand at byte ${at}`);
		const from = at + key.length + 2, lf = bytes.indexOf(10, at);
		at = lf + 1;
		return bytes.toString("utf8", from, lf);
	};
	const part = (key) => {
		const n = Number(value(key));
		form(n > 0 && at + n <= bytes.length, `the length of '${key}'`);
		at += n;
		return bytes.subarray(at - n, at);
	};
	const plain = () => {
		const lf = bytes.indexOf(10, at), from = at;
		form(lf >= 0, "a line has no end");
		at = lf + 1;
		return bytes.toString("utf8", from, lf);
	};

	form(plain() === "custodyfs-evidence/v1", "not evidence");
	value("archive");
	const node = value("node");
	value("issued");
	const logs = [];
	do {
		const l = { node: value("log"), found: value("found"), seen: part("seen") };
		if (next("present")) l.present = part("present");
		if (next("prefix")) {
			l.prefix = Buffer.from(value("prefix"), "base64");
			l.proof = Array.from({ length: Number(value("proof")) },
				() => Buffer.from(plain(), "base64"));
		}
		logs.push(l);
	} while (next("log"));
	form(plain() === "end", "'end' is missing");
	open(bytes, node);
	logs.forEach(judge);
}

try {
	main();
} catch (e) {
	console.error(e.message);
	process.exit(e instanceof Malformed ? 5 : 4);
}
