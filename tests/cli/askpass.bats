#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Passphrases where there is no terminal: a desktop's pinentry, systemd-ask-password in a unit, a
# credential. By programs of these names that speak the real protocol, and by the real ones.

load ../lib/common

setup_file() { common_make world_archive; }
setup() {
	common_copy
	mkdir bin
	PATH=$W/bin:$PATH
	unset DISPLAY WAYLAND_DISPLAY GPG_TTY INVOCATION_ID
	printf 'correct horse\n' >pass && chmod 600 pass
}
teardown() {
	[ -z "${HELPER:-}" ] || kill "$HELPER" 2>/dev/null || :
	world_end
}

# alone COMMAND...: without a terminal
alone() { setsid -w "$@" </dev/null; }
# The node n opens with the passphrase in file $1.
opens() { ok custody --node n status archive --passphrase-file "$1" || [[ "$stderr" == *"not enrolled"* ]]; }

# fake_pinentry BEHAVIOUR: a pinentry that gives lines of ./pins, one a GETPIN; what it was told is in ./told
fake_pinentry() {
	cat >bin/pinentry <<'END'
#!/usr/bin/env python3
import re, sys
how, pins, repeat = sys.argv[0] and open("how").read().split(), open("pins", "rb").read().split(b"\n"), False
def say(b): sys.stdout.buffer.write(b + b"\n"); sys.stdout.flush()
if "silent" in how: sys.exit(0)
say(b"OK Pleased to meet you")
for line in sys.stdin.buffer:
    line = line.rstrip(b"\n")
    open("told", "ab").write(line + b"\n")
    word = line.split(b" ")[0]
    if len(line) > 998: say(b"ERR 83886340 Line too long <Pinentry>")
    elif word == b"BYE": say(b"OK closing connection"); break
    elif word == b"SETREPEAT" and "old" in how: say(b"ERR 536871187 Unknown IPC command <User defined source 1>")
    elif word in (b"OPTION", b"SETTITLE", b"SETDESC", b"SETPROMPT", b"SETREPEAT"):
        repeat |= word == b"SETREPEAT"
        say(b"OK")
    elif word == b"GETPIN":
        if "cancel" in how: say(b"ERR 83886179 Operation cancelled <Pinentry>"); continue
        if "dies" in how: say(b"D hal"); sys.exit(1)
        if "broken" in how: say(b"D a%zz"); say(b"OK"); continue
        if "long" in how: say(b"D " + b"x" * 900); say(b"D " + b"x" * 900); say(b"OK"); continue
        pin = re.sub(rb"[%\r\n]", lambda m: b"%%%02X" % m[0][0], pins.pop(0))
        say(b"# a comment")
        if repeat: say(b"S PIN_REPEATED")
        for i in range(0, len(pin), 7 if b"%" not in pin else 900): say(b"D " + pin[i:i + (7 if b"%" not in pin else 900)])
        say(b"OK")
    else: say(b"ERR 536871187 Unknown IPC command <User defined source 1>")
END
	chmod +x bin/pinentry
	echo "$1" >how
	rm -f told
}

@test "pinentry asks where there is a screen and no terminal" {
	fake_pinentry new
	printf 'correct horse 100%% caf\303\251\n' >pins
	cp pins want && chmod 600 want
	DISPLAY=:9 ok alone "$CUSTODY" --node n node-init archive -o n.req
	grep -qx 'SETREPEAT Again:' told
	[ "$(grep -c GETPIN told)" -eq 1 ]
	grep -q '^SETDESC Passphrase for ' told
	opens want
	fails 3 "" custody --node n status archive --passphrase-file pass
	# and to open it: once
	fake_pinentry new
	DISPLAY=:9 run alone "$CUSTODY" --node n status archive
	[[ "$output" == *"not enrolled"* ]]
	run ! grep -q SETREPEAT told
	# a terminal's name that is set is a place to ask too, and is passed on
	fake_pinentry new
	GPG_TTY=/dev/pts/99 run alone "$CUSTODY" --node n status archive
	grep -qx 'OPTION ttyname=/dev/pts/99' told
}

@test "pinentry of old, which can't have it typed twice, is asked twice" {
	fake_pinentry old
	printf 'correct horse\ncorrect horse\n' >pins
	WAYLAND_DISPLAY=w ok alone "$CUSTODY" --node n node-init archive -o n.req
	[ "$(grep -c GETPIN told)" -eq 2 ]
	opens pass
	printf 'correct horse\ncorrect mule\n' >pins
	WAYLAND_DISPLAY=w run -3 alone "$CUSTODY" --node m node-init archive -o m.req
	[[ "$output" == *"the two passphrases differ"* ]]
	[ ! -e m.req ]
}

