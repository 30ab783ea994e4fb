// SPDX-License-Identifier: Apache-2.0
//
// What the parts of a receipt say of each other, from custodyfs-format(5) alone: each is there for a
// reason, and what was opened was allowed. False: some of it can't be judged.

import { createHmac } from "node:crypto";
import { armor, field, inOrder, lines } from "./container.mjs";
import { admits, judge, steps } from "./versions.mjs";
import { need, sha256 } from "./tlog.mjs";

const KIND = { authorise: "authorisation", revoke: "revocation", restore: "restore" };
const issued = (doc) => Date.parse(field(doc.text, "issued"));

// `a` stands before `b` in one log.
const before = (a, b) => a && a.node === b.node && a.seq < b.seq;

class Custody {
	constructor(r, logs, versions, docs) {
		Object.assign(this, { r, versions, docs });
		this.logs = new Map(logs.map((l) => [l.node, l]));
		this.events = logs.flatMap((l) => l.events);
		this.judged = true;
	}

	// The event by which the log of `node` admits it.
	admitted(doc, kind, node) {
		return this.events.find((e) => e.type === "admitted" && e.node === node && e.kind === kind &&
			e.document === field(doc.text, "serial") &&
			e.digest === sha256(doc.bytes).toString("hex"));
	}

	// ---- documents ----

	check(doc, namespace, node, options) {
		need(field(doc.text, "archive") === this.r.archive, "a document of another archive");
		const at = node && this.admitted(doc, KIND[namespace], node);
		const revoked = (key) => at && this.keys.some((v) => v.good &&
			field(v.text, "key").split(" ")[1] === key &&
			before(this.admitted(v, "revocation", at.node), at));
		doc.good = judge(doc, namespace, this.versions, this.events, at,
			{ revoked: namespace === "revoke" ? undefined : revoked, ...options });
		this.judged &&= doc.good;
	}

	documents() {
		const { authorisations, revocations, restores } = this.docs;
		for (const list of [authorisations, revocations, restores]) inOrder(list);
		this.keys = revocations.filter((v) => lines(v.text, "key").length > 0);
		this.grants = new Map(authorisations.map((g) => [field(g.text, "serial"), g]));
		for (const v of this.keys) this.check(v, "revoke", undefined, { any: true });
		for (const g of authorisations) this.check(g, "authorise", field(g.text, "node"));
		for (const v of revocations.filter((v) => !this.keys.includes(v))) {
			const g = this.grants.get(lines(v.text, "authorisation")[0]);
			this.check(v, "revoke", g && field(g.text, "node"));
		}
		for (const x of restores) this.check(x, "restore", field(x.text, "node"));
	}

	// Does it end an authorisation that is there, or what else has it to do with the item?
	needed() {
		const { authorisations, revocations, restores } = this.docs;
		const used = new Set(this.events.filter((e) => e.type === "opened" || e.type === "closed")
			.map((e) => e.release));
		need(authorisations.every((g) => used.has(field(g.text, "serial"))),
			"an authorisation under which nothing was opened");
		const signer = (doc, key) => doc.signatures.some((s) =>
			armor(s, "SSH SIGNATURE", 0).includes(Buffer.from(key, "base64")));
		for (const v of revocations.filter((v) => v.good)) {
			const [key] = lines(v.text, "key"), [node] = lines(v.text, "node");
			need(key ? [...authorisations, ...restores].some((d) => signer(d, key.split(" ")[1]) &&
				this.admitted(v, "revocation", field(d.text, "node"))) :
				node ? this.logs.has(node) :
					this.grants.has(field(v.text, "authorisation")),
				"a revocation that has nothing to do with the item");
		}
		for (const x of restores.filter((x) => x.good))
			need(authorisations.some((g) => field(g.text, "node") === field(x.text, "node")) &&
				this.admitted(x, "restore", field(x.text, "node")),
				"a restore that has nothing to do with the item");
	}

	// ---- events ----

	taken() {
		this.takes = this.events.filter((e) => e.type === "ingest" && e.item === this.r.item);
		const own = this.takes.filter((e) => e.node === this.r.node);
		need(own.length === 1, "the item was not taken in once");
		need(this.logs.get(this.r.node).roles.has("ingest"), "the item was taken in without the role");
		return own[0];
	}

