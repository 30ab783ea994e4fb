# SPDX-License-Identifier: Apache-2.0
#
# browser: a page in a real browser, without a screen and without a network.

_browser() {
	local home rc=0

	command -v chromium >/dev/null || skip "no chromium"
	home=$(mktemp -d "$BATS_TEST_TMPDIR/chromium.XXXXXX")
	HOME=$home timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic \
		--no-first-run --disable-background-networking --disable-component-update \
		--disable-sync --disable-dev-shm-usage --user-data-dir="$home" "$@" \
		2>"$home.log" || rc=$?
	[ "$rc" -eq 0 ] || cat "$home.log" >&2
	rm -rf "$home"
	return "$rc"
}

# browser_dom PAGE: the document as the browser has it after loading
browser_dom() { _browser --dump-dom "file://$(realpath "$1")"; }

# browser_pdf PAGE OUT: the page as it is printed
browser_pdf() {
	_browser --no-pdf-header-footer --print-to-pdf="$2" "file://$(realpath "$1")" >/dev/null
}
