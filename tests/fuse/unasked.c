// SPDX-License-Identifier: Apache-2.0
/* unasked: custody, but for the question whether an authorisation grants an export: to this node all do.
 * Linked with --wrap: see Makefile. */
#include "fs/authorisation.h"

int __wrap_authorisation_may_export(const struct authorisation *a, const char *recipients,
				    struct err *e);

int __wrap_authorisation_may_export(const struct authorisation *a, const char *recipients,
				    struct err *e)
{
	(void)a, (void)recipients, (void)e;
	return 0;
}
