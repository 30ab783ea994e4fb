#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# custody-authority: keys, archives, enrolments, reviews, authorisations, revocations.

load ../lib/common

# An authority with one officer, and one (auth2) of which two of three must sign; each with an
# archive, a capture node and a reader with a request.
two_authorities() {
	set -e
	common_ready
	world_request r otay/us/car1.jpg
	world_keys ann ben cid stranger
	authority init auth2 --key ann.pub --key ben.pub --key cid.pub --threshold 2 --no-passphrase
	authority create-archive auth2 archive2 --sign-with ann --sign-with ben
}
setup_file() { common_make two_authorities; }
setup() { common_copy; }
teardown() { world_end; }

fingerprint() { ssh-keygen -lf "$1.pub" | cut -d' ' -f2; }

# A reader node of archive2, enrolled, and its request r2.req for an item of it.
second_world() {
	for n in cap2:ingest ws2:reader; do
		custody --node "${n%:*}" node-init archive2 --role "${n#*:}" --no-passphrase -o n.req
		authority enrol auth2 n.req --sign-with ann --sign-with cid -o n.enrol
		custody --node "${n%:*}" import archive2 n.enrol
	done
	echo text >note.txt
	custody --node cap2 ingest archive2 note.txt --collection c
	custody --node ws2 request archive2 c/note.txt --case C-2 --purpose P -o r2.req
}

@test "init tells the fingerprints and makes a private directory" {
	ok authority init new --key ann.pub --key ben.pub --threshold 2 --require-pin --no-passphrase
	says "2 of 2 keys"
	says "$(fingerprint ann)"
	says "$(fingerprint ben)"
	talks "Keep a copy"
	[ "$(stat -c %a new)" = 700 ]
	[ -z "$(find new -type f -perm /077)" ]
	grep -qx 'threshold: 2' new/authority.txt
	grep -qx 'require-pin: yes' new/authority.txt
	grep -qx 'require-touch: yes' new/authority.txt
	ok authority init new2 --key ann.pub --no-touch --no-passphrase --json
	json '.[0] | .threshold == 1 and (.keys | length) == 1'
	grep -qx 'require-touch: no' new2/authority.txt
}

@test "init takes a file of several keys, with comments" {
	(echo '# officers'; echo; cat ann.pub ben.pub; printf '%s' "$(cat cid.pub)") >officers
	ok authority init new --key officers --threshold 3 --no-passphrase
	says "3 of 3 keys"
}

@test "init refuses what is no public key, the same key twice, a threshold that can't be met" {
	fails 5 "private key" authority init new --key ann --no-passphrase
	fails 1 "nobody.pub" authority init new --key nobody.pub --no-passphrase
	echo hello >text
	fails 5 "text" authority init new --key text --no-passphrase
	ssh-keygen -q -t rsa -b 2048 -N '' -f rsa </dev/null
	fails 5 "rsa" authority init new --key rsa.pub --no-passphrase
	fails 5 "no OpenSSH public key" authority init new --key /dev/null --no-passphrase
	fails 2 "given before" authority init new --key ann.pub --key ann.pub --no-passphrase
	fails 2 "can't be met" authority init new --key ann.pub --threshold 2 --no-passphrase
	[ ! -e new ]
	fails 1 "exists" authority init auth --key ann.pub --no-passphrase
}

@test "init under a passphrase, which is needed where secrets are and nowhere else" {
	(umask 077 && echo 'a long passphrase' >pass && echo no >wrong)
	ok authority init new --key officer.pub --passphrase-file pass
	ok authority create-archive new a --sign-with officer
	ok authority show new
	custody --node n node-init a --role ingest --no-passphrase -o i.req
	ok authority enrol new i.req --sign-with officer -o i.enrol
	custody --node m node-init a --role reader --no-passphrase -o m.req
	fails 3 "authority.key" authority enrol new m.req --sign-with officer -o m.enrol --passphrase-file wrong
	[ ! -e m.enrol ]
	ok authority enrol new m.req --sign-with officer -o m.enrol --passphrase-file pass
}