	belongs(e, ingest) {
		const named = (list) => list.some((d) => field(d.text, "serial") === e.document);
		if (e.item === this.r.item) return true;
		switch (e.type) {
		case "exported":
			return this.events.some((x) => x.type === "opened" && x.item === this.r.item &&
				before(e, x) && x.export === e.export);
		case "accession":
			return e.accession === ingest.accession && before(e, ingest);
		case "release-ended":
			return this.grants.has(e.release) &&
				field(this.grants.get(e.release).text, "node") === e.node;
		case "admitted":
			if (admits(e, this.versions[0])) return true; // see steps()
			if (e.kind === "authorisation") return this.grants.has(e.document);
			return e.kind in { revocation: 1, restore: 1 } && named(this.docs[`${e.kind}s`]);
		default:
			return false;
		}
	}

	// ---- openings ----

	// What an item was opened for must have been granted: every recipient, or that it is not sealed.
	exported(opened, grant) {
		const begun = this.events.filter((x) => x.type === "exported" && before(x, opened) &&
			x.export === opened.export).pop();
		need(begun, "an opening for an export that is not there");
		need(begun.release === opened.release, "an export under another authorisation");
		const may = lines(grant.text, "export-to");
		const to = begun.recipients === "" ? [] : begun.recipients.split(" ");
		need(to.every((r) => /^age1[02-9ac-hj-np-z]{58}$/.test(r)), "a recipient that is none");
		need(to.length === 0 ? may.includes("plain") :
			to.every((r) => may.includes(r) || may.includes("any")),
			"an export that the authorisation does not grant");
	}

	// Nothing that its log knew had ended the authorisation.
	over(e, grant) {
		const serial = field(grant.text, "serial"), log = this.logs.get(e.node);
		need(!this.events.some((x) => x.type === "release-ended" && x.release === serial &&
			before(x, e)), "an opening after the end of its release");
		for (const v of this.docs.revocations.filter((v) => v.good && !this.keys.includes(v))) {
			const [node] = lines(v.text, "node");
			const known = before(this.admitted(v, "revocation", e.node), e);
			if (node ? node !== e.node || (issued(grant) > issued(v) && log.issued > issued(v)) :
				field(v.text, "authorisation") !== serial) continue;
			need(!known, "an opening after a revocation");
			// Whether a node had heard of its revocation is not known otherwise. Documents have
			// whole seconds.
			if (node && Date.parse(e.time) >= issued(v) + 1000) this.judged = false;
		}
		for (const x of this.docs.restores.filter((x) => x.good && field(x.text, "node") === e.node))
			need(issued(grant) > issued(x) || !before(this.admitted(x, "restore", e.node), e),
				"an opening after a restore");
	}

	opened(e) {
		const g = this.grants.get(e.release);
		need(this.logs.get(e.node).roles.has("reader"), "an opening by a node that is no reader");
		need(g && field(g.text, "node") === e.node, "an opening without its authorisation");
		need(before(this.admitted(g, "authorisation", e.node), e), "an opening before the admission");
		const names = g.text.toString("utf8").split("\n");
		need(this.takes.some((t) => names.includes(`item: ${this.r.item} ${t.commitment}`) ||
			names.includes(`accession: ${t.accession}`)), "it does not name the item");
		need(Date.parse(e.time) >= Date.parse(field(g.text, "not-before")) &&
			Date.parse(e.time) <= Date.parse(field(g.text, "not-after")) + 2000,
			"an opening at another time");
		const [users] = lines(g.text, "users");
		need(!users || users.split(", ").includes(e.user), "an opening by another user");
		this.over(e, g);
		if (e.export) this.exported(e, g);
	}

	closed(e) {
		need(this.events.some((x) => x.type === "opened" && x.item === e.item && before(x, e) &&
			x.handle === e.handle && x.release === e.release), "what was closed was not opened");
	}

	record(ingest) {
		const b = armor(this.r.record.toString("latin1"), "CUSTODYFS RECORD", 64);
		need(b.length >= 64, "a record that is cut");
		const mac = createHmac("sha256", b.subarray(0, 32)).update(b.subarray(64))
			.update(b.subarray(32, 64)).digest("hex");
		need(mac === ingest.commitment, "the record is not the one committed to");
	}
}

// logs: {node, roles, issued, events}; docs: {authorisations, revocations, restores}.
export function relate(r, logs, versions, docs) {
	const c = new Custody(r, logs, versions, docs);
	steps(versions, c.events, new Set(docs.authorisations.map((g) => field(g.text, "node"))));
	c.documents();
	c.needed();
	const ingest = c.taken();
	for (const e of c.events) {
		need(c.belongs(e, ingest), "an event that has nothing to do with the item");
		if (e.item !== r.item) continue;
		if (e.type === "opened") c.opened(e);
		if (e.type === "closed") c.closed(e);
	}
	if (r.record) c.record(ingest);
	return c.judged;
}
