#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Every way to get bytes out of a mount, in every state of the release: the table in custodyfs-security(7).
# A difference is printed; `WAYS=FILE` also writes the new table there.

bats_require_minimum_version 1.5.0
load ../lib/common

setup_file() { common_make ready; }
setup() {
	common_copy
	WAYS_OF=$(dirname "$CUSTODY")/tests/fuse/ways
	MAN=$BATS_TEST_DIRNAME/../../man/custodyfs-security.7
}
teardown() {
	local p

	for p in $(jobs -p); do kill "$p" 2>/dev/null || :; done
	world_end
}

# One item for each state.
ready() {
	set -e
	world_archive
	world_node cap ingest
	mkdir images
	for s in none not-yet in-force other spent expired revoked hidden dead cut; do
		head -c 20000 /dev/urandom >"images/$s"
	done
	custody --node cap ingest archive images --collection otay
	world_node ws reader
}

# release STATE [OPTION]...
release() {
	local s=$1

	shift
	world_request "$s" "otay/$s"
	world_authorise "$s" "$@"
	custody --node ws import archive "$s.auth"
}

# hold STATE: a reader that opened it, and waits
hold() {
	mkfifo "in.$1"
	"$WAYS_OF" "mnt/otay/$1" "images/$1" hold <"in.$1" >"got.$1" 3>&- &
	eval "exec {go_${1//-/_}}>in.$1"
	for _ in $(seq 200); do grep -qx held "got.$1" && return 0; sleep 0.05; done
	return 1
}
# go STATE: and now tries everything
go() {
	local fd="go_${1//-/_}"

	echo >&"${!fd}"
	eval "exec {$fd}>&-"
	for _ in $(seq 400); do grep -q '^held: passed' "got.$1" && return 0; sleep 0.05; done
	return 1
}
now() { "$WAYS_OF" "mnt/otay/$1" "images/$1" >"got.$1"; }

# The nth word of a table is what came of it.
table() {
	awk -F'\t' '
	FNR == 1 { file++ }
	$0 != "held" {
		if (!($1 in row)) { row[$1] = ++rows; name[rows] = $1 }
		cell[$1, file] = $2
	}
	END {
		for (r = 1; r <= rows; r++) {
			line = sprintf("%-22s", name[r])
			for (c = 1; c <= file; c++)
				line = line sprintf(" %-7s", ((name[r], c) in cell) ? cell[name[r], c] : "-")
			sub(/ +$/, "", line)
			print line
		}
	}' "$@"
}

# The table of the manual that begins with this word in its head line.
manual() { awk -v head="$1" '$0 ~ "^way +" head { on = 1 } on && /^\.Ed/ { exit } on' "$MAN" | tail -n +2; }

compare() {
	[ -z "${WAYS:-}" ] || { echo "way $1"; cat got; } >>"$WAYS"
	manual "$1" >want
	# What this kernel does not have, or forbids, is not compared.
	while read -r way; do
		echo "# not here: $way" >&3
		sed -i "/^$way  /d" want got
	done < <(grep -E '^(io_uring|overlay|fanotify|user name|file handle)' got |
		grep -E ' (ENOSYS|EPERM|ENODEV|EINVAL|EOPNOTSUPP|ENOSPC)\>' | sed 's/  .*//')
	diff want got >&2
}

@test "every way, in every state of a release" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	world_open_way
	world_mount -o allow_other
	release not-yet --from +1h --until +2h
	release in-force --users root
	release other --users nobody
	release spent --max-opens 1 --users root
	release revoked --users root
	release expired --users root --until +5s
	hold expired
	hold revoked
	hold spent
	authority revoke auth --authorisation "$(sed -n 's/^serial: //p' revoked.auth)" --reason r \
		--sign-with officer -o rev
	custody --node ws import archive rev
	for s in none not-yet in-force other; do now "$s"; done
	go spent
	go revoked
	for _ in $(seq 200); do logged ws '.type=="release-ended" and .reason=="expired"' && break; sleep 0.1; done
	go expired
	table got.none got.not-yet got.in-force got.other got.spent got.expired got.revoked >got
	run ! grep WRONG got
	compare none
}

@test "every way, of a node that was revoked, a mount that was hidden, and one whose daemon was killed" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	world_open_way
	world_mount -o allow_other
	release dead --users root
	release hidden --users root
	hold hidden
	umount -l mnt
	go hidden
	for _ in $(seq 200); do world_runs "$(cat daemon.pid)" || break; sleep 0.05; done
	world_mount -o allow_other
	hold dead
	kill -9 "$(cat daemon.pid)"
	for _ in $(seq 200); do grep -qF " $W/mnt " /proc/self/mountinfo || break; sleep 0.05; done
	go dead
	world_mount -o allow_other
	release cut --users root
	hold cut
	authority revoke auth --node "$(custody --node ws status archive --json | jq -r .node)" --reason r \
		--sign-with officer -o rev
	custody --node ws import archive rev
	for _ in $(seq 200); do head -c 1 mnt/otay/cut >/dev/null 2>&1 || break; sleep 0.05; done
	go cut
	table got.cut got.hidden got.dead >got
	run ! grep WRONG got
	compare node
}
