#ifndef PUSH_RELAY_SENDER_H
#define PUSH_RELAY_SENDER_H

/* The thread of a relay, which is its data; until relay->stop. */
void *push_relay_run(void *relay);

#endif
