#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The programs are built as they are meant to be: what the compiler and linker can do against errors in
# memory is in the files. And what the programs hold keys in is theirs alone.

load ../lib/common

setup() { world_new; }
teardown() { world_end; }

each() { printf '%s\n' "$CUSTODY" "$CUSTODYFS" "$CUSTODY_AUTHORITY"; }
# A build for tests has other flags.
sanitized() { nm -D "$1" | grep -qE '__(asan|tsan)_'; }

@test "programs: position independent, read-only relocations, all bound at start, no executable stack" {
	while read -r p; do
		readelf -hW "$p" | grep -qE 'Type: +DYN'
		readelf -dW "$p" | grep -qE '\(FLAGS_1\).*\bPIE\b'
		readelf -dW "$p" | grep -qE '\(FLAGS_1\).*\bNOW\b'
		readelf -lW "$p" | grep -q GNU_RELRO
		readelf -lW "$p" | grep GNU_STACK | grep -qE ' RW +0x'
		# no segment is written and run, no code is relocated, nothing is looked for beside the system's
		run ! grep -E 'LOAD.* RWE ' < <(readelf -lW "$p")
		run ! grep -E '\((TEXTREL|RPATH|RUNPATH)\)' < <(readelf -dW "$p")
	done < <(each)
}

@test "programs: stack protector, checked copies, and call targets where the processor has them" {
	sanitized "$CUSTODY" && skip "a build for tests"
	while read -r p; do
		nm -D "$p" | grep -q ' __stack_chk_fail'
		nm -D "$p" | grep -qE ' __(mem|str|v?s?n?printf|fprintf|read|pread)[a-z]*_chk'
	done < <(each)
	case $(uname -m) in
	x86_64)
		# of all that we compile: the linked file says it only if every library's start code does
		make=$BATS_TEST_DIRNAME/../../Makefile
		grep -q 'fcf-protection' "$make"
		while read -r p; do
			[ "$(objdump -d --no-show-raw-insn "$p" | grep -c endbr64)" -gt 100 ]
		done < <(each)
		;;
	esac
}

@test "no program takes more than the C library and what it is for" {
	while read -r p; do
		readelf -dW "$p" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
	done < <(each) | sort -u >needed
	run grep -vE '^lib(c|m|gcc_s|asan|ubsan|tsan|fuse3|sodium|lmdb|crypto|jansson|archive|z|exif|expat|pthread)\.so' needed
	[ "$status" -eq 1 ] || { echo "$output"; false; }
}

# What others may read, or lead elsewhere, is refused before a key is used; each with what to do.
@test "keys: modes, owners and links of what holds them" {
	world_archive >/dev/null 2>&1
	world_node ws reader >/dev/null 2>&1
	ls="custody --node ws ls archive"
	chmod 640 ws/node.key
	fails 3 'chmod 600' $ls
	chmod 604 ws/node.key
	fails 3 'chmod 600' $ls
	chmod 600 ws/node.key
	chmod 750 ws
	fails 3 'chmod 700' $ls
	chmod 700 ws
	ok $ls
	# a link to a key, that of another node, a FIFO, a directory
	mv ws/node.key key
	ln -s ../key ws/node.key
	run $ls
	[ "$status" -ne 0 ]
	rm ws/node.key
	mkfifo -m 600 ws/node.key
	run timeout 10 "$CUSTODY" --node ws ls archive
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
	rm ws/node.key
	mkdir ws/node.key
	run $ls
	[ "$status" -ne 0 ]
	rmdir ws/node.key
	cp -p key ws/node.key
	ok $ls
	# the authority's
	custody --node second node-init archive --role reader --no-passphrase -o second.req
	chmod 644 auth/authority.key
	fails 3 'chmod 600' authority enrol auth second.req --sign-with officer -o second.enrol
	chmod 600 auth/authority.key
	if [ "$(id -u)" -eq 0 ]; then
		chown nobody ws/node.key
		fails 3 'belongs to user' $ls
		chown root ws/node.key
		chown nobody ws
		fails 3 'belongs to user' $ls
	fi
}

# A privileged program that opens what an attacker may swap: links are not followed where it writes or locks.
@test "links in the place of files that the programs open: not followed, nothing of others is touched" {
	world_archive >/dev/null 2>&1
	world_node cap ingest >/dev/null 2>&1
	mkdir s && echo x >s/a
	echo precious >victim
	cp victim kept
	here=$(echo cap/archives/*)
	id=$(custody --node cap status archive --json | jq -r .node)
	for f in "$here"/{journal,import,pins,archive,mount}.lock "$here"/{pins,state}.seal "$here/archive.txt" \
		"$here/index/lock" "$here/index/header" "$here/index/data.mdb" "archive/journal/$id.jsonl" \
		"archive/journal/$id.checkpoint" archive/archive.txt; do
		[ ! -e "$f" ] || mv "$f" moved
		ln -s "$W/victim" "$f"
		run timeout 30 "$CUSTODY" --node cap ingest archive s --collection "c$RANDOM"
		[ "$status" -ne 124 ]
		cmp victim kept || { echo "$f: was followed"; false; }
		rm -f "$f"
		[ ! -e moved ] || mv moved "$f"
	done
	ok custody --node cap ingest archive s --collection last
	ok custody verify archive
	# and directories
	for d in archive/journal archive/segments archive/documents "$here/index"; do
		mv "$d" moved
		mkdir elsewhere && ln -s "$W/elsewhere" "$d"
		run timeout 30 "$CUSTODY" --node cap ingest archive s --collection "d$RANDOM"
		[ "$status" -ne 0 ] || [ "$d" = "$here/index" ]
		[ -z "$(ls -A elsewhere)" ] || { echo "$d: was followed"; false; }
		rm -rf "$d" elsewhere
		mv moved "$d"
	done
}
