// SPDX-License-Identifier: Apache-2.0
/*
 * What libFuzzer and AFL++ call. FUZZ_TARGET in the environment says which target the program is.
 */
#include <err.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("FUZZ_TARGET");

	(void)argc;
	(void)argv;
	target = fuzz_find(name ? name : "");
	if (!target)
		errx(2, "FUZZ_TARGET must name a target of tests/fuzz/targets.c");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	(void)target->run(p, n);
	return 0;
}
