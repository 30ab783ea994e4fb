#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Completions for bash, zsh and fish: they offer each verb and option that the programs have, those that the
# programs take, and no others.

load ../lib/common

setup_file() {
	local shell top

	export TOP LISTS=$BATS_FILE_TMPDIR
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	# as they are installed: two files, which one shell may load
	mkdir "$LISTS/zfun"
	for shell in bash zsh fish; do
		for programs in 'custody custodyfs' custody-authority; do
			# shellcheck disable=SC2086 # words
			"$TOP/tools/contrib/completions/generate" "$shell" "$(dirname "$CUSTODY")" $programs \
				>"$LISTS/${programs%% *}.$shell"
		done
	done
	cp "$LISTS/custody.zsh" "$LISTS/zfun/_custody"
	cp "$LISTS/custody-authority.zsh" "$LISTS/zfun/_custody-authority"
	# what bash offers: PROGRAM VERB WORD, "-" for no verb
	cat >"$LISTS/functions" <<'END'
. "$LISTS/custody.bash"
. "$LISTS/custody-authority.bash"
function_of() { [ "$1" = custody-authority ] && echo _custody_authority || echo _custody; }
END
	bash -c '. "$LISTS/functions"
		for p in custody custody-authority custodyfs; do
			f=$(function_of "$p")
			offer() { COMP_WORDS=("$p" $2 "$3") COMP_CWORD=$((1 + (${#2} > 0))); $f "$p"
				printf "$p $1 %s\n" "${COMPREPLY[@]}"; }
			[ "$p" = custodyfs ] || offer - "" ""
			offer - "" -
			for v in $("${f}_words" "$p"); do offer "$v" "$v" -; done
		done' | sort >"$LISTS/offered"
}
setup() { world_new; }
teardown() { world_end; }

verbs() { "$1" --help | awk '/^Common options/ { exit } /^  [a-z][a-z-]* / { print $1 }'; }
program() { echo "$(dirname "$CUSTODY")/$1"; }

@test "every verb is offered, and no other" {
	for p in custody custody-authority; do
		verbs "$(program $p)" | sort >want
		[ "$(wc -l <want)" -ge 10 ]
		sed -n "s/^$p - \([a-z].*\)/\1/p" "$LISTS/offered" | diff want -
	done
}

@test "every option of the manual is offered where it is defined" {
	for p in custody custody-authority; do
		page=$TOP/man/$p.1
		for v in $(verbs "$(program $p)"); do
			# .It Fl k Ar x , Fl -key Ar x
			awk -v title="$v" '/^\.S[hs] / { on = substr($0, 5) == title } on && /^\.It Fl/' "$page" |
				grep -oE 'Fl -[a-z][a-z0-9-]*' | sed 's/^Fl -/--/' | sort -u >want
			sed -n "s/^$p $v \(--.*\)/\1/p" "$LISTS/offered" >has
			missing=$(comm -23 want has)
			[ -z "$missing" ] || { echo "$p $v: $missing"; false; }
		done
	done
	"$CUSTODYFS" --help | grep -oE '^ +-.*' | grep -oE -- '--[a-z-]+' | sort -u >want
	sed -n 's/^custodyfs - \(--.*\)/\1/p' "$LISTS/offered" >has
	[ -z "$(comm -23 want has)" ]
}

@test "every option that is offered is one, and has a value where that is said" {
	[ "$(wc -l <"$LISTS/offered")" -gt 300 ]
	# not in bats, which watches each command
	cat >check.sh <<'END'
. "$LISTS/functions"
bad=0
while read -r p v o; do
	[[ $o == -* && $o != -h && $o != --help && $o != -V && $o != --version ]] || continue
	kind=$("$(function_of "$p")_kind" "$p:$v" "$o")
	words=("$v")
	[ "$v" != - ] || words=()
	# an option with a value swallows what follows it
	out=$("$(dirname "$CUSTODY")/$p" "${words[@]}" "$o" --help 2>&1 </dev/null)
	case $out in
	*unrecognized* | *"invalid option"* | *"unknown option"* | *"there is no"*)
		what="is no option" ;;
	*Usage:*) what=${kind:+"has no value, and one is completed"} ;;
	*) what="has a value, and none is completed" && [ -z "$kind" ] || what= ;;
	esac
	[ -z "$what" ] || { echo "$p $v $o $what: $out" && bad=1; }
done
exit $bad
END
	ok bash check.sh <"$LISTS/offered"
}

@test "zsh and fish offer the same as bash" {
	command -v fish >/dev/null && command -v zsh >/dev/null || skip "there is no fish, or no zsh"
	grep -E ' --' "$LISTS/offered" | grep -v '^[a-z-]* - ' >want
	[ "$(wc -l <want)" -gt 300 ]
	cat >ask.fish <<'END'
source $LISTS/custody.fish
source $LISTS/custody-authority.fish
for p in custody custody-authority
	for w in (complete -C "$p ")
		set v (string split -f 1 \t -- $w)
		for o in (complete -C "$p $v --")
			echo $p $v (string split -f 1 \t -- $o)
		end
	end
end
END
	HOME=$W fish -N ask.fish | sort | diff want -
	# what zsh's function hands to the one that completes
	cat >ask.zsh <<'END'
_describe() { :; }
_arguments() {
	local a
	if [[ "$*" == *'->rest'* ]]; then
		state=rest
		return
	fi
	for a; do
		[[ $a == (\*|)--*\[* ]] && print -r -- $service $words[1] ${${a#\*}%%\[*}
	done
}
run() { . $LISTS/${service/custodyfs/custody}.zsh }
while read -r service v o; do
	[[ $service$v == $last ]] && continue
	last=$service$v words=($v)
	run
done <want
END
	zsh -f ask.zsh | sort | diff want -
}

@test "in a real zsh and a real bash, the key does it" {
	command -v zsh >/dev/null || skip "there is no zsh"
	cat >tab.zsh <<'END'
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=READY; fpath=($LISTS/zfun \$fpath); autoload -Uz compinit; compinit -D -u; path=(${CUSTODY:h} \$path); bindkey '^I' complete-word; echo DO''NE"
zpty -r z out '*DONE*READY*'
zpty -n -w z $'custody inge\t'
zpty -r z out '*ingest*' || exit 1
zpty -n -w z $' --collec\t'
zpty -r z out '*--collection*' || exit 1
zpty -n -w z $'\C-ucustodyfs --idle\t'
zpty -r z out '*--idle-timeout*' || exit 1
zpty -d z
END
	ok timeout 60 zsh -f tab.zsh
	mkdir afolder && touch afile
	ok bash -c '. "$LISTS/custody.bash"; COMP_WORDS=(custody find --sort "") COMP_CWORD=3 COMP_TYPE=9
		_custody custody find --sort; echo "${COMPREPLY[*]}"
		COMP_WORDS=(custody --node afolder ver) COMP_CWORD=3; _custody custody; echo "${COMPREPLY[*]}"
		COMP_WORDS=(custody ls --node a) COMP_CWORD=3; _custody custody; echo "${COMPREPLY[*]}"'
	[ "${lines[0]}" = "time path" ]
	[ "${lines[1]}" = verify ]
	[ "${lines[2]}" = afolder ]
}
