// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct fuzz_target fuzz_targets[] = {
	{"age", fuzz_age, true},
	{"agekey", fuzz_agekey, false},
	{"archive", fuzz_archive, false},
	{"armor", fuzz_armor, false},
	{"ask", fuzz_ask, false},
	{"authorisation", fuzz_authorisation, false},
	{"bundle", fuzz_bundle, true},
	{"checkpoint", fuzz_checkpoint, false},
	{"document", fuzz_document, false},
	{"enrolment", fuzz_enrolment, false},
	{"enrolment-request", fuzz_enrolment_request, false},
	{"event", fuzz_event, false},
	{"evidence", fuzz_evidence, false},
	{"frame", fuzz_frame, true},
	{"journal", fuzz_journal, false},
	{"keyfile", fuzz_keyfile, true},
	{"manifest", fuzz_manifest, false},
	{"mountopt", fuzz_mountopt, false},
	{"note", fuzz_note, false},
	{"proof", fuzz_proof, true},
	{"receipt", fuzz_receipt, false},
	{"record", fuzz_record, true},
	{"request", fuzz_request, false},
	{"restore", fuzz_restore, false},
	{"revocation", fuzz_revocation, false},
	{"segment", fuzz_segment, true},
	{"sshkey", fuzz_sshkey, false},
	{"sshsig", fuzz_sshsig, false},
	{"transfer-receipt", fuzz_transfer_receipt, false},
	{"transfer-release", fuzz_transfer_release, false},
	{"value", fuzz_value, true},
	{"vkey", fuzz_vkey, false},
};
const size_t fuzz_targets_count = sizeof(fuzz_targets) / sizeof(*fuzz_targets);

const struct fuzz_target *fuzz_find(const char *name)
{
	for (size_t i = 0; i < fuzz_targets_count; i++) {
		if (strcmp(fuzz_targets[i].name, name) == 0)
			return &fuzz_targets[i];
	}
	return NULL;
}

_Noreturn void fuzz_broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

bool fuzz_same(struct wire_out *out, const void *p, size_t n)
{
	bool same = wire_out_ok(out) && out->n == n && (n == 0 || memcmp(out->p, p, n) == 0);

	wire_out_free(out);
	return same;
}

void fuzz_secret(uint8_t out[32], uint8_t value)
{
	memset(out, value, 32);
}
