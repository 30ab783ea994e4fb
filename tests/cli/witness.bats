#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The authority as an offline witness: an ask, its answer, the import of that, and what a contractor
# with root on the archive and the nodes tries: other logs, shorter ones, old asks, forged answers.

load ../lib/common

ready() {
	set -e
	common_ready
	custody --node cap checkpoint archive --for-witness -o ask
	authority witness auth ask -o answer
}
setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

cap() { custody --node cap "$@"; }
# more: one more accession in the capture node's log
more() {
	date +%N >more.txt
	cap ingest -q archive more.txt --collection more --json >/dev/null
}
size() { sed -n 2p "$1"; }
# turned_back: answer2 was cosigned and imported, and the archive and the node's directory are from before
# that; new is what lay beside the journal j then
turned_back() {
	cap import archive answer
	j=$(journal cap)
	cp -a archive older && cp -a cap older-cap
	more
	cap checkpoint archive --for-witness -o ask2
	authority witness auth ask2 -o answer2
	cap import archive answer2
	cp "${j%.jsonl}.cosigned" new
	rm -rf archive cap && mv older archive && mv older-cap cap
}

@test "ask, answer, import: journalled, beside the journal, shown" {
	[ "$(head -n 1 ask)" = "old 0" ]
	ok cap import archive answer --json
	json '.[0].kind == "cosignature" and .[0].already == false'
	logged cap '.type == "cosigned" and .size == '"$(size answer)"
	j=$(journal cap)
	cmp answer "${j%.jsonl}.cosigned"
	ok cap status archive
	says ", $(size answer) cosigned 20"
	ok cap status archive --json
	json ".[0].journals[0].cosigned == $(size answer) and .[0].journals[0].cosigned_at"
	ok cap checkpoint archive --cosigned -o c
	cmp c answer
	ok cap checkpoint archive --cosigned --json
	json ".[0].size == $(size answer)"
	ok custody checkpoint archive --cosigned --all
	says "custodyfs-witness/"
	ok custody verify archive
	# again: it was imported before, and nothing is logged
	n=$(wc -l <"$j")
	ok cap import archive answer --json
	json '.[0].already'
	[ "$(wc -l <"$j")" -eq "$n" ]
}