@test "pinentry: cancelled, dying, talking nonsense or too much is no passphrase, and nothing is made" {
	echo x >pins
	for how in cancel:cancelled silent:'without an answer' dies:'without an answer' \
		broken:'longer than' long:'longer than'; do
		fake_pinentry "${how%%:*}"
		DISPLAY=:9 run -3 alone "$CUSTODY" --node n node-init archive -o n.req
		[[ "$output" == *"${how#*:}"* ]] || { echo "$how: $output"; false; }
		[ ! -e n.req ]
	done
	fake_pinentry new
	echo >pins
	DISPLAY=:9 run -3 alone "$CUSTODY" --node n node-init archive -o n.req
	[[ "$output" == *"empty"* ]]
	# the log, a core or an argument never has it
	[ ! -e core ]
}

@test "without a screen, or without the program, the error says what to use instead" {
	fake_pinentry new
	run -3 alone "$CUSTODY" --node n node-init archive -o n.req
	[[ "$output" == *"there is no terminal; use --passphrase-file"* ]]
	[ ! -e told ]
	mkdir none
	PATH=$W/none DISPLAY=:9 INVOCATION_ID=1 run -3 "$(command -v setsid)" -w "$CUSTODY" --node n node-init archive -o n.req
	[[ "$output" == *"there is no terminal"* ]]
}

@test "the real pinentry, on a terminal that is not ours" {
	command -v pinentry-tty >/dev/null || skip "there is no pinentry-tty"
	ln -s "$(command -v pinentry-tty)" bin/pinentry
	cat >type.py <<'END'
import os, pty, select, subprocess, sys
master, slave = pty.openpty()
env = dict(os.environ, GPG_TTY=os.ttyname(slave), TERM="dumb")
p = subprocess.Popen(sys.argv[2:], env=env, stdin=subprocess.DEVNULL, start_new_session=True)
seen, asked = b"", 0
while p.poll() is None:
    if select.select([master], [], [], 0.1)[0]:
        seen += os.read(master, 4096)
    while seen.count(b":") and (b"Passphrase: " in seen or b"Again: " in seen):
        mark = b"Passphrase: " if b"Passphrase: " in seen else b"Again: "
        seen = seen.split(mark, 1)[1]
        os.write(master, sys.argv[1].encode() + b"\n")
        asked += 1
print("asked", asked)
sys.exit(p.returncode)
END
	ok timeout 60 python3 type.py 'correct horse' "$CUSTODY" --node n node-init archive -o n.req
	says 'asked 2'
	opens pass
}

@test "in a unit, root's passphrases come from systemd-ask-password" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	cat >bin/systemd-ask-password <<'END'
#!/bin/sh
printf '%s\n' "$@" >>told
n=$(wc -l <pins)
[ "$n" -gt 0 ] || exit 1
head -n 1 pins
sed -i 1d pins
END
	chmod +x bin/systemd-ask-password
	printf 'correct horse\ncorrect horse\n' >pins
	INVOCATION_ID=1 ok alone "$CUSTODY" --node n node-init archive -o n.req
	grep -qx -- '--no-tty' told
	grep -q -- '^--id=custodyfs:' told
	opens pass
	# nobody answers
	INVOCATION_ID=1 run -3 alone "$CUSTODY" --node n status archive
	[[ "$output" == *"nobody answered"* ]]
	printf 'correct horse\ncorrect mule\n' >pins
	INVOCATION_ID=1 run -3 alone "$CUSTODY" --node m node-init archive -o m.req
	[[ "$output" == *"the two passphrases differ"* ]]
	# outside of a unit nobody would answer, so nobody is asked
	rm told
	run -3 alone "$CUSTODY" --node n status archive
	[[ "$output" == *"there is no terminal"* ]]
	[ ! -e told ]
}

@test "the real systemd-ask-password, answered by its agent" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	reply=/lib/systemd/systemd-reply-password
	command -v systemd-ask-password >/dev/null && [ -x "$reply" ] || skip "there is no systemd-ask-password"
	custody --node n node-init archive --passphrase-file pass -o n.req
	cat >answer.sh <<'END'
# the part of an agent: find the question, answer it at its socket
for _ in $(seq 400); do
	for ask in /run/systemd/ask-password/ask.*; do
		grep -qsF "Id=custodyfs:" "$ask" && grep -qsF "$W/n" "$ask" || continue
		socket=$(sed -n 's/^Socket=//p' "$ask")
		head -n 1 pass | tr -d '\n' | "$1" 1 "$socket" && exit 0
	done
	sleep 0.05
done
exit 1
END
	bash answer.sh "$reply" 3>&- &
	HELPER=$!
	INVOCATION_ID=1 run alone timeout 60 "$CUSTODY" --node "$W/n" status archive
	[[ "$output" == *"not enrolled"* ]] || { echo "$output"; false; }
	wait "$HELPER"
	HELPER=
}

@test "a credential of systemd's comes before all of them" {
	fake_pinentry new
	echo wrong >pins
	custody --node n node-init archive --passphrase-file pass -o n.req
	mkdir cred
	cp pass cred/custodyfs.passphrase
	DISPLAY=:9 INVOCATION_ID=1 CREDENTIALS_DIRECTORY=$W/cred run alone "$CUSTODY" --node n status archive
	[[ "$output" == *"not enrolled"* ]] || { echo "$output"; false; }
	[ ! -e told ]
}
