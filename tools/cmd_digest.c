// SPDX-License-Identifier: Apache-2.0
#include "fs/item_digest.h"
#include "tools/cmd.h"

int cmd_digest(uint8_t sha256[32], struct station *s, const struct object *o)
{
	return item_digest(sha256, s, o);
}
