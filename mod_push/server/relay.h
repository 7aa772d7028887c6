#ifndef PUSH_SERVER_RELAY_H
#define PUSH_SERVER_RELAY_H

#include "broker/relay/relay.h"
#include "http/settings.h"

/* The regions that PushRelay names, as httpd runs them. */

/* In the parent: takes over the settings and reads the files that they name;
 * false after a sentence in the log. */
bool push_server_relay_read(server_rec *s, const push_global_t *global);

/* What a node needs of them, but for what is its own; NULL: no region. */
const push_relay_options_t *push_server_relay_options(server_rec *s);

#endif
