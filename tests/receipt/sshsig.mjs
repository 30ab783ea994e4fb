// SPDX-License-Identifier: Apache-2.0
//
// SSHSIG version 1 (OpenSSH PROTOCOL.sshsig) by ssh-ed25519 and sk-ssh-ed25519@openssh.com keys
// (PROTOCOL.u2f): Node.js and its node:crypto, nothing else.

import { createHash, createPublicKey, verify } from "node:crypto";
import { armor as unarmor } from "./container.mjs";
import { need, Open, sha256 } from "./tlog.mjs";

const TOKEN = "sk-ssh-ed25519@openssh.com";

const string = (b) => {
	const n = Buffer.alloc(4);
	n.writeUInt32BE(b.length);
	return Buffer.concat([n, Buffer.from(b)]);
};

class In {
	constructor(b) { this.b = b; }
	bytes(n) {
		need(n <= this.b.length, "an SSH signature that is cut");
		const part = this.b.subarray(0, n);
		this.b = this.b.subarray(n);
		return part;
	}
	u32() { return this.bytes(4).readUInt32BE(0); }
	string() { return this.bytes(this.u32()); }
	end() { need(this.b.length === 0, "an SSH signature with a tail"); }
}

function ed25519(raw, message, sig) {
	need(raw.length === 32 && sig.length === 64, "not an Ed25519 signature");
	const key = createPublicKey({
		key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]),
		format: "der", type: "spki",
	});
	need(verify(null, message, key, sig), "an SSH signature that is not good");
}

// The key, in base64 as in a .pub file, that has signed `text`; one that is not good is an error.
export function signer(armor, text, namespace, { touch, pin }) {
	const blob = new In(unarmor(armor, "SSH SIGNATURE", 0));
	need(blob.bytes(6).toString() === "SSHSIG", "not an SSH signature");
	if (blob.u32() !== 1) throw new Open("an SSH signature of a newer version");
	const publicKey = blob.string();
	const key = new In(publicKey);
	const type = key.string().toString();
	if (type !== "ssh-ed25519" && type !== TOKEN) throw new Open("a key of another type");
	need(blob.string().toString() === namespace, "an SSH signature of another namespace");
	blob.string(); // reserved
	const hash = blob.string().toString();
	if (hash !== "sha256" && hash !== "sha512") throw new Open("an SSH signature with another hash");
	const sig = new In(blob.string());
	blob.end();
	let message = Buffer.concat([Buffer.from("SSHSIG"), string(namespace), string(""), string(hash),
		string(createHash(hash).update(text).digest())]);
	need(sig.string().toString() === type, "an SSH signature of another type than its key");
	const raw = key.string();
	const bytes = sig.string();
	if (type === TOKEN) {
		const application = key.string();
		const state = sig.bytes(5);
		need(!touch || state[0] & 1, "a token's signature without a touch");
		need(!pin || state[0] & 4, "a token's signature without a PIN");
		message = Buffer.concat([sha256(application), state, sha256(message)]);
	}
	key.end();
	sig.end();
	ed25519(raw, message, bytes);
	return publicKey.toString("base64");
}
