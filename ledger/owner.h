/* Who owns a lane: a text that tells, on the same host, whether that process still lives.
 *
 *     boot id / process namespace / process id / start time
 *
 * A writer that was killed need not wait for its own lease: the next one on this host sees that the
 * owner is gone. From another host or container the text proves nothing, and the lease decides.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LEDGER_OWNER_H
#define LEDGER_OWNER_H
#include <stdbool.h>
#include <stddef.h>

/* The text for this process. It differs for every process that ever was. */
void owner_self(char *ret_text, size_t size);

/* True only when it is certain: same boot, same process namespace, and no such process, or one
 * that started at another time, or a zombie. */
bool owner_is_dead(const char *owner);

#endif
