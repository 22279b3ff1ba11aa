/* URI references, resolved as in RFC 3986, section 5.2; fragments are not part of it.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_URI_H
#define SCHEMAS_URI_H
#include "base/buf.h"
#include "base/slice.h"

/* Appends what `reference` means where `base` is in force; neither has a fragment, and `base` may
 * be empty or relative. Nothing is normalized but the dots of the path: what is spelled otherwise
 * is another URI. */
void uri_resolve(struct slice base, struct slice reference, struct buf *out);

#endif
