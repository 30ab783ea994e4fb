#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Programs that hosts have already: rsync, restic and borg take an archive away and bring it back, by the
# scripts of tools/contrib, while evidence is taken in; cron's lines do what they say; and metrics are
# such as a monitoring system reads.

load ../lib/common

setup_file() {
	export SCRIPTS CRONTAB
	SCRIPTS=$(cd "$BATS_TEST_DIRNAME/../../tools/contrib/scripts" && pwd)
	CRONTAB=$SCRIPTS/../cron/custody
	common_make ready
}
setup() {
	common_copy
	mkdir bin home
	PATH=$W/bin:$SCRIPTS:$PATH
	export HOME=$W/home
}
teardown() { world_end; }

ready() {
	set -e
	world_archive
	world_node cap ingest
	world_images 2
	custody --node cap ingest archive images --collection otay
	world_node ws reader
}

# live PROGRAM: from now on, evidence is taken in after each time that the program has run
live() {
	cat >"bin/$1" <<-END
		#!/bin/sh
		"$(command -v "$1")" "\$@" || exit
		case " \$* " in *" --from0 "*|*" backup "*|*" create "*)
			cd "$W" && n=\$(ls -d more* 2>/dev/null | wc -l) && mkdir more\$n && echo "\$n" >more\$n/plate.txt &&
			"$CUSTODY" -q --node cap ingest archive more\$n --collection more\$n ;;
		esac
	END
	chmod +x "bin/$1"
}

# whole COPY: it verifies, is put back, and that verifies too, with as many items as there were
whole() {
	ok custody verify "$1"
	rm -rf back
	ok custody restore "$1" back
	ok custody verify back --json
	json ".[-1].items == ${2:-$(custody verify archive --json | jq .items)}"
}

@test "rsync takes an archive away while evidence is taken in, and what arrives is one" {
	command -v rsync >/dev/null || skip "there is no rsync"
	live rsync
	mkdir dest
	ok custody-rsync "$W/archive" "$W/dest" -q
	ok custody verify dest --json
	first=$(jq .items <<<"$output")
	ok custody-rsync "$W/archive" "$W/dest" -q
	ok custody verify dest --json
	[ "$(jq .items <<<"$output")" -gt "$first" ]
	# and without more of it coming in, all of it
	rm bin/rsync
	ok custody-rsync "$W/archive" "$W/dest" -q
	whole dest
	# nothing that the archive's folder has besides is taken
	echo secret >archive/node.key
	ok custody-rsync "$W/archive" "$W/dest" -q
	[ ! -e dest/node.key ]
	fails 1 "" custody-rsync "$W/none" "$W/dest2" -q
	[ ! -e dest2 ]
	fails 2 "usage" custody-rsync archive
}

