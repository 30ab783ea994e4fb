# SPDX-License-Identifier: Apache-2.0
#
# report: the bench's table, its ratios, and all of it as JSON into the file that -v json= names.
# Reads three files of lines: facts (KEY<TAB>VALUE...), targets (see there), and the figures,
# ROW<TAB>SYSTEM<TAB>VALUE.

function unit(row) {
	if (row ~ /^(seq|verify)/) return "MB/s"
	if (row ~ /^rnd/) return "IOPS"
	if (row ~ /^(find|stat|ls)$/) return "entries/s"
	if (row ~ /^mount/) return "ms"
	if (row ~ /^rss/) return "MiB"
	return "files/s"
}

function title(row) {
	if (row == "seq1") return "sequential, 1 reader"
	if (row == "seq2") return "sequential, 2 readers"
	if (row == "rnd1") return "4 KiB random, 1 job"
	if (row == "rnd4") return "4 KiB random, 4 jobs"
	if (row == "small1") return "small files, 1 thread"
	if (row == "small4") return "small files, 4 threads"
	if (row == "find") return "find, fresh mount"
	if (row == "stat") return "stat of all, fresh"
	if (row == "ls") return "ls -lR, warm"
	if (row == "mount") return "mount to first stat"
	if (row == "rss") return "memory afterwards"
	if (row == "rss_peak") return "memory, peak"
	if (row == "ingest") return "ingest, durable"
	if (row == "verify") return "verify"
	return row
}

function median(row, sys,    n, i, j, x, v) {
	n = split(values[row, sys], v, " ")
	for (i = 2; i <= n; i++) {
		x = v[i] + 0
		for (j = i - 1; j > 0 && v[j] + 0 > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
	return n % 2 ? v[(n + 1) / 2] + 0 : (v[n / 2] + v[n / 2 + 1]) / 2
}

function figure(x) {
	return x >= 1000 ? sprintf("%d", x + 0.5) : x >= 100 ? sprintf("%.0f", x) : sprintf("%.3g", x)
}

function quote(s) {
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	gsub(/[[:cntrl:]]/, " ", s)
	return "\"" s "\""
}

# The system that OF means for ours in this row; "" when it was not measured.
function opponent(row, of, ours,    i, best) {
	if (of == "libsodium")
		of = ours ~ /-aes/ ? "libsodium-aes" : "libsodium-xchacha"
	if (of != "encrypted")
		return ((row, of) in values) ? of : ""
	best = ""
	for (i = 1; i <= nsys; i++)
		if (sys[i] ~ /^(gocryptfs|securefs)/ && (row, sys[i]) in values &&
		    (best == "" || median(row, sys[i]) > median(row, best)))
			best = sys[i]
	return best
}

# Rows of the list, with a column for each system that has a figure in one of them.
function table(list, heading,    n, r, i, j, cols, col, line, any) {
	n = split(list, r, " ")
	cols = 0
	for (j = 1; j <= nsys; j++) {
		any = 0
		for (i = 1; i <= n; i++)
			any = any || ((r[i], sys[j]) in values)
		if (any)
			col[++cols] = sys[j]
	}
	if (!cols)
		return
	printf "\n%-34s", heading
	for (j = 1; j <= cols; j++)
		printf " %17s", col[j]
	print ""
	for (i = 1; i <= n; i++) {
		if (!(r[i] in seen))
			continue
		printf "%-24s %-9s", title(r[i]), unit(r[i])
		for (j = 1; j <= cols; j++)
			printf " %17s", (r[i], col[j]) in values ? figure(median(r[i], col[j])) : "-"
		print ""
	}
}

# One line of targets, for one of our systems.
function compare(i, ours,    row, of, x, met, target) {
	row = trow[i]
	if (!((row, ours) in values))
		return
	target = tratio[i]
	if (target == "below") {
		target = tof[i]
		of = "limit, " unit(row)
		x = median(row, ours)
		met = x < target + 0
	} else {
		of = opponent(row, tof[i], ours)
		if (of == "")
			return
		x = median(row, ours) / median(row, of)
		met = x >= target + 0
	}
	printf "%-24s %-18s %-20s %8s %7s  %s\n", title(row), ours, of, sprintf("%.3g", x), target, \
		(met ? "met" : "MISSED")
	ratios = ratios (ratios == "" ? "" : ",\n") "    {" pair("row", quote(row)) ", " \
		pair("ours", quote(ours)) ", " pair("of", quote(of)) ", " \
		pair("is", sprintf("%.4g", x)) ", " pair("target", target) ", " \
		pair("met", met ? "true" : "false") "}"
}

# "KEY": VALUE, VALUE being JSON already
function pair(key, value) {
	return quote(key) ": " value
}

function write_json(    i, j, first, v) {
	print "{" >json
	for (i = 1; i <= nfacts; i++)
		printf "  %s,\n", pair(fact[i], quote(said[i])) >json
	printf "  \"versions\": {" >json
	for (i = 1; i <= nversions; i++)
		printf "%s\n    %s", (i > 1 ? "," : ""), pair(vsys[i], quote(vtext[i])) >json
	printf "\n  },\n  \"figures\": [" >json
	first = 1
	for (i = 1; i <= nrows; i++) {
		for (j = 1; j <= nsys; j++) {
			if (!((rows[i], sys[j]) in values))
				continue
			v = substr(values[rows[i], sys[j]], 2)
			gsub(/ /, ", ", v)
			printf "%s\n    {%s, %s, %s, %s, %s}", (first ? "" : ","), \
				pair("row", quote(rows[i])), pair("system", quote(sys[j])), \
				pair("unit", quote(unit(rows[i]))), \
				pair("median", sprintf("%.6g", median(rows[i], sys[j]))), \
				pair("all", "[" v "]") >json
			first = 0
		}
	}
	printf "\n  ],\n  \"ratios\": [\n%s\n  ]\n}\n", ratios >json
}

BEGIN { FS = "\t" }

FNR == 1 { part++ }

part == 1 && $1 == "version" {
	vsys[++nversions] = $2
	vtext[nversions] = $3
	next
}
part == 1 {
	fact[++nfacts] = $1
	said[nfacts] = $2
	next
}
part == 2 && !/^#/ && NF {
	split($0, t, " ")
	trow[++ntargets] = t[1]
	tratio[ntargets] = t[2]
	tof[ntargets] = t[3]
	next
}
part == 3 {
	if (!($1 in seen)) {
		seen[$1] = 1
		rows[++nrows] = $1
	}
	if (!($2 in known)) {
		known[$2] = 1
		sys[++nsys] = $2
	}
	values[$1, $2] = values[$1, $2] " " $3
}

END {
	for (i = 1; i <= nfacts; i++)
		printf "%-10s %s\n", fact[i], said[i]
	table("seq1 seq2 rnd1 rnd4", "big files")
	table("mount find stat ls small1 small4 rss rss_peak", "small files")
	table("ingest verify", "taking in, and verifying")
	printf "\n%-24s %-18s %-20s %8s %7s\n", "ratio in", "of", "to", "is", "target"
	for (j = 1; j <= nsys; j++)
		if (sys[j] ~ /^custody-/)
			for (i = 1; i <= ntargets; i++)
				compare(i, sys[j])
	write_json()
}
