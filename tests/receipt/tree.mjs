// SPDX-License-Identifier: Apache-2.0
//
// tree.mjs <PROOFS: checks what mkproofs prints with tlog.mjs. Roots of sizes up to 300, and of what
// consistency proofs begin at, are computed anew from the leaves.
// Exit: 0 all good, 4 not.

import { createInterface } from "node:readline";
import { base64, consistent, included, leafHash, need, sha256 } from "./tlog.mjs";

const leaf = (i) => leafHash(Buffer.from(`leaf ${i}`));
const memo = new Map();
function mth(from, to) {
	const key = `${from}-${to}`;
	if (!memo.has(key)) {
		let k = 1;
		while (2 * k < to - from) k *= 2;
		memo.set(key, to - from === 1 ? leaf(from) :
			sha256(Buffer.from([1]), mth(from, from + k), mth(from + k, to)));
	}
	return memo.get(key);
}

const roots = new Map();
const count = { root: 0, in: 0, con: 0 };
try {
	for await (const line of createInterface({ input: process.stdin })) {
		const [kind, ...rest] = line.split(" ");
		if (kind === "root") {
			const root = base64(rest[1]), size = Number(rest[0]);
			need(size > 300 || root.equals(mth(0, size)), `the root of ${size}`);
			roots.set(rest[0], root);
		} else {
			const [a, size, ...path] = rest;
			const root = roots.get(size), hashes = path.map(base64);
			if (kind === "in")
				need(included(leaf(a), BigInt(a), BigInt(size), hashes, root), line);
			else
				need(consistent(BigInt(a), BigInt(size), hashes, Number(a) <= 300 ? mth(0, Number(a)) :
					roots.get(a) ?? rebuilt(Number(a)), root), line);
		}
		count[kind]++;
	}
	console.log(`good: ${count.root} roots, ${count.in} inclusion and ${count.con} consistency proofs`);
} catch (e) {
	console.log(`bad: ${e.message}`);
	process.exitCode = 4;
}

// The root of a size that is not told of, from its leaves.
function rebuilt(size) {
	const stack = [];
	for (let i = 0; i < size; i++) {
		let h = leaf(i), n = i;
		for (; n & 1; n >>= 1) h = sha256(Buffer.from([1]), stack.pop(), h);
		stack.push(h);
	}
	while (stack.length > 1) {
		const r = stack.pop();
		stack.push(sha256(Buffer.from([1]), stack.pop(), r));
	}
	return stack[0];
}
