/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provenance_value: a field's value as sources write it, brought into the form that records have.
 * For fs/provenance.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_FS_PROVENANCE_VALUE_H
#define CUSTODY_FS_PROVENANCE_VALUE_H

#include "crypto/wire.h"
#include "index/field.h"

/* Append the value to out; percent: a confidence is of a hundred. NULL, or what is wrong ("is no
 * number from -90 to 90"). Not for FIELD_TIME and FIELD_LOCAL, which may become several fields. */
const char *provenance_value(struct wire_out *out, enum field_kind kind, struct text_span v,
			     bool percent);

#endif
