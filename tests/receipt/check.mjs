// SPDX-License-Identifier: Apache-2.0
//
// check.mjs RECEIPT [DIR]
// check.mjs --each DIR
//
// A second opinion on a receipt of 'custody prove', written from custodyfs-format(5) alone: Node.js
// and its node:crypto, nothing else. Beside it container.mjs has the form, tlog.mjs notes and proofs,
// sshsig.mjs the officers' signatures, versions.mjs the versions of archive.txt, custody.mjs what the
// parts say of each other. It checks all that the format says is checked, but what only a key opens, and
// the fields of documents that nothing here depends on. With DIR each document's text and signatures are
// put there as NAME.txt, NAME.sig1, NAME.sig2, ... for ssh-keygen. With --each every file of the folder
// is checked: a line `file code words` each.
//
// Exit: 0 it holds, 3 it can't be judged (which archive.txt was in force when a document was admitted, by
// whom a log was cosigned, whether a node knew that it was revoked, what a newer format has), and nothing
// else is wrong, 4 it does not hold, 5 no receipt.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Malformed, document, event, field, inOrder, lines, parse } from "./container.mjs";
import { relate } from "./custody.mjs";
import { base64, checkpoint, consistent, included, leafHash, need, Open, proof, sha256, signatures,
	vkey } from "./tlog.mjs";
import { byLast, chain } from "./versions.mjs";

// ---- whose a log is ----

const BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

// The 32 bytes of an age recipient.
function recipient(text) {
	const m = text.match(/^age1([02-9ac-hj-np-z]{52})[02-9ac-hj-np-z]{6}$/);
	need(m, "no age recipient");
	const bits = [...m[1]].map((c) => BECH32.indexOf(c).toString(2).padStart(5, "0")).join("");
	return Buffer.from(bits.slice(0, 256).match(/.{8}/g).map((b) => parseInt(b, 2)));
}

// The node of these enrolments: the roles of all of them, the time of the latest. `open`: some could not
// be checked, and without a key: all of them.
function enrolled(docs, log, archive, versions) {
	const who = { roles: new Set(), issued: 0, open: false };
	const good = inOrder(docs).filter((d) => {
		try {
			need(byLast(d, "enrol", versions), "an enrolment that is not signed, nor carried over");
		} catch (e) {
			if (!(e instanceof Open)) throw e;
			who.open = true;
			return false;
		}
		return true;
	});
	for (const { text } of good) {
		need(field(text, "archive") === archive && field(text, "node") === log.node,
			"an enrolment of another node");
		who.key = vkey(field(text, "sign-key"), 1);
		const id = sha256("custodyfs/v1 node id", who.key.raw, recipient(field(text, "receive-key")));
		need(id.toString("hex", 0, 16) === log.node, "an enrolment whose keys are another node's");
		for (const role of field(text, "role").split(",")) who.roles.add(role);
		who.issued = Math.max(who.issued, Date.parse(field(text, "issued")));
	}
	return who;
}

// ---- what a log signs ----

// The checkpoint of a log, signed by its node.
function signed(note, log, archive, key) {
	const cp = checkpoint(note);
	need(cp.origin === `custodyfs/${archive}/${log.node}` && key.name === cp.origin,
		"a checkpoint of another log");
	need(signatures(note, key) > 0, "the checkpoint is not signed by its node");
	return cp;
}

// What a witness of archive.txt saw of it, and that the checkpoint goes on from there.
function witnessed(log, archive, key, cp, [now]) {
	if (!log.cosigned) return null;
	const old = signed(log.cosigned, log, archive, key);
	const times = [];
	for (const w of lines(now.doc.text, "witness")) signatures(log.cosigned, vkey(w, 4), times);
	// It may be a witness of an earlier version.
	need(times.length > 0 || now.number > 1, "no witness has cosigned it");
	if (times.length === 0) return { ...old, time: Infinity, stranger: true };
	if (!log.consistency) {
		need(consistent(old.size, cp.size, [], old.root, cp.root), "no proof that the log goes on");
	} else {
		const cut = log.consistency.indexOf("\n\n");
		const [first, ...path] = log.consistency.toString("utf8", 0, cut + 1).split("\n").slice(0, -1);
		const at = path.indexOf("");
		need(first === `old ${old.size}` && at < 0 && old.size < cp.size &&
			log.consistency.subarray(cut + 2).equals(log.checkpoint) &&
			consistent(old.size, cp.size, path.map(base64), old.root, cp.root),
			"the log does not go on from what was cosigned");
	}
	return { ...old, time: Math.min(...times) };
}

