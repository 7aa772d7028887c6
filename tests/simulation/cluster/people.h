#ifndef CS_PEOPLE_H
#define CS_PEOPLE_H

#include <stdbool.h>

#include "unit/core_suite.h"

/*
 * Clients and publishers.  Whatever they ask a node for, a thread of that node
 * does, so it takes its time; the client may have given up by then.  A client
 * handles what comes off its stream at once, and shows its cursor at the next
 * node, whichever that is.
 */

void cs_people_reset(void);

/* ---- clients ---- */

/* It asks the node for a stream, unless it has one or asks already. */
void cs_client_connect(int client, int node);

/* It gives up its stream, or its attempt. */
void cs_client_cut(int client);

/* A reactor has a turn for its stream. */
void cs_client_turn(int client);

/* It reads so many messages. */
void cs_client_read(int client, unsigned count);

/* It acknowledges at the node all that it has read, unless it does already. */
void cs_client_acknowledge(int client, int node);

/* The nodes notice which of its streams are gone. */
void cs_clients_notice(void);

bool cs_client_is_connected(int client);

/* Nothing is on its way to it, as far as its node knows. */
bool cs_client_at_rest(int client);

/* The number of its device's context in the model. */
unsigned cs_client_context(int client);

/* ---- publishers ---- */

/* A new message, of what the dice say. */
void cs_publisher_publish(dice_t *d, int node);

/* The last message to a log; it must reach all. */
void cs_publisher_end(unsigned log, int node);

/* The publishers without an answer whose messages have keys ask again. */
void cs_publishers_again(int node);

/* Some message is taken back. */
void cs_publisher_recall(unsigned choice, int node);

/* How many have keys and no answer. */
unsigned cs_publishers_wait(void);

#endif