@test "create-archive: suites, chunk size, --json, and who must sign" {
	ok authority create-archive auth a --sign-with officer --suite xchacha20-poly1305 \
		--chunk-size 65536 --json
	json '.[0] | .suite == "xchacha20-poly1305" and .chunk_size == 65536 and .version == 1'
	grep -qx 'chunk-size: 65536' a/archive.txt
	[ "$(sed -n 's/^archive: //p' a/archive.txt)" = "$(jq -r .archive <<<"$output")" ]
	fails 2 "2 officers must sign at once and 1" authority create-archive auth2 b --sign-with ann
	fails 2 "0 --sign-with" authority create-archive auth b
	fails 1 "signed it already" authority create-archive auth2 b --sign-with ann --sign-with ann
	fails 7 "" authority create-archive auth b --sign-with stranger
	fails 3 "no-such-key" authority create-archive auth b --sign-with no-such-key
	[ ! -e b ]
	mkdir full && touch full/x
	fails 1 "not empty" authority create-archive auth full --sign-with officer
	fails 1 "not a directory" authority create-archive auth full/x --sign-with officer
	fails 1 "" authority create-archive nowhere b --sign-with officer
	fails 5 "authority.txt" authority create-archive archive b --sign-with officer
}

@test "enrol shows who asks before anybody signs" {
	custody --node n node-init archive --name 'booth 7' --no-passphrase -o n.req
	ok authority enrol auth n.req --sign-with officer -o n.enrol
	says "booth 7"
	says "$(sed -n 's/^node: //p' n.req)"
	says "reader"
	ok authority enrol auth n.req --sign-with officer -o n2.enrol --json
	json '.[0] | .name == "booth 7" and .role == "reader" and .signatures == 1 and .threshold == 1'
	ok authority enrol auth n.req --sign-with officer -o -
	[ "$(head -n 1 <<<"$output")" = custodyfs-enrolment/v1 ]
	talks "booth 7"
}

@test "enrol gives the catalogue key to readers alone" {
	custody --node n node-init archive --role ingest --no-passphrase -o n.req
	authority enrol auth n.req --sign-with officer -o n.enrol
	run ! grep -q 'BEGIN AGE' n.enrol
	custody --node m node-init archive --role ingest,reader --no-passphrase -o m.req
	authority enrol auth m.req --sign-with officer -o m.enrol
	grep -q 'BEGIN AGE' m.enrol
}

@test "enrol refuses a request that was changed, or for an archive of others" {
	custody --node n node-init archive --role ingest --no-passphrase -o n.req
	sed 's/^role: ingest/role: reader/' n.req >changed
	fails 4 "changed" authority enrol auth changed --sign-with officer -o x
	fails 5 "" authority enrol auth r.req --sign-with officer -o x
	fails 7 "none of this authority's" authority enrol auth2 n.req --sign-with ann --sign-with ben -o x
	fails 1 "nothing-there" authority enrol auth nothing-there --sign-with officer -o x
	run -7 authority enrol auth n.req -q --sign-with stranger -o x
	[ ! -e x ]
}

@test "two of three sign: one after the other, each once, officers only" {
	custody --node n node-init archive2 --no-passphrase -o n.req
	ok authority enrol auth2 n.req --sign-with ann -o n.enrol
	talks "1 of 2 signatures"
	talks "custody-authority sign"
	fails 7 "1 of the 2" custody --node n import archive2 n.enrol
	fails 1 "signed it already" authority sign n.enrol --sign-with ann
	fails 7 "" authority sign auth2 n.enrol --sign-with stranger
	[ "$(grep -c 'BEGIN SSH' n.enrol)" -eq 1 ]
	ok authority sign n.enrol --sign-with cid -o both.enrol
	says "2 signatures"
	[ "$(grep -c 'BEGIN SSH' n.enrol)" -eq 1 ]
	[ "$(grep -c 'BEGIN SSH' both.enrol)" -eq 2 ]
	# the authority learns of it
	ok authority sign auth2 both.enrol --json
	json '.[0] | .kind == "enrolment" and .signatures == 2 and .threshold == 2'
	ok authority show auth2
	says "node $(sed -n 's/^node: //p' n.req)"
	ok custody --node n import archive2 both.enrol
}

