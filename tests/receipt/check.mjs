// SPDX-License-Identifier: Apache-2.0
//
// check.mjs RECEIPT [DIR]
//
// A second opinion on a receipt of 'custody prove', written from custodyfs-format(5) alone: Node.js
// and its node:crypto, nothing else (beside it tlog.mjs has notes and proofs, sshsig.mjs the officers'
// signatures, versions.mjs the versions of archive.txt). It checks the container, that the versions of
// archive.txt lead from one to the other, that each document is signed as the one asks that was in
// force where its log admits it, that every checkpoint is signed by the key of the enrolment beside it, and goes on from what a
// witness of archive.txt cosigned, that every event is the leaf its proof says, that the documents are
// those whose digests were logged, that every opening names one of them, and that this grants the export
// it was for. With DIR each document's
// text and signatures are put there as NAME.txt, NAME.sig1, NAME.sig2, ... for ssh-keygen.
//
// Exit: 0 it holds, 3 it can't be judged (which archive.txt was in force when a document was admitted),
// and nothing else is wrong, 4 it does not hold, 5 no receipt.

import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { Bad, base64, checkpoint, consistent, included, leafHash, need, proof, sha256, signatures,
	vkey } from "./tlog.mjs";
import { chain, field, judge, lines, steps } from "./versions.mjs";

class Malformed extends Error {}

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
	r.earlier = many("earlier", () => part("earlier"));
	r.logs = many("log", () => ({
		node: value("log"),
		enrolments: many("enrolment", () => part("enrolment")),
		checkpoint: part("checkpoint"),
		cosigned: next("cosigned") ? part("cosigned") : null,
		consistency: next("consistency") ? part("consistency") : null,
		events: many("event", () => ({ line: part("event"), proof: part("proof") })),
	}));
	r.authorisations = many("authorisation", () => part("authorisation"));
	r.revocations = many("revocation", () => part("revocation"));
	r.record = next("record") ? part("record") : null;
	if (line() !== "end" || at !== bytes.length) throw new Malformed("no end");
	return r;
}

// ---- documents ----

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
	return { bytes, text: bytes.subarray(0, end), signatures: sigs };
}

// ---- logs ----

// The checkpoint of a log, signed by its node.
function signed(note, log, archive, key) {
	const cp = checkpoint(note);
	need(cp.origin === `custodyfs/${archive}/${log.node}` && key.name === cp.origin,
		"a checkpoint of another log");
	need(signatures(note, key) > 0, "the checkpoint is not signed by its node");
	return cp;
}

// What a witness of archive.txt saw of it, and that the checkpoint goes on from there.
function witnessed(log, archive, key, cp, witnesses) {
	if (!log.cosigned) return null;
	const old = signed(log.cosigned, log, archive, key);
	const times = [];
	for (const w of witnesses) signatures(log.cosigned, w, times);
	need(times.length > 0, "no witness has cosigned it");
	if (!log.consistency) {
		need(consistent(old.size, cp.size, [], old.root, cp.root), "no proof that the log goes on");
	} else {
		const cut = log.consistency.indexOf("\n\n");
		const [first, ...path] = log.consistency.toString("utf8", 0, cut + 1).split("\n").slice(0, -1);
		const at = path.indexOf("");
		need(first === `old ${old.size}` && at < 0 &&
			log.consistency.subarray(cut + 2).equals(log.checkpoint) &&
			consistent(old.size, cp.size, path.map(base64), old.root, cp.root),
			"the log does not go on from what was cosigned");
	}
	return { ...old, time: Math.min(...times) };
}

function event({ line, proof: bytes }, log, cp, seen) {
	const p = proof(bytes);
	const within = seen && p.index < seen.size ? seen : cp;
	need(p.note.equals(within === cp ? log.checkpoint : log.cosigned), "a proof with another checkpoint");
	const leaf = leafHash(line.subarray(0, -1));
	need(included(leaf, p.index, within.size, p.path, within.root),
		`event ${p.index} is not in its log`);
	const ev = JSON.parse(line.toString("utf8"));
	need(BigInt(ev.seq) === p.index, "an event says another place");
	need(within !== seen || Date.parse(ev.time) <= (seen.time + 3600) * 1000,
		"an event is dated after the witness saw it");
	return { ...ev, node: log.node, witnessed: within === seen };
}

// ---- what they say of each other ----

// What an item was opened for must have been granted: every recipient, or that it is not sealed.
function exported(opened, grant, events) {
	const begun = events.filter((x) => x.type === "exported" && x.node === opened.node &&
		x.export === opened.export && x.seq < opened.seq);
	need(begun.length === 1, "an opening for an export that is not there");
	need(begun[0].release === opened.release, "an export under another authorisation");
	const may = lines(grant.text, "export-to");
	const to = begun[0].recipients === "" ? [] : begun[0].recipients.split(" ");
	need(to.every((r) => /^age1[02-9ac-hj-np-z]{58}$/.test(r)), "a recipient that is none");
	need(to.length === 0 ? may.includes("plain") :
		to.every((r) => may.includes(r) || may.includes("any")),
		"an export that the authorisation does not grant");
}

