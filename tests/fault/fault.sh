#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# fault.sh EVERY [VERB...]
#
# Each system call that a verb makes about the archive and the node's directory goes wrong once, in
# turn (fault.c): EIO, ENOSPC and EDQUOT (once, and as a disk that stays full), EINTR, short reads and
# writes; allocations fail; descriptors run out. EVERY 1: each call, 10: every tenth. Each time a fresh
# copy of a small world. What must be true:
#
#   the verb ends by itself, in time, with its result or with exit code 1 and a sentence that says why:
#     what could not be read or written is not called damage (4), nor malformed (5), nor refused (7)
#   what it says is done is done; what was there before is there; 'custody verify' finds nothing wrong
#   done again, without faults, it works
#
# One line a verb and kind: calls, faults, how many were survived, how many refused. Exit 1 if something
# was not true. Programs: $B.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 3

every=$1
shift
[ $# -gt 0 ] || set -- ingest import request reindex verify ls mount
B=$(realpath "${B:-build/release}")
export CUSTODY="$B/custody" CUSTODYFS="$B/custodyfs" CUSTODY_AUTHORITY="$B/custody-authority"
export LC_ALL=C.UTF-8 TZ=UTC
unset SSH_AUTH_SOCK CREDENTIALS_DIRECTORY
# shellcheck source=tests/lib/world.bash
. tests/lib/world.bash
shim=$B/tests/fault/fault.so

world_new
top=$W
clean() {
	cd /
	! mountpoint -q "$top/w/mnt" || fusermount3 -uz "$top/w/mnt"
	rm -rf "$top"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

make_world() {
	mkdir "$top/world" && cd "$top/world" || return
	world_archive && world_node cap ingest && world_node ws reader || return
	mkdir images new mnt
	head -c 20000 /dev/urandom >images/a.jpg
	head -c 100 /dev/urandom >images/b.jpg
	head -c 9000 /dev/urandom >new/c.jpg
	"$CUSTODY" --node cap ingest archive images --collection otay && "$CUSTODY" --node ws ls archive &&
		world_request one otay/a.jpg && world_authorise one || return
	cp -a archive ws "$top/" && "$CUSTODY" --node ws import archive one.auth || return
	mv archive released && mv ws released-ws && mv "$top/archive" "$top/ws" .
}

# The verb, as a command of the copy w.
command_of() {
	case $1 in
	ingest) command=("$CUSTODY" --node cap ingest archive new --collection new) ;;
	import) command=("$CUSTODY" --node ws import archive one.auth) ;;
	request) command=("$CUSTODY" --node ws request archive otay --case C-2 --purpose p -o x.req) ;;
	reindex) command=("$CUSTODY" --node ws reindex archive) ;;
	verify) command=("$CUSTODY" verify archive) ;;
	ls) command=("$CUSTODY" --node ws ls -R archive) ;;
	mount) command=("$CUSTODYFS" --node ws archive "$top/w/mnt") ;;
	*) echo "no verb $1" >&2 && exit 2 ;;
	esac
}

fresh() {
	cd "$top" && rm -rf w && cp -a --sparse=always world w && cd w || exit 3
	if [ "$1" = mount ]; then
		rm -rf archive ws && mv released archive && mv released-ws ws
	fi
	# The index is behind: something comes in that it has not seen.
	[ "$1" != ls ] || "$CUSTODY" --node cap ingest archive new --collection behind >/dev/null 2>&1
}

# Read through the mount and take it away. 0: all bytes were right; 1: refused; 9: others.
use_mount() {
	local rc=1 pid i

	pid=$(pgrep -f "archive $top/w/mnt\$" || :)
	timeout 10 cat mnt/otay/a.jpg >got 2>>err && rc=0
	[ "$rc" -ne 0 ] || cmp -s got images/a.jpg || rc=9
	cmp -s -n "$(stat -c %s got)" got images/a.jpg || rc=9
	timeout 10 fusermount3 -u mnt 2>/dev/null || timeout 10 fusermount3 -uz mnt 2>/dev/null
	for ((i = 0; i < 200; i++)); do [ -n "$pid" ] && grep -q '^State:[[:space:]]*[^Z]' "/proc/$pid/status" 2>/dev/null || return "$rc"; sleep 0.05; done
	kill -9 "$pid"
	return 124
}