@test "sign: in place, to standard output, and what is not to be signed" {
	custody --node n node-init archive2 --no-passphrase -o n.req
	authority enrol auth2 n.req --sign-with ann -o n.enrol
	ok authority sign auth2 n.enrol --sign-with ben
	[ "$(grep -c 'BEGIN SSH' n.enrol)" -eq 2 ]
	ok authority sign n.enrol --sign-with cid -o -
	[ "$(grep -c 'BEGIN SSH' <<<"$output")" -eq 3 ]
	fails 5 "" authority sign archive2/archive.txt --sign-with cid
	fails 5 "" authority sign n.req --sign-with cid
	sed 's/^name: .*/name: other/' n.enrol >changed
	fails 4 "" authority sign changed --sign-with cid
}

@test "review shows who, why and what" {
	ok authority review auth r.req
	says "C-1"
	says "plate dispute"
	says "otay/us/car1.jpg"
	says "$(awk '$1 == "us/car1.jpg" { print $2 }' plates)"
	says "proofs are good"
	run ! grep -q car2 <<<"$output"
	ok authority review auth r.req --json
	json '.[0] | .case == "C-1" and (.items | length) == 1'
	json '.[0].items[0].provenance.plate_text == "'"$(awk '$1 == "us/car1.jpg" { print $2 }' plates)"'"'
	json '.[0].items[0].sha256 == "'"$(sha256sum images/us/car1.jpg | cut -d' ' -f1)"'"'
	json '.[0].items[0].size == '"$(stat -c %s images/us/car1.jpg)"
	ok authority review auth r.req -q
	[ -z "$output" ]
	(cd auth && ok authority review ../r.req && says otay/us/car1.jpg)
	ok authority review auth - <r.req
	says "otay/us/car1.jpg"
}

@test "review refuses a request that was changed, or of a node that was not enrolled here" {
	sed 's/^purpose: .*/purpose: none/' r.req >changed
	fails 4 "" authority review auth changed
	awk '/BEGIN CUSTODYFS/ { n = NR } n && NR == n + 3 { $0 = ($0 ~ /^A/ ? "B" : "A") substr($0, 2) } 1' \
		r.req >bundle
	fails 4 "" authority review auth bundle
	fails 5 "" authority review auth officer.pub
	fails 7 "" authority review auth2 r.req
	head -c 500 r.req >cut
	fails 5 "cut" authority review auth cut
}

node_id() {
	custody --node "$1" status archive --json | jq -r .node
}

@test "review and authorise see through an archive that was rolled back" {
	cp -a archive old
	cp -a ws ws.old
	world_request r2 otay/us/car3.jpg
	world_request r3 otay/us/car3.jpg
	ok authority review auth r3.req
	# node and archive are put back to what they were, and go on from there: a log that is behind
	# the one that was seen, and then one that is as long and another
	rm -r archive ws
	mv old archive
	mv ws.old ws
	world_request r4 otay/us/car1.txt
	world_request r5 otay/us/car1.txt
	# an older request may be answered late, but by a log that has what was seen
	ok authority authorise auth r4.req --sign-with officer --until +2h -o r4.auth
	seen=$(grep "^checkpoint: .*/$(node_id ws) " r4.auth | cut -d' ' -f3)
	[ "$seen" -gt "$(grep "^checkpoint: .*/$(node_id ws) " r4.req | cut -d' ' -f3)" ]
	fails 7 "the authority saw" custody --node ws import archive r4.auth
	fails 4 "forked" authority review auth r5.req
}

@test "authorise: terms are in the text, and stay within what was asked" {
	ok authority authorise auth r.req --sign-with officer --until +2h --users alice,bob \
		--max-opens 3 --max-bytes 2M --legal-basis '19 CFR 1' -o r.auth
	says "alice,bob"
	says "1 of 1 signatures"
	grep -qx 'users: alice, bob' r.auth
	grep -qx 'max-opens: 3' r.auth
	grep -qx 'max-bytes: 2000000' r.auth
	grep -qx 'legal-basis: 19 CFR 1' r.auth
	[ "$(grep -c '^item: ' r.auth)" -eq 1 ]
	ssh-keygen -Y check-novalidate -n authorise@custodyfs -s <(sed -n '/BEGIN SSH/,/END SSH/p' r.auth) \
		< <(sed '/BEGIN SSH/,$d' r.auth)
}

