# SPDX-License-Identifier: Apache-2.0
#
# world: a small world for the tests of whole programs: an authority with its officer, an archive, a
# capture node, a workstation node, and a mount. Sourced by bats files; everything lives under $W,
# a fresh folder of the test, which is also the working directory.

# Fresh folder; no programs run yet.
world_new() {
	W=$(mktemp -d "${BATS_TEST_TMPDIR:-${TMPDIR:-/tmp}}/w.XXXXXX")
	export W CUSTODY_NODE="$W/no-such-node"
	cd "$W" || return 1
}

# world_keys NAME...: officers' key pairs NAME, NAME.pub
world_keys() {
	local k

	for k; do
		ssh-keygen -q -t ed25519 -N '' -C "$k" -f "$k" </dev/null
	done
}

# world_archive [INIT-OPTION...]: officer, auth/, archive/
world_archive() {
	[ -e officer ] || world_keys officer
	"$CUSTODY_AUTHORITY" init auth --key officer.pub --no-passphrase "$@"
	"$CUSTODY_AUTHORITY" create-archive auth archive --sign-with officer
}

# world_node NAME ROLE [ARCHIVE]: makes and enrols a node
world_node() {
	local archive=${3:-archive}

	"$CUSTODY" --node "$1" node-init "$archive" --role "$2" --no-passphrase -o "$1.req"
	"$CUSTODY_AUTHORITY" enrol auth "$1.req" --sign-with officer -o "$1.enrol"
	"$CUSTODY" --node "$1" import "$archive" "$1.enrol"
}

# The usual beginning: archive, nodes cap and ws, images/ ingested as collection `otay`.
world_ready() {
	world_new
	world_archive "$@"
	world_node cap ingest
	world_images
	"$CUSTODY" --node cap ingest archive images --collection otay --meta port=2506
	world_node ws reader
}

# images/: from the shared photos if WORLD_IMAGES names a folder, else drawn ones
world_images() {
	if [ -n "${WORLD_IMAGES:-}" ]; then
		cp -r "$WORLD_IMAGES" images
	else
		"$MKIMAGES" images "${1:-3}" >plates
	fi
}

world_mount() {
	mkdir -p mnt
	"$CUSTODYFS" --node ws "$@" archive mnt
	world_daemon >daemon.pid
}

# Let other users pass on the way to the mount.
world_open_way() {
	local d=$W

	while [ "$d" != / ] && [ "$d" != "${d#/tmp/}" ]; do
		chmod a+x "$d"
		d=$(dirname "$d")
	done
}

# pid of the daemon that serves this world's mount
world_daemon() {
	local pid

	for pid in /proc/[0-9]*; do
		[ "$(readlink "$pid/exe" 2>/dev/null)" = "$(readlink -f "$CUSTODYFS")" ] || continue
		if tr '\0' '\n' <"$pid/cmdline" | grep -qxF archive &&
			[ "$(tr '\0' '\n' <"$pid/environ" | sed -n 's/^W=//p')" = "$W" ]; then
			echo "${pid#/proc/}"
			return 0
		fi
	done
	return 1
}

# world_runs PID: it has not ended. One that has, and that its parent was not told of yet, is a zombie: the
# daemon's is the first process, and may take a second.
world_runs() {
	local stat

	read -r stat 2>/dev/null <"/proc/$1/stat" && [[ ${stat##*) } != Z* ]]
}

# Unmount and wait until the daemon is gone.
world_umount() {
	local pid i

	pid=$(cat daemon.pid)
	fusermount3 -u mnt
	# a slow disk and a full machine: it has refusals and a checkpoint to write
	for ((i = 0; i < 1200; i++)); do
		world_runs "$pid" || return 0
		sleep 0.05
	done
	echo "the daemon $pid is still there" >&2
	return 1
}

# For teardown: leave nothing mounted and nobody running, whatever the test did.
world_end() {
	local pid

	cd / || return 1
	[ -n "${W:-}" ] || return 0
	if grep -qF " $W/mnt " /proc/self/mountinfo; then
		fusermount3 -u "$W/mnt" 2>/dev/null || fusermount3 -uz "$W/mnt" || umount -l "$W/mnt"
	fi
	if [ -s "$W/daemon.pid" ]; then
		pid=$(cat "$W/daemon.pid")
		for _ in $(seq 100); do
			world_runs "$pid" || break
			sleep 0.05
		done
		! world_runs "$pid" || kill -9 "$pid" 2>/dev/null || :
	fi
}

# world_request NAME PATH...: writes NAME.req
world_request() {
	local name=$1

	shift
	"$CUSTODY" --node ws request archive "$@" --case C-1 --purpose 'plate dispute' -o "$name.req"
}

# world_authorise NAME [OPTION...]: signs NAME.req into NAME.auth; two hours unless --until is given
world_authorise() {
	local name=$1 until=(--until +2h)

	shift
	[[ " $* " != *" --until "* ]] || until=()
	"$CUSTODY_AUTHORITY" authorise auth "$name.req" --sign-with officer "${until[@]}" "$@" \
		-o "$name.auth"
}

# world_release NAME PATH...: request, authorise for two hours, import
world_release() {
	world_request "$@"
	world_authorise "$1"
	"$CUSTODY" --node ws import archive "$1.auth"
}

# refused CODE WORD COMMAND...: the command ends with that exit code and says WORD
refused() {
	local code=$1 word=$2

	shift 2
	run "$@"
	if [ "$status" -ne "$code" ] || [[ "$output" != *"$word"* ]]; then
		echo "expected exit $code and '$word', got exit $status and: $output" >&2
		return 1
	fi
}

# journal NODE-DIR-NAME: the node's journal file
journal() {
	echo "archive/journal/$("$CUSTODY" --node "$1" status archive --json | jq -r .node).jsonl"
}

# logged NODE FILTER: some event of the node's journal fits the jq filter
logged() {
	jq -se "any(.[]; $2)" <"$(journal "$1")" >/dev/null
}

# same FILE...: each mnt/otay/FILE is byte-identical to images/FILE
same() {
	local f

	for f; do
		cmp "mnt/otay/$f" "images/$f" || return 1
	done
}

# sealed FILE...: each mnt/otay/FILE is refused with EACCES
sealed() {
	local f

	for f; do
		if head -c 1 "mnt/otay/$f" >/dev/null 2>err; then
			echo "$f was readable" >&2
			return 1
		fi
		grep -q 'Permission denied' err || { cat err >&2; return 1; }
	done
}

images() {
	(cd images && find . -type f | sed 's|^\./||' | sort)
}
