#ifndef PUSH_RECEIPT_H
#define PUSH_RECEIPT_H

#include "core/user.h"

/* The answer to a publisher, as text. */

/* Characters of a receipt at most. */
#define PUSH_RECEIPT_CHARS 128u

/*
 * Writes the receipt as a JSON object and a line end, without NUL, to text,
 * which has room for PUSH_RECEIPT_CHARS.  Returns its length.
 */
size_t push_receipt_write(const push_receipt_t *receipt, char *text);

/* The same of what is kept for later under this id. */
size_t push_receipt_write_later(uint64_t id, char *text);

#endif