@test "authorise: absolute times, --json, -o -" {
	ok authority authorise auth r.req --sign-with officer --from 2030-01-01T00:00:00Z \
		--until 2030-02-01T00:00:00Z -o r.auth --json
	json '.[0] | .not_before == "2030-01-01T00:00:00.000Z" and .signatures == 1 and .items == 1'
	grep -qx 'not-before: 2030-01-01T00:00:00Z' r.auth
	custody --node ws import archive r.auth
	run -7 custody --node ws why archive otay/us/car1.jpg
	[[ "$output" == *"not-yet"* ]]
	ok authority authorise auth r.req --sign-with officer --until +1h -o -
	[ "$(head -n 1 <<<"$output")" = custodyfs-authorisation/v1 ]
	talks "in force"
}

@test "authorise --dry-run signs and writes nothing" {
	ok authority authorise auth r.req --sign-with officer --until +2h -o r.auth --dry-run
	says "Dry run"
	[ ! -e r.auth ]
	[ -z "$(ls auth/archives/*/issued/*.authorisation 2>/dev/null)" ]
	ok authority authorise auth r.req --until +2h -n --json
	json '.[0].dry_run'
}

@test "authorise with fewer signatures than it takes: others sign later" {
	second_world
	ok authority authorise auth2 r2.req --until +1h -o r2.auth
	talks "0 of 2 signatures"
	fails 7 "0 of the 2" custody --node ws2 import archive2 r2.auth
	ok authority sign r2.auth --sign-with ben
	fails 7 "1 of the 2" custody --node ws2 import archive2 r2.auth
	ok authority sign auth2 r2.auth --sign-with cid
	says "2 signatures of 2"
	ok custody --node ws2 import archive2 r2.auth
	ok custody --node ws2 why archive2 c/note.txt
}

@test "sign: not what has expired while it went round" {
	second_world
	authority authorise auth2 r2.req --sign-with ann --until +1s -o r2.auth
	cp r2.auth before
	sleep 2.1
	fails 7 "expired at" authority sign r2.auth --sign-with ben
	fails 7 "expired at" authority sign auth2 r2.auth --sign-with ben
	cmp before r2.auth
}

@test "three of three sign in any order; one of them twice is two" {
	world_keys dan
	authority init auth3 --key ann.pub --key ben.pub --key cid.pub --key dan.pub --threshold 3 --no-passphrase
	authority create-archive auth3 archive3 --sign-with ann --sign-with ben --sign-with cid
	for order in 'dan ann ben' 'cid dan ann' 'ben cid dan'; do
		rm -rf n
		custody --node n node-init archive3 --role ingest --no-passphrase -o n.req
		read -r a b c <<<"$order"
		authority enrol auth3 n.req --sign-with "$a" -o n.enrol
		authority sign n.enrol --sign-with "$b"
		fails 7 "2 of the 3" custody --node n import archive3 n.enrol
		# one officer's block copied: in the file twice, counted once
		awk -v n=1 '/BEGIN SSH/ { b++ } b == 1 { one = one $0 "\n" } { print }
			/END SSH/ && b == 1 && !done { printf "%s", one; done = 1 }' n.enrol >twice
		[ "$(grep -c 'BEGIN SSH' twice)" -eq 3 ]
		fails 7 "counts once" custody --node n import archive3 twice
		authority sign n.enrol --sign-with "$c"
		ok authority sign auth3 n.enrol
		says "3 signatures of 3"
		ok custody --node n import archive3 n.enrol
	done
}

@test "authorise refuses users that can't be, and leaves nothing" {
	run -2 authority authorise auth r.req -q --sign-with officer --until +1h --users ',' -o x
	run -2 authority authorise auth r.req -q --sign-with officer --until +1h \
		--users "$(printf 'a%.0s' {1..40})" -o x
	run -7 authority authorise auth r.req -q --sign-with stranger --until +1h -o x
	[ ! -e x ]
	echo custodyfs-before >x
	run -7 authority authorise auth r.req -q --sign-with stranger --until +1h -o x
	[ "$(cat x)" = custodyfs-before ]
}

