// SPDX-License-Identifier: Apache-2.0
//
// The versions of archive.txt in a receipt, and which of them a document is judged by, from
// custodyfs-format(5) alone.

import { need, sha256 } from "./tlog.mjs";
import { signer } from "./sshsig.mjs";

export const lines = (text, key) => text.toString("utf8").split("\n")
	.filter((l) => l.startsWith(`${key}: `)).map((l) => l.slice(key.length + 2));

export function field(text, key) {
	const [value] = lines(text, key);
	need(value !== undefined, `a document without '${key}'`);
	return value;
}

function version(doc) {
	const { text } = doc;
	return {
		doc,
		archive: field(text, "archive"),
		number: Number(field(text, "version")),
		previous: lines(text, "previous")[0],
		threshold: Number(field(text, "threshold")),
		touch: field(text, "require-touch") === "yes",
		pin: field(text, "require-pin") === "yes",
		keys: lines(text, "key").map((l) => l.split(" ")[1]),
		carried: new Set(lines(text, "carried").map((l) => l.split(" ")[2])),
	};
}

// Enough keys of this version have signed, and every signature is good; `others`: those of other keys
// are passed over.
function signed(doc, namespace, v, others) {
	const who = new Set();
	for (const armor of doc.signatures) {
		const key = signer(armor, doc.text, `${namespace}@custodyfs`, v);
		if (v.keys.includes(key)) who.add(key);
		else if (!others) return false;
	}
	return who.size >= v.threshold;
}

// The versions, the one in force first: each is signed by its own keys and by those before it.
export function chain(docs) {
	const all = docs.map(version);
	all.forEach((v, i) => {
		need(signed(v.doc, "archive", v, v.number > 1), "an archive.txt by too few of its own keys");
		if (i === 0) return;
		const next = all[i - 1];
		need(v.archive === next.archive && next.number === v.number + 1,
			"a version of archive.txt is skipped");
		need(next.previous === sha256(v.doc.text).toString("hex"),
			"a version of archive.txt that does not follow the one before");
		need(signed(next.doc, "archive", v, true),
			"an archive.txt by too few of the keys before");
	});
	return all;
}

const admits = (e, now) => e.type === "admitted" && e.document === now.archive &&
	/^archive-[1-9][0-9]*$/.test(e.kind) ? Number(e.kind.slice(8)) : 0;

// What the logs admit are those versions, one after the other.
export function steps(all, events) {
	const last = new Map();
	for (const e of events) {
		const n = admits(e, all[0]);
		if (n === 0) continue;
		const v = all.find((w) => w.number === n);
		need(v && v !== all[all.length - 1], "a version of archive.txt is admitted that is not there");
		need(e.digest === sha256(v.doc.bytes).toString("hex"),
			"another version of archive.txt is admitted");
		need(!last.has(e.node) || last.get(e.node) + 1 === n, "a log skips a version of archive.txt");
		last.set(e.node, n);
	}
}

// The version in force where this event is: the one before the next that its log admits.
function inForce(all, events, at) {
	const next = events.find((e) => e.node === at.node && e.seq > at.seq && admits(e, all[0]));
	return next ? all.find((v) => v.number === admits(next, all[0]) - 1) : all[0];
}

// May an earlier version have been in force there? The log has not met a later one, as far as is shown,
// or the version is not in the receipt.
function mayHaveBeen(doc, namespace, all, events, at) {
	const admitted = (e) => e.node === at.node && admits(e, all[0]);
	const next = events.find((e) => e.seq > at.seq && admitted(e));
	if (next) {
		// Of versions that are not in the receipt, neither are the events that admit them.
		const n = admits(next, all[0]) - 1, oldest = all[all.length - 1].number;
		return oldest > n || (n > 1 && oldest === n);
	}
	const from = Math.max(1, ...events.filter((e) => e.seq < at.seq && admitted(e))
		.map((e) => admits(e, all[0])));
	return all[all.length - 1].number > from ||
		all.some((v) => v.number >= from && signed(doc, namespace, v, false));
}

// A document that is carried over, or signed as the version asks under which it was admitted; the last
// one, if nothing shows that. False: what is here does not say which version that is.
export function judge(doc, namespace, all, events, admission) {
	if (all[0].carried.has(sha256(doc.text).toString("hex"))) return true;
	const v = admission ? inForce(all, events, admission) : all[0];
	if (v && signed(doc, namespace, v, false)) return true;
	need(all[0].number > 1 && (admission ? mayHaveBeen(doc, namespace, all, events, admission) :
		all.some((w) => signed(doc, namespace, w, false))),
		`a document that is not signed as archive.txt asks (${namespace})`);
	return false;
}
