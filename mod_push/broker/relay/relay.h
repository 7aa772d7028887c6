#ifndef PUSH_RELAY_H
#define PUSH_RELAY_H

#include "broker/library/relay_calls.h"
#include "broker/relay/options.h"
#include "core/publication.h"

/*
 * What is published here goes to other regions too: each of them is a cluster
 * of its own, and takes messages at its publish address.
 *
 * A message waits in a list of its partition, one a region, which push_publish
 * fills in the same call.  A thread of each child takes from the lists, posts
 * lots of lines, and removes what the other side has answered.  So a message
 * gets there at least once; the key in its line makes that once.
 */

/* Copies options, starts the thread; NULL, with errno. */
push_relay_t *push_relay_start(const push_relay_options_t *options);

/* Ends what is under way, joins the thread and frees all. */
void push_relay_stop(push_relay_t *relay);

/* ---- any thread; relay may be NULL, where nothing is relayed ---- */

/*
 * Whether the message is for some region.  Then call has its body and lists;
 * the body is *body, from malloc(), to be freed when the command is made.
 * False, also for want of memory, with *failed.
 */
bool push_relay_fill(const push_relay_t *relay,
                     const push_publication_t *publication,
                     push_publish_call_t *call, char **body, bool *failed);

/* A message that was filled in was published; fell: as the reply says. */
void push_relay_published(push_relay_t *relay, unsigned partition,
                          push_urgency_t urgency, uint32_t fell);

/* How things stand with each region, for administrators. */
void push_relay_view(const push_relay_t *relay, push_cluster_view_t *view);

#endif
