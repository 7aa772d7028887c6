/* polls.h - receiving by polls, where streams do not get through. The driving
 * thread only. */
#ifndef PUSHC_POLLS_H
#define PUSHC_POLLS_H

#include "client_state.h"
#include "json.h"

/* Decide whether the attempt that begins is a stream or a poll. */
void pushc_polls_choose(pushc_client *c);

/* Write the line of the head with which an attempt asks for a poll. */
void pushc_polls_header(const pushc_client *c, char *out, size_t size);

/* The time when the attempt or stream is given up, ms. */
uint64_t pushc_polls_limit(const pushc_client *c);

/* The exchange has ended. Whether that was the end of a poll, as it should
 * be; then the next one follows when pushc_polls_is_due(). */
int pushc_polls_end(pushc_client *c, uint64_t now);

/* Whether the next poll should be sent. */
int pushc_polls_is_due(pushc_client *c, uint64_t now);

/* The time is up: note whether the server's bytes may have been held back. */
void pushc_polls_suspect(pushc_client *c);

/* An attempt or stream has failed: learn whether streams get through. */
void pushc_polls_learn(pushc_client *c, uint64_t now);

/* Leave of a gap what was not told before; 0: nothing is left. */
int pushc_polls_untold(pushc_client *c, struct pushc_notice *gap);

#endif