# run_verb VERB: status is left in rc
run_verb() {
	command_of "$1"
	rm -f counted
	timeout 20 env LD_PRELOAD="$shim" FAULT_DIR="$top/w/" FAULT_COUNT="$top/w/counted" "${fault[@]}" \
		"${command[@]}" >out 2>err </dev/null
	rc=$?
	if [ "$1" = mount ] && [ "$rc" -eq 0 ]; then
		use_mount
		rc=$?
	fi
}

why=
no() {
	why=$*
	return 1
}

judge() {
	local verb=$1 kind=$2

	case $rc in
	0 | 1) ;;
	124) no "it hangs" || return ;;
	9) no "wrong bytes" || return ;;
	*) no "exit $rc: $(tail -n 1 err)" || return ;;
	esac
	[ "$rc" -eq 0 ] || [ "$verb" = mount ] || [ -s err ] || no "exit $rc without a word" || return
	case $verb:$rc in
	ingest:0) "$CUSTODY" --node ws ls archive new 2>&1 | grep -qx c.jpg || no "what was acknowledged is not there" || return ;;
	import:0) "$CUSTODY" --node ws log archive --type admitted --json 2>/dev/null | grep -q authorisation || no "not admitted" || return ;;
	ls:0) [ "$(grep -c '\.jpg$' out)" -eq 3 ] || no "not all is listed" || return ;;
	esac
	"$CUSTODY" verify archive >after 2>&1 || no "verify afterwards: exit $?: $(tail -n 1 after)" || return
	[ "$("$CUSTODY" --node ws ls archive otay 2>after | xargs)" = "a.jpg b.jpg" ] || no "ls afterwards: $(tail -n 1 after)" || return
	[ "$verb" != import ] || [ "$rc" -ne 0 ] || return 0
	fault=()
	rm -f x.req
	run_verb "$verb"
	# An import whose admission is in the log already has been done.
	[ "$verb:$rc" != import:7 ] || grep -q 'admitted\|serial' err || no "again: $(tail -n 1 err)" || return
	[ "$rc" -eq 0 ] || [ "$verb:$rc" = import:7 ] || no "done again: exit $rc: $(tail -n 1 err)" || return
}

make_world >"$top/log" 2>&1 || { cat "$top/log" >&2 && exit 3; }
all=0 bad=0
for verb; do
	for kind in EIO ENOSPC ENOSPC+ EDQUOT EINTR short ENOMEM fds; do
		fresh "$verb"
		fault=(FAULT="${kind%+}")
		run_verb "$verb"
		[ "$rc" -eq 0 ] || { echo "$verb without a fault: exit $rc" >&2 && cat err >&2 && exit 3; }
		calls=$(awk '{ if ($1 > n) n = $1 } END { print n + 0 }' counted)
		survived=0 refused=0 wrong=0
		for ((n = 1; n <= calls; n += every)); do
			fresh "$verb"
			fault=(FAULT="${kind%+}" "FAULT_AT=$n")
			[ "$kind" != ENOSPC+ ] || fault+=(FAULT_ON=1)
			run_verb "$verb"
			if [ "$rc" -eq 0 ]; then survived=$((survived + 1)); else refused=$((refused + 1)); fi
			if ! judge "$verb" "$kind"; then
				wrong=$((wrong + 1))
				echo "$verb, $kind at call $n: $why"
			fi
			all=$((all + 1))
		done
		printf '%-8s %-8s %5d calls: %4d survived, %4d refused, %d wrong\n' "$verb" "$kind" "$calls" \
			"$survived" "$refused" "$wrong"
		bad=$((bad + wrong))
	done
done
echo "$all faults, $bad not survived as they should be"
[ "$bad" -eq 0 ]
