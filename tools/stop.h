/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop: SIGINT, SIGTERM and SIGHUP as a request to stop, for verbs that must not leave things half
 * done. Without stop_catch() they end the program, as everywhere.
 *
 * Thread rule: stop_catch() once; stop_asked() by any thread.
 */
#ifndef CUSTODY_TOOLS_STOP_H
#define CUSTODY_TOOLS_STOP_H

#include <stdbool.h>

void stop_catch(void);
bool stop_asked(void); /* since stop_catch() */

#endif
