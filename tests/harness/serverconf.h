/*
 * The configuration file of a test server.
 */
#ifndef HARNESS_SERVERCONF_H
#define HARNESS_SERVERCONF_H

#include "server.h"

/* Write httpd.conf into the ServerRoot of s. */
void serverconf_write(const struct server *s);

#endif