@test "revoke: what, why, by whom" {
	id=$(printf '%032d' 7)
	ok authority revoke auth --authorisation "$id" --reason 'wrong case' --sign-with officer -o x.revoke
	talks "no such authorisation was made here"
	says "1 of 1 signatures"
	grep -qx "authorisation: $id" x.revoke
	grep -qx 'reason: wrong case' x.revoke
	node=$(sed -n 's/^node: //p' ws.req)
	ok authority revoke auth --node "$node" --reason lost --sign-with officer -o n.revoke --json
	json '.[0] | .node == "'"$node"'" and .reason == "lost"'
	[ -z "$stderr" ]
	ok authority revoke auth2 --key ben.pub --reason left --sign-with ann --sign-with cid -o k.revoke
	grep -q '^key: ssh-ed25519 ' k.revoke
	fails 2 "not one of the archive's keys" authority revoke auth2 --key stranger.pub --reason r \
		--sign-with ann -o x
	fails 7 "none of this authority's" authority revoke auth --archive "$id" --node "$node" --reason r \
		--sign-with officer -o x
	ok authority revoke auth --node "$node" --reason r --dry-run
	[ "$(head -n 1 <<<"$output")" = custodyfs-revocation/v1 ]
	run ! grep -q SIGNATURE <<<"$output"
	[ ! -e x ]
}

@test "revoke asks which archive when there are several" {
	authority create-archive auth other --sign-with officer
	id=$(printf '%032d' 7)
	fails 2 "--archive ID" authority revoke auth --authorisation "$id" --reason r --sign-with officer -o x
	ok authority revoke auth --authorisation "$id" --reason r --sign-with officer -o x \
		--archive "$(sed -n 's/^archive: //p' other/archive.txt)"
}

@test "a key that was revoked signs nothing more" {
	second_world
	authority revoke auth2 --key ben.pub --reason left --sign-with ann --sign-with cid -o k.revoke
	custody --node ws2 import archive2 k.revoke
	custody --node ws2 request archive2 c/note.txt --case C-2 --purpose P -o r3.req
	fails 7 "revoked" authority authorise auth2 r3.req --sign-with ann --sign-with ben --until +1h \
		-q -o r3.auth
	# below the threshold too, where it is known
	custody --node n3 node-init archive2 --no-passphrase -o n3.req
	fails 7 "revoked" authority enrol auth2 n3.req --sign-with ben -q -o n3.enrol
	[ ! -e n3.enrol ]
	authority authorise auth2 r3.req --until +1h -o r3.auth
	cp r3.auth before
	fails 7 "revoked" authority sign auth2 r3.auth --sign-with ben
	cmp before r3.auth
	authority sign auth2 r3.auth --sign-with ann
	authority sign r3.auth --sign-with ben
	fails 7 "revoked" authority sign auth2 r3.auth
	fails 7 "revoked" custody --node ws2 import archive2 r3.auth
	authority authorise auth2 r3.req --sign-with ann --sign-with cid --until +1h -o r4.auth
	ok custody --node ws2 import archive2 r4.auth
}

@test "show: archives, nodes, what was issued" {
	authority authorise auth r.req --sign-with officer --until +2h -o r.auth
	ok authority show auth
	[ "$(head -n 1 <<<"$output")" = custodyfs-authority/v1 ]
	says "$(sed -n 's/^archive: //p' archive/archive.txt)"
	says "(ingest)"
	says "(reader)"
	says "authorisation $(sed -n 's/^serial: //p' r.auth), 1 signature"
	ok authority show auth --json
	json '.[0].archives | length == 1 and (.[0].nodes | length) == 2 and (.[0].issued | length) == 1'
	json '.[0].archives[0].issued[0] | .kind == "authorisation" and .case == "C-1" and .signatures == 1'
	fails 1 "nowhere" authority show nowhere
	chmod 755 auth
	fails 3 "chmod 700" authority show auth
}
