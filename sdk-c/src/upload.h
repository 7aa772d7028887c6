/* upload.h - publish over one streaming request: a line a message. The
 * driving thread only. */
#ifndef PUSHC_UPLOAD_H
#define PUSHC_UPLOAD_H

#include "publisher_state.h"

/* Send what is queued; begin, end or give up the request. The time of the next
 * turn, ms. */
uint64_t pushc_upload_turn(pushc_publisher *p, uint64_t now);

#endif
