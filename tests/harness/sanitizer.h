/*
 * httpd under AddressSanitizer: the module is instrumented, httpd itself is
 * not, so the library has to be loaded before it.
 */
#ifndef HARNESS_SANITIZER_H
#define HARNESS_SANITIZER_H

#include "server.h"

/* Set the environment of the httpd to be started, in the child after fork.
 * Does nothing unless PUSH_ASAN is set. */
void sanitizer_environment(const struct server *s);

/* What a sanitizer reported on this server; NULL if nothing. */
const char *sanitizer_report(const struct server *s);

#endif