@test "the cosignature is a C2SP cosignature/v1 by the key in archive.txt" {
	vkey=$(sed -n 's/^witness: //p' archive/archive.txt)
	name=${vkey%%+*} rest=${vkey#*+}
	sig=$(sed -n "s|^— $name ||p" answer)
	base64 -d <<<"$sig" | xxd -p -l 4 | grep -qx "${rest%%+*}"
	[ "$(base64 -d <<<"${rest#*+}" | xxd -p -l 1)" = 04 ]
	{ printf '%s\n' "$name"; base64 -d <<<"${rest#*+}"; } | sha256sum | grep -q "^${rest%%+*}"
	stamp=$((16#$(base64 -d <<<"$sig" | tail -c +5 | xxd -p -l 8)))
	[ $(($(date +%s) - stamp)) -lt 3600 ]
	{ printf 'cosignature/v1\ntime %s\n' "$stamp"; head -n 3 answer; } >signed
	base64 -d <<<"$sig" | tail -c +13 >signature
	{ xxd -r -p <<<302a300506032b6570032100; base64 -d <<<"${rest#*+}" | tail -c +2; } >key.der
	openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in signed -sigfile signature
	# the authority's own list and the archive's say the same
	grep -qxF "witness: $vkey" auth/authority.txt
}

@test "it goes on from what was cosigned; many logs in one file" {
	cap import archive answer
	more
	ok custody --node ws checkpoint archive --all --for-witness -o ask2
	[ "$(grep -c '^old ' ask2)" -eq 2 ]
	grep -qx "old $(size answer)" ask2
	ok authority witness auth ask2 -o answer2 --json
	json 'length == 2 and all(.[]; .again | not)'
	ok custody --node ws import archive answer2
	[ "${#lines[@]}" -eq 2 ]
	# what the other node's log says of it is in this one's
	logged ws '.type == "cosigned" and .log != null'
	custody verify archive
	# a capture node follows no log but its own
	fails 7 "only a reader follows" cap checkpoint archive --all --for-witness
	sed "/$(custody --node cap status archive --json | jq -r .node)/,/witness/d" answer2 >ws-only
	fails 7 "which this node does not follow" cap import archive ws-only
	# an older one brings nothing, and does no harm
	ok custody --node ws import archive answer --json
	json '.[0].already'
	# nothing new: a fresh cosignature of the same
	ok cap checkpoint archive --for-witness -o ask3
	ok authority witness auth ask3 -o answer3
	ok cap import archive answer3
}

@test "a lost answer: the same ask gets the same answer, and no other log does" {
	cp answer first
	ok authority witness auth ask -o answer
	says "the answer is the same"
	cmp first answer
	# given out to nobody, as after a crash
	more
	cap checkpoint archive --for-witness -o ask2 --old "$(size answer)"
	run bash -c '"$CUSTODY_AUTHORITY" witness auth ask2 -o - >/dev/full'
	[ "$status" -eq 1 ]
	ok authority witness auth ask2 -o answer2
	says "the answer is the same"
	ok cap import archive answer2
}

@test "the witness was asked before, and the answer never came: --old" {
	more
	cap checkpoint archive --for-witness -o ask2
	[ "$(head -n 1 ask2)" = "old 0" ]
	fails 7 "ask anew with --old $(size answer)" authority witness auth ask2 -o answer2
	[ ! -e answer2 ]
	cap checkpoint archive --for-witness --old "$(size answer)" -o ask2
	ok authority witness auth ask2 -o answer2
	cap import archive answer2
	fails 2 "has $(($(size answer2) + 1)) signed events" \
		custody --node cap checkpoint archive --for-witness --old 999
	fails 2 "one log" custody --node ws checkpoint archive --for-witness --all --old 3
}

@test "an old ask is refused once there is more" {
	cap import archive answer
	more
	cap checkpoint archive --for-witness -o ask2
	authority witness auth ask2 -o answer2
	fails 7 "this ask was answered" authority witness auth ask -o x
	[ ! -e x ]
	# the other logs in a file are answered all the same
	custody --node ws checkpoint archive --for-witness -o ask3
	cat ask ask3 >both
	run --separate-stderr "$CUSTODY_AUTHORITY" witness auth both -o x
	[ "$status" -eq 7 ]
	[ "$(sed -n 2p x)" = "$(sed -n 4p ask3)" ]
}

# A node's log is turned back with its directory: all of the node's own checks pass.
@test "turned back: the node's whole state is an older copy, signed anew" {
	cp -a archive old-archive
	cp -a cap old-cap
	more
	cap checkpoint archive --for-witness -o ask2 --old "$(size answer)"
	authority witness auth ask2 -o answer2
	n=$(size answer2)
	rm -rf archive cap
	mv old-archive archive && mv old-cap cap
	# less than was cosigned
	custody --node cap status archive >/dev/null
	fails 4 "is not the one that was cosigned with $n events" cap import archive answer2
	logged cap '.type == "refused" and .what == "import" and .reason == "rollback"'
	cap checkpoint archive --for-witness -o ask3 --old 0
	fails 4 "turned back" authority witness auth ask3 -o x
	# and as much again, but other events
	while [ "$(size <(custody --node cap checkpoint archive))" -le "$n" ]; do more; done
	cap checkpoint archive --for-witness -o ask3 --old "$n"
	fails 4 "forked" authority witness auth ask3 -o x
	fails 4 "is not the one that was cosigned" cap import archive answer2
	[ ! -e x ]
	# whoever has the cosigned checkpoint beside the journal sees it
	j=$(journal cap)
	cp answer2 "${j%.jsonl}.cosigned"
	fails 4 "was turned back or forked" cap checkpoint archive --for-witness
	run --separate-stderr custody verify archive
	[ "$status" -eq 4 ]
	[[ "$output" == *"lines are not those that witness custodyfs-witness/"*" saw"* ]]
}

@test "verify: a journal that is shorter than what was cosigned, though its node signed it" {
	turned_back
	cp new "${j%.jsonl}.cosigned"
	run --separate-stderr custody verify archive
	[ "$status" -eq 4 ]
	[[ "$output" == *"and witness custodyfs-witness/"*" saw $(size answer2)"* ]]
}

@test "a forged ask, and a forged answer, are named" {
	sed 's/^old 0/old x/' ask >x
	fails 5 "must be 'old'" authority witness auth x -o y
	fails 5 "must be 'old'" authority witness auth answer -o y
	fails 5 "must be 'old'" authority witness auth /dev/null -o y
	sed '4s/.*/99/' ask >x # more events than there are
	fails 4 "not signed by the node" authority witness auth x -o y
	sed 's/^\(— .* ....\)..../\1AAAA/' ask >x
	fails 4 "" authority witness auth x -o y
	[ ! -e y ]
	# an answer without the witness, with another root, with a spoilt or a stranger's cosignature
	j=$(journal cap)
	grep -v custodyfs-witness answer >x
	fails 7 "no witness that archive.txt names" cap import archive x
	sed '3s/^..../AAAA/' answer >x
	fails 4 "not signed by its node" cap import archive x
	sed 's/\(custodyfs-witness.* .\{30\}\)..../\1AAAA/' answer >x
	fails 4 "the cosignature of custodyfs-witness/" cap import archive x
	sed 's/custodyfs-witness/custodyfs-witless/' answer >x
	fails 7 "no witness that archive.txt names" cap import archive x
	sed "1s/.*/custodyfs\/$(printf '%032d' 0)\/$(printf '%032d' 0)/" answer >x
	fails 7 "another archive" cap import archive x
	head -n 3 answer >x
	fails 5 "" cap import archive x
	[ ! -e "${j%.jsonl}.cosigned" ]
	[ "$(jq -c 'select(.type == "refused")' "$j" | wc -l)" -ge 4 ]
	run ! logged cap '.type == "cosigned"'
	# another authority's witness, for the same node
	world_keys stranger
	authority init other --key stranger.pub --no-passphrase
	fails 7 "" authority witness other ask -o y
}

@test "a cosigned checkpoint that was damaged or put there is told of, and replaced" {
	cap import archive answer
	j=$(journal cap)
	flip "${j%.jsonl}.cosigned" 150
	run --separate-stderr custody verify archive
	[ "$status" -eq 4 ]
	[[ "$output" == *".cosigned"* ]]
	fails 4 ".cosigned" cap checkpoint archive --for-witness
	ok cap import archive answer
	ok custody verify archive
	cmp answer "${j%.jsonl}.cosigned"
}

@test "usage" {
	fails 2 "-o OUT is needed" authority witness auth ask
	fails 2 "DIR and ASK" authority witness ask -o x
	fails 1 "nowhere" authority witness auth nowhere -o x
	fails 2 "two things" cap checkpoint archive --cosigned --for-witness
	fails 2 "--old is for --for-witness" cap checkpoint archive --old 3
	fails 1 "no witness has cosigned the log" cap checkpoint archive --cosigned
	rm auth/witness.key
	fails 3 "witness.key is missing" authority witness auth ask -o x
}

# rotate CHANGE...: in force at the authority, and at the nodes
rotate() {
	ok authority rotate auth "$@" --sign-with officer -o next.txt --force
	ok custody --node ws import archive next.txt
}

@test "the witness key is replaced: what the old one cosigned no longer counts, the new one goes on" {
	cap import archive answer
	old=$(sed -n 's/^witness: //p' archive/archive.txt)
	run -0 --separate-stderr authority rotate auth --new-witness -n
	[ ! -e auth/witness-2.key ]
	rotate --new-witness
	new=$(sed -n 's/^witness: //p' archive/archive.txt)
	[ -n "$new" ] && [ "$new" != "$old" ]
	[ "$(grep -c '^witness: ' archive/archive.txt)" -eq 1 ]
	# what is made from now on has it, too
	grep -qxF "witness: $new" auth/authority.txt
	ok cap status archive --json
	json '.[0].journals[0].cosigned == 0'
	ok custody verify archive
	fails 7 "no witness that archive.txt names" cap import archive answer
	# it goes on from where the old one was, and that is proved
	more
	ok cap checkpoint archive --for-witness -o ask2
	[ "$(head -n 1 ask2)" = "old $(size answer)" ]
	ok authority witness auth ask2 -o answer2
	grep -q "^— ${new%%+*} " answer2
	run ! grep -qF "${old%%+*}" answer2
	ok cap import archive answer2
	ok cap status archive --json
	json ".[0].journals[0].cosigned == $(size answer2)"
	ok custody verify archive
	ok custody --node ws prove archive otay/us/car1.jpg -o receipt
	ok custody check receipt --witnessed
	[ -z "$(command -v node)" ] || node "$BATS_TEST_DIRNAME/../receipt/check.mjs" receipt
	# a copy of the authority has both keys
	age-keygen -o id 2>/dev/null
	ok authority backup auth --recipient "$(age-keygen -y id)" -o copy.age
	age -d -i id copy.age | tar t | grep -qx 'witness-2.key'
}

@test "a witness key that is lost or destroyed is replaced; what a new key gave out is kept" {
	mv auth/witness.key away
	rotate --new-witness
	[ -e auth/witness.key ] # the first that is free
	[ "$(grep -c '^witness: ' archive/archive.txt)" -eq 2 ] # nobody knows that the other one was ours
	rotate --remove-witness "$(sed -n 's/^witness: \([^+]*\)+.*/\1/p' archive/archive.txt | head -n 1)"
	# an unchanged log: what the new key gave out once it gives out again, after a crash too
	ok authority witness auth ask -o one
	ok authority witness auth ask -o two
	says "the answer is the same"
	cmp one two
	rotate --new-witness
	printf x | dd of=auth/witness.key bs=1 seek=30 conv=notrunc status=none
	more
	ok cap checkpoint archive --for-witness -o ask2 --old "$(size answer)"
	ok authority witness auth ask2 -o answer2
	ok cap import archive answer2
	# what it keeps is checked by its keys, or by the node's
	printf x | dd of="$(ls auth/archives/*/cosigned/*."$(size answer2)")" bs=1 seek=120 conv=notrunc status=none
	more
	ok cap checkpoint archive --for-witness -o ask3
	fails 4 "is damaged" authority witness auth ask3 -o answer3
}

@test "an archive without a witness says so, and gets one" {
	rotate --remove-witness "$(sed -n 's/^witness: \([^+]*\)+.*/\1/p' archive/archive.txt)"
	run ! grep -q '^witness: ' archive/archive.txt
	run ! grep -q '^witness: ' auth/authority.txt
	ok custody --node ws status archive
	says "names no witness"
	fails 7 "does not name this authority's witness" authority witness auth ask -o x
	rotate --new-witness
	ok cap checkpoint archive --for-witness -o ask2 --old "$(size answer)"
	ok authority witness auth ask2 -o answer2
	ok cap import archive answer2
	run ! grep -q "names no witness" <(custody --node ws status archive)
}

@test "a journal that is cut back is named, though its witness is none any more" {
	turned_back
	rotate --new-witness
	ok custody verify archive
	cp new "${j%.jsonl}.cosigned"
	run --separate-stderr custody verify archive
	[ "$status" -eq 4 ]
	[[ "$output" == *"and the cosigned checkpoint saw $(size answer2)"* ]]
}

# cosign NOTE KEY NAME: what any witness of C2SP's tlog-cosignature adds to a note, by nobody's code here
cosign() {
	node -e '
	const { readFileSync } = require("fs"), c = require("crypto");
	const [note, pem, name] = process.argv.slice(1);
	const text = readFileSync(note, "utf8"), key = c.createPrivateKey(readFileSync(pem));
	const body = text.slice(0, text.indexOf("\n\n") + 1);
	const t = Math.floor(Date.now() / 1000) + Number(process.argv[4] || 0);
	const pk = c.createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
	const id = c.createHash("sha256").update(name + "\n").update(Buffer.from([4])).update(pk).digest();
	if (body.length === 0 || note === "/dev/null") throw new Error("no note");
	const sig = c.sign(null, Buffer.from(`cosignature/v1\ntime ${t}\n${body}`), key);
	const stamp = Buffer.alloc(8); stamp.writeBigUInt64BE(BigInt(t));
	const all = Buffer.concat([id.subarray(0, 4), stamp, sig]);
	process.stdout.write(text + `— ${name} ${all.toString("base64")}\n`);
	process.stderr.write(`${name}+${id.subarray(0, 4).toString("hex")}+` +
		Buffer.concat([Buffer.from([4]), pk]).toString("base64") + "\n");' "$@"
}

@test "a witness of somebody else is added, counts, and is taken out again" {
	[ -n "$(command -v node)" ] || skip "no node: there is no second witness"
	openssl genpkey -algorithm ed25519 -out w.pem 2>/dev/null
	cap checkpoint archive -o note
	cosign note w.pem witness.example/w1 >both 2>vkey
	cosign note w.pem witness.example/w1 -7200 >early 2>/dev/null
	cosign note w.pem witness.example/w1 7200 >late 2>/dev/null
	fails 7 "no witness that archive.txt names" cap import archive both
	fails 5 "is not the verifier key of a witness" authority rotate auth --add-witness officer.pub \
		--sign-with officer -o x
	fails 2 "is no witness of the archive" authority rotate auth --remove-witness nobody \
		--sign-with officer -o x
	rotate --add-witness vkey
	[ "$(grep -c '^witness: ' archive/archive.txt)" -eq 2 ]
	fails 2 "a witness of the archive already" authority rotate auth --add-witness vkey \
		--sign-with officer -o x
	# a clock that is wrong would make each receipt of the log look forged
	fails 7 "has cosigned it before its last line was written" cap import archive early
	fails 7 "has cosigned it in the future" cap import archive late
	ok cap import archive both
	logged cap '.type == "cosigned" and .witness == "witness.example/w1"'
	ok cap checkpoint archive --cosigned -o c
	cmp c both
	# the same checkpoint by the other witness, too: both stand beside the journal
	cosign answer w.pem witness.example/w1 >x 2>/dev/null
	ok cap import archive answer
	rotate --remove-witness witness.example/w1
	fails 7 "no witness that archive.txt names" cap import archive both
	ok custody verify archive
}