function relate(r, events, versions, authorisations, revocations) {
	const takes = events.filter((e) => e.type === "ingest" && e.item === r.item);
	const ingests = takes.filter((e) => e.node === r.node);
	need(ingests.length === 1, "the item was not taken in once");
	const admitted = (doc, node) => events.find((e) => e.type === "admitted" && e.node === node &&
		e.document === field(doc.text, "serial") && e.digest === sha256(doc.bytes).toString("hex"));
	const grants = new Map(authorisations.map((doc) => [field(doc.text, "serial"), doc]));
	let judged = true;
	for (const g of authorisations)
		judged = judge(g, "authorise", versions, events, admitted(g, field(g.text, "node"))) && judged;
	for (const v of revocations) {
		const g = grants.get(lines(v.text, "authorisation")[0]);
		judged = judge(v, "revoke", versions, events, g && admitted(v, field(g.text, "node"))) && judged;
	}
	for (const e of events.filter((e) => e.type === "opened")) {
		const g = grants.get(e.release);
		need(g && field(g.text, "archive") === r.archive && field(g.text, "node") === e.node,
			"an opening without its authorisation");
		const a = admitted(g, e.node);
		need(a && a.seq < e.seq, "an opening before the admission");
		const ended = revocations.filter((v) => lines(v.text, "authorisation")[0] === e.release)
			.map((v) => admitted(v, e.node));
		need(!ended.some((v) => v && v.seq < e.seq), "an opening after the revocation");
		const names = g.text.toString("utf8").split("\n");
		need(takes.some((t) => names.includes(`item: ${r.item} ${t.commitment}`) ||
			names.includes(`accession: ${t.accession}`)), "it does not name the item");
		need(Date.parse(e.time) >= Date.parse(field(g.text, "not-before")) &&
			Date.parse(e.time) <= Date.parse(field(g.text, "not-after")) + 2000,
			"an opening at another time");
		if (e.export) exported(e, g, events);
	}
	if (r.record) {
		const b = base64(r.record.toString("latin1").split("\n").slice(1, -2).join(""));
		const mac = createHmac("sha256", b.subarray(0, 32)).update(b.subarray(64))
			.update(b.subarray(32, 64)).digest("hex");
		need(mac === ingests[0].commitment, "the record is not the one committed to");
	}
	return judged;
}

function check(r, dir) {
	const versions = chain([document(r.description, "archive", dir),
		...r.earlier.map((d, i) => document(d, `earlier${i}`, dir))]);
	const [{ archive, doc }] = versions;
	need(archive === r.archive, "archive.txt is of another archive");
	const witnesses = lines(doc.text, "witness").map((l) => vkey(l, 4));
	const events = r.logs.flatMap((log, k) => {
		need(log.enrolments.length > 0 && log.events.length > 0, "a log without a voice");
		const docs = log.enrolments.map((d, i) => document(d, `enrolment${k}-${i}`, dir));
		for (const d of docs) {
			need(field(d.text, "archive") === r.archive && field(d.text, "node") === log.node,
				"an enrolment of another node");
			need(judge(d, "enrol", versions, []), "an enrolment that is not carried over");
		}
		const key = vkey(field(docs[0].text, "sign-key"), 1);
		const cp = signed(log.checkpoint, log, r.archive, key);
		const seen = witnessed(log, r.archive, key, cp, witnesses);
		need(seen || !log.consistency, "a consistency proof from nowhere");
		const list = log.events.map((e) => event(e, log, cp, seen));
		need(list.every((e, i) => i === 0 || (list[i - 1].seq < e.seq && list[i - 1].time <= e.time)),
			"events are out of order");
		return list;
	});
	steps(versions, events);
	const judged = relate(r, events, versions, r.authorisations.map((d, i) => document(d, `authorisation${i}`, dir)),
		r.revocations.map((d, i) => document(d, `revocation${i}`, dir)));
	return [events, judged];
}

try {
	const [file, dir] = process.argv.slice(2);
	const [events, judged] = check(parse(readFileSync(file)), dir);
	const seen = events.filter((e) => e.witnessed).length;
	if (judged) {
		console.log(`good: ${events.length} events, ${seen} witnessed`);
	} else {
		console.log("open: what archive.txt was in force when a document was admitted is not shown");
		process.exitCode = 3;
	}
} catch (e) {
	console.log(`${e instanceof Malformed ? "malformed" : "bad"}: ${e.message}`);
	process.exitCode = e instanceof Malformed ? 5 : 4;
}
