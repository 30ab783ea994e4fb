# SPDX-License-Identifier: Apache-2.0
#
# systems: what the bench compares: how each is made, filled, mounted and checked. Sourced by
# bench.sh, which sets $corpus (a folder of plain files), $list (of them), $build, $other, $helpers
# and $password. Every system lives in a folder of its own, which is the working directory of all
# functions here.
#
# A system's name begins with its kind; the rest are its settings:
#   custody-SUITE[-CHUNKk][-other]   SUITE is aes or xchacha; -other runs the programs of --other
#   gocryptfs[-xchacha]  securefs[-full]  squashfuse  null  plain
# and those that only take in and verify:
#   restic  borg  tar  sha256
#
# Key derivation of the peers is the cheapest there is, because it is not what is measured: ours has
# its keys in a file. Nor does any of them compress: the corpus is random bytes.

mounts() {
	case $1 in
	restic | borg | tar | sha256) return 1 ;;
	esac
}

stores() {
	case $1 in
	null | sha256) return 1 ;;
	esac
}

verifies() {
	case $1 in
	custody-* | restic | borg | sha256) ;;
	*) return 1 ;;
	esac
}

# lacks SYSTEM: says what is missing for it, if anything is.
lacks() {
	local program programs=

	case $1 in
	custody-*-other) [ -n "$other" ] || echo '--other DIR' ;;
	custody-aes* | custody-xchacha* | null | plain | sha256) ;;
	gocryptfs | gocryptfs-xchacha) programs=gocryptfs ;;
	securefs | securefs-full) programs=securefs ;;
	squashfuse) programs='squashfuse_ll mksquashfs' ;;
	restic | borg | tar) programs=$1 ;;
	*) echo 'a system of that name' ;;
	esac
	for program in $programs; do
		command -v "$program" >/dev/null || echo "$program"
	done
}

# ---- ours ---------------------------------------------------------------------------------------

# bin SYSTEM: the folder of its programs
bin() {
	case $1 in
	*-other) echo "$other" ;;
	*) echo "$build" ;;
	esac
}

ours_node() { # PROGRAMS NAME ROLE
	"$1/custody" --node "$2" node-init archive --role "$3" --no-passphrase -q -o "$2.req"
	"$1/custody-authority" enrol auth "$2.req" --sign-with officer -q -o "$2.enrol"
	"$1/custody" --node "$2" import archive "$2.enrol" -q
}

# ours_new SYSTEM: an archive and a node that may ingest
ours_new() {
	local suite=xchacha20-poly1305 chunk b

	b=$(bin "$1")
	[[ $1 != custody-aes* ]] || suite=aes-256-gcm
	chunk=$(sed -n 's/.*-\([0-9]*\)k.*/\1/p' <<<"$1")
	ssh-keygen -q -t ed25519 -N '' -C officer -f officer </dev/null
	"$b/custody-authority" init auth --key officer.pub --no-passphrase -q
	"$b/custody-authority" create-archive auth archive --sign-with officer -q \
		--suite "$suite" ${chunk:+--chunk-size $((chunk * 1024))}
	ours_node "$b" cap ingest
}

# ours_release SYSTEM: a workstation, and one authorisation for the whole collection
ours_release() {
	local b

	b=$(bin "$1")
	ours_node "$b" ws reader
	"$b/custody" --node ws request archive bench --case C-1 --purpose bench -q -o all.req
	"$b/custody-authority" authorise auth all.req --sign-with officer --until +1d -q -o all.auth
	"$b/custody" --node ws import archive all.auth -q
}

# ---- all of them --------------------------------------------------------------------------------

