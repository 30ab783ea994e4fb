#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The alarms of custody status: each is raised by what it is for, and by nothing else.

load ../lib/common

mkevents() { "$(dirname "$MKIMAGES")/mkevents" "$@"; }
ws() { custody --node ws "$@"; }
serial() { sed -n 's/^serial: //p' "$1.auth"; }

ready() {
	set -e
	common_ready
	world_release one otay/us/car1.jpg
}
setup_file() { common_make ready; }
setup() { common_copy; }
teardown() { world_end; }

# alarms ID... -- OPTION...: these alarms stand, and no others, in every form
alarms() {
	local ids=()

	while [ "$1" != -- ]; do
		ids+=("$1")
		shift
	done
	shift
	ok ws status archive --json "$@"
	json "[.[0].alarms[].id] == $(printf '%s\n' "${ids[@]}" | jq -Rcn '[inputs | select(. != "")]')"
	run --separate-stderr ws status archive --json --alarms-only --check "$@"
	[ "$status" -eq $((${#ids[@]} ? 8 : 0)) ]
	json "[.[0].alarms[].id] == $(printf '%s\n' "${ids[@]}" | jq -Rcn '[inputs | select(. != "")]') and
		(.[0] | keys == [\"alarms\"])"
	run --separate-stderr ws status archive --alarms-only --check "$@"
	[ "$status" -eq $((${#ids[@]} ? 8 : 0)) ]
	[ "$(grep -c '^ALARM ' <<<"$output" || :)" -eq ${#ids[@]} ]
	[ "$(awk '{ print $2 }' <<<"$output" | grep . | tr '\n' ' ')" = "${ids[*]}${ids:+ }" ]
	run --separate-stderr ws status archive -q --check "$@"
	[ "$status" -eq $((${#ids[@]} ? 8 : 0)) ] && [ -z "$output" ]
}

@test "no alarm: nothing, and exit code 0" {
	alarms --
	ok ws status archive
	run ! grep -q ALARM <<<"$output"
}

@test "an alarm without --check is shown, and exit code 0" {
	ok ws status archive --max-unwitnessed 0s
	says "ALARM      unwitnessed"
}

@test "unwitnessed: lines that no witness has cosigned for too long" {
	alarms unwitnessed unwitnessed -- --max-unwitnessed 0s # both logs
	alarms -- --max-unwitnessed 1h
	for n in cap ws; do
		custody --node $n checkpoint archive --for-witness -o ask.$n
		authority witness auth ask.$n -o answer.$n
		ws import archive answer.$n
	done
	ws ls archive >/dev/null
	# cap's log is cosigned as a whole; that of ws has the lines that say so
	ok ws status archive --json --max-unwitnessed 0s
	json '[.[0].alarms[].id] == ["unwitnessed"] and .[0].alarms[0].node == .[0].node'
	alarms -- --max-unwitnessed 60s
	# a cosignature that is taken away, or altered, is missed
	rm archive/journal/"$(custody --node cap status archive --json | jq -r .node)".cosigned
	alarms unwitnessed unwitnessed -- --max-unwitnessed 0s
}

@test "refusals: more than there may be, in the time that is looked at" {
	car3=$(ws show archive otay/us/car3.jpg --json | jq -r .item)
	for ((k = 0; k < 20; k++)); do
		echo "refused what=open reason=not-covered item=$car3 uid=1000 user=eve program=grep count=5"
	done | mkevents ws archive
	alarms -- # 100 are what there may be
	echo "refused what=open reason=not-covered item=$car3 uid=1000 user=eve program=grep count=1" |
		mkevents ws archive
	alarms refusals --
	ok ws status archive --json
	json '.[0].alarms[0] | .value == 101 and .limit == 100'
	alarms -- --max-refusals 101/1h
	alarms refusals -- --max-refusals 0/1d
	sleep 1.1
	alarms -- --max-refusals 0/1s
}

@test "ending: a release that is about to end" {
	world_request two otay/us/car3.jpg
	world_authorise two --until +10m
	ws import archive two.auth
	alarms ending --
	ok ws status archive --json
	[ "$(jq -r '.alarms[0].document' <<<"$output")" = "$(serial two)" ]
	json '.[0].alarms[0] | .value <= 600 and .value > 500 and .limit == 900'
	alarms -- --ending 5m
	alarms ending ending -- --ending 3h
	# one that is revoked does not end any more
	authority revoke auth --authorisation "$(serial two)" --reason r --sign-with officer -o rev
	ws import archive rev
	alarms --
}

@test "clock: this host's clock is behind its own log, or that of another" {
	echo "mounted uid=0 user=root" | mkevents cap archive 60
	alarms -- # within what clocks of hosts may differ
	echo "mounted uid=0 user=root" | mkevents cap archive 3600
	alarms clock --
	says=$(ws status archive --alarms-only)
	[[ "$says" == *"whichever is wrong"* ]]
	echo "mounted uid=0 user=root" | mkevents ws archive 30
	ok ws status archive --json
	json '[.[0].alarms[].id] == ["clock", "clock"]'
}

@test "enrolment: this node's is about to end" {
	custody --node late node-init archive --role reader --no-passphrase -o late.req
	authority enrol auth late.req --sign-with officer -o endless
	# with an end, as the format has it, signed by hand
	sed '/^-----BEGIN /,$d' endless |
		sed "/^issued: /a not-after: $(date -u -d '+5 days' +%Y-%m-%dT%H:%M:%SZ)" >text
	ssh-keygen -q -Y sign -f officer -n enrol@custodyfs text
	cat text text.sig <(sed -n '/^-----BEGIN AGE/,$p' endless) >late.enrol
	custody --node late import archive late.enrol
	run --separate-stderr custody --node late status archive --check --json
	[ "$status" -eq 8 ]
	json '[.[0].alarms[].id] == ["enrolment"] and (.[0].alarms[0].text | test("in 4 days|in 5 days"))'
	ok custody --node late status archive --check --enrolment-ending 2d
	# and one that was revoked
	id=$(custody --node late status archive --json | jq -r .node)
	ok authority revoke auth --node "$id" --reason lost --sign-with officer -o gone
	ok ws import archive gone
	run --separate-stderr custody --node late status archive --check --json
	[ "$status" -eq 8 ]
	json 'any(.[0].alarms[]; .id == "enrolment" and (.text | test("was revoked")))'
}

@test "unreadable and damaged" {
	seg=$(ws show archive otay/us/car1.jpg --json | jq -r .segment)
	mv "archive/segments/${seg:0:2}/$seg.seg" away
	ws reindex archive 2>/dev/null || :
	ok ws status archive --json
	json '[.[0].alarms[].id] == ["unreadable"]'
	mv away "archive/segments/${seg:0:2}/$seg.seg"
	car3=$(ws show archive otay/us/car3.jpg --json | jq -r .item)
	echo "damaged item=$car3 offset=1 length=2 what=chunk" | mkevents ws archive
	run --separate-stderr ws status archive --check --json
	[ "$status" -eq 4 ]
	json '[.[0].alarms[].id] == ["damaged"] and .[0].damaged == 1'
	# whoever takes the line out of the index's sight by editing it is found by verify, not here
	run -4 ws status archive -q
}

@test "alarms: limits that are none" {
	fails 2 "a span is needed" ws status archive --max-unwitnessed soon
	fails 2 "a span is needed" ws status archive --ending -5m
	fails 2 "a span is needed" ws status archive --ending +5m
	fails 2 "such as 100/1h" ws status archive --max-refusals 100
	fails 2 "--max-refusals" ws status archive --max-refusals x/1h
	fails 2 "a span is needed" ws status archive --max-refusals 5/
	fails 2 "a span is needed" ws status archive --enrolment-ending 5w
}
