#ifndef PUSH_SEQUENCE_H
#define PUSH_SEQUENCE_H

#include "core/types.h"

/*
 * JSON objects one after the other, with commas, blanks or line ends between
 * them: what a header is that came several times and was joined on its way
 * (RFC 9110, section 5.3).
 */

/*
 * Takes the next object off rest; false if nothing is left.  What is no object
 * is taken whole, up to the end: whoever parses it says what is wrong with it.
 */
bool push_sequence_next(push_text_t *rest, push_text_t *object);

#endif