@test "restic brings back what it took while evidence was taken in" {
	command -v restic >/dev/null || skip "there is no restic"
	export RESTIC_REPOSITORY=$W/repo RESTIC_PASSWORD_FILE=$W/pw RESTIC_CACHE_DIR=$W/cache
	echo pw >pw
	restic init --quiet
	before=$(custody verify archive --json | jq .items)
	live restic
	ok custody-restic backup archive
	# a run that breaks off after the journals is not taken for one
	real=$(PATH=${PATH#"$W"/bin:} command -v restic)
	printf '#!/bin/sh\ncase " $* " in *custody,rest,*--files-from*) exit 1;; esac\nexec %s "$@"\n' \
		"$real" >bin/restic
	run ! custody-restic backup archive
	rm bin/restic
	ok custody-restic restore target
	whole target "$before"
	fails 2 usage custody-restic restore
	fails 2 usage custody-restic
}

@test "borg brings back what it took while evidence was taken in" {
	command -v borg >/dev/null || skip "there is no borg"
	export BORG_REPO=$W/repo BORG_BASE_DIR=$W/home BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
	borg init -e none
	before=$(custody verify archive --json | jq .items)
	live borg
	ok custody-borg backup archive
	real=$(PATH=${PATH#"$W"/bin:} command -v borg)
	printf '#!/bin/sh\ncase " $* " in *" create "*-rest*) exit 2;; esac\nexec %s "$@"\n' "$real" >bin/borg
	run ! custody-borg backup archive
	rm bin/borg
	ok custody-borg restore target
	whole target "$before"
	fails 2 usage custody-borg restore
}

@test "the backup's own folder goes through restic too" {
	[ "${CUSTODY_LONG:-0}" = 1 ] || skip "takes long: CUSTODY_LONG=1, as in make check-integration"
	command -v restic >/dev/null || skip "there is no restic"
	custody backup -q archive backup
	echo pw >pw
	restic -q -r repo -p pw --cache-dir cache init
	restic -q -r repo -p pw --cache-dir cache backup backup
	restic -q -r repo -p pw --cache-dir cache restore latest --target out
	whole out/backup
}

@test "cron's lines are lines of cron, and do what they are for" {
	grep -vE '^(#|$|[A-Z]+=)' "$CRONTAB" >lines
	[ "$(wc -l <lines)" -eq 3 ]
	mkdir srv srv/metrics
	mv archive srv/archive
	field='([*]|[0-9]+|[*]/[0-9]+)'
	while IFS= read -r line; do
		[[ $line =~ ^$field\ $field\ $field\ $field\ $field$'\t'([a-z]+)$'\t'(.*)$ ]]
		command=${BASH_REMATCH[7]}
		[[ $command != *%* ]] # cron's line feed
		command=${command//\/srv/$W/srv}
		command=${command//\/var\/lib\/prometheus\/node-exporter/$W/srv/metrics}
		command=${command//\/var\/lib\/custodyfs/$W/ws}
		command=${command//\/usr\/local\/lib\/custodyfs/$SCRIPTS}
		run env -i HOME="$W/home" PATH="$(dirname "$CUSTODY"):/usr/bin:/bin" /bin/sh -c "$command"
		[ "$status" -eq 0 ] || { echo "$command: $output"; false; }
		# what is well is no mail
		[ -z "$output" ] || { echo "$command said: $output"; false; }
	done <lines
	custody verify -q srv/backup
	grep -q '^custody_items ' srv/metrics/custody.prom
	# damage is
	find srv/archive -name '*.seg' | head -n 1 | { read -r f && flip "$f" 5000; }
	verify=$(grep -o 'custody verify.*' lines)
	run sh -c "${verify//\/srv/$W/srv}"
	[ "$status" -eq 4 ] && [ -n "$output" ]
}

# strict FILE: the text format of Prometheus, no more and no less. Prints samples as JSON lines.
strict() {
	python3 - "$1" <<'END'
import json, re, sys
text = open(sys.argv[1], "rb").read().decode("utf-8")
assert text.endswith("\n") and "\n\n" not in text and "\r" not in text
name, families, series, family = r"[a-zA-Z_:][a-zA-Z0-9_:]*", {}, set(), None
label = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
lines = text.split("\n")[:-1]
for i, line in enumerate(lines):
    m = re.fullmatch(r"# HELP (%s) (\S.*)" % name, line)
    if m:
        family = m[1]
        assert family not in families, "twice: " + family
        assert "\\" not in m[2] and m[2].endswith("."), m[2]
        families[family] = None
        assert lines[i + 1] == "# TYPE %s gauge" % family, lines[i + 1]
        continue
    if line.startswith("#"):
        assert line == "# TYPE %s gauge" % family and families[family] is None, line
        families[family] = "gauge"
        continue
    m = re.fullmatch(r"(%s)(?:\{(%s(?:,%s)*)\})? (-?[0-9]+(?:\.[0-9]+)?)" % (name, label, label), line)
    assert m, line
    assert m[1] == family and families[family] == "gauge", line
    labels = {}
    for k, v in re.findall(r'([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"', m[2] or ""):
        assert k not in labels
        labels[k] = re.sub(r"\\(.)", lambda e: "\n" if e[1] == "n" else e[1], v)
    key = (m[1], tuple(sorted(labels.items())))
    assert key not in series, line
    series.add(key)
    print(json.dumps({"name": m[1], "labels": labels, "value": float(m[3])}))
assert all(families.values())
END
}

@test "metrics: the text format, strictly, and the numbers of the status" {
	world_request r otay/us/car1.jpg && world_authorise r && custody --node ws import archive r.auth
	custody --node ws status archive --json >status
	custody --node ws status archive --prometheus >metrics
	strict metrics >samples
	value() { jq -s --arg n "$1" "[.[] | select(.name == \$n ${2:-})] | .[0].value" samples; }
	for pair in items:items item_bytes:bytes stored_bytes:stored folders:folders nodes:nodes \
		index_bytes:index_bytes open_accessions:open_accessions witnesses:witnesses; do
		[ "$(value "custody_${pair%:*}")" = "$(jq ".${pair#*:}" status)" ] || { echo "$pair"; false; }
	done
	[ "$(value custody_releases 'and .labels.state == "in-force"')" = 1 ]
	[ "$(jq -s '[.[] | select(.name == "custody_journal_events")] | length' samples)" = 2 ]
	node=$(jq -r .journals[0].node status)
	[ "$(value custody_journal_events "and .labels.node == \"$node\"")" = "$(jq .journals[0].events status)" ]
	[ "$(value custody_info)" = 1 ]
	# every id of an alarm that the manual has, whether it stands or not
	sed -n '/^\.Ss status/,/^\.Ss /p' "$BATS_TEST_DIRNAME/../../man/custody.1" |
		sed -n 's/^\.It Cm \([a-z-]*\)$/\1/p' | sort >want
	jq -r 'select(.name == "custody_alarms").labels.id' samples | sort | diff want -
	# every metric is in the manual, and none is made up
	sed -n 's/^\.It Va \(custody_[a-z_]*\)$/\1/p' "$BATS_TEST_DIRNAME/../../man/custody.1" | sort >want
	grep '^# TYPE' metrics | cut -d ' ' -f 3 | sort | diff want -
	# no name of a case or of evidence
	run ! grep -E 'C-1|dispute|otay|officer' metrics
	# -q, exit codes and what does not go together
	ok custody --node ws status archive --prometheus -q
	[ -z "$output" ]
	run -8 custody --node ws status archive --prometheus --check --ending 3h
	grep -q '^custody_alarms{id="ending"} 1$' <<<"$output"
	fails 2 "goes with neither" custody --node ws status archive --prometheus --alarms-only
	run -2 custody --node ws status archive --prometheus --json
}

@test "metrics: names that would break out of a label do not" {
	custody --node odd node-init archive --role ingest --no-passphrase --name 'a"},b="\n{\' -o odd.req
	authority enrol auth odd.req --sign-with officer -o odd.enrol
	custody --node odd import archive odd.enrol
	custody --node odd status archive --prometheus >metrics
	strict metrics >samples
	[ "$(jq -rs '[.[] | select(.name == "custody_info")][0].labels.name' samples)" = 'a"},b="\n{\' ]
}

@test "metrics: the file for the collector is whole, and says when there are none" {
	mkdir out
	ok custody-metrics archive out --node ws
	strict out/custody.prom >samples
	grep -q '^custody_status_exit_code 0$' out/custody.prom
	[ "$(stat -c %a out/custody.prom)" = 644 ]
	[ "$(ls out)" = custody.prom ]
	# a reader never sees half of it: what is replaced is the name
	exec 7<out/custody.prom
	ok custody-metrics archive out --node ws
	strict /dev/fd/7 >/dev/null
	exec 7<&-
	fails 3 "" custody-metrics archive out --node nobody
	strict out/custody.prom >samples
	[ "$(jq -s length samples)" = 1 ]
	grep -q '^custody_status_exit_code 3$' out/custody.prom
	[ "$(ls out)" = custody.prom ]
	# an alarm is no failure
	ok custody-metrics archive out --node ws --check --max-refusals 0/1h
}
