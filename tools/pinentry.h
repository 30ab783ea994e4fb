/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pinentry: asks for a passphrase with the program of that name, as a desktop has one: the Assuan
 * protocol on its standard input and output.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_PINENTRY_H
#define CUSTODY_TOOLS_PINENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/err.h"

/* Is there a screen it could ask on: DISPLAY, WAYLAND_DISPLAY or GPG_TTY? */
bool pinentry_is_here(void);
/* The passphrase for `what`, at most cap - 1 bytes into buf: its length. confirm: it is typed twice.
 * ERR_NOTFOUND: there is no such program; ERR_PASSPHRASE, with a sentence. */
long pinentry_ask(const char *what, bool confirm, char *buf, size_t cap, struct err *e);

#endif
