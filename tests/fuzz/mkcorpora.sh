#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# mkcorpora.sh: makes tests/corpora anew: good inputs of every target, written by the programs in a small
# world and by mkseeds, and what mkcorpora.py makes of them. Keys and ids are new each time, so this is
# run when a format changes, not in a build. Cases named found-* (kept from crashes) stay.
# Programs are those of $B (build/release).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
top=$PWD
B=$(realpath "${B:-build/release}")
export CUSTODY="$B/custody" CUSTODY_AUTHORITY="$B/custody-authority" MKIMAGES="$B/tests/lib/mkimages"
export LC_ALL=C.UTF-8 TZ=UTC
unset SSH_AUTH_SOCK
# shellcheck source=tests/lib/world.bash
. tests/lib/world.bash

world_new
trap 'rm -rf "$W"' EXIT
seeds=$W/seeds
mkdir "$seeds"
"$B/tests/lib/mkseeds" "$seeds"
# seed FILE NAME...: FILE is good input of these, each <target>.<name>
seed() {
	local from=$1 name

	shift
	for name; do cp "$from" "$seeds/$name"; done
}

for node in cap ws; do
	mkdir -m 700 "$node"
	install -m 600 "$seeds/$node.key" "$node/node.key"
	rm "$seeds/$node.key"
done
world_keys officer second receiver
world_archive
world_node cap ingest
mkdir images
head -c 100 /dev/zero >images/a.jpg
head -c 300 /dev/zero >images/b.jpg
"$CUSTODY" --node cap ingest archive images --collection c
world_node ws reader
seed archive/archive.txt archive.one-key document.archive
seed cap.enrol enrolment.ingest document.unsealed
seed ws.enrol enrolment.reader document.sealed
seed cap.req enrolment-request.ingest
world_request one c/a.jpg
seed one.req request.item
world_authorise one --max-opens 3
seed one.auth authorisation.item
"$CUSTODY" --node ws import archive one.auth
accession=$(jq -r 'select(.type == "accession").accession' "$(journal cap)")
"$CUSTODY" --node ws request archive --accession "$accession" --case C-2 --purpose audit -o whole.req
seed whole.req request.accession
"$CUSTODY_AUTHORITY" authorise auth whole.req --sign-with officer --until +1h --users alice,bob -o whole.auth
seed whole.auth authorisation.accession
"$CUSTODY_AUTHORITY" revoke auth --authorisation "$(sed -n 's/^serial: //p' one.auth)" --reason 'no longer needed' --sign-with officer -o one.revoke
seed one.revoke revocation.authorisation
"$CUSTODY" --node ws import archive one.revoke
"$CUSTODY" --node ws prove archive c/a.jpg -o a.receipt
seed a.receipt receipt.item
"$CUSTODY" --node ws transfer release archive --from Here --from-person A --to There --to-person B \
	--medium 'USB disk' --medium-serial SN-1 --encryption none --purpose examination --to-key receiver.pub \
	-o rel
"$CUSTODY_AUTHORITY" sign rel --sign-with officer
seed rel transfer-release.one
"$CUSTODY" --node ws import archive rel
"$CUSTODY" --node ws transfer receive archive rel --person B --medium-serial SN-1 -o rec || [ $? -eq 4 ]
seed rec transfer-receipt.one
"$CUSTODY" --node ws checkpoint archive --for-witness -o ask
seed ask ask.two-logs
cp "$(journal cap)" "$seeds/journal.capture"
jq -c . "$(journal cap)" "$(journal ws)" >lines
for type in $(jq -r .type lines | sort -u); do
	jq -rc "select(.type == \"$type\")" lines | head -n 1 | tr -d '\n' >"$seeds/event.$type"
done

# An item that is released, exported, and whose log is then restored: its receipt has all kinds of parts.
world_request two c/b.jpg
world_authorise two --export-to plain
"$CUSTODY" --node ws import archive two.auth
"$CUSTODY" --node ws export archive -a "$(sed -n 's/^serial: //p' two.auth)" out
"$CUSTODY_AUTHORITY" revoke auth --authorisation "$(sed -n 's/^serial: //p' two.auth)" --reason 'no longer needed' --sign-with officer -o two.revoke
"$CUSTODY" --node ws import archive two.revoke

# An old copy is put back: evidence of a rollback, and the acceptance of a restore.
cp -a archive backup
head -c 50 /dev/zero >images/c.jpg
"$CUSTODY" --node cap ingest archive images --collection d
"$CUSTODY" --node ws ls archive >/dev/null
"$CUSTODY" --node ws checkpoint archive >/dev/null
rm -rf archive
mv backup archive
"$CUSTODY" --node ws checkpoint archive --evidence -o evidence
seed evidence evidence.rollback
"$CUSTODY_AUTHORITY" accept-restore auth evidence --reason test --sign-with officer -o restore
seed restore restore.one
"$CUSTODY" --node ws import archive restore
"$CUSTODY" --node ws checkpoint archive >/dev/null
"$CUSTODY" --node ws prove archive c/b.jpg --disclose -o b.receipt
seed b.receipt receipt.restored

printf 'custodyfs\n' >message
for kind in ed25519 ecdsa rsa; do
	ssh-keygen -q -t "$kind" -N '' -C "$kind" -f "key.$kind"
	ssh-keygen -q -Y sign -f "key.$kind" -n authorise@custodyfs message
	seed message.sig "sshsig.$kind"
	rm message.sig
	head -n 1 "key.$kind.pub" | tr -d '\n' >"$seeds/sshkey.$kind"
done
ssh-keygen -q -Y sign -f key.ed25519 -n archive@custodyfs message
seed message.sig sshsig.other-namespace
printf 'custodyfs!\n' >message
rm message.sig
ssh-keygen -q -Y sign -f key.ed25519 -n authorise@custodyfs message
seed message.sig sshsig.other-message

find "$top/tests/corpora" -name '*.case' ! -name 'found-*' -delete 2>/dev/null || :
python3 "$top/tests/fuzz/mkcorpora.py" "$seeds" "$top/tests/corpora" "$B/tests/fuzz/replay"
