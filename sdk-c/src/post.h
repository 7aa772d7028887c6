/* post.h - publish by one request a message. The driving thread only. */
#ifndef PUSHC_POST_H
#define PUSHC_POST_H

#include "publisher_state.h"

/* Send what is queued, and give up requests without an answer in time. The
 * time of the next turn, ms. */
uint64_t pushc_post_turn(pushc_publisher *p, uint64_t now);

#endif