# empty SYSTEM: a store with nothing in it, ready to be filled
empty() {
	mkdir -p mnt sealed
	case $1 in
	custody-*) ours_new "$1" ;;
	gocryptfs) gocryptfs -q -init -passfile "$password" -scryptn 10 sealed ;;
	gocryptfs-xchacha) gocryptfs -q -init -xchacha -passfile "$password" -scryptn 10 sealed ;;
	securefs) securefs create --format 4 --rounds 1 --pass bench sealed ;;
	securefs-full) securefs create --format 2 --rounds 1 --pass bench sealed ;;
	restic) restic init -q --repo sealed/repo ;;
	borg) borg init -e repokey-blake2 sealed/repo ;;
	esac
	case $1 in
	gocryptfs* | securefs*) serve "$1" rw ;;
	esac
}

# fill SYSTEM: take the corpus in, and have it on the disk
fill() {
	case $1 in
	custody-*) "$(bin "$1")/custody" --node cap ingest archive "$corpus" --collection bench -q ;;
	gocryptfs* | securefs*)
		cp -r "$corpus/." mnt
		unserve
		;;
	squashfuse) mksquashfs "$corpus" sealed/image -noI -noD -noF -noX -no-progress -quiet ;;
	restic) restic backup -q --repo sealed/repo --compression off "$corpus" ;;
	borg) borg create --compression none sealed/repo::bench "$corpus" ;;
	tar) tar -cf sealed/tar -C "$corpus" . ;;
	plain) cp -r "$corpus" sealed/plain ;;
	esac
	sync -f .
}

# verify SYSTEM: check all that fill has taken in; for sha256 the corpus itself
verify() {
	case $1 in
	custody-*) "$(bin "$1")/custody" verify archive ;;
	restic) restic check -q --read-data --repo sealed/repo ;;
	borg) borg check --verify-data sealed/repo ;;
	sha256) "$helpers/digest" "$ncpus" "$corpus" <"$list" ;;
	esac
}

# serve SYSTEM [rw]: start the daemon that serves mnt and wait until it answers. Sets $daemon, its
# process, $mounted, where, and $data, where the corpus is.
serve() {
	local command=() from=/dev/null mode=${2:-ro}

	mounted=$PWD/mnt data=$PWD/mnt
	case $1 in
	custody-*)
		serve_ours "$(bin "$1")/custodyfs"
		return
		;;
	plain)
		mounted='' data=$corpus
		return
		;;
	gocryptfs*) command=(gocryptfs -q -fg "-$mode" -nosyslog -passfile "$password" sealed mnt) ;;
	securefs*) command=(securefs mount -o "$mode" --pass bench sealed mnt) ;;
	squashfuse) command=(squashfuse_ll -f sealed/image mnt) ;;
	null) command=("$helpers/nullfs" 8 mnt) from=$list ;;
	esac
	"${command[@]}" <"$from" >serve.log 2>&1 &
	daemon=$!
	if [ "$mode" = ro ]; then
		"$helpers/readers" await "$data/$first_name"
	else
		await_mount
	fi
}

# Ours goes into the background by itself, when the mount is ready.
serve_ours() {
	data=$mounted/bench
	"$1" --node "$PWD/ws" -q "$PWD/archive" "$PWD/mnt" >serve.log 2>&1
	stat "$data/$first_name" >/dev/null
	daemon=$(pgrep -f -- "^$1 --node $PWD/ws ")
}

await_mount() { # an empty one has no file to look for
	local i

	for ((i = 0; i < 600; i++)); do
		! mountpoint -q mnt || return 0
		sleep 0.05
	done
	return 1
}

# unserve: unmount what serve mounted, and wait for its daemon
unserve() {
	local i

	if [ -n "$mounted" ]; then
		# A scanner or a desktop may be looking at it for a moment.
		for ((i = 0; i < 50; i++)); do
			! fusermount3 -u "$mounted" 2>/dev/null || break
			sleep 0.1
		done
		! mountpoint -q "$mounted"
	fi
	while [ -n "$daemon" ] && [ -e "/proc/$daemon" ] && ! ended "$daemon"; do
		sleep 0.01
	done
	[ -z "$daemon" ] || wait "$daemon" 2>/dev/null || :
	mounted='' daemon=''
}

ended() { # a child of ours that has ended is a zombie until it is waited for
	[[ $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) == Z* ]]
}