function proved({ line, proof: bytes }, log, cp, seen) {
	const p = proof(bytes);
	const within = seen && p.index < seen.size ? seen : cp;
	need(p.note.equals(within === cp ? log.checkpoint : log.cosigned), "a proof with another checkpoint");
	const leaf = leafHash(line.subarray(0, -1));
	need(p.path.length <= 64 && included(leaf, p.index, within.size, p.path, within.root),
		`event ${p.index} is not in its log`);
	const ev = event(line);
	need(ev.seq === p.index, "an event says another place");
	need(within !== seen || Date.parse(ev.time) <= (seen.time + 3600) * 1000,
		"an event is dated after the witness saw it");
	return { ...ev, node: log.node, witnessed: within === seen && !seen.stranger };
}

// ---- all of it ----

function check(r, dir) {
	const read = (bytes, name) => {
		const doc = document(bytes);
		if (dir) {
			writeFileSync(`${dir}/${name}.txt`, doc.text);
			doc.signatures.forEach((sig, i) => writeFileSync(`${dir}/${name}.sig${i + 1}`, sig));
		}
		return doc;
	};
	const all = (list, name) => list.map((d, i) => read(d, `${name}${i}`));
	const [versions, whole] = chain([read(r.description, "archive"), ...all(r.earlier, "earlier")]);
	need(versions[0].archive === r.archive, "archive.txt is of another archive");
	let judged = whole;
	const logs = r.logs.map((log, k) => {
		const who = enrolled(all(log.enrolments, `enrolment${k}-`), log, r.archive, versions);
		judged &&= !who.open;
		// Without a key nothing of it is proved.
		if (!who.key) return { node: log.node, roles: who.roles, issued: 0, events: [] };
		const cp = signed(log.checkpoint, log, r.archive, who.key);
		const seen = witnessed(log, r.archive, who.key, cp, versions);
		need(log.cosigned || !log.consistency, "a consistency proof from nowhere");
		judged &&= !seen?.stranger;
		const events = log.events.map((e) => proved(e, log, cp, seen));
		need(events.every((e, i) => i === 0 ||
			(events[i - 1].seq < e.seq && events[i - 1].time <= e.time)), "events are out of order");
		return { node: log.node, roles: who.roles, issued: who.issued, events };
	});
	judged = relate(r, logs, versions, {
		authorisations: all(r.authorisations, "authorisation"),
		revocations: all(r.revocations, "revocation"),
		restores: all(r.restores, "restore"),
	}) && judged;
	return [logs.flatMap((l) => l.events), judged];
}

// [exit code, words]
function verdict(file, dir) {
	try {
		const [events, judged] = check(parse(readFileSync(file)), dir);
		const seen = events.filter((e) => e.witnessed).length;
		return judged ? [0, `good: ${events.length} events, ${seen} witnessed`] :
			[3, "open: not all of it can be judged by what is shown"];
	} catch (e) {
		return e instanceof Malformed ? [5, `malformed: ${e.message}`] :
			e instanceof Open ? [3, `open: ${e.message}`] : [4, `bad: ${e.message}`];
	}
}

const [first, dir] = process.argv.slice(2);
if (first === "--each") {
	for (const name of readdirSync(dir).sort())
		console.log(name, ...verdict(`${dir}/${name}`));
} else {
	const [code, words] = verdict(first, dir);
	console.log(words);
	process.exitCode = code;
}
