// SPDX-License-Identifier: Apache-2.0
//
// The versions of archive.txt in a receipt, and which of them a document is judged by, from
// custodyfs-format(5) alone.

import { field, lines } from "./container.mjs";
import { need, Open, sha256 } from "./tlog.mjs";
import { signer } from "./sshsig.mjs";

const SUITES = ["aes-256-gcm", "xchacha20-poly1305", "aegis-256"];

function version(doc) {
	const { text } = doc;
	if (!SUITES.includes(field(text, "suite"))) throw new Open("another cipher suite");
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

// Enough keys of this version have signed that are not revoked, and every signature is good;
// `others`: those of other keys are passed over.
function signed(doc, namespace, v, others, revoked = () => false) {
	const who = new Set();
	for (const armor of doc.signatures) {
		const key = signer(armor, doc.text, `${namespace}@custodyfs`, v);
		if (v.keys.includes(key)) who.add(key);
		else if (!others) return false;
	}
	return [...who].filter((k) => !revoked(k)).length >= v.threshold;
}

// One more version before those that there are.
function link(all, doc) {
	const v = version(doc);
	need(signed(v.doc, "archive", v, v.number > 1), "an archive.txt by too few of its own keys");
	if (all.length === 0) return v;
	const next = all[all.length - 1];
	need(v.archive === next.archive && next.number === v.number + 1,
		"a version of archive.txt is skipped");
	need(next.previous === sha256(v.doc.text).toString("hex"),
		"a version of archive.txt that does not follow the one before");
	need(signed(next.doc, "archive", v, true), "an archive.txt by too few of the keys before");
	return v;
}

// The versions, the one in force first: each is signed by its own keys and by those before it; and
// whether all can be checked.
export function chain(docs) {
	const all = [];
	try {
		for (const doc of docs) all.push(link(all, doc));
	} catch (e) {
		if (!(e instanceof Open) || all.length === 0) throw e;
		return [all, false];
	}
	return [all, true];
}

// The version that an event admits; 0: none.
export const admits = (e, now) => e.type === "admitted" && e.document === now.archive &&
	/^archive-[1-9][0-9]*$/.test(e.kind) ? Number(e.kind.slice(8)) : 0;

// What the logs admit are those versions, one after the other, and only where it matters.
export function steps(all, events, nodes) {
	const last = new Map();
	for (const e of events) {
		const n = admits(e, all[0]);
		if (n === 0) continue;
		const v = all.find((w) => w.number === n);
		need(v && v !== all[all.length - 1], "a version of archive.txt is admitted that is not there");
		need(nodes.has(e.node), "a version of archive.txt is admitted where nothing is judged by it");
		need(e.digest === sha256(v.doc.bytes).toString("hex"),
			"another version of archive.txt is admitted");
		need(!last.has(e.node) || last.get(e.node) + 1 === n, "a log skips a version of archive.txt");
		last.set(e.node, n);
	}
}

export const carried = (doc, all) => all[0].carried.has(sha256(doc.text).toString("hex"));
export const byLast = (doc, namespace, all) =>
	carried(doc, all) || signed(doc, namespace, all[0], false);

// The versions that may have been in force at this event: one, where its log shows which.
function range(all, events, at) {
	const known = (n) => all.some((v) => v.number === n);
	let first = 1, last = all[0].number;
	for (const e of at ? events.filter((x) => x.node === at.node) : []) {
		const n = admits(e, all[0]);
		if (n === 0 || !known(n)) continue;
		if (e.seq < at.seq) {
			first = n;
			continue;
		}
		last = n - 1;
		// Of versions that are not in the receipt, neither are the events that admit them.
		if (last === 1 || known(last - 1)) first = last;
		break;
	}
	return [first, last];
}

// True: signed as the last version asks that may have been in force; `any`: as some version. False: what
// is here does not say which that is.
export function judge(doc, namespace, all, events, admission, { revoked, any = false } = {}) {
	if (carried(doc, all)) return true;
	const [first, last] = range(all, events, admission);
	try {
		for (let n = last; n >= first; n--) {
			const v = all.find((w) => w.number === n);
			if (!v) return false;
			if (signed(doc, namespace, v, false, revoked)) return any || n === last;
		}
	} catch (e) {
		if (e instanceof Open) return false;
		throw e;
	}
	need(false, `a document that is not signed as archive.txt asks (${namespace})`);
}
